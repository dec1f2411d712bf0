import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Logs } from './callback.js';
import { MonitorCallback, type MonitorOptions } from './monitor-callback.js';

/** Options of {@link EarlyStopping}. */
export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement after which training ends. @default 0 */
  patience?: number;
  /** 1 prints when and why training ended. @default 0 */
  verbose?: 0 | 1;
  /** Number that must be beaten as well. @default null */
  baseline?: number | null;
  /** Put the weights of the best epoch back at the end. @default false */
  restoreBestWeights?: boolean;
  /** Epochs at the start that don't count. @default 0 */
  startFromEpoch?: number;
}

/**
 * Ends training when a number of the logs no longer improves.
 *
 * Source: Keras `keras.callbacks.EarlyStopping`.
 *
 * @throws {ArgumentError} for an option of a wrong type
 * @example
 * ```ts
 * new callbacks.EarlyStopping({ monitor: 'val_loss', patience: 3, restoreBestWeights: true });
 * ```
 */
export class EarlyStopping extends MonitorCallback {
  readonly patience: number;
  readonly verbose: number;
  readonly baseline: number | null;
  readonly restoreBestWeights: boolean;
  readonly startFromEpoch: number;
  /** Best number so far, or null. */
  best: number | null = null;
  /** Epoch of the best number, from 0. */
  bestEpoch = 0;
  /** Epochs since the last improvement. */
  wait = 0;
  /** Epoch after which training ended, 0 if it was not ended. */
  stoppedEpoch = 0;
  #bestWeights: Tensor[] | null = null;

  constructor(options: EarlyStoppingOptions = {}) {
    super('EarlyStopping', options);
    const { patience = 0, verbose = 0, baseline = null, restoreBestWeights = false, startFromEpoch = 0 } = options;
    for (const [name, value] of Object.entries({ patience, startFromEpoch, verbose })) {
      if (Number.isSafeInteger(value) && value >= 0) continue;
      throw new ArgumentError(`EarlyStopping: ${name}: expected a whole number of at least 0, got ${show(value)}.`);
    }
    if (baseline !== null && typeof baseline !== 'number') {
      throw new ArgumentError(`EarlyStopping: baseline: expected a number or null, got ${show(baseline)}.`);
    }
    if (typeof restoreBestWeights !== 'boolean') {
      throw new ArgumentError(
        `EarlyStopping: restoreBestWeights: expected true or false, got ${show(restoreBestWeights)}.`,
      );
    }
    this.patience = patience;
    this.verbose = verbose;
    this.baseline = baseline;
    this.restoreBestWeights = restoreBestWeights;
    this.startFromEpoch = startFromEpoch;
  }

  override get usesVariables(): boolean {
    return this.restoreBestWeights || this.constructor !== EarlyStopping;
  }

  override onTrainBegin(_logs: Logs): void {
    this.wait = 0;
    this.stoppedEpoch = 0;
    this.best = null;
    this.bestEpoch = 0;
    this.#forget();
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    const current = logs[this.monitor];
    if (current === undefined) {
      process.emitWarning(
        `EarlyStopping: expected '${this.monitor}' in the logs, got ${Object.keys(logs).join(', ')}.`,
      );
      return;
    }
    if (epoch < this.startFromEpoch) return;
    if (this.restoreBestWeights && this.#bestWeights === null) this.#remember(epoch);
    this.wait++;
    if (this.isImprovement(current, this.best)) {
      this.best = current;
      this.#remember(epoch);
      // The count starts anew only for a number that beats the baseline too.
      if (this.baseline === null || this.isImprovement(current, this.baseline)) this.wait = 0;
      return;
    }
    if (this.wait >= this.patience && epoch > 0) {
      this.stoppedEpoch = epoch;
      this.model.stopTraining = true;
    }
  }

  override onTrainEnd(_logs: Logs): void {
    if (this.stoppedEpoch > 0 && this.verbose > 0)
      process.stdout.write(`Epoch ${this.stoppedEpoch + 1}: early stopping\n`);
    if (this.#bestWeights === null) return;
    if (this.verbose > 0) process.stdout.write(`Weights of epoch ${this.bestEpoch + 1}, the best one, are put back.\n`);
    this.model.weights.forEach((weight, i) => {
      weight.assign(this.#bestWeights?.[i] as Tensor);
    });
    this.#forget();
  }

  #remember(epoch: number): void {
    this.bestEpoch = epoch;
    if (!this.restoreBestWeights) return;
    this.#forget();
    this.#bestWeights = this.model.weights.map((weight) => weight.value);
  }

  #forget(): void {
    for (const weight of this.#bestWeights ?? []) weight.dispose();
    this.#bestWeights = null;
  }
}
