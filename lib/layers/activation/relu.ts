import { relu } from '../../activations.js';
import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link ReLU}. */
export interface ReLUOptions extends LayerOptions {
  /** Largest output, at least 0. @default null: none */
  maxValue?: number | null;
  /** Slope below the threshold, at least 0. @default 0 */
  negativeSlope?: number;
  /** Inputs below it count as negative, at least 0. @default 0 */
  threshold?: number;
}

/**
 * x from `threshold` to `maxValue`, `maxValue` above, `negativeSlope` · (x - `threshold`) below; outputs have the inputs' shape.
 *
 * Source: `keras.layers.ReLU`.
 *
 * @throws {ArgumentError} for values below 0
 * @example
 * ```ts
 * new layers.ReLU({ maxValue: 1 }).apply(tensor([-1, 0.5, 2])); // [0, 0.5, 1]
 * ```
 */
export class ReLU extends Layer {
  static override readonly className: string = 'ReLU';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    maxValue: optional(is.nullable(is.number({ min: 0 })), null),
    negativeSlope: optional(is.number({ min: 0 }), 0),
    threshold: optional(is.number({ min: 0 }), 0),
  };

  declare readonly maxValue: number | null;
  declare readonly negativeSlope: number;
  declare readonly threshold: number;
  override built = true;
  override supportsMasking = true;

  constructor(options: ReLUOptions = {}) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    const { maxValue, negativeSlope, threshold } = this;
    return relu(x, { maxValue, negativeSlope, threshold });
  }
}
