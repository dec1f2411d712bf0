import type { DataFormat } from '../../core/config.js';
import { type Fields, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { pad } from '../../ops/index.js';
import { dataFormatField } from '../data-format.js';
import type { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { allMargins, type Margin, type Margins, margins, marginsConfig, marginsOf, spatialSpec } from './margins.js';

/** Options of {@link ZeroPadding2D} and its siblings. */
export interface ZeroPaddingOptions extends LayerOptions {
  /** Numbers of zeros: one for all ends, or for each axis one or [before, after]. @default 1 */
  padding?: Margins;
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
}

/** Zeros around the inputs; a subclass says along how many axes. */
abstract class ZeroPadding extends Layer {
  static override readonly fields: Fields = {
    padding: optional(margins, 1, { toConfig: marginsConfig }),
    dataFormat: dataFormatField,
  };

  /** Before and after each axis. */
  declare readonly padding: readonly Margin[];
  declare readonly dataFormat: DataFormat;
  override built = true;
  override inputSpec: InputSpec;

  constructor(options: ZeroPaddingOptions = {}) {
    super(options);
    const given = this.padding as unknown as Margins;
    Object.assign(this, { padding: marginsOf(`${this.title}: padding`, given, this.rank) });
    this.inputSpec = spatialSpec(this.rank, this.dataFormat);
  }

  /** Number of axes between batch and channels; siblings say 2 or 3. */
  protected get rank(): 1 | 2 | 3 {
    return 1;
  }

  override call(x: Tensor): Tensor {
    return pad(x, allMargins(this.padding, this.dataFormat));
  }
}

/**
 * Zeros before the first step and after the last: `[batch, steps, channels]` becomes `[batch, before + steps + after, channels]`.
 *
 * Source: `keras.layers.ZeroPadding1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank
 * @example
 * ```ts
 * new layers.ZeroPadding1D({ padding: [0, 1] }).apply(tensor([[[1], [2]]])); // [[[1], [2], [0]]]
 * ```
 */
export class ZeroPadding1D extends ZeroPadding {
  static override readonly className: string = 'ZeroPadding1D';
  static override readonly module: string | null = 'keras.layers';
}

/**
 * Zeros around rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.ZeroPadding2D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank
 * @example
 * ```ts
 * new layers.ZeroPadding2D({ padding: [[0, 1], [2, 2]] }).apply(ops.ones([1, 4, 4, 3])).shape; // [1, 5, 8, 3]
 * ```
 */
export class ZeroPadding2D extends ZeroPadding {
  static override readonly className: string = 'ZeroPadding2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link ZeroPadding2D}, over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.ZeroPadding3D`. */
export class ZeroPadding3D extends ZeroPadding {
  static override readonly className: string = 'ZeroPadding3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}
