import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { leakyRelu } from '../../ops/index.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link LeakyReLU}. */
export interface LeakyReLUOptions extends LayerOptions {
  /** Slope below 0, at least 0. @default 0.3 */
  negativeSlope?: number;
}

/**
 * x above 0, `negativeSlope` · x below; outputs have the inputs' shape.
 *
 * Source: Maas et al. 2013; `keras.layers.LeakyReLU`.
 *
 * @throws {ArgumentError} for a slope below 0
 * @example
 * ```ts
 * new layers.LeakyReLU({ negativeSlope: 0.5 }).apply(tensor([-2, 2])); // [-1, 2]
 * ```
 */
export class LeakyReLU extends Layer {
  static override readonly className: string = 'LeakyReLU';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { negativeSlope: optional(is.number({ min: 0 }), 0.3) };

  declare readonly negativeSlope: number;
  override built = true;
  override supportsMasking = true;

  constructor(options: LeakyReLUOptions = {}) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    return leakyRelu(x, { negativeSlope: this.negativeSlope });
  }
}
