import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import type { LayerInputs, MaskTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Masking}. */
export interface MaskingOptions extends LayerOptions {
  /** A step counts as missing when all its features are this number. @default 0 */
  maskValue?: number;
}

/**
 * Masks the steps of `[batch, steps, features]` whose features are all `maskValue`, and sets them to 0; layers after it skip them.
 *
 * Source: `keras.layers.Masking`.
 *
 * @example
 * ```ts
 * new layers.Masking().apply(tensor([[[1, 2], [0, 0]]])).mask; // [[true, false]]
 * ```
 */
export class Masking extends Layer {
  static override readonly className: string = 'Masking';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { maskValue: optional(is.number(), 0) };

  declare readonly maskValue: number;
  override built = true;

  constructor(options: MaskingOptions = {}) {
    super(options);
  }

  override computeMask(inputs: LayerInputs, _mask?: MaskTree): Tensor {
    return ops.any(ops.notEqual(inputs as Tensor, this.maskValue), { axis: -1 });
  }

  override call(x: Tensor): Tensor {
    const mask = this.computeMask(x);
    const outputs = ops.where(ops.expandDims(mask, -1), x, 0);
    outputs.mask = mask;
    return outputs;
  }
}
