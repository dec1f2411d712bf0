import { type ActivationFunction, activationField } from '../../activations.js';
import { type Constraint, constraintField } from '../../constraints.js';
import { call } from '../../core/call.js';
import { ArgumentError, ShapeError, StateError } from '../../core/errors.js';
import { type Fields, is, optional, required, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import * as ops from '../../ops/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type {
  ActivationIdentifier,
  ConstraintIdentifier,
  InitializerIdentifier,
  RegularizerIdentifier,
} from '../identifiers.js';
import { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Dense}. */
export interface DenseOptions extends LayerOptions {
  /** Size of the outputs' last axis, at least 1. */
  units: number;
  /** Applied to the outputs. @default null */
  activation?: ActivationIdentifier;
  /** Whether a bias is added. @default true */
  useBias?: boolean;
  /** First values of the kernel. @default 'glorot_uniform' */
  kernelInitializer?: InitializerIdentifier;
  /** First values of the bias. @default 'zeros' */
  biasInitializer?: InitializerIdentifier;
  /** Penalty on the kernel. @default null */
  kernelRegularizer?: RegularizerIdentifier;
  /** Penalty on the bias. @default null */
  biasRegularizer?: RegularizerIdentifier;
  /** Applied to the kernel after each update. @default null */
  kernelConstraint?: ConstraintIdentifier;
  /** Applied to the bias after each update. @default null */
  biasConstraint?: ConstraintIdentifier;
  /** Freezes the kernel and trains two thin matrices of this rank beside it. @default null */
  loraRank?: number | null;
  /** The thin matrices' product is scaled by loraAlpha / loraRank. @default loraRank */
  loraAlpha?: number | null;
  /** Kept for Keras' configs; only null. @default null */
  quantizationConfig?: null;
}

/**
 * A fully connected layer: `activation(x · kernel + bias)`.
 *
 * Inputs `[batch, ..., features]`, outputs `[batch, ..., units]`; the kernel is `[features, units]`, the bias `[units]`.
 *
 * Source: `keras.layers.Dense`, without quantization.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs of rank below 2, or of other features than the layer was built for
 * @example
 * ```ts
 * const y = new layers.Dense({ units: 2, activation: 'relu' }).apply(tensor([[1, 2, 3]]));
 * y.shape; // [1, 2]
 * ```
 */
export class Dense extends Layer {
  static override readonly className: string = 'Dense';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    units: required(is.integer({ min: 1 })),
    activation: activationField(null),
    useBias: optional(is.boolean, true),
    kernelInitializer: initializerField('glorot_uniform'),
    biasInitializer: initializerField('zeros'),
    kernelRegularizer: regularizerField(null),
    biasRegularizer: regularizerField(null),
    kernelConstraint: constraintField(null),
    biasConstraint: constraintField(null),
    quantizationConfig: optional((value, where) => {
      if (value !== null)
        throw new ArgumentError(
          `${where}: expected null, got ${show(value)}.`,
          "Use dtype: 'mixed_bfloat16' for smaller numbers.",
        );
      return value;
    }, null),
    loraRank: optional(is.nullable(is.integer({ min: 1 })), null),
    loraAlpha: optional(is.nullable(is.number()), null),
  };

  declare readonly units: number;
  declare readonly activation: ActivationFunction;
  declare readonly useBias: boolean;
  declare readonly kernelInitializer: Initializer;
  declare readonly biasInitializer: Initializer;
  declare readonly kernelRegularizer: Regularizer | null;
  declare readonly biasRegularizer: Regularizer | null;
  declare readonly kernelConstraint: Constraint | null;
  declare readonly biasConstraint: Constraint | null;
  declare readonly quantizationConfig: null;
  declare loraRank: number | null;
  declare loraAlpha: number | null;

  /** [features, units]; without what LoRA adds to it. Made by `build`. */
  declare kernel: Variable;
  /** [units], or null. Made by `build`. */
  declare bias: Variable | null;
  /** [features, loraRank] and [loraRank, units], where LoRA is enabled. */
  loraKernelA: Variable | null = null;
  loraKernelB: Variable | null = null;
  override inputSpec: InputSpec = new InputSpec({ minNdim: 2, axisNames: ['batch', '...', 'features'] });
  override supportsMasking = true;

  constructor(options: DenseOptions) {
    super(options);
    if (this.loraAlpha === null) this.loraAlpha = this.loraRank;
  }

  override build(inputShape: Shape): void {
    const features = inputShape.at(-1);
    if (inputShape.length < 2 || features == null) {
      throw new ShapeError(
        `${this.title}: expected an input shape [batch, ..., features] with known features, got ${formatShape(inputShape)}.`,
        'Give the last size: Input({ shape: [784] }).',
      );
    }
    this.kernel = this.addWeight({
      name: 'kernel',
      shape: [features, this.units],
      initializer: this.kernelInitializer,
      regularizer: this.kernelRegularizer,
      constraint: this.kernelConstraint,
    });
    this.bias = this.useBias
      ? this.addWeight({
          name: 'bias',
          shape: [this.units],
          initializer: this.biasInitializer,
          regularizer: this.biasRegularizer,
          constraint: this.biasConstraint,
        })
      : null;
    this.inputSpec = new InputSpec({ minNdim: 2, axes: { '-1': features }, axisNames: ['batch', '...', 'features'] });
    this.built = true;
    if (this.loraRank !== null) this.enableLora(this.loraRank, { loraAlpha: this.loraAlpha });
  }

  /**
   * Freezes the kernel and adds two thin matrices that are trained in its stead (LoRA, Hu et al. 2021).
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
      shape: [this.kernel.shape[0] as number, size],
      initializer: aInitializer,
    });
    this.loraKernelB = this.addWeight({
      ...shared,
      name: 'lora_kernel_b',
      shape: [size, this.units],
      initializer: bInitializer,
    });
    this.kernel.trainable = false;
    this.loraRank = size;
    this.loraAlpha = loraAlpha ?? size;
  }

  override call(inputs: Tensor): Tensor {
    const kernel = this.#effectiveKernel();
    // The operators below take one dtype; whole numbers and other floats are computed in the kernel's, as promotion would.
    const x = inputs.dtype === kernel.dtype ? inputs : ops.cast(inputs, kernel.dtype);
    return this.activation(product(x, kernel, this.bias));
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

/** x · kernel + bias as one operator, the transposed view of the kernel aside. */
function product(x: Tensor, kernel: Tensor, bias: Tensor | null): Tensor {
  if (x.ndim === 2) return bias === null ? call('aten::mm', x, kernel) : call('aten::addmm', bias, x, kernel);
  return call('aten::linear', x, call('aten::t', kernel), bias);
}
