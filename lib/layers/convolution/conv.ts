import { type Constraint, constraintField } from '../../constraints.js';
import { ArgumentError, ShapeError, StateError } from '../../core/errors.js';
import { type Fields, is, optional, required } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import { convolve } from '../../ops/convolve.js';
import * as ops from '../../ops/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from '../identifiers.js';
import { ConvolutionLayer, type ConvolutionOptions, paddingOf } from './convolution-layer.js';

/** Options of {@link Conv2D} and {@link Conv3D}. */
export interface ConvOptions extends ConvolutionOptions {
  /** Number of output channels, at least 1. */
  filters: number;
  /** In how many groups channels are taken, each with filters of its own: a divisor of both. @default 1 */
  groups?: number;
  /** First values of the kernel. @default 'glorot_uniform' */
  kernelInitializer?: InitializerIdentifier;
  /** Penalty on the kernel. @default null */
  kernelRegularizer?: RegularizerIdentifier;
  /** Applied to the kernel after each update. @default null */
  kernelConstraint?: ConstraintIdentifier;
  /** Freezes the kernel and trains two thin tensors of this rank beside it. @default null */
  loraRank?: number | null;
  /** The thin tensors' product is scaled by loraAlpha / loraRank. @default loraRank */
  loraAlpha?: number | null;
}

/** Options of {@link Conv1D}. */
export interface Conv1DOptions extends Omit<ConvOptions, 'padding'> {
  /** As for all, or 'causal': zeros before the first step, so that no output sees a later step. @default 'valid' */
  padding?: 'valid' | 'same' | 'causal';
}

/** Convolution; a subclass says over how many axes. */
abstract class Conv extends ConvolutionLayer {
  static override readonly fields: Fields = {
    filters: required(is.integer({ min: 1 })),
    groups: optional(is.integer({ min: 1 }), 1),
    kernelInitializer: initializerField('glorot_uniform'),
    kernelRegularizer: regularizerField(null),
    kernelConstraint: constraintField(null),
    loraRank: optional(is.nullable(is.integer({ min: 1 })), null),
    loraAlpha: optional(is.nullable(is.number()), null),
  };

  declare readonly filters: number;
  declare readonly groups: number;
  declare readonly kernelInitializer: Initializer;
  declare readonly kernelRegularizer: Regularizer | null;
  declare readonly kernelConstraint: Constraint | null;
  declare loraRank: number | null;
  declare loraAlpha: number | null;

  /** [...kernelSize, channels / groups, filters]; without what LoRA adds to it. Made by `build`. */
  declare kernel: Variable;
  /** [...kernelSize, channels / groups, loraRank] and [loraRank, filters], where LoRA is enabled. */
  loraKernelA: Variable | null = null;
  loraKernelB: Variable | null = null;

  constructor(options: ConvOptions) {
    super(options);
    this.refuseStridesWithDilation();
    if (this.filters % this.groups !== 0) {
      throw new ArgumentError(
        `${this.title}: expected filters that are a multiple of groups ${this.groups}, got ${this.filters}.`,
      );
    }
    if (this.loraAlpha === null) this.loraAlpha = this.loraRank;
  }

  override build(inputShape: Shape): void {
    const channels = this.fixChannels(inputShape);
    if (channels % this.groups !== 0) {
      throw new ShapeError(
        `${this.title}: expected channels that are a multiple of groups ${this.groups}, got ${channels} in ${formatShape(inputShape)}.`,
      );
    }
    this.kernel = this.addWeight({
      name: 'kernel',
      shape: [...this.kernelSize, channels / this.groups, this.filters],
      initializer: this.kernelInitializer,
      regularizer: this.kernelRegularizer,
      constraint: this.kernelConstraint,
    });
    this.bias = this.makeBias(this.filters);
    this.built = true;
    if (this.loraRank !== null) this.enableLora(this.loraRank, { loraAlpha: this.loraAlpha });
  }

