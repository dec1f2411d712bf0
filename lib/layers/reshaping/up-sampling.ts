import { call } from '../../core/call.js';
import type { DataFormat } from '../../core/config.js';
import { isFloat } from '../../core/dtype.js';
import { DTypeError } from '../../core/errors.js';
import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { dataFormatField } from '../data-format.js';
import type { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { spatialAxes } from '../pooling/window.js';
import { sizes, spreadSizes } from '../sizes.js';
import { spatialSpec } from './margins.js';

/** Options of {@link UpSampling1D}. */
export interface UpSampling1DOptions extends LayerOptions {
  /** How often each step stands in the outputs, at least 1. @default 2 */
  size?: number;
}

/** Options of {@link UpSampling3D}. */
export interface UpSampling3DOptions extends LayerOptions {
  /** How often each row, column, … stands in the outputs, at least 1: one for all axes, or one each. @default 2 */
  size?: number | readonly number[];
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
}

/** Options of {@link UpSampling2D}. */
export interface UpSampling2DOptions extends UpSampling3DOptions {
  /** 'nearest': each pixel several times; 'bilinear': mixes of the four pixels around. @default 'nearest' */
  interpolation?: 'nearest' | 'bilinear';
}

/** Each place along some axes several times in a row. */
function enlarge(x: Tensor, axes: readonly number[], factors: readonly number[]): Tensor {
  const times = x.shape.map((_, axis) => factors[axes.indexOf(axis)] ?? 1);
  const wide = x.shape.flatMap((size) => [size, 1]);
  const filled = x.shape.flatMap((size, axis) => [size, times[axis] as number]);
  const copies = call('aten::expand', call('aten::reshape', x, wide), filled);
  return call(
    'aten::reshape',
    copies,
    x.shape.map((size, axis) => size * (times[axis] as number)),
  );
}

/**
 * Each step several times in a row: `[batch, steps, channels]` becomes `[batch, steps · size, channels]`.
 *
 * Source: `keras.layers.UpSampling1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank
 * @example
 * ```ts
 * new layers.UpSampling1D({ size: 2 }).apply(tensor([[[1], [2]]])); // [[[1], [1], [2], [2]]]
 * ```
 */
export class UpSampling1D extends Layer {
  static override readonly className: string = 'UpSampling1D';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { size: optional(is.integer({ min: 1 }), 2) };

  declare readonly size: number;
  override built = true;
  override inputSpec: InputSpec = spatialSpec(1, 'channels_last');

  constructor(options: UpSampling1DOptions = {}) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    return enlarge(x, [1], [this.size]);
  }
}

abstract class SpatialUpSampling extends Layer {
  static override readonly fields: Fields = { size: optional(sizes(), 2), dataFormat: dataFormatField };

  /** One factor for each axis. */
  declare readonly size: readonly number[];
  declare readonly dataFormat: DataFormat;
  override built = true;
  override inputSpec: InputSpec;

  constructor(options: UpSampling3DOptions = {}) {
    super(options);
    Object.assign(this, { size: spreadSizes(`${this.title}: size`, this.size, this.rank) });
    this.inputSpec = spatialSpec(this.rank, this.dataFormat);
  }

  /** Number of axes between batch and channels; siblings say 2. */
  protected get rank(): 2 | 3 {
    return 3;
  }

  override call(x: Tensor): Tensor {
    return enlarge(x, spatialAxes(this.rank, this.dataFormat), this.size);
  }
}

/**
 * Larger images: `[batch, rows, columns, channels]` becomes `[batch, rows · size[0], columns · size[1], channels]`.
 *
 * Source: `keras.layers.UpSampling2D`, without 'bicubic', 'lanczos3' and 'lanczos5'.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank
 * @throws {DTypeError} for whole numbers with 'bilinear'
 * @example
 * ```ts
 * new layers.UpSampling2D({ size: [1, 3] }).apply(ops.ones([1, 4, 4, 3])).shape; // [1, 4, 12, 3]
 * ```
 */
export class UpSampling2D extends SpatialUpSampling {
  static override readonly className: string = 'UpSampling2D';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    interpolation: optional(
      (value, where) => is.oneOf('nearest', 'bilinear')(typeof value === 'string' ? value.toLowerCase() : value, where),
      'nearest',
    ),
  };

  declare readonly interpolation: 'nearest' | 'bilinear';

  constructor(options: UpSampling2DOptions = {}) {
    super(options);
  }

  protected override get rank(): 2 {
    return 2;
  }

  override call(x: Tensor): Tensor {
    if (this.interpolation === 'nearest') return super.call(x);
    if (!isFloat(x.dtype)) {
      throw new DTypeError(`${this.title}: expected a float dtype, got ${x.dtype}.`, "Cast it: x.cast('float32').");
    }
    const last = this.dataFormat === 'channels_last';
    const planes = last ? call('aten::permute', x, [0, 3, 1, 2]) : x;
    const target = planes.shape.slice(2).map((size, i) => size * (this.size[i] as number));
    const y = call('aten::upsample_bilinear2d', planes, target, false);
    return last ? call('aten::permute', y, [0, 2, 3, 1]) : y;
  }
}

/** As {@link UpSampling2D} with 'nearest', over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.UpSampling3D`. */
export class UpSampling3D extends SpatialUpSampling {
  static override readonly className: string = 'UpSampling3D';
  static override readonly module: string | null = 'keras.layers';
}
