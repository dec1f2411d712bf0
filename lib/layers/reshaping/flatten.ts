import type { DataFormat } from '../../core/config.js';
import type { Fields } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { reshape, transpose } from '../../ops/index.js';
import { dataFormatField } from '../data-format.js';
import { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Flatten}. */
export interface FlattenOptions extends LayerOptions {
  /** Where the channels of the inputs stand; 'channels_first' moves them last before flattening. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
}

/**
 * Joins all axes but the batch: `[batch, a, b, ...]` becomes `[batch, a · b · ...]`, and `[batch]` becomes `[batch, 1]`.
 *
 * Source: `keras.layers.Flatten`.
 *
 * @throws {ShapeError} for a single number
 * @example
 * ```ts
 * new layers.Flatten().apply(ops.zeros([2, 3, 4])).shape; // [2, 12]
 * ```
 */
export class Flatten extends Layer {
  static override readonly className: string = 'Flatten';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    dataFormat: dataFormatField,
  };

  declare readonly dataFormat: DataFormat;
  override inputSpec: InputSpec = new InputSpec({ minNdim: 1, axisNames: ['batch', '...'] });

  constructor(options: FlattenOptions = {}) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    const axes = x.shape.map((_, axis) => axis);
    const last =
      this.dataFormat === 'channels_first' && x.ndim > 2 ? transpose(x, { axes: [0, ...axes.slice(2), 1] }) : x;
    return reshape(last, [x.shape[0] as number, x.shape.slice(1).reduce((size, axis) => size * axis, 1)]);
  }
}
