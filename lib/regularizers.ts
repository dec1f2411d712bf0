import { Configurable, type SerializedObject, serialized } from './core/configurable.js';
import { ArgumentError, ShapeError } from './core/errors.js';
import { defineFamily, type Family } from './core/family.js';
import { type Checker, type Field, type Fields, is, optional, required, show } from './core/fields.js';
import { formatShape, Tensor, type TensorLike, tensor } from './core/tensor.js';
import { functionConfig } from './losses/wrapper.js';
import * as ops from './ops/index.js';

function asWeight(x: TensorLike): Tensor {
  return x instanceof Tensor ? x : tensor(x);
}

const isStrength = is.number({ min: 0 });
// Keras takes null for the default.
const strength =
  (fallback: number): Checker<number> =>
  (value, where) => {
    if (value === Number.POSITIVE_INFINITY)
      throw new ArgumentError(`${where}: expected a finite number of at least 0, got Infinity.`);
    return value === null ? fallback : isStrength(value, where);
  };

/**
 * Base of regularizers: penalties on weights or outputs that are added to the loss.
 *
 * A subclass implements `apply(x)`, which answers one number. It is recorded with the training step. Source: Keras' `Regularizer`.
 *
 * @example
 * ```ts
 * class L3 extends Regularizer {
 *   override apply(x: TensorLike): Tensor {
 *     return ops.multiply(ops.sum(ops.power(ops.abs(x), 3)), 0.01);
 *   }
 * }
 * ```
 */
export abstract class Regularizer extends Configurable {
  /** The penalty: a number in a tensor without axes. */
  abstract apply(x: TensorLike): Tensor;
}

/** Options of {@link L1}. */
export interface L1Options {
  /** Factor of the sum of absolute values, at least 0. @default 0.01 */
  l1?: number | null;
}

/**
 * `l1 * sum(|x|)`. Source: Keras' `L1`.
 *
 * @example
 * ```ts
 * new L1({ l1: 0.5 }).apply([1, -3]).item(); // 2
 * ```
 */
export class L1 extends Regularizer {
  static override readonly className: string = 'L1';
  static override readonly module: string | null = 'keras.regularizers';
  // Keras holds this factor as a float32 tensor, and its config shows that.
  static override readonly fields: Fields = { l1: optional(strength(0.01), 0.01, { toConfig: Math.fround }) };
  declare readonly l1: number;

  constructor(options: L1Options = {}) {
    super(options);
  }

  override apply(x: TensorLike): Tensor {
    return ops.multiply(ops.sum(ops.abs(asWeight(x))), this.l1);
  }
}

/** Options of {@link L2}. */
export interface L2Options {
  /** Factor of the sum of squares, at least 0. @default 0.01 */
  l2?: number | null;
}

/**
 * `l2 * sum(x^2)`. Source: Keras' `L2`.
 *
 * @example
 * ```ts
 * new L2({ l2: 0.5 }).apply([1, -3]).item(); // 5
 * ```
 */
export class L2 extends Regularizer {
  static override readonly className: string = 'L2';
  static override readonly module: string | null = 'keras.regularizers';
  static override readonly fields: Fields = { l2: optional(strength(0.01), 0.01) };
  declare readonly l2: number;

  constructor(options: L2Options = {}) {
    super(options);
  }

  override apply(x: TensorLike): Tensor {
    return ops.multiply(ops.sum(ops.square(asWeight(x))), this.l2);
  }
}

/** Options of {@link L1L2}. */
export interface L1L2Options {
  /** Factor of the sum of absolute values, at least 0. @default 0 */
  l1?: number | null;
  /** Factor of the sum of squares, at least 0. @default 0 */
  l2?: number | null;
}

/**
 * `l1 * sum(|x|) + l2 * sum(x^2)`. Source: Keras' `L1L2`.
 *
 * @example
 * ```ts
 * new L1L2({ l1: 0.5, l2: 0.5 }).apply([1, -3]).item(); // 7
 * ```
 */
export class L1L2 extends Regularizer {
  static override readonly className: string = 'L1L2';
  static override readonly module: string | null = 'keras.regularizers';
  static override readonly fields: Fields = { l1: optional(strength(0), 0), l2: optional(strength(0), 0) };
  declare readonly l1: number;
  declare readonly l2: number;

  constructor(options: L1L2Options = {}) {
    super(options);
  }

  override apply(x: TensorLike): Tensor {
    const weight = asWeight(x);
    const terms: Tensor[] = [];
    if (this.l1 !== 0) terms.push(ops.multiply(ops.sum(ops.abs(weight)), this.l1));
    if (this.l2 !== 0) terms.push(ops.multiply(ops.sum(ops.square(weight)), this.l2));
    const [first, second] = terms;
    if (first === undefined) return ops.zeros([], { dtype: weight.dtype });
    return second === undefined ? first : ops.add(first, second);
  }
}

