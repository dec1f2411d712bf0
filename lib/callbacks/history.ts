import type { Model } from '../models/model.js';
import { Callback, type CallbackState, type Logs } from './callback.js';

/**
 * Collects the logs of every epoch; `fit` returns one.
 *
 * Source: Keras `keras.callbacks.History`.
 *
 * @example
 * ```ts
 * const { history } = await model.fit(x, y, { epochs: 2 });
 * history.loss; // one number an epoch, such as [0.9, 0.5]
 * ```
 */
export class History extends Callback {
  /** Numbers of the epochs that ran, from 0. */
  epoch: number[] = [];
  /** For each name in the logs, one number an epoch. */
  history: Record<string, number[]> = {};
  readonly #epochs: Record<string, number[]> = {};

  override get usesVariables(): boolean {
    return this.constructor !== History;
  }

  override setModel(model: Model): void {
    super.setModel(model);
    model.history = this;
  }

  override onTrainBegin(_logs: Logs): void {
    this.epoch = [];
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    this.epoch.push(epoch);
    for (const [name, value] of Object.entries(logs)) {
      this.history[name] ??= [];
      this.history[name].push(value);
      this.#epochs[name] ??= [];
      this.#epochs[name].push(epoch);
    }
  }

  /** Numbers of the epochs, from 0, whose logs had a name: with `validationFreq` not all have `val_loss`. */
  epochsOf(name: string): readonly number[] {
    return this.#epochs[name] ?? [];
  }

  override getState(): CallbackState {
    return { epoch: this.epoch, history: this.history, epochs: this.#epochs };
  }

  override setState(state: CallbackState): void {
    const { epoch, history, epochs } = state as unknown as Pick<History, 'epoch' | 'history'> & { epochs: object };
    this.epoch = epoch;
    this.history = history;
    Object.assign(this.#epochs, epochs);
  }
}