  /**
   * Freezes the kernel and adds two thin tensors that are trained in its stead (LoRA, Hu et al. 2021).
   * @throws {StateError} before `build`, with a kernel constraint, or a second time
   */
  enableLora(
    rank: number,
    options: {
      loraAlpha?: number | null;
      aInitializer?: InitializerIdentifier;
      bInitializer?: InitializerIdentifier;
    } = {},
  ): void {
    const where = `${this.title}: enableLora`;
    if (this.kernelConstraint !== null) {
      throw new StateError(`${where}: expected a layer without kernelConstraint.`, 'Leave kernelConstraint out.');
    }
    if (!this.built) throw new StateError(`${where}: expected a built layer.`, 'Call layer.build(inputShape) first.');
    if (this.loraKernelA !== null)
      throw new StateError(`${where}: LoRA is enabled already.`, 'It can be enabled once.');
    const size = is.integer({ min: 1 })(rank, `${where}: rank`);
    const { loraAlpha, aInitializer = 'he_uniform', bInitializer = 'zeros' } = options;
    const shared = { dtype: 'float32', regularizer: this.kernelRegularizer } as const;
    this.loraKernelA = this.addWeight({
      ...shared,
      name: 'lora_kernel_a',
      shape: [...this.kernel.shape.slice(0, -1), size],
      initializer: aInitializer,
    });
    this.loraKernelB = this.addWeight({
      ...shared,
      name: 'lora_kernel_b',
      shape: [size, this.filters],
      initializer: bInitializer,
    });
    this.kernel.trainable = false;
    this.loraRank = size;
    this.loraAlpha = loraAlpha ?? size;
  }

  override call(x: Tensor): Tensor {
    return this.activation(convolve(this.title, x, this.#effectiveKernel(), this, this.bias));
  }

  override getConfig(): Record<string, unknown> {
    const { loraRank, loraAlpha, ...config } = super.getConfig();
    return loraRank === null ? config : { ...config, loraRank, loraAlpha };
  }

  #effectiveKernel(): Tensor {
    const { loraKernelA, loraKernelB, loraRank, loraAlpha } = this;
    if (loraKernelA === null || loraKernelB === null) return this.kernel;
    const delta = ops.multiply(ops.matmul(loraKernelA, loraKernelB), (loraAlpha as number) / (loraRank as number));
    return ops.add(this.kernel, delta);
  }
}

/**
 * Convolution over steps: `[batch, steps, channels]` becomes `[batch, windows, filters]`, each output the weighted sum of a window of steps.
 *
 * The kernel is `[kernelSize, channels / groups, filters]`, the bias `[filters]`. Source: `keras.layers.Conv1D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, of other channels than the layer was built for, or shorter than the kernel
 * @example
 * ```ts
 * new layers.Conv1D({ filters: 8, kernelSize: 3, padding: 'causal' }).apply(ops.zeros([2, 10, 4])).shape; // [2, 10, 8]
 * ```
 */
export class Conv1D extends Conv {
  static override readonly className: string = 'Conv1D';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { padding: optional(paddingOf('valid', 'same', 'causal'), 'valid') };

  constructor(options: Conv1DOptions) {
    super(options as ConvOptions);
  }
}

/**
 * Convolution over rows and columns: `[batch, rows, columns, channels]` becomes `[batch, rows', columns', filters]`.
 *
 * The kernel is `[...kernelSize, channels / groups, filters]`, the bias `[filters]`. Source: `keras.layers.Conv2D`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of another rank, of other channels than the layer was built for, or smaller than the kernel
 * @example
 * ```ts
 * const layer = new layers.Conv2D({ filters: 32, kernelSize: 3, activation: 'relu' });
 * layer.apply(ops.zeros([2, 28, 28, 1])).shape; // [2, 26, 26, 32]
 * layer.kernel.shape; // [3, 3, 1, 32]
 * ```
 */
export class Conv2D extends Conv {
  static override readonly className: string = 'Conv2D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 2 {
    return 2;
  }
}

/** As {@link Conv2D}, over three axes: `[batch, a, b, c, channels]`. Source: `keras.layers.Conv3D`. */
export class Conv3D extends Conv {
  static override readonly className: string = 'Conv3D';
  static override readonly module: string | null = 'keras.layers';
  protected override get rank(): 3 {
    return 3;
  }
}
