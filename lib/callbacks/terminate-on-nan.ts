import { StateError } from '../core/errors.js';
import { is, optional } from '../core/fields.js';
import { Callback, type CallbackState, type Logs } from './callback.js';
import { optionsOf } from './options.js';

const fields = { raiseError: optional(is.boolean, false) };

/** Options of {@link TerminateOnNaN}. */
export interface TerminateOnNaNOptions {
  /** Reject `fit` with an error instead of ending it. @default false */
  raiseError?: boolean;
}

/**
 * Ends training when the loss is no longer a finite number. It watches the running mean of the epoch without slowing the native loop, so a few steps may
 * pass between the bad one and the end.
 *
 * Source: Keras `keras.callbacks.TerminateOnNaN`, which looks after every single step.
 *
 * @example
 * ```ts
 * await model.fit(x, y, { callbacks: [new callbacks.TerminateOnNaN()] });
 * ```
 */
export class TerminateOnNaN extends Callback {
  override readonly batchEvents = 'merged';
  readonly raiseError: boolean;
  /** Step (of the epoch, from 0) at which the bad loss was seen, or null. */
  stoppedBatch: number | null = null;
  #batch = 0;

  constructor(options: TerminateOnNaNOptions = {}) {
    super();
    const { raiseError } = optionsOf<TerminateOnNaNOptions>('TerminateOnNaN', options, fields);
    this.raiseError = raiseError;
  }

  override get usesVariables(): boolean {
    return this.constructor !== TerminateOnNaN;
  }

  override onTrainBegin(_logs: Logs): void {
    this.stoppedBatch = null;
  }

  override onEpochBegin(_epoch: number, _logs: Logs): void {
    this.#batch = 0;
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    this.#batch = batch;
    this.#look(logs);
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    this.#look(logs);
  }

  override getState(): CallbackState {
    return { stoppedBatch: this.stoppedBatch };
  }

  override setState(state: CallbackState): void {
    this.stoppedBatch = (state as unknown as TerminateOnNaN).stoppedBatch;
  }

  #look(logs: Logs): void {
    const { loss } = logs;
    if (this.stoppedBatch !== null || loss === undefined || Number.isFinite(loss)) return;
    this.stoppedBatch = this.#batch;
    if (this.raiseError) {
      throw new StateError(
        `TerminateOnNaN: expected a finite loss, got ${loss} at batch ${this.#batch}.`,
        'Lower the learning rate, clip gradients (clipnorm), or look for NaN and extreme values in the data.',
      );
    }
    process.stdout.write(`Batch ${this.#batch}: the loss is ${loss}, ending training.\n`);
    this.model.stopTraining = true;
  }
}
