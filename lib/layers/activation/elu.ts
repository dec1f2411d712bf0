import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { elu } from '../../ops/index.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link ELU}. */
export interface ELUOptions extends LayerOptions {
  /** Outputs tend to -alpha for small x. @default 1 */
  alpha?: number;
}

/**
 * x above 0, `alpha` · (eˣ - 1) below; outputs have the inputs' shape.
 *
 * Source: Clevert et al. 2016; `keras.layers.ELU`.
 *
 * @example
 * ```ts
 * new layers.ELU().apply(tensor([-1, 2])); // [-0.632, 2]
 * ```
 */
export class ELU extends Layer {
  static override readonly className: string = 'ELU';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { alpha: optional(is.number(), 1) };

  declare readonly alpha: number;
  override built = true;
  override supportsMasking = true;

  constructor(options: ELUOptions = {}) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    return elu(x, { alpha: this.alpha });
  }
}
