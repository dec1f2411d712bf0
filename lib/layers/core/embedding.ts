import { type Constraint, constraintField } from '../../constraints.js';
import { call } from '../../core/call.js';
import { ArgumentError, NativeError, StateError } from '../../core/errors.js';
import { type Fields, is, optional, required, show } from '../../core/fields.js';
import { formatShape, type ShapedData, Tensor, type TensorLike } from '../../core/tensor.js';
import { isPlainObject } from '../../core/tree.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import * as ops from '../../ops/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from '../identifiers.js';
import type { LayerInputs, MaskTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Embedding}. */
export interface EmbeddingOptions extends Omit<LayerOptions, 'inputDim'> {
  /** Number of rows, at least 1: indices are from 0 up to, not including, it. */
  inputDim: number;
  /** Size of a row, at least 1. */
  outputDim: number;
  /** First values of the rows. @default 'uniform': from -0.05 to 0.05 */
  embeddingsInitializer?: InitializerIdentifier;
  /** Penalty on the rows. @default null */
  embeddingsRegularizer?: RegularizerIdentifier;
  /** Applied to the rows after each update. @default null */
  embeddingsConstraint?: ConstraintIdentifier;
  /** Whether index 0 stands for no step at all: outputs carry a mask that is false there. @default false */
  maskZero?: boolean;
  /** The rows to begin with, [inputDim, outputDim]: the layer is built at once. @default null */
  weights?: TensorLike | readonly [ShapedData | Tensor] | null;
  /** Freezes the rows and trains two thin matrices of this rank beside them. @default null */
  loraRank?: number | null;
  /** The thin matrices' product is scaled by loraAlpha / loraRank. @default loraRank */
  loraAlpha?: number | null;
  /** Kept for Keras' configs; only null. @default null */
  quantizationConfig?: null;
}

/**
 * A table of vectors, looked up by whole numbers: `embeddings[index]`.
 *
 * Inputs `[batch, ...]` of whole numbers from 0 to inputDim - 1 (other numbers are cut to int32), outputs `[batch, ..., outputDim]`; the table
 * `embeddings` is `[inputDim, outputDim]`. An index outside the table is an error, eager and recorded.
 *
 * Source: `keras.layers.Embedding`, without quantization. Unlike there, `loraAlpha` given to the constructor counts.
 *
 * @throws {ArgumentError} for wrong options, and for an index outside the table
 * @example
 * ```ts
 * const y = new layers.Embedding({ inputDim: 1000, outputDim: 64 }).apply(tensor([[4, 20]], { dtype: 'int32' }));
 * y.shape; // [1, 2, 64]
 * ```
 */
