import { config } from './core/config.js';
import { Configurable, type SerializedObject, serialized } from './core/configurable.js';
import { ArgumentError } from './core/errors.js';
import { defineFamily, type Family } from './core/family.js';
import { type Checker, type Field, type Fields, is, optional, required, show } from './core/fields.js';
import { Tensor, type TensorLike, tensor } from './core/tensor.js';
import { functionConfig } from './losses/wrapper.js';
import * as ops from './ops/index.js';

function asWeight(w: TensorLike): Tensor {
  return w instanceof Tensor ? w : tensor(w);
}

const axisField: Field = optional(
  is.either(is.integer(), is.listOf(is.integer()), 'a whole number or an array of them'),
  0,
);

function norms(w: Tensor, axis: number | readonly number[]): Tensor {
  return ops.sqrt(ops.sum(ops.square(w), { axis: axis as number, keepdims: true }));
}

/** The weight scaled so that its norms become `desired`. */
function rescale(w: Tensor, present: Tensor, desired: Tensor): Tensor {
  return ops.multiply(w, ops.divide(desired, ops.add(present, config.epsilon())));
}

/**
 * Base of constraints: functions that optimizers apply to a weight after each update.
 *
 * A subclass implements `apply(w)`, which answers a tensor of the weight's shape. It is recorded with the training step. Source: Keras' `Constraint`.
 *
 * @example
 * ```ts
 * class AtMostOne extends Constraint {
 *   override apply(w: TensorLike): Tensor {
 *     return ops.clip(w, -1, 1);
 *   }
 * }
 * ```
 */
export abstract class Constraint extends Configurable {
  /** The weight, changed so that the constraint holds. */
  abstract apply(w: TensorLike): Tensor;
}

/** Options of {@link MaxNorm}. */
export interface MaxNormOptions {
  /** Largest norm. @default 2 */
  maxValue?: number;
  /** Axis or axes along which norms are taken: 0 for the weights into each unit of a Dense layer, [0, 1, 2] for filters of Conv2D. @default 0 */
  axis?: number | readonly number[];
}

/**
 * Norms of at most `maxValue`: `w * clip(|w|, 0, maxValue) / (|w| + epsilon)`. Source: Srivastava et al. (2014); Keras' `MaxNorm`.
 *
 * @example
 * ```ts
 * await new MaxNorm({ maxValue: 1 }).apply([[0], [5]]).array(); // [[0], [1]]
 * ```
 */
export class MaxNorm extends Constraint {
  static override readonly className: string = 'MaxNorm';
  static override readonly module: string | null = 'keras.constraints';
  static override readonly fields: Fields = { maxValue: optional(is.number(), 2), axis: axisField };
  declare readonly maxValue: number;
  declare readonly axis: number | readonly number[];

  constructor(options: MaxNormOptions = {}) {
    super(options);
  }

  override apply(w: TensorLike): Tensor {
    const weight = asWeight(w);
    const present = norms(weight, this.axis);
    return rescale(weight, present, ops.clip(present, 0, this.maxValue));
  }
}

/**
 * Weights of at least 0: `max(w, 0)`. Source: Keras' `NonNeg`.
 *
 * @example
 * ```ts
 * await new NonNeg().apply([-1, 2]).array(); // [0, 2]
 * ```
 */
export class NonNeg extends Constraint {
  static override readonly className: string = 'NonNeg';
  static override readonly module: string | null = 'keras.constraints';

  override apply(w: TensorLike): Tensor {
    return ops.maximum(asWeight(w), 0);
  }
}

/** Options of {@link UnitNorm}. */
export interface UnitNormOptions {
  /** Axis or axes along which norms are taken. @default 0 */
  axis?: number | readonly number[];
}

/**
 * Norms of 1: `w / (|w| + epsilon)`. Source: Keras' `UnitNorm`.
 *
 * @example
 * ```ts
 * await new UnitNorm().apply([[0], [5]]).array(); // [[0], [1]]
 * ```
 */
export class UnitNorm extends Constraint {
  static override readonly className: string = 'UnitNorm';
  static override readonly module: string | null = 'keras.constraints';
  static override readonly fields: Fields = { axis: axisField };
  declare readonly axis: number | readonly number[];

  constructor(options: UnitNormOptions = {}) {
    super(options);
  }

