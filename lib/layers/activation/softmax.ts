import { ShapeError } from '../../core/errors.js';
import { type Fields, is, optional } from '../../core/fields.js';
import { formatShape, Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import type { CallOptions } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Softmax}. */
export interface SoftmaxOptions extends LayerOptions {
  /** Axis along which outputs sum to 1, or several. @default -1 */
  axis?: number | readonly number[];
}

/**
 * eˣ divided by its sum along an axis; outputs have the inputs' shape. Where a mask (broadcast to the inputs) is false, outputs are 0.
 *
 * Source: `keras.layers.Softmax`.
 *
 * @throws {ShapeError} for a mask that doesn't broadcast to the inputs
 * @example
 * ```ts
 * new layers.Softmax().apply(tensor([1, 1])); // [0.5, 0.5]
 * ```
 */
export class Softmax extends Layer {
  static override readonly className: string = 'Softmax';
  static override readonly module: string | null = 'keras.layers';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { mask: null };
  static override readonly fields: Fields = {
    axis: optional(is.either(is.integer(), is.listOf(is.integer()), 'a whole number, or an array of them'), -1),
  };

  declare readonly axis: number | readonly number[];
  override built = true;
  override supportsMasking = true;

  constructor(options: SoftmaxOptions = {}) {
    super(options);
  }

  override call(x: Tensor, { mask }: CallOptions = {}): Tensor {
    if (!(mask instanceof Tensor)) return this.#softmax(x);
    const fits =
      mask.ndim <= x.ndim && mask.shape.every((size, i) => size === 1 || size === x.shape[x.ndim - mask.ndim + i]);
    if (!fits) {
      throw new ShapeError(
        `${this.title}: expected a mask that broadcasts to the inputs' shape ${formatShape(x.shape)}, got ${formatShape(mask.shape)}.`,
        'Add axes to the mask: ops.expandDims(mask, -1).',
      );
    }
    const kept = mask.dtype === 'bool' ? mask : ops.greater(mask, 0.5);
    // A number that stays finite in float16; where all are masked out, the last step still answers zeros.
    const low = x.dtype === 'float16' ? -3e4 : -1e9;
    return ops.where(kept, this.#softmax(ops.where(kept, x, low)), 0);
  }

  #softmax(x: Tensor): Tensor {
    const [first, ...others] = typeof this.axis === 'number' ? [this.axis] : this.axis;
    if (others.length === 0) return ops.softmax(x, { axis: first ?? -1 });
    return ops.exp(ops.subtract(x, ops.logsumexp(x, { axis: [...(this.axis as readonly number[])], keepdims: true })));
  }
}
