import { ArgumentError } from '../../core/errors.js';
import { type Fields, required, show } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { transpose } from '../../ops/index.js';
import { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Permute}. */
export interface PermuteOptions extends LayerOptions {
  /** The new order of the axes after the batch, counted from 1: [2, 1] swaps the first two. */
  dims: readonly number[];
}

const permutation = (value: unknown, where: string): readonly number[] => {
  const ok = Array.isArray(value) && [...value].sort((a, b) => a - b).every((axis, i) => axis === i + 1);
  if (!ok)
    throw new ArgumentError(
      `${where}: expected each of 1, 2, … once, got ${show(value)}.`,
      'Axes are counted from 1; the batch stays first.',
    );
  return value as number[];
};

/**
 * Changes the order of the axes after the batch.
 *
 * Source: `keras.layers.Permute`.
 *
 * @throws {ShapeError} for inputs of another rank
 * @example
 * ```ts
 * new layers.Permute({ dims: [2, 1] }).apply(ops.zeros([5, 10, 64])).shape; // [5, 64, 10]
 * ```
 */
export class Permute extends Layer {
  static override readonly className: string = 'Permute';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { dims: required(permutation) };

  declare readonly dims: readonly number[];
  override inputSpec: InputSpec;

  constructor(options: PermuteOptions) {
    super(options);
    this.inputSpec = new InputSpec({ ndim: this.dims.length + 1 });
  }

  override call(x: Tensor): Tensor {
    return transpose(x, { axes: [0, ...this.dims] });
  }
}