export class Embedding extends Layer {
  static override readonly className: string = 'Embedding';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    inputDim: required(is.integer({ min: 1 })),
    outputDim: required(is.integer({ min: 1 })),
    embeddingsInitializer: initializerField('uniform'),
    embeddingsRegularizer: regularizerField(null),
    embeddingsConstraint: constraintField(null),
    maskZero: optional(is.boolean, false),
    weights: optional(is.anything, null, { writes: false }),
    quantizationConfig: optional((value, where) => {
      if (value === null) return value;
      throw new ArgumentError(
        `${where}: expected null, got ${show(value)}.`,
        "Use dtype: 'mixed_bfloat16' for smaller numbers.",
      );
    }, null),
    loraRank: optional(is.nullable(is.integer({ min: 1 })), null),
    loraAlpha: optional(is.nullable(is.number()), null),
  };

  declare readonly inputDim: number;
  declare readonly outputDim: number;
  declare readonly embeddingsInitializer: Initializer;
  declare readonly embeddingsRegularizer: Regularizer | null;
  declare readonly embeddingsConstraint: Constraint | null;
  declare readonly maskZero: boolean;
  declare readonly quantizationConfig: null;
  declare loraRank: number | null;
  declare loraAlpha: number | null;

  /** [inputDim, outputDim]; without what LoRA adds to it. Made by `build`. */
  declare embeddings: Variable;
  /** [inputDim, loraRank] and [loraRank, outputDim], where LoRA is enabled. */
  loraEmbeddingsA: Variable | null = null;
  loraEmbeddingsB: Variable | null = null;

  constructor(options: EmbeddingOptions) {
    super(options);
    // The option stands where the base class's accessor of all weights belongs.
    const first = Object.getOwnPropertyDescriptor(this, 'weights')?.value as EmbeddingOptions['weights'];
    Reflect.deleteProperty(this, 'weights');
    if (this.loraAlpha === null) this.loraAlpha = this.loraRank;
    this.supportsMasking = this.maskZero;
    // Indices given as floats would lose digits in half precision.
    Object.assign(this, { autocast: false });
    if (first === null || first === undefined) return;
    this.build();
    this.setWeights(isListOfOne(first) ? [...first] : [first as TensorLike]);
  }

  override build(): void {
    this.embeddings = this.addWeight({
      name: 'embeddings',
      shape: [this.inputDim, this.outputDim],
      initializer: this.embeddingsInitializer,
      regularizer: this.embeddingsRegularizer,
      constraint: this.embeddingsConstraint,
    });
    this.built = true;
    if (this.loraRank !== null) this.enableLora(this.loraRank, { loraAlpha: this.loraAlpha });
  }

  /**
   * Freezes the rows and adds two thin matrices that are trained in their stead (LoRA, Hu et al. 2021).
   * @throws {StateError} before `build`, with an embeddingsConstraint, or a second time
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
    if (this.embeddingsConstraint !== null) {
      throw new StateError(`${where}: expected a layer without embeddingsConstraint.`, 'Leave the constraint out.');
    }
    if (!this.built) throw new StateError(`${where}: expected a built layer.`, 'Call layer.build() first.');
    if (this.loraEmbeddingsA !== null) {
      throw new StateError(`${where}: LoRA is enabled already.`, 'It can be enabled once.');
    }
    const size = is.integer({ min: 1 })(rank, `${where}: rank`);
    const { loraAlpha, aInitializer = 'he_uniform', bInitializer = 'zeros' } = options;
    const shared = { dtype: 'float32', regularizer: this.embeddingsRegularizer } as const;
    this.loraEmbeddingsA = this.addWeight({
      ...shared,
      name: 'lora_embeddings_a',
      shape: [this.inputDim, size],
      initializer: aInitializer,
    });
    this.loraEmbeddingsB = this.addWeight({
      ...shared,
      name: 'lora_embeddings_b',
      shape: [size, this.outputDim],
      initializer: bInitializer,
    });
    this.embeddings.trainable = false;
    this.loraRank = size;
    this.loraAlpha = loraAlpha ?? size;
  }

  override computeMask(inputs: LayerInputs, _mask?: MaskTree): MaskTree {
    return this.maskZero ? ops.notEqual(inputs as Tensor, 0) : null;
  }

  override call(x: Tensor): Tensor {
    const indices = x.dtype === 'int32' || x.dtype === 'int64' ? x : ops.cast(x, 'int32');
    const rows = this.#lookUp(this.embeddings, indices);
    const { loraEmbeddingsA: a, loraEmbeddingsB: b, loraRank, loraAlpha } = this;
    if (a === null || b === null) return ops.cast(rows, this.computeDtype);
    // The rows looked up first, then the product: the whole table need not be formed.
    const delta = ops.matmul(this.#lookUp(a, indices), b);
    const scaled = ops.multiply(delta, (loraAlpha as number) / (loraRank as number));
    return ops.cast(ops.add(rows, scaled), this.computeDtype);
  }

  #lookUp(table: Tensor, indices: Tensor): Tensor {
    try {
      return call('aten::embedding', table, indices);
    } catch (error) {
      if (!(error instanceof NativeError) || !/out of range/.test(error.message)) throw error;
      throw new ArgumentError(
        `${this.title}: expected indices from 0 to ${this.inputDim - 1}, got ${ops.min(indices).item()} to ${ops.max(indices).item()} in ${formatShape(indices.shape)}.`,
        'inputDim is the largest index and one more: words with reserved numbers count too.',
        { cause: error },
      );
    }
  }

  override getConfig(): Record<string, unknown> {
    const { loraRank, loraAlpha, activityRegularizer = null, ...config } = super.getConfig();
    // Keras writes this layer's activity regularizer also where there is none.
    return { ...config, activityRegularizer, ...(loraRank !== null && { loraRank, loraAlpha }) };
  }
}

/** True for `[rows]`, the form in which `getWeights` answers them, which is no table of one row. */
function isListOfOne(value: unknown): value is [TensorLike] {
  if (!Array.isArray(value) || value.length !== 1) return false;
  const [only] = value as unknown[];
  return only instanceof Tensor || isPlainObject(only) || (Array.isArray(only) && Array.isArray(only[0]));
}
