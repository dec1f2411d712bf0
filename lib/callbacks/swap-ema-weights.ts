import { StateError } from '../core/errors.js';
import { is, optional } from '../core/fields.js';
import { tidy } from '../core/tidy.js';
import type { Variable } from '../core/variable.js';
import type { Optimizer } from '../optimizers/index.js';
import { Callback, type CallbackState, type Logs } from './callback.js';
import { optionsOf } from './options.js';

/** Options of {@link SwapEMAWeights}. */
export interface SwapEMAWeightsOptions {
  /** Swap at the end of each epoch too, so that callbacks after this one (a `ModelCheckpoint`) see the averages. @default false */
  swapOnEpoch?: boolean;
}

const fields = { swapOnEpoch: optional(is.boolean, false) };

/**
 * Puts the optimizer's moving averages of the weights in the place of the weights while the model is evaluated or predicts, and back afterwards. Needs an
 * optimizer made with `useEma: true`.
 *
 * Source: Keras `keras.callbacks.SwapEMAWeights`.
 *
 * @throws {StateError} in training, for an optimizer without `useEma`
 * @example
 * ```ts
 * model.compile({ optimizer: new optimizers.SGD({ useEma: true }), loss: 'mse' });
 * await model.fit(x, y, { callbacks: [new callbacks.SwapEMAWeights()] });
 * ```
 */
export class SwapEMAWeights extends Callback {
  readonly swapOnEpoch: boolean;
  #swapped = false;

  constructor(options: SwapEMAWeightsOptions = {}) {
    super();
    this.swapOnEpoch = optionsOf<SwapEMAWeightsOptions>('SwapEMAWeights', options, fields).swapOnEpoch;
  }

  override onEpochBegin(_epoch: number, _logs: Logs): void {
    if (this.swapOnEpoch) this.#show('weights');
  }

  override onEpochEnd(epoch: number, _logs: Logs): void {
    if (!this.swapOnEpoch || this.#swapped) return;
    this.#show('averages');
    // At its end, fit writes the averages into the weights: they must be the averages again, not the weights put aside.
    if (epoch !== (this.params?.epochs ?? 0) - 1) return;
    for (const [weight, average] of this.#pairs()) average.assign(weight.value);
  }

  override onTestBegin(_logs: Logs): void {
    this.#show('averages');
  }

  override onTestEnd(_logs: Logs): void {
    this.#show('weights');
  }

  override onPredictBegin(_logs: Logs): void {
    this.#show('averages');
  }

  override onPredictEnd(_logs: Logs): void {
    this.#show('weights');
  }

  override getState(): CallbackState {
    return { swapped: this.#swapped };
  }

  override setState(state: CallbackState): void {
    this.#swapped = (state as { swapped: boolean }).swapped;
  }

  #show(which: 'weights' | 'averages'): void {
    if (this.#swapped === (which === 'averages')) return;
    tidy(() => {
      for (const [weight, average] of this.#pairs()) {
        const before = weight.value;
        weight.assign(average.value);
        average.assign(before);
      }
    });
    this.#swapped = !this.#swapped;
  }

  #pairs(): [Variable, Variable][] {
    const { optimizer } = this.model;
    const inner = (optimizer as { innerOptimizer?: Optimizer } | null)?.innerOptimizer ?? optimizer;
    if (inner === null || !inner.useEma) {
      throw new StateError(
        'SwapEMAWeights: expected an optimizer that keeps moving averages, got one that does not.',
        "Compile with new optimizers.SGD({ useEma: true }), or another optimizer's useEma.",
      );
    }
    const averages = inner.averages;
    return inner.trainableVariables.map((weight, i) => [weight, averages[i] as Variable]);
  }
}
