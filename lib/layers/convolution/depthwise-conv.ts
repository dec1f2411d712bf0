import { type Constraint, constraintField } from '../../constraints.js';
import { type Fields, is, optional, required } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import { convolve, convolveDepthwise } from '../../ops/convolve.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from '../identifiers.js';
import { ConvolutionLayer, type ConvolutionOptions } from './convolution-layer.js';

/** Options of {@link DepthwiseConv1D} and {@link DepthwiseConv2D}. */
export interface DepthwiseConvOptions extends ConvolutionOptions {
  /** Number of output channels for each input channel, at least 1. @default 1 */
  depthMultiplier?: number;
  /** First values of the kernel that works on single channels. @default 'glorot_uniform' */
  depthwiseInitializer?: InitializerIdentifier;
  /** Penalty on the kernel that works on single channels. @default null */
  depthwiseRegularizer?: RegularizerIdentifier;
  /** Applied to the kernel that works on single channels after each update. @default null */
  depthwiseConstraint?: ConstraintIdentifier;
}

/** Options of {@link SeparableConv1D} and {@link SeparableConv2D}. */
export interface SeparableConvOptions extends DepthwiseConvOptions {
  /** Number of output channels, at least 1. */
  filters: number;
  /** First values of the kernel that mixes channels. @default 'glorot_uniform' */
  pointwiseInitializer?: InitializerIdentifier;
  /** Penalty on the kernel that mixes channels. @default null */
  pointwiseRegularizer?: RegularizerIdentifier;
  /** Applied to the kernel that mixes channels after each update. @default null */
  pointwiseConstraint?: ConstraintIdentifier;
}

/** A kernel for each channel by itself. */
abstract class SingleChannels extends ConvolutionLayer {
  static override readonly fields: Fields = {
    depthMultiplier: optional(is.integer({ min: 1 }), 1),
    depthwiseInitializer: initializerField('glorot_uniform'),
    depthwiseRegularizer: regularizerField(null),
    depthwiseConstraint: constraintField(null),
  };

  declare readonly depthMultiplier: number;
  declare readonly padding: 'valid' | 'same';
  declare readonly depthwiseInitializer: Initializer;
  declare readonly depthwiseRegularizer: Regularizer | null;
  declare readonly depthwiseConstraint: Constraint | null;

  protected makeDepthwise(name: string, channels: number): Variable {
    return this.addWeight({
      name,
      shape: [...this.kernelSize, channels, this.depthMultiplier],
      initializer: this.depthwiseInitializer,
      regularizer: this.depthwiseRegularizer,
      constraint: this.depthwiseConstraint,
    });
  }
}

abstract class DepthwiseConv extends SingleChannels {
  /** [...kernelSize, channels, depthMultiplier]. Made by `build`. */
  declare kernel: Variable;

  constructor(options: DepthwiseConvOptions) {
    super(options);
  }

  override build(inputShape: Shape): void {
    const channels = this.fixChannels(inputShape);
    this.kernel = this.makeDepthwise('kernel', channels);
    this.bias = this.makeBias(channels * this.depthMultiplier);
    this.built = true;
  }

  override call(x: Tensor): Tensor {
    return this.activation(convolveDepthwise(this.title, x, this.kernel, this, this.bias));
  }
}

abstract class SeparableConv extends SingleChannels {
  static override readonly fields: Fields = {
    filters: required(is.integer({ min: 1 })),
    pointwiseInitializer: initializerField('glorot_uniform'),
    pointwiseRegularizer: regularizerField(null),
    pointwiseConstraint: constraintField(null),
  };

  declare readonly filters: number;
  declare readonly pointwiseInitializer: Initializer;
  declare readonly pointwiseRegularizer: Regularizer | null;
  declare readonly pointwiseConstraint: Constraint | null;

  /** [...kernelSize, channels, depthMultiplier]. Made by `build`. */
  declare depthwiseKernel: Variable;
  /** [...1, channels · depthMultiplier, filters]. Made by `build`. */
  declare pointwiseKernel: Variable;

  constructor(options: SeparableConvOptions) {
    super(options);
  }

  override build(inputShape: Shape): void {
    const channels = this.fixChannels(inputShape);
    this.depthwiseKernel = this.makeDepthwise('depthwise_kernel', channels);
    this.pointwiseKernel = this.addWeight({
      name: 'pointwise_kernel',
      shape: [...this.kernelSize.map(() => 1), channels * this.depthMultiplier, this.filters],
      initializer: this.pointwiseInitializer,
      regularizer: this.pointwiseRegularizer,
      constraint: this.pointwiseConstraint,
    });
    this.bias = this.makeBias(this.filters);
    this.built = true;
  }

  override call(x: Tensor): Tensor {
    const ones = this.strides.map(() => 1);
    const single = convolveDepthwise(this.title, x, this.depthwiseKernel, this);
    const pointwise = { strides: ones, padding: 'valid', dataFormat: this.dataFormat, dilationRate: ones } as const;
    return this.activation(convolve(this.title, single, this.pointwiseKernel, pointwise, this.bias));
  }
}

/**
 * Convolution of each channel by itself, over steps: `[batch, steps, channels]` becomes `[batch, windows, channels · depthMultiplier]`.
 *
 * The kernel is `[kernelSize, channels, depthMultiplier]`, the bias `[channels · depthMultiplier]`. Source: `keras.layers.DepthwiseConv1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, of other channels than the layer was built for, or shorter than the kernel
 * @example
 * ```ts
 * new layers.DepthwiseConv1D({ kernelSize: 3, depthMultiplier: 2 }).apply(ops.zeros([2, 10, 4])).shape; // [2, 8, 8]
 * ```
 */
export class DepthwiseConv1D extends DepthwiseConv {
  static override readonly className: string = 'DepthwiseConv1D';
  static override readonly module: string | null = 'keras.layers';
}

/** As {@link DepthwiseConv1D}, over rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.DepthwiseConv2D`. */
export class DepthwiseConv2D extends DepthwiseConv {
  static override readonly className: string = 'DepthwiseConv2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/**
 * Convolution of each channel by itself over steps, then a mix of the channels: `[batch, steps, channels]` becomes `[batch, windows, filters]`.
 *
 * The kernels are `[kernelSize, channels, depthMultiplier]` and `[1, channels · depthMultiplier, filters]`, the bias `[filters]`.
 * Source: `keras.layers.SeparableConv1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, of other channels than the layer was built for, or shorter than the kernel
 * @example
 * ```ts
 * new layers.SeparableConv1D({ filters: 6, kernelSize: 3 }).apply(ops.zeros([2, 10, 4])).shape; // [2, 8, 6]
 * ```
 */
export class SeparableConv1D extends SeparableConv {
  static override readonly className: string = 'SeparableConv1D';
  static override readonly module: string | null = 'keras.layers';
}

/** As {@link SeparableConv1D}, over rows and columns: `[batch, rows, columns, channels]`. Source: `keras.layers.SeparableConv2D`. */
export class SeparableConv2D extends SeparableConv {
  static override readonly className: string = 'SeparableConv2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}