/** Options of {@link OrthogonalRegularizer}. */
export interface OrthogonalRegularizerOptions {
  /** Factor of the mean, at least 0. @default 0.01 */
  factor?: number;
  /** What is to be orthogonal. @default 'rows' */
  mode?: 'rows' | 'columns';
}

/**
 * Mean absolute cosine between different rows (or columns) of a matrix: `factor * sum(|cosines| off the diagonal) / 2 / pairs`.
 * Source: Keras' `OrthogonalRegularizer`.
 *
 * @example
 * ```ts
 * new OrthogonalRegularizer().apply([[1, 0], [0, 1]]).item(); // 0
 * ```
 */
export class OrthogonalRegularizer extends Regularizer {
  static override readonly className: string = 'OrthogonalRegularizer';
  static override readonly module: string | null = 'keras.regularizers';
  static override readonly fields: Fields = {
    factor: optional(strength(0.01), 0.01, { toConfig: Math.fround }),
    mode: optional(is.oneOf('rows', 'columns'), 'rows'),
  };
  declare readonly factor: number;
  declare readonly mode: 'rows' | 'columns';

  constructor(options: OrthogonalRegularizerOptions = {}) {
    super(options);
  }

  /** @throws {ShapeError} unless x is a matrix */
  override apply(x: TensorLike): Tensor {
    const weight = asWeight(x);
    if (weight.ndim !== 2) {
      throw new ShapeError(
        `OrthogonalRegularizer: expected a matrix, got shape ${formatShape(weight.shape)}.`,
        'Reshape the weight to [rows, columns], or use another regularizer.',
      );
    }
    const byRows = this.mode === 'rows';
    const size = weight.shape[byRows ? 0 : 1] as number;
    const unit = ops.normalize(weight, { axis: byRows ? 1 : 0 });
    const turned = ops.transpose(unit);
    const cosines = byRows ? ops.matmul(unit, turned) : ops.matmul(turned, unit);
    const others = ops.multiply(cosines, ops.subtract(1, ops.eye(size, { dtype: weight.dtype })));
    const pairs = (size * (size - 1)) / 2;
    return ops.multiply(ops.sum(ops.abs(others)), (this.factor * 0.5) / pairs);
  }
}

/** A regularizer made of a user's function. */
class FunctionRegularizer extends Regularizer {
  static override readonly fields: Fields = {
    fn: required(is.function, { toConfig: functionConfig as (value: never) => unknown }),
  };
  declare readonly fn: (x: Tensor) => Tensor;

  override apply(x: TensorLike): Tensor {
    const penalty: unknown = this.fn(asWeight(x));
    if (penalty instanceof Tensor) return penalty;
    throw new ArgumentError(`regularizer: expected the function to answer a tensor, got ${show(penalty)}.`);
  }
}

const family: Family<Regularizer> = defineFamily<Regularizer>({
  kind: 'regularizer',
  members: () => ({ L1, L2, L1L2, OrthogonalRegularizer }),
  aliases: { l1_l2: 'L1L2' },
  accepts: (value) => value instanceof Regularizer,
  wrap: (fn) => new (FunctionRegularizer as unknown as new (options: object) => Regularizer)({ fn }),
});

/**
 * The regularizer that a name ('l2'), a config, a class, a function `(x) => Tensor` or a regularizer stands for; `null` stays `null`. `where` starts
 * the error's text.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 */
export function get(identifier: unknown, where = 'regularizers.get'): Regularizer | null {
  return identifier === null ? null : family.get(identifier, where);
}

/** What a config holds for a regularizer: its class and options. */
export function serialize(object: Regularizer): SerializedObject {
  if (!(object instanceof Regularizer)) {
    throw new ArgumentError(`regularizers.serialize: expected a regularizer, got ${show(object)}.`);
  }
  return serialized(object);
}

/** The regularizer that {@link serialize} wrote. */
export function deserialize(config: SerializedObject): Regularizer | null {
  return get(config, 'regularizers.deserialize');
}

/** A layer's option that takes a regularizer in any form, or `null`. */
export function regularizerField(value: unknown = null, extra: Partial<Field> = {}): Field {
  return { check: get as Checker, default: value, ...extra };
}

/** {@link L1} as a function. */
export function l1(options: L1Options = {}): L1 {
  return new L1(options);
}

/** {@link L2} as a function. */
export function l2(options: L2Options = {}): L2 {
  return new L2(options);
}

/** {@link L1L2} as a function. */
export function l1L2(options: L1L2Options = {}): L1L2 {
  return new L1L2(options);
}

/** {@link OrthogonalRegularizer} as a function. */
export function orthogonalRegularizer(options: OrthogonalRegularizerOptions = {}): OrthogonalRegularizer {
  return new OrthogonalRegularizer(options);
}
