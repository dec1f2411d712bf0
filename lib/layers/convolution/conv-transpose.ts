import { type Constraint, constraintField } from '../../constraints.js';
import { ArgumentError } from '../../core/errors.js';
import { type Fields, is, optional, required, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import { convolveTransposed } from '../../ops/convolve.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from '../identifiers.js';
import { sizes, spreadSizes } from '../sizes.js';
import { ConvolutionLayer, type ConvolutionOptions } from './convolution-layer.js';

/** Options of {@link Conv2DTranspose} and its siblings. */
export interface ConvTransposeOptions extends ConvolutionOptions {
  /** Number of output channels, at least 1. */
  filters: number;
  /** Numbers added behind each spatial axis of the outputs, below the stride; `null`: as the padding's rule says. @default null */
  outputPadding?: number | readonly number[] | null;
  /** First values of the kernel. @default 'glorot_uniform' */
  kernelInitializer?: InitializerIdentifier;
  /** Penalty on the kernel. @default null */
  kernelRegularizer?: RegularizerIdentifier;
  /** Applied to the kernel after each update. @default null */
  kernelConstraint?: ConstraintIdentifier;
}

/** The transposed of a convolution; a subclass says over how many axes. */
abstract class ConvTranspose extends ConvolutionLayer {
  static override readonly fields: Fields = {
    filters: required(is.integer({ min: 1 })),
    outputPadding: optional(is.nullable(sizes(0)), null),
    kernelInitializer: initializerField('glorot_uniform'),
    kernelRegularizer: regularizerField(null),
    kernelConstraint: constraintField(null),
  };

  declare readonly filters: number;
  declare readonly padding: 'valid' | 'same';
  /** One number for each axis, or null. */
  declare readonly outputPadding: readonly number[] | null;
  declare readonly kernelInitializer: Initializer;
  declare readonly kernelRegularizer: Regularizer | null;
  declare readonly kernelConstraint: Constraint | null;

  /** [...kernelSize, filters, channels]. Made by `build`. */
  declare kernel: Variable;

  constructor(options: ConvTransposeOptions) {
    super(options);
    this.refuseStridesWithDilation();
    if (this.outputPadding === null) return;
    const more = spreadSizes(`${this.title}: outputPadding`, this.outputPadding, this.rank);
    if (more.some((count, i) => count >= (this.strides[i] as number))) {
      throw new ArgumentError(
        `${this.title}: expected outputPadding below strides ${show(this.strides)}, got ${show(more)}.`,
        'Leave outputPadding out, or take larger strides.',
      );
    }
    Object.assign(this, { outputPadding: more });
  }

  override build(inputShape: Shape): void {
    this.kernel = this.addWeight({
      name: 'kernel',
      shape: [...this.kernelSize, this.filters, this.fixChannels(inputShape)],
      initializer: this.kernelInitializer,
      regularizer: this.kernelRegularizer,
      constraint: this.kernelConstraint,
    });
    this.bias = this.makeBias(this.filters);
    this.built = true;
  }

  override call(x: Tensor): Tensor {
    return this.activation(convolveTransposed(this.title, x, this.kernel, this, this.bias));
  }
}

/**
 * The transposed of a convolution over steps: `[batch, steps, channels]` becomes `[batch, more steps, filters]`, each input spread over a window.
 *
 * There are `steps * stride` outputs for 'same', `(steps - 1) * stride + max(reach, stride)` for 'valid', where `reach = (kernelSize - 1) * dilationRate + 1`.
 * The kernel is `[kernelSize, filters, channels]`, the bias `[filters]`. Source: `keras.layers.Conv1DTranspose`, as it computes on JAX and TensorFlow.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, or of other channels than the layer was built for
 * @example
 * ```ts
 * new layers.Conv1DTranspose({ filters: 8, kernelSize: 3, strides: 2, padding: 'same' }).apply(ops.zeros([2, 10, 4])).shape; // [2, 20, 8]
 * ```
 */
export class Conv1DTranspose extends ConvTranspose {
  static override readonly className: string = 'Conv1DTranspose';
  static override readonly module: string | null = 'keras.layers';
}

/** As {@link Conv1DTranspose}, over rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.Conv2DTranspose`. */
export class Conv2DTranspose extends ConvTranspose {
  static override readonly className: string = 'Conv2DTranspose';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link Conv1DTranspose}, over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.Conv3DTranspose`. */
export class Conv3DTranspose extends ConvTranspose {
  static override readonly className: string = 'Conv3DTranspose';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}
