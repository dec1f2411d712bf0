import type { DataFormat } from '../../core/config.js';
import { type Fields, is, optional, required } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { dataFormatField } from '../data-format.js';
import { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { sizes, spreadSizes } from '../sizes.js';
import { averagePool, axisNames, maxPool, type Windows } from './window.js';

/** Options of layers that pool over windows. */
export interface PoolingOptions extends LayerOptions {
  /** Sizes of a window, at least 1: one for all axes, or one each. */
  poolSize: number | readonly number[];
  /** How far windows are apart, at least 1: one for all axes, or one each. @default poolSize */
  strides?: number | readonly number[] | null;
  /** 'valid': windows lie inside the input; 'same': ⌈size / stride⌉ windows, where what lies outside doesn't count. @default 'valid' */
  padding?: 'valid' | 'same';
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
}

/** Options of {@link MaxPooling1D} and its siblings. */
export interface MaxPoolingOptions extends Omit<PoolingOptions, 'poolSize'> {
  /** Sizes of a window, at least 1: one for all axes, or one each. @default 2 */
  poolSize?: number | readonly number[];
}

/** Pooling over windows; a subclass says how many axes there are and what is taken of a window. */
abstract class WindowPooling extends Layer {
  static override readonly fields: Fields = {
    poolSize: required(sizes()),
    padding: optional((value, where) => {
      return is.oneOf('valid', 'same')(typeof value === 'string' ? value.toLowerCase() : value, where);
    }, 'valid'),
    strides: optional(is.nullable(sizes()), null),
    dataFormat: dataFormatField,
  };

  /** One size for each axis. */
  declare readonly poolSize: readonly number[];
  declare readonly padding: 'valid' | 'same';
  /** One distance for each axis. */
  declare readonly strides: readonly number[];
  declare readonly dataFormat: DataFormat;
  override built = true;
  override inputSpec: InputSpec;

  constructor(options: PoolingOptions) {
    super(options);
    const poolSize = spreadSizes(`${this.title}: poolSize`, this.poolSize, this.rank);
    const strides = spreadSizes(`${this.title}: strides`, this.strides ?? poolSize, this.rank);
    Object.assign(this, { poolSize, strides });
    this.inputSpec = new InputSpec({ ndim: this.rank + 2, axisNames: axisNames(this.rank, this.dataFormat) });
  }

  /** Number of axes between batch and channels; siblings say 2 or 3. */
  protected get rank(): 1 | 2 | 3 {
    return 1;
  }

  protected get windows(): Windows {
    return { size: this.poolSize, strides: this.strides, padding: this.padding, dataFormat: this.dataFormat };
  }
}

abstract class MaxPooling extends WindowPooling {
  static override readonly fields: Fields = { poolSize: optional(sizes(), 2) };

  constructor(options: MaxPoolingOptions = {}) {
    super(options as PoolingOptions);
  }

  override call(x: Tensor): Tensor {
    return maxPool(this.title, x, this.windows);
  }
}

abstract class AveragePooling extends WindowPooling {
  override call(x: Tensor): Tensor {
    return averagePool(this.title, x, this.windows);
  }
}

/**
 * The largest value of each channel in windows of steps: `[batch, steps, channels]` becomes `[batch, windows, channels]`.
 *
 * Source: `keras.layers.MaxPooling1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, or shorter than a window
 * @example
 * ```ts
 * new layers.MaxPooling1D({ poolSize: 2 }).apply(tensor([[[1], [4], [3], [2]]])); // [[[4], [3]]]
 * ```
 */
export class MaxPooling1D extends MaxPooling {
  static override readonly className: string = 'MaxPooling1D';
  static override readonly module: string | null = 'keras.layers';
}

/** As {@link MaxPooling1D}, in windows of rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.MaxPooling2D`. */
export class MaxPooling2D extends MaxPooling {
  static override readonly className: string = 'MaxPooling2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link MaxPooling1D}, in windows over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.MaxPooling3D`. */
export class MaxPooling3D extends MaxPooling {
  static override readonly className: string = 'MaxPooling3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}

/**
 * The mean of each channel in windows of steps: `[batch, steps, channels]` becomes `[batch, windows, channels]`.
 *
 * Source: `keras.layers.AveragePooling1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, or shorter than a window
 * @example
 * ```ts
 * new layers.AveragePooling1D({ poolSize: 2 }).apply(tensor([[[1], [4], [3], [2]]])); // [[[2.5], [2.5]]]
 * ```
 */
export class AveragePooling1D extends AveragePooling {
  static override readonly className: string = 'AveragePooling1D';
  static override readonly module: string | null = 'keras.layers';
}

/** As {@link AveragePooling1D}, in windows of rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.AveragePooling2D`. */
export class AveragePooling2D extends AveragePooling {
  static override readonly className: string = 'AveragePooling2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link AveragePooling1D}, in windows over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.AveragePooling3D`. */
export class AveragePooling3D extends AveragePooling {
  static override readonly className: string = 'AveragePooling3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}
