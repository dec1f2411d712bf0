import type { DataFormat } from '../../core/config.js';
import { type Fields, is } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import { dropout } from '../../random/index.js';
import { dataFormatField } from '../data-format.js';
import { InputSpec } from '../input-spec.js';
import type { CallOptions } from '../inputs.js';
import type { LayerOptions } from '../layer-options.js';
import { Dropout } from './dropout.js';

/** Options of {@link SpatialDropout1D}. */
export interface SpatialDropoutOptions extends Pick<LayerOptions, 'name' | 'dtype'> {
  /** Share of the channels to drop, 0 to 1. */
  rate: number;
  /** Seed of the layer's own stream of random numbers. @default null: from the global seed */
  seed?: number | null;
}

/** Options of {@link SpatialDropout2D} and {@link SpatialDropout3D}. */
export interface SpatialDropoutNDOptions extends SpatialDropoutOptions {
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
}

/** Dropout whose pattern is the same at every step; a subclass says how many axes of steps there are. */
abstract class SpatialDropout extends Dropout {
  static override readonly fields: Fields = {
    noiseShape: { check: is.anything, takes: false, writes: false },
  };

  constructor(options: SpatialDropoutOptions) {
    super(options);
    this.inputSpec = new InputSpec({ ndim: this.rank + 2 });
  }

  /** Number of axes between batch and channels; siblings say 2 or 3. */
  protected get rank(): 1 | 2 | 3 {
    return 1;
  }

  protected get channelAxis(): number {
    return this.rank + 1;
  }

  override call(x: Tensor, { training }: CallOptions = {}): Tensor {
    if (!training || this.seedGenerator === null) return x;
    const pattern: Shape = x.shape.map((size, axis) => (axis === 0 || axis === this.channelAxis ? size : 1));
    return dropout(x, this.rate, { noiseShape: pattern, seed: this.seedGenerator });
  }

  override getConfig(): Record<string, unknown> {
    // Keras writes these alone, and the dtype by its name.
    const { rate, seed, name } = super.getConfig();
    return { rate, seed, name, dtype: this.dtype };
  }
}

abstract class SpatialDropoutND extends SpatialDropout {
  static override readonly fields: Fields = { dataFormat: dataFormatField };

  declare readonly dataFormat: DataFormat;

  constructor(options: SpatialDropoutNDOptions) {
    super(options);
  }

  protected override get channelAxis(): number {
    return this.dataFormat === 'channels_first' ? 1 : super.channelAxis;
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), dataFormat: this.dataFormat };
  }
}

/**
 * Sets a random share of the channels to 0 at all steps in training and scales the others by 1 / (1 - rate): `[batch, steps, channels]`.
 *
 * Outputs have the inputs' shape.
 *
 * Source: Tompson et al. 2014; `keras.layers.SpatialDropout1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank
 * @example
 * ```ts
 * new layers.SpatialDropout1D({ rate: 0.5, seed: 1 }).apply(ops.ones([8, 3, 5]), { training: true });
 * ```
 */
export class SpatialDropout1D extends SpatialDropout {
  static override readonly className: string = 'SpatialDropout1D';
  static override readonly module: string | null = 'keras.layers';
}

/** As {@link SpatialDropout1D}, for `[batch, rows, columns, channels]`. Source: `keras.layers.SpatialDropout2D`. */
export class SpatialDropout2D extends SpatialDropoutND {
  static override readonly className: string = 'SpatialDropout2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link SpatialDropout1D}, for `[batch, a, b, c, channels]`. Source: `keras.layers.SpatialDropout3D`. */
export class SpatialDropout3D extends SpatialDropoutND {
  static override readonly className: string = 'SpatialDropout3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}
