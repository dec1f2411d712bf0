import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import { Callback, type Hook } from './callback.js';

/** Options of {@link LambdaCallback}: any hook of {@link Callback}, as a function. */
export type LambdaCallbackOptions = { [K in Hook]?: Callback[K] | null } & {
  /** As {@link Callback.batchEvents}. @default 'each' */
  batchEvents?: 'each' | 'merged';
};

/**
 * A callback from plain functions.
 *
 * Source: Keras `keras.callbacks.LambdaCallback`; it takes every hook here, not only those of `fit`.
 *
 * @throws {ArgumentError} for an option that is no hook, or no function
 * @example
 * ```ts
 * new callbacks.LambdaCallback({ onEpochEnd: (epoch, logs) => console.log(epoch, logs.loss) });
 * ```
 */
export class LambdaCallback extends Callback {
  override readonly batchEvents: 'each' | 'merged';

  constructor(options: LambdaCallbackOptions = {}) {
    super();
    const { batchEvents = 'each', ...hooks } = options;
    if (batchEvents !== 'each' && batchEvents !== 'merged') {
      throw new ArgumentError(
        `LambdaCallback: expected batchEvents to be 'each' or 'merged', got ${show(batchEvents)}.`,
      );
    }
    this.batchEvents = batchEvents;
    const known = Object.getOwnPropertyNames(Callback.prototype).filter((name) => name.startsWith('on'));
    for (const [name, hook] of Object.entries(hooks)) {
      if (!known.includes(name)) {
        const near = nearestName(name, known);
        throw new ArgumentError(
          `LambdaCallback: unknown hook '${name}'.`,
          near === null ? `Hooks: ${known.join(', ')}.` : `Did you mean '${near}'?`,
        );
      }
      if (hook === null || hook === undefined) continue;
      if (typeof hook !== 'function') {
        throw new ArgumentError(`LambdaCallback: expected ${name} to be a function, got ${show(hook)}.`);
      }
      Object.defineProperty(this, name, { value: hook, writable: true, configurable: true });
    }
  }
}
