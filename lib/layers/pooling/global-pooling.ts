import type { DataFormat } from '../../core/config.js';
import { type Fields, is, optional } from '../../core/fields.js';
import { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import { dataFormatField } from '../data-format.js';
import { InputSpec } from '../input-spec.js';
import type { CallOptions, MaskTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { axisNames, spatialAxes } from './window.js';

/** Options of layers that pool over all steps, rows and columns. */
export interface GlobalPoolingOptions extends LayerOptions {
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
  /** Whether the pooled axes stay, with size 1. @default false */
  keepdims?: boolean;
}

/** Pooling over all spatial axes at once; a subclass says how many there are and what is taken of them. */
abstract class GlobalPooling extends Layer {
  static override readonly fields: Fields = {
    dataFormat: dataFormatField,
    keepdims: optional(is.boolean, false),
  };

  declare readonly dataFormat: DataFormat;
  declare readonly keepdims: boolean;
  override built = true;
  override inputSpec: InputSpec;

  constructor(options: GlobalPoolingOptions = {}) {
    super(options);
    this.inputSpec = new InputSpec({ ndim: this.rank + 2, axisNames: axisNames(this.rank, this.dataFormat) });
  }

  /** Number of axes between batch and channels; siblings say 2 or 3. */
  protected get rank(): 1 | 2 | 3 {
    return 1;
  }

  protected get pooled(): { axis: readonly number[]; keepdims: boolean } {
    return { axis: spatialAxes(this.rank, this.dataFormat), keepdims: this.keepdims };
  }
}

abstract class GlobalMaxPooling extends GlobalPooling {
  override call(x: Tensor): Tensor {
    return ops.max(x, this.pooled);
  }
}

abstract class GlobalAveragePooling extends GlobalPooling {
  override call(x: Tensor, _options?: CallOptions): Tensor {
    return ops.mean(x, this.pooled);
  }
}

/**
 * The largest value of each channel over all steps: `[batch, steps, channels]` becomes `[batch, channels]`.
 *
 * Source: `keras.layers.GlobalMaxPooling1D`. Masked steps count as well, as there.
 *
 * @throws {ShapeError} for inputs of another rank, or without steps
 * @example
 * ```ts
 * new layers.GlobalMaxPooling1D().apply(tensor([[[1, 5], [3, 2]]])); // [[3, 5]]
 * ```
 */
export class GlobalMaxPooling1D extends GlobalMaxPooling {
  static override readonly className: string = 'GlobalMaxPooling1D';
  static override readonly module: string | null = 'keras.layers';
}

/** As {@link GlobalMaxPooling1D}, over rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.GlobalMaxPooling2D`. */
export class GlobalMaxPooling2D extends GlobalMaxPooling {
  static override readonly className: string = 'GlobalMaxPooling2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link GlobalMaxPooling1D}, over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.GlobalMaxPooling3D`. */
export class GlobalMaxPooling3D extends GlobalMaxPooling {
  static override readonly className: string = 'GlobalMaxPooling3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}

/**
 * The mean of each channel over all steps: `[batch, steps, channels]` becomes `[batch, channels]`. Masked steps (`[batch, steps]`) are left out.
 *
 * Source: `keras.layers.GlobalAveragePooling1D`. Where all steps are masked the result is NaN, as there.
 *
 * @throws {ShapeError} for inputs of another rank
 * @example
 * ```ts
 * new layers.GlobalAveragePooling1D().apply(tensor([[[1, 5], [3, 2]]])); // [[2, 3.5]]
 * ```
 */
export class GlobalAveragePooling1D extends GlobalAveragePooling {
  static override readonly className: string = 'GlobalAveragePooling1D';
  static override readonly module: string | null = 'keras.layers';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { mask: null };
  override supportsMasking = true;

  override computeMask(): MaskTree {
    return null;
  }

  override call(x: Tensor, { mask }: CallOptions = {}): Tensor {
    if (!(mask instanceof Tensor)) return super.call(x);
    const kept = ops.cast(ops.expandDims(mask, this.dataFormat === 'channels_last' ? 2 : 1), 'bool');
    return ops.divide(ops.sum(ops.where(kept, x, 0), this.pooled), ops.sum(ops.cast(kept, x.dtype), this.pooled));
  }
}

/** The mean of each channel over rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.GlobalAveragePooling2D`. */
export class GlobalAveragePooling2D extends GlobalAveragePooling {
  static override readonly className: string = 'GlobalAveragePooling2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** The mean of each channel over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.GlobalAveragePooling3D`. */
export class GlobalAveragePooling3D extends GlobalAveragePooling {
  static override readonly className: string = 'GlobalAveragePooling3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}
