import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import { uniform } from '../../random/index.js';
import type { CallOptions } from '../inputs.js';
import { Dropout } from './dropout.js';

// Selu's saturation, -scale · alpha: Klambauer et al. 2017.
const saturation = -1.6732632423543772 * 1.0507009873554805;

/**
 * Sets a random share of the inputs to selu's smallest value in training, and scales and shifts the whole so that mean and variance of normalized
 * inputs stay; outside training it does nothing. For networks of `selu` layers.
 *
 * Outputs have the inputs' shape.
 *
 * Source: Klambauer et al. 2017; `keras.layers.AlphaDropout`. Unlike there, a rate of 1 gives zeros instead of NaN.
 *
 * @throws {ArgumentError} for wrong options
 * @example
 * ```ts
 * new layers.AlphaDropout({ rate: 0.1, seed: 1 }).apply(x, { training: true });
 * ```
 */
export class AlphaDropout extends Dropout {
  static override readonly className: string = 'AlphaDropout';
  static override readonly module: string | null = 'keras.layers';

  override call(x: Tensor, { training }: CallOptions = {}): Tensor {
    const { rate, seedGenerator } = this;
    if (!training || seedGenerator === null) return x;
    if (rate === 1) return ops.zerosLike(x);
    const shape = this.noiseShape?.map((size, axis) => size ?? (x.shape[axis] as number)) ?? x.shape;
    const kept = ops.greaterEqual(uniform(shape, { seed: seedGenerator }), rate);
    const scale = ((1 - rate) * (1 + rate * saturation ** 2)) ** -0.5;
    return ops.add(ops.multiply(ops.where(kept, x, saturation), scale), -scale * saturation * rate);
  }
}
