import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { type Fields, is, optional, show } from '../core/fields.js';
import { formatShape, Tensor, type TensorLike, tensor } from '../core/tensor.js';
import { cast, eye, multiply, ones, zeros } from '../ops/index.js';
import { Initializer } from './initializer.js';

/** Zeros. Source: `keras.initializers.Zeros`. */
export class Zeros extends Initializer {
  static override readonly className: string = 'Zeros';
  static override readonly module: string | null = 'keras.initializers';

  override call(shape: readonly number[], dtype: DType): Tensor {
    return zeros(shape, { dtype });
  }
}

/** Ones. Source: `keras.initializers.Ones`. */
export class Ones extends Initializer {
  static override readonly className: string = 'Ones';
  static override readonly module: string | null = 'keras.initializers';

  override call(shape: readonly number[], dtype: DType): Tensor {
    return ones(shape, { dtype });
  }
}

/** Options of {@link Constant}. */
export interface ConstantOptions {
  /** A number, or values that broadcast to the weight's shape. @default 0 */
  value?: TensorLike;
}

function checkValue(value: unknown, where: string): TensorLike {
  const ok =
    typeof value === 'number' ||
    typeof value === 'boolean' ||
    Array.isArray(value) ||
    value instanceof Tensor ||
    ArrayBuffer.isView(value);
  if (!ok) throw new ArgumentError(`${where}: expected a number, an array or a tensor, got ${show(value)}.`);
  return value as TensorLike;
}

/**
 * One value everywhere. Source: `keras.initializers.Constant`.
 *
 * @example
 * ```ts
 * new initializers.Constant({ value: 0.1 }).apply([3]); // [0.1, 0.1, 0.1]
 * ```
 */
export class Constant extends Initializer {
  static override readonly className: string = 'Constant';
  static override readonly module: string | null = 'keras.initializers';
  static override readonly fields: Fields = {
    value: optional(checkValue, 0, {
      toConfig: (value: TensorLike) =>
        value instanceof Tensor ? value.arraySync() : ArrayBuffer.isView(value) ? tensor(value).arraySync() : value,
    }),
  };

  declare readonly value: TensorLike;

  constructor(options: ConstantOptions = {}) {
    super(options);
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    return cast(multiply(cast(this.value, dtype), ones(shape, { dtype })), dtype);
  }
}

/** Options of {@link Identity}. */
export interface IdentityOptions {
  /** What stands on the diagonal. @default 1 */
  gain?: number;
}

/**
 * A number on the main diagonal of a matrix, zeros elsewhere. Source: `keras.initializers.Identity`.
 *
 * As in Keras, the config says nothing of the gain: an initializer made from it has gain 1.
 */
export class Identity extends Initializer {
  static override readonly className: string = 'Identity';
  static override readonly module: string | null = 'keras.initializers';
  // Keras' configs leave the gain out, and files must be equal to Keras'.
  static override readonly fields: Fields = { gain: optional(is.number(), 1, { writes: false }) };

  declare readonly gain: number;

  constructor(options: IdentityOptions = {}) {
    super(options);
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    if (shape.length !== 2) {
      throw new ShapeError(
        `Identity: expected the shape of a matrix, got ${formatShape(shape)}.`,
        'Use another initializer, such as Orthogonal.',
      );
    }
    return multiply(eye(shape[0] as number, { M: shape[1] as number, dtype }), this.gain);
  }
}
