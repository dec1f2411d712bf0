import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { CallbackState, Logs } from './callback.js';
import { MonitorCallback, type MonitorOptions, monitorFields } from './monitor-callback.js';
import { numberOrNull, optionsOf, verbosity } from './options.js';

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

const fields: Fields = {
  ...monitorFields,
  minDelta: optional(is.number(), 0),
  patience: optional(is.integer({ min: 0 }), 0),
  verbose: optional(verbosity, 0),
  baseline: optional(numberOrNull, null),
  restoreBestWeights: optional(is.boolean, false),
  startFromEpoch: optional(is.integer({ min: 0 }), 0),
};

type EarlyStoppingState = Pick<EarlyStopping, 'best' | 'bestEpoch' | 'wait' | 'stoppedEpoch'> & {
  bestWeights: readonly Tensor[] | null;
};

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
  readonly verbose: 0 | 1;
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
    const given = optionsOf<EarlyStoppingOptions>('EarlyStopping', options, fields);
    super(given);
    this.patience = given.patience;
    this.verbose = given.verbose;
    this.baseline = given.baseline;
    this.restoreBestWeights = given.restoreBestWeights;
    this.startFromEpoch = given.startFromEpoch;
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
    // Asked at once: a number that nobody knows the direction of is an error of the first epoch.
    void this.direction;
    const current = this.current(logs, 'know when to stop');
    if (current === undefined) return;
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

  override getState(): CallbackState {
    const { best, bestEpoch, wait, stoppedEpoch } = this;
    return { best, bestEpoch, wait, stoppedEpoch, bestWeights: this.#bestWeights };
  }

  override setState(state: CallbackState): void {
    const { best, bestEpoch, wait, stoppedEpoch, bestWeights } = state as unknown as EarlyStoppingState;
    this.#forget();
    Object.assign(this, { best, bestEpoch, wait, stoppedEpoch });
    this.#bestWeights = bestWeights === null ? null : [...bestWeights];
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
