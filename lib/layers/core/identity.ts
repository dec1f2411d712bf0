import type { Tensor } from '../../core/tensor.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/**
 * Answers its input: a placeholder.
 *
 * Source: `keras.layers.Identity`.
 *
 * @example
 * ```ts
 * new layers.Identity().apply(tensor([1, 2])); // [1, 2]
 * ```
 */
export class Identity extends Layer {
  static override readonly className: string = 'Identity';
  static override readonly module: string | null = 'keras.layers';

  override built = true;
  override supportsMasking = true;

  constructor(options: LayerOptions = {}) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    return x;
  }
}
