import type { Model } from '../models/model.js';
import { Callback, type Logs } from './callback.js';

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
    }
  }
}
