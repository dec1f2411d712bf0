import { type Fields, is, required } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { expandDims, repeat } from '../../ops/index.js';
import { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link RepeatVector}. */
export interface RepeatVectorOptions extends LayerOptions {
  /** How many times, at least 0. */
  n: number;
}

/**
 * Repeats each sample along a new axis: `[batch, features]` becomes `[batch, n, features]`.
 *
 * Source: `keras.layers.RepeatVector`.
 *
 * @throws {ShapeError} for inputs of a rank other than 2
 * @example
 * ```ts
 * new layers.RepeatVector({ n: 3 }).apply(ops.zeros([2, 4])).shape; // [2, 3, 4]
 * ```
 */
export class RepeatVector extends Layer {
  static override readonly className: string = 'RepeatVector';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { n: required(is.integer({ min: 0 })) };

  declare readonly n: number;
  override inputSpec: InputSpec = new InputSpec({ ndim: 2, axisNames: ['batch', 'features'] });

  constructor(options: RepeatVectorOptions) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    return repeat(expandDims(x, 1), this.n, { axis: 1 });
  }
}
