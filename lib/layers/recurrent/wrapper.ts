import { type Fields, required } from '../../core/fields.js';
import type { ShapeTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { layerField } from './nested.js';

/** Options of {@link Wrapper}. */
export interface WrapperOptions extends LayerOptions {
  /** The layer inside. */
  layer: Layer;
}

/**
 * Base of layers that hold another one and build it with themselves.
 *
 * Source: `keras.layers.Wrapper`.
 *
 * @example
 * ```ts
 * class Twice extends layers.Wrapper {
 *   override call(x: Tensor): Tensor {
 *     return this.layer.apply(this.layer.apply(x));
 *   }
 * }
 * new Twice({ layer: new layers.Dense({ units: 3 }) }).apply(ops.ones([2, 3])).shape; // [2, 3]
 * ```
 */
export abstract class Wrapper extends Layer {
  static override readonly fields: Fields = { layer: required(layerField.check, { toConfig: layerField.toConfig }) };

  /** The layer inside. */
  declare readonly layer: Layer;

  constructor(options: WrapperOptions) {
    super(options);
  }

  override build(inputShape: ShapeTree, ..._more: never[]): void {
    if (!this.layer.built) this.layer.build(inputShape);
  }
}