  override apply(w: TensorLike): Tensor {
    const weight = asWeight(w);
    return ops.divide(weight, ops.add(norms(weight, this.axis), config.epsilon()));
  }
}

/** Options of {@link MinMaxNorm}. */
export interface MinMaxNormOptions {
  /** Smallest norm. @default 0 */
  minValue?: number;
  /** Largest norm. @default 1 */
  maxValue?: number;
  /** How much of the way is gone at each step: 1 for all of it. @default 1 */
  rate?: number;
  /** Axis or axes along which norms are taken. @default 0 */
  axis?: number | readonly number[];
}

/**
 * Norms from `minValue` to `maxValue`: `w * (rate * clip(|w|, minValue, maxValue) + (1 - rate) * |w|) / (|w| + epsilon)`. Source: Keras' `MinMaxNorm`.
 *
 * @example
 * ```ts
 * await new MinMaxNorm({ minValue: 1, maxValue: 2 }).apply([[0], [5]]).array(); // [[0], [2]]
 * ```
 */
export class MinMaxNorm extends Constraint {
  static override readonly className: string = 'MinMaxNorm';
  static override readonly module: string | null = 'keras.constraints';
  static override readonly fields: Fields = {
    minValue: optional(is.number(), 0),
    maxValue: optional(is.number(), 1),
    rate: optional(is.number(), 1),
    axis: axisField,
  };
  declare readonly minValue: number;
  declare readonly maxValue: number;
  declare readonly rate: number;
  declare readonly axis: number | readonly number[];

  constructor(options: MinMaxNormOptions = {}) {
    super(options);
  }

  override apply(w: TensorLike): Tensor {
    const weight = asWeight(w);
    const present = norms(weight, this.axis);
    const clipped = ops.multiply(ops.clip(present, this.minValue, this.maxValue), this.rate);
    return rescale(weight, present, ops.add(clipped, ops.multiply(present, 1 - this.rate)));
  }
}

/** A constraint made of a user's function. */
class FunctionConstraint extends Constraint {
  static override readonly fields: Fields = {
    fn: required(is.function, { toConfig: functionConfig as (value: never) => unknown }),
  };
  declare readonly fn: (w: Tensor) => Tensor;

  override apply(w: TensorLike): Tensor {
    const result: unknown = this.fn(asWeight(w));
    if (result instanceof Tensor) return result;
    throw new ArgumentError(`constraint: expected the function to answer a tensor, got ${show(result)}.`);
  }
}

const family: Family<Constraint> = defineFamily<Constraint>({
  kind: 'constraint',
  members: () => ({ MaxNorm, NonNeg, UnitNorm, MinMaxNorm }),
  accepts: (value) => value instanceof Constraint,
  wrap: (fn) => new (FunctionConstraint as unknown as new (options: object) => Constraint)({ fn }),
});

/**
 * The constraint that a name ('non_neg'), a config, a class, a function `(w) => Tensor` or a constraint stands for; `null` stays `null`. `where`
 * starts the error's text.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 */
export function get(identifier: unknown, where = 'constraints.get'): Constraint | null {
  return identifier === null ? null : family.get(identifier, where);
}

/** What a config holds for a constraint: its class and options. */
export function serialize(object: Constraint): SerializedObject {
  if (!(object instanceof Constraint)) {
    throw new ArgumentError(`constraints.serialize: expected a constraint, got ${show(object)}.`);
  }
  return serialized(object);
}

/** The constraint that {@link serialize} wrote. */
export function deserialize(config: SerializedObject): Constraint | null {
  return get(config, 'constraints.deserialize');
}

/** A layer's option that takes a constraint in any form, or `null`. */
export function constraintField(value: unknown = null, extra: Partial<Field> = {}): Field {
  return { check: get as Checker, default: value, ...extra };
}

/** {@link MaxNorm} as a function. */
export function maxNorm(options: MaxNormOptions = {}): MaxNorm {
  return new MaxNorm(options);
}

/** {@link NonNeg} as a function. */
export function nonNeg(): NonNeg {
  return new NonNeg();
}

/** {@link UnitNorm} as a function. */
export function unitNorm(options: UnitNormOptions = {}): UnitNorm {
  return new UnitNorm(options);
}

/** {@link MinMaxNorm} as a function. */
export function minMaxNorm(options: MinMaxNormOptions = {}): MinMaxNorm {
  return new MinMaxNorm(options);
}
