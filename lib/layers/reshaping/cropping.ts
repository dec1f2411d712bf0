import { call } from '../../core/call.js';
import type { DataFormat } from '../../core/config.js';
import { ShapeError } from '../../core/errors.js';
import { type Fields, optional } from '../../core/fields.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import { dataFormatField } from '../data-format.js';
import type { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { allMargins, type Margin, type Margins, margins, marginsConfig, marginsOf, spatialSpec } from './margins.js';

/** Options of {@link Cropping1D}. */
export interface Cropping1DOptions extends LayerOptions {
  /** How many steps are cut off: one number for both ends, or [before, after]. @default 1 */
  cropping?: number | readonly [before: number, after: number];
}

/** Options of {@link Cropping2D} and {@link Cropping3D}. */
export interface CroppingOptions extends LayerOptions {
  /** How much is cut off: one number for all ends, or for each axis one or [before, after]. @default 0 for Cropping2D, 1 for Cropping3D */
  cropping?: Margins;
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
}

const croppingField = (value: number): Fields => ({ cropping: optional(margins, value, { toConfig: marginsConfig }) });

/** Inputs without their ends; a subclass says along how many axes. */
abstract class Cropping extends Layer {
  static override readonly fields: Fields = croppingField(1);

  /** Before and after each axis. */
  declare readonly cropping: readonly Margin[];
  override built = true;
  override inputSpec: InputSpec;

  constructor(options: LayerOptions = {}) {
    super(options);
    const given = this.cropping as unknown as Margins;
    Object.assign(this, { cropping: marginsOf(`${this.title}: cropping`, given, this.rank) });
    this.inputSpec = spatialSpec(this.rank, this.format);
  }

  /** Number of axes between batch and channels; siblings say 2 or 3. */
  protected get rank(): 1 | 2 | 3 {
    return 1;
  }

  protected get format(): DataFormat {
    return 'channels_last';
  }

  override call(x: Tensor): Tensor {
    return allMargins(this.cropping, this.format).reduce((rest, [before, after], axis) => {
      const size = x.shape[axis] as number;
      if (before + after === 0) return rest;
      if (before + after >= size) {
        throw new ShapeError(
          `${this.title}: expected inputs of more than ${before + after} along axis ${axis}, got ${formatShape(x.shape)}.`,
          'Cut less off.',
        );
      }
      return call('aten::slice.Tensor', rest, axis, before, size - after, 1);
    }, x);
  }
}

abstract class SpatialCropping extends Cropping {
  static override readonly fields: Fields = { dataFormat: dataFormatField };
  declare readonly dataFormat: DataFormat;

  constructor(options: CroppingOptions = {}) {
    super(options);
  }

  protected override get format(): DataFormat {
    return this.dataFormat;
  }
}

/**
 * Steps without the first and last ones: `[batch, steps, channels]` becomes `[batch, steps - before - after, channels]`.
 *
 * Source: `keras.layers.Cropping1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, or of which nothing would stay
 * @example
 * ```ts
 * new layers.Cropping1D({ cropping: [0, 1] }).apply(tensor([[[1], [2], [3]]])); // [[[1], [2]]]
 * ```
 */
export class Cropping1D extends Cropping {
  static override readonly className: string = 'Cropping1D';
  static override readonly module: string | null = 'keras.layers';

  constructor(options: Cropping1DOptions = {}) {
    super(options);
  }
}

/**
 * Rows and columns without their ends: `[batch, rows, columns, channels]`. Source: `keras.layers.Cropping2D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, or of which nothing would stay
 * @example
 * ```ts
 * new layers.Cropping2D({ cropping: [[0, 1], [2, 2]] }).apply(ops.ones([1, 8, 8, 3])).shape; // [1, 7, 4, 3]
 * ```
 */
export class Cropping2D extends SpatialCropping {
  static override readonly className: string = 'Cropping2D';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = croppingField(0);
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link Cropping2D}, over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.Cropping3D`. */
export class Cropping3D extends SpatialCropping {
  static override readonly className: string = 'Cropping3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}
