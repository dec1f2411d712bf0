import { ShapeError } from '../../core/errors.js';
import { type Fields, is, optional } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import { any, concatenate as concatenateOf, expandDims, logicalOr, onesLike, zerosLike } from '../../ops/index.js';
import type { LayerInputs, MaskTree } from '../inputs.js';
import type { LayerOptions } from '../layer-options.js';
import { listed, Merge } from './merge.js';

/** Options of {@link Concatenate}. */
export interface ConcatenateOptions extends LayerOptions {
  /** Axis along which the tensors follow each other; not the batch. @default -1 */
  axis?: number;
}

/**
 * Tensors one after the other along an axis; their other sizes must be equal.
 *
 * Source: `keras.layers.Concatenate`.
 *
 * @throws {ShapeError} if other sizes differ
 * @example
 * ```ts
 * new layers.Concatenate().apply([tensor([[1, 2]]), tensor([[3]])]); // [[1, 2, 3]]
 * ```
 */
export class Concatenate extends Merge {
  static override readonly className: string = 'Concatenate';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { axis: optional(is.integer(), -1) };

  declare readonly axis: number;

  constructor(options: ConcatenateOptions = {}) {
    super(options);
  }

  protected override checkShapes(shapes: readonly Shape[]): void {
    const [first] = shapes as [Shape];
    const along = this.axis < 0 ? this.axis + first.length : this.axis;
    const fit = shapes.every(
      (shape) =>
        shape.length === first.length &&
        shape.every((size, axis) => {
          const other = first[axis] as number | null;
          return axis === along || size === null || other === null || size === other;
        }),
    );
    if (!fit || along < 0 || along >= first.length) {
      throw new ShapeError(
        `${this.title}: expected shapes that differ in axis ${this.axis} only, got ${listed(shapes)}.`,
        'Give another axis, or bring the others to one size.',
      );
    }
  }

  override call(inputs: readonly Tensor[]): Tensor {
    this.checkCount(inputs);
    return this.merge(inputs);
  }

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return concatenateOf(inputs, { axis: this.axis });
  }

  /** The inputs' masks one after the other; every step counts of inputs without one. */
  override computeMask(inputs: LayerInputs, mask: MaskTree): MaskTree {
    const masks = (Array.isArray(mask) ? mask : [mask]) as (Tensor | null | undefined)[];
    if (masks.every((one) => one == null)) return null;
    const parts = (inputs as readonly Tensor[]).map((x, i) => {
      const one = masks[i];
      if (one == null) return onesLike(x, { dtype: 'bool' });
      return one.ndim < x.ndim ? logicalOr(expandDims(one, -1), zerosLike(x, { dtype: 'bool' })) : one;
    });
    return any(concatenateOf(parts, { axis: this.axis }), { axis: -1 });
  }
}
