import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type Checker, type Fields, is, optional, required, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import { expandDims, matmul, moveaxis, normalize, reshape, squeeze } from '../../ops/index.js';
import type { MaskTree } from '../inputs.js';
import type { LayerOptions } from '../layer-options.js';
import { listed, Merge } from './merge.js';

/** Options of {@link Dot}. */
export interface DotOptions extends LayerOptions {
  /** Axis that is summed over, in both tensors, or one for each; not the batch. */
  axes: number | readonly [number, number];
  /** Whether vectors along the axes are first brought to length 1, so that the result is the cosine between them. @default false */
  normalize?: boolean;
}

const axesChecker: Checker<number | readonly [number, number]> = (value, where) => {
  const list = Array.isArray(value) ? value : [value];
  if ((!Array.isArray(value) || value.length === 2) && list.every((axis) => Number.isSafeInteger(axis)))
    return value as number | readonly [number, number];
  throw new ArgumentError(`${where}: expected a whole number or two, got ${show(value)}.`, 'Write axes: [1, 2].');
};

/**
 * Products of two tensors, summed along an axis of each, sample by sample: `[batch, 3, 5]` and `[batch, 10, 3]` with `axes: [1, 2]` give `[batch, 5, 10]`.
 * Masks end here.
 *
 * Source: `keras.layers.Dot`.
 *
 * @throws {ArgumentError} unless there are exactly two inputs
 * @throws {ShapeError} if the sizes of the axes differ
 * @example
 * ```ts
 * new layers.Dot({ axes: 1 }).apply([tensor([[1, 2]]), tensor([[3, 4]])]); // [[11]]
 * ```
 */
export class Dot extends Merge {
  static override readonly className: string = 'Dot';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    axes: required(axesChecker),
    normalize: optional(is.boolean, false),
  };

  declare readonly axes: number | readonly [number, number];
  declare readonly normalize: boolean;

  constructor(options: DotOptions) {
    super(options);
  }

  protected override get inputCount(): number {
    return 2;
  }

  protected override checkShapes(shapes: readonly Shape[]): void {
    const [a, b] = shapes as [Shape, Shape];
    const [i, j] = this.#axes(a, b);
    if (i < 1 || j < 1 || i >= a.length || j >= b.length) {
      throw new ShapeError(
        `${this.title}: expected axes of the inputs, without the batch, got ${show(this.axes)} for ${listed(shapes)}.`,
        'Axis 0 is the batch.',
      );
    }
    if (a[i] === b[j] || a[i] === null || b[j] === null) return;
    throw new ShapeError(
      `${this.title}: expected equal sizes along axes ${show(this.axes)}, got ${a[i]} and ${b[j]} in ${listed(shapes)}.`,
      'Give other axes.',
    );
  }

  override call(inputs: readonly Tensor[]): Tensor {
    this.checkCount(inputs);
    return this.merge(inputs);
  }

  protected override merge(inputs: readonly Tensor[]): Tensor {
    let [a, b] = inputs as [Tensor, Tensor];
    const [i, j] = this.#axes(a.shape, b.shape);
    if (this.normalize) {
      a = normalize(a, { axis: i });
      b = normalize(b, { axis: j });
    }
    const flatA = a.ndim === 2;
    const flatB = b.ndim === 2;
    // [batch, …, size] and [batch, size, …], everything else in one axis.
    const rows = moveaxis(flatA ? expandDims(a, 1) : a, flatA ? 2 : i, -1);
    const columns = moveaxis(flatB ? expandDims(b, 2) : b, j, 1);
    const [left, right] = [rows.shape.slice(1, -1), columns.shape.slice(2)];
    const product = matmul(joinAxes(rows, 1, -1), joinAxes(columns, 2, columns.ndim));
    const whole = reshape(product, [product.shape[0] as number, ...left, ...right]);
    if (flatA) return squeeze(whole, { axis: 1 });
    return flatB ? squeeze(whole, { axis: -1 }) : whole;
  }

  override computeMask(): MaskTree {
    return null;
  }

  #axes(a: Shape, b: Shape): [number, number] {
    const [i, j] = typeof this.axes === 'number' ? [this.axes, this.axes] : this.axes;
    return [i < 0 ? i + a.length : i, j < 0 ? j + b.length : j];
  }
}

/** Axes from `start` up to, not including, `end` as one. */
function joinAxes(x: Tensor, start: number, end: number): Tensor {
  if (x.ndim === 3) return x;
  const { shape } = x;
  const size = shape.slice(start, end).reduce((product, one) => product * one, 1);
  return reshape(x, [...shape.slice(0, start), size, ...(end === -1 ? shape.slice(-1) : [])]);
}
