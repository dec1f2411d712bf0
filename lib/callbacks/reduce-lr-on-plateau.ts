import { StateError } from '../core/errors.js';
import { type Fields, is, optional } from '../core/fields.js';
import type { CallbackState, Logs } from './callback.js';
import { MonitorCallback, type MonitorOptions, monitorFields } from './monitor-callback.js';
import { checker, optionsOf, verbosity } from './options.js';

/** Options of {@link ReduceLROnPlateau}. */
export interface ReduceLROnPlateauOptions extends Omit<MonitorOptions, 'minDelta'> {
  /** What the learning rate is multiplied by; below 1. @default 0.1 */
  factor?: number;
  /** Epochs without improvement after which the learning rate is reduced. @default 10 */
  patience?: number;
  /** 1 prints each reduction. @default 0 */
  verbose?: 0 | 1;
  /** Least change that counts as an improvement. @default 0.0001 */
  minDelta?: number;
  /** Epochs after a reduction that don't count. @default 0 */
  cooldown?: number;
  /** The learning rate goes no lower. @default 0 */
  minLr?: number;
}

const fields: Fields = {
  ...monitorFields,
  factor: optional(
    checker((value) => typeof value === 'number' && value < 1, 'a number below 1', 'Write factor: 0.1.'),
    0.1,
  ),
  patience: optional(is.integer({ min: 0 }), 10),
  verbose: optional(verbosity, 0),
  minDelta: optional(is.number(), 1e-4),
  cooldown: optional(is.integer({ min: 0 }), 0),
  minLr: optional(is.number(), 0),
};

/**
 * Multiplies the learning rate by `factor` when a number of the logs no longer improves, and adds the rate to the logs as 'learning_rate'.
 *
 * Source: Keras `keras.callbacks.ReduceLROnPlateau`.
 *
 * @throws {ArgumentError} for a wrong option
 * @example
 * ```ts
 * new callbacks.ReduceLROnPlateau({ monitor: 'val_loss', factor: 0.2, patience: 5, minLr: 0.001 });
 * ```
 */
export class ReduceLROnPlateau extends MonitorCallback {
  readonly factor: number;
  readonly patience: number;
  readonly verbose: 0 | 1;
  readonly cooldown: number;
  readonly minLr: number;
  /** Best number so far, or null. */
  best: number | null = null;
  /** Epochs since the last improvement or reduction. */
  wait = 0;
  /** Epochs that still don't count. */
  cooldownCounter = 0;

  constructor(options: ReduceLROnPlateauOptions = {}) {
    const given = optionsOf<ReduceLROnPlateauOptions>('ReduceLROnPlateau', options, fields);
    super(given);
    this.factor = given.factor;
    this.patience = given.patience;
    this.verbose = given.verbose;
    this.cooldown = given.cooldown;
    this.minLr = given.minLr;
  }

  /** Whether epochs don't count at the moment. */
  get inCooldown(): boolean {
    return this.cooldownCounter > 0;
  }

  override onTrainBegin(_logs: Logs): void {
    Object.assign(this, { best: null, wait: 0, cooldownCounter: 0 });
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    void this.direction;
    const { optimizer } = this.model;
    if (optimizer === null) {
      throw new StateError('ReduceLROnPlateau: expected a model with an optimizer, got none.', 'Call compile first.');
    }
    logs['learning_rate'] = optimizer.learningRate.item();
    const current = this.current(logs, 'reduce the learning rate');
    if (current === undefined) return;
    if (this.inCooldown) {
      this.cooldownCounter--;
      this.wait = 0;
    }
    if (this.isImprovement(current, this.best)) {
      this.best = current;
      this.wait = 0;
    } else if (!this.inCooldown) {
      this.wait++;
      if (this.wait >= this.patience) this.#reduce(epoch);
    }
  }

  #reduce(epoch: number): void {
    const { optimizer } = this.model;
    const old = optimizer?.learningRate.item();
    if (optimizer === null || old === undefined || old <= Math.fround(this.minLr)) return;
    const rate = Math.max(old * this.factor, this.minLr);
    optimizer.learningRate = rate;
    if (this.verbose > 0) process.stdout.write(`\nEpoch ${epoch + 1}: learning rate reduced to ${rate}.\n`);
    this.cooldownCounter = this.cooldown;
    this.wait = 0;
  }

  override getState(): CallbackState {
    const { best, wait, cooldownCounter } = this;
    return { best, wait, cooldownCounter };
  }

  override setState(state: CallbackState): void {
    const { best, wait, cooldownCounter } = state as unknown as ReduceLROnPlateau;
    Object.assign(this, { best, wait, cooldownCounter });
  }
}
