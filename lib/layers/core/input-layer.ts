import { config } from '../../core/config.js';
import type { DType } from '../../core/dtype.js';
import { ArgumentError } from '../../core/errors.js';
import { type Fields, is, optional } from '../../core/fields.js';
import { type Shape, SymbolicTensor } from '../../core/symbolic.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import { Layer } from '../layer.js';

/** Options of {@link Input}. */
export interface InputOptions {
  /** Shape of one sample, without the batch; `null` where a size varies. */
  shape?: Shape | null;
  /** Number of samples in a batch, where it is fixed. @default null */
  batchSize?: number | null;
  /** Element type of the data. @default floatx */
  dtype?: DType | null;
  /** Shape with the batch, instead of `shape` and `batchSize`. */
  batchShape?: Shape | null;
  /** Name of the input. @default 'input_layer' with a number */
  name?: string | null;
  /** Whether the input may be `null`. @default false */
  optional?: boolean;
  /** Kept for Keras' configs; only false. @default false */
  sparse?: boolean | null;
  /** Kept for Keras' configs; only false. @default false */
  ragged?: boolean | null;
}

/** Options of {@link InputLayer}. */
export interface InputLayerOptions extends InputOptions {
  /** A symbolic tensor to stand for, instead of a shape. */
  inputTensor?: SymbolicTensor | null;
}

const unavailable = (value: unknown, where: string): boolean => {
  if (value === null || value === false) return false;
  throw new ArgumentError(
    `${where}: expected false, got ${String(value)}.`,
    'Give dense tensors; pad rows of different lengths.',
  );
};

/** The layer behind {@link Input}: the place where data enters a model (`keras.layers.InputLayer`). */
export class InputLayer extends Layer {
  static override readonly className: string = 'InputLayer';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    shape: optional(is.nullable(is.shape), null, { writes: false }),
    batchSize: optional(is.nullable(is.integer({ min: 0 })), null, { writes: false }),
    batchShape: optional(is.nullable(is.shape), null),
    dtype: optional(is.nullable(is.dtype), null),
    sparse: optional(unavailable, false),
    ragged: optional(unavailable, false),
    optional: optional(is.boolean, false),
    inputTensor: optional(is.nullable(is.instance(SymbolicTensor, 'a symbolic tensor')), null, { writes: false }),
    trainable: { check: is.boolean, takes: false, writes: false },
    activityRegularizer: { check: is.anything, takes: false, writes: false },
    autocast: { check: is.boolean, takes: false, writes: false },
    inputShape: { check: is.anything, takes: false, writes: false },
    inputDim: { check: is.anything, takes: false, writes: false },
  };

  /** Shape with the batch. */
  declare readonly batchShape: Shape;
  declare readonly sparse: boolean;
  declare readonly ragged: boolean;
  /** Whether the input may be `null`. */
  declare readonly optional: boolean;
  readonly #dtype: DType;

  /** @throws {ArgumentError} unless exactly one of `shape`, `batchShape` and `inputTensor` says the shape */
  constructor(options: InputLayerOptions = {}) {
    const { dtype, ...others } = options;
    super({ ...others, ...(dtype != null && { dtype }) });
    const given = this as unknown as InputLayerOptions;
    const { shape, batchSize, batchShape, inputTensor } = given;
    let full: Shape;
    if (inputTensor != null) {
      full = inputTensor.shape;
      const wrong =
        (shape != null && formatShape(shape) !== formatShape(full.slice(1))) ||
        (batchShape != null && formatShape(batchShape) !== formatShape(full)) ||
        (batchSize != null && batchSize !== full[0]) ||
        (dtype != null && dtype !== inputTensor.dtype);
      if (wrong) {
        throw new ArgumentError(
          `${this.title}: expected options that agree with the tensor of ${inputTensor.dtype}${formatShape(full)}.`,
          'Give the tensor alone.',
        );
      }
    } else {
      if (shape != null && batchShape != null) {
        throw new ArgumentError(
          `${this.title}: expected either shape or batchShape, got both.`,
          'batchShape holds the batch too.',
        );
      }
      if (batchSize != null && batchShape != null) {
        throw new ArgumentError(
          `${this.title}: expected either batchSize or batchShape, got both.`,
          'batchShape holds the batch too.',
        );
      }
      if (shape == null && batchShape == null) {
        throw new ArgumentError(
          `${this.title}: expected a shape, got none.`,
          'Write Input({ shape: [784] }): one sample, without the batch.',
        );
      }
      full = batchShape ?? [batchSize ?? null, ...(shape as Shape)];
    }
    for (const name of ['shape', 'batchSize', 'inputTensor'] as const) delete given[name];
    Object.assign(this, { batchShape: full });
    this.#dtype = inputTensor?.dtype ?? dtype ?? config.floatx();
    this.built = true;
    this.addNode([], {}, inputTensor ?? new SymbolicTensor({ shape: full, dtype: this.#dtype, name: this.name }));
  }

  /** Element type of the data. */
  override get dtype(): DType {
    return this.#dtype;
  }

  override call(x: Tensor): Tensor {
    return x;
  }

  override getConfig(): Record<string, unknown> {
    const { batchShape, dtype, sparse, ragged, name, optional } = this;
    return { batchShape: [...batchShape], dtype, sparse, ragged, name, optional };
  }
}

/**
 * A symbolic tensor for data that comes later: `keras.Input`. First in a `Sequential`, or the start of a functional model.
 *
 * @throws {ArgumentError} without a shape, or with one given twice
 * @example
 * ```ts
 * const model = new Sequential([Input({ shape: [784] }), new layers.Dense({ units: 10 })]);
 * ```
 */
export function Input(options: InputOptions & { tensor?: SymbolicTensor | null }): SymbolicTensor {
  if (options === null || typeof options !== 'object' || Array.isArray(options)) {
    throw new ArgumentError('Input: expected an object of options.', 'Write Input({ shape: [784] }).');
  }
  const { tensor, ...others } = options;
  return new InputLayer({ ...others, ...(tensor != null && { inputTensor: tensor }) }).output;
}
