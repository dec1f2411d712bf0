import { ArgumentError, StateError } from '../core/errors.js';
import { optional, required, show } from '../core/fields.js';
import { Callback, type Logs } from './callback.js';
import { checker, optionsOf, verbosity } from './options.js';

/** Options of {@link LearningRateScheduler}. */
export interface LearningRateSchedulerOptions {
  /** Epoch (from 0) and present learning rate to the next learning rate. */
  schedule: (epoch: number, learningRate: number) => number;
  /** 1 prints each new learning rate. @default 0 */
  verbose?: 0 | 1;
}

const fields = {
  schedule: required(
    checker(
      (value) => typeof value === 'function',
      'a function',
      'Write new LearningRateScheduler({ schedule: (epoch, rate) => rate * 0.9 }).',
    ),
  ),
  verbose: optional(verbosity, 0),
};

/**
 * Sets the optimizer's learning rate before each epoch, and adds it to the logs as 'learning_rate'.
 *
 * Source: Keras `keras.callbacks.LearningRateScheduler`.
 *
 * @throws {ArgumentError} if `schedule` is no function, or answers no number
 * @example
 * ```ts
 * new callbacks.LearningRateScheduler({ schedule: (epoch, rate) => (epoch < 10 ? rate : rate * 0.9) });
 * ```
 */
export class LearningRateScheduler extends Callback {
  readonly schedule: LearningRateSchedulerOptions['schedule'];
  readonly verbose: number;

  constructor(options: LearningRateSchedulerOptions) {
    super();
    const { schedule, verbose } = optionsOf<LearningRateSchedulerOptions>(
      'LearningRateScheduler',
      options ?? {},
      fields,
    );
    this.schedule = schedule;
    this.verbose = verbose;
  }

  override onEpochBegin(epoch: number, _logs: Logs): void {
    const { optimizer } = this.model;
    if (optimizer === null) {
      throw new StateError(
        'LearningRateScheduler: expected a model with an optimizer, got none.',
        'Give compile an optimizer.',
      );
    }
    const rate = this.schedule(epoch, optimizer.learningRate.item());
    if (typeof rate !== 'number' || Number.isNaN(rate)) {
      throw new ArgumentError(`LearningRateScheduler: expected schedule to return a number, got ${show(rate)}.`);
    }
    optimizer.learningRate = rate;
    if (this.verbose > 0) process.stdout.write(`\nEpoch ${epoch + 1}: learning rate ${rate}.\n`);
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    const rate = this.model.optimizer?.learningRate.item();
    if (rate !== undefined) logs['learning_rate'] = rate;
  }
}
