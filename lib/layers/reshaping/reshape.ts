import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type Fields, required, show } from '../../core/fields.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import { reshape } from '../../ops/index.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Reshape}. */
export interface ReshapeOptions extends LayerOptions {
  /** Sizes of the axes after the batch; one of them may be -1, which takes what is left. */
  targetShape: readonly number[];
}

const targetShape = (value: unknown, where: string): readonly number[] => {
  const ok = Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= -1);
  if (!ok)
    throw new ArgumentError(
      `${where}: expected an array of whole numbers of at least 0, or one -1, got ${show(value)}.`,
    );
  if (value.filter((size) => size === -1).length > 1) {
    throw new ArgumentError(`${where}: expected at most one -1, got ${show(value)}.`, 'Give all other sizes.');
  }
  return value as number[];
};

/**
 * Arranges each sample's values in another shape: `[batch, ...]` becomes `[batch, ...targetShape]`.
 *
 * Source: `keras.layers.Reshape`.
 *
 * @throws {ShapeError} if a sample has another number of values than the target
 * @example
 * ```ts
 * new layers.Reshape({ targetShape: [-1, 2] }).apply(ops.zeros([5, 6])).shape; // [5, 3, 2]
 * ```
 */
export class Reshape extends Layer {
  static override readonly className: string = 'Reshape';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { targetShape: required(targetShape) };

  declare readonly targetShape: readonly number[];
  override built = true;

  constructor(options: ReshapeOptions) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    const [batch = 1, ...sample] = x.shape;
    const count = sample.reduce((size, axis) => size * axis, 1);
    const known = this.targetShape.reduce((size, axis) => (axis === -1 ? size : size * axis), 1);
    const fits = this.targetShape.includes(-1) ? known > 0 && count % known === 0 : count === known;
    if (!fits) {
      throw new ShapeError(
        `${this.title}: expected samples of ${this.targetShape.includes(-1) ? `a multiple of ${known}` : known} values for targetShape ${formatShape(this.targetShape)}, got ${count} in ${formatShape(sample)}.`,
        'targetShape is the shape of one sample, without the batch.',
      );
    }
    return reshape(x, [batch, ...this.targetShape.map((size) => (size === -1 ? count / known : size))]);
  }
}
