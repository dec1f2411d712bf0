import { call, callList } from '../core/call.js';
import { isInteger } from '../core/dtype.js';
import { ArgumentError, DTypeError, StateError } from '../core/errors.js';
import { isRecording, userPlace } from '../core/recording.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { checkList, checkOptions, none } from './arguments.js';
import { asTensor, binary, castTo, explainPair, isWideUnsigned, promote, refuseComplex, unary } from './promote.js';

/** True where the two are equal, with broadcasting. NaN equals nothing. */
export function equal(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.equal', 'aten::eq.Tensor', x1, x2);
}

/** True where the two differ, with broadcasting. */
export function notEqual(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.notEqual', 'aten::ne.Tensor', x1, x2);
}

/** True where `x1 > x2`, with broadcasting. */
export function greater(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.greater', 'aten::gt.Tensor', x1, x2);
}

/** True where `x1 >= x2`, with broadcasting. */
export function greaterEqual(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.greaterEqual', 'aten::ge.Tensor', x1, x2);
}

/** True where `x1 < x2`, with broadcasting. */
export function less(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.less', 'aten::lt.Tensor', x1, x2);
}

/** True where `x1 <= x2`, with broadcasting. */
export function lessEqual(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.lessEqual', 'aten::le.Tensor', x1, x2);
}

function logical(where: string, name: string, x1: TensorLike, x2: TensorLike): Tensor {
  const a = castTo(asTensor(x1, where), 'bool');
  const b = castTo(asTensor(x2, where), 'bool');
  try {
    return call(name, a, b);
  } catch (error) {
    throw explainPair(where, a, b, error);
  }
}

/** True where both are true (not 0). */
export function logicalAnd(x1: TensorLike, x2: TensorLike): Tensor {
  return logical('ops.logicalAnd', 'aten::logical_and', x1, x2);
}

/** True where at least one is true (not 0). */
export function logicalOr(x1: TensorLike, x2: TensorLike): Tensor {
  return logical('ops.logicalOr', 'aten::logical_or', x1, x2);
}

/** True where exactly one is true (not 0). */
export function logicalXor(x1: TensorLike, x2: TensorLike): Tensor {
  return logical('ops.logicalXor', 'aten::logical_xor', x1, x2);
}

/** True where `x` is false (0). */
export function logicalNot(x: TensorLike): Tensor {
  return call('aten::logical_not', castTo(asTensor(x, 'ops.logicalNot'), 'bool'));
}

/** True for NaN. */
export function isnan(x: TensorLike): Tensor {
  return predicate('ops.isnan', 'aten::isnan', x);
}

/** True for Infinity and -Infinity. */
export function isinf(x: TensorLike): Tensor {
  return predicate('ops.isinf', 'aten::isinf', x);
}

/** True for numbers that are neither infinite nor NaN. */
export function isfinite(x: TensorLike): Tensor {
  return predicate('ops.isfinite', 'aten::isfinite', x);
}

/** True for Infinity. */
export function isposinf(x: TensorLike): Tensor {
  return predicate('ops.isposinf', 'aten::isposinf', x);
}

/** True for -Infinity. */
export function isneginf(x: TensorLike): Tensor {
  return predicate('ops.isneginf', 'aten::isneginf', x);
}

function predicate(where: string, name: string, x: TensorLike): Tensor {
  const value = asTensor(x, where);
  return call(name, isWideUnsigned(value.dtype) ? castTo(value, 'int64') : value);
}

/** Options of {@link isclose} and {@link allclose}. */
export interface CloseOptions {
  /** Tolerance relative to `x2`, at least 0. @default 1e-5 */
  rtol?: number;
  /** Tolerance in itself, at least 0. @default 1e-8 */
  atol?: number;
  /** Whether NaN is close to NaN. @default false */
  equalNan?: boolean;
}

/** True where `|x1 - x2| <= atol + rtol * |x2|`. */
export function isclose(x1: TensorLike, x2: TensorLike, options: CloseOptions = none): Tensor {
  checkOptions('ops.isclose', options, ['rtol', 'atol', 'equalNan'], 'x1, x2');
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  const [a, b] = promote('ops.isclose', [x1, x2], 'float') as [Tensor, Tensor];
  try {
    return call('aten::isclose', a, b, rtol, atol, equalNan);
  } catch (error) {
    throw explainPair('ops.isclose', a, b, error);
  }
}

/** True, as a tensor of one bool, if {@link isclose} holds for every element. */
export function allclose(x1: TensorLike, x2: TensorLike, options: CloseOptions = none): Tensor {
  return call('aten::all', isclose(x1, x2, options));
}

/**
 * `x1` where the condition is true (not 0), else `x2`; all three broadcast. Without `x1` and `x2`, the places where it is true: see {@link nonzero}.
 *
 * @example
 * ```ts
 * ops.where(ops.greater(x, 0), x, 0); // relu
 * ```
 */
export function where(condition: TensorLike): Tensor[];
export function where(condition: TensorLike, x1: TensorLike, x2: TensorLike): Tensor;
export function where(condition: TensorLike, x1?: TensorLike, x2?: TensorLike): Tensor | Tensor[] {
  if (x1 === undefined && x2 === undefined) return nonzero(condition);
  if (x1 === undefined || x2 === undefined) {
    throw new ArgumentError(
      'ops.where: expected x1 and x2 together, got one of them.',
      'Write ops.where(condition, x1, x2) or ops.where(condition).',
    );
  }
  const [a, b] = promote('ops.where', [x1, x2]) as [Tensor, Tensor];
  const chosen = castTo(asTensor(condition, 'ops.where'), 'bool');
  try {
    return call('aten::where.self', chosen, a, b);
  } catch (error) {
    throw explainPair('ops.where', chosen, a, explainPair('ops.where', a, b, error));
  }
}

/**
 * The places of the elements that aren't 0: one int32 vector of indices per axis.
 * @throws {StateError} in recorded functions, since the number of places depends on the data
 */
export function nonzero(x: TensorLike): Tensor[] {
  const value = asTensor(x, 'ops.nonzero');
  refuseRecording('ops.nonzero', 'Multiply by a mask, or use ops.where(condition, a, b).');
  return callList('aten::unbind.int', call('aten::nonzero', castTo(value, 'bool')), 1).map((axis) =>
    castTo(axis, 'int32'),
  );
}

/** @internal */
export function refuseRecording(where: string, hint: string): void {
  if (!isRecording()) return;
  throw new StateError(
    `${where}: the shape of the result depends on the data, so it can't be recorded${userPlace()}.`,
    `${hint} Or compile with runEagerly: true.`,
  );
}

/**
 * For each element the choice whose condition is the first to be true, else the default. All broadcast.
 */
export function select(
  condlist: readonly TensorLike[],
  choicelist: readonly TensorLike[],
  options: { default?: TensorLike } = none,
): Tensor {
  checkOptions('ops.select', options, ['default'], 'conditions, choices');
  checkList('ops.select', condlist, 'conditions');
  if (!Array.isArray(choicelist) || choicelist.length !== condlist.length) {
    throw new ArgumentError(
      `ops.select: expected as many choices as conditions (${condlist.length}), got ${choicelist.length}.`,
    );
  }
  const choices = promote('ops.select', [...choicelist, options.default ?? 0]);
  let result = choices[choices.length - 1] as Tensor;
  for (let i = condlist.length - 1; i >= 0; i--)
    result = where(condlist[i] as TensorLike, choices[i] as Tensor, result);
  return result;
}

/** Options of {@link isin}. */
export interface IsinOptions {
  /** Promises that neither argument holds a value twice; changes speed only. @default false */
  assumeUnique?: boolean;
  /** True for elements that are not among `x2`. @default false */
  invert?: boolean;
}

/** True for the elements of `x1` that stand anywhere in `x2`. */
export function isin(x1: TensorLike, x2: TensorLike, options: IsinOptions = none): Tensor {
  checkOptions('ops.isin', options, ['assumeUnique', 'invert'], 'x1, x2');
  const { assumeUnique = false, invert = false } = options;
  const [a, b] = promote('ops.isin', [x1, x2]) as [Tensor, Tensor];
  const [elements, among] =
    a.dtype === 'bool' || isWideUnsigned(a.dtype) ? [castTo(a, 'int64'), castTo(b, 'int64')] : [a, b];
  return call('aten::isin.Tensor_Tensor', elements, among, assumeUnique, invert);
}

/** True for numbers without an imaginary part. */
export function isreal(x: TensorLike): Tensor {
  return predicate('ops.isreal', 'aten::isreal', x);
}

function bitwise(where: string, name: string, x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = promote(where, [x1, x2]) as [Tensor, Tensor];
  checkBits(where, a);
  return binary(where, name, a, b);
}

function checkBits(where: string, x: Tensor): void {
  refuseComplex(where, x);
  if (x.dtype !== 'bool' && !isInteger(x.dtype)) {
    throw new DTypeError(`${where}: expected integers or bools, got ${x.dtype}.`, "Use x.cast('int32').");
  }
}

/** Bits set in both. */
export function bitwiseAnd(x: TensorLike, y: TensorLike): Tensor {
  return bitwise('ops.bitwiseAnd', 'aten::bitwise_and.Tensor', x, y);
}

/** Bits set in at least one. */
export function bitwiseOr(x: TensorLike, y: TensorLike): Tensor {
  return bitwise('ops.bitwiseOr', 'aten::bitwise_or.Tensor', x, y);
}

/** Bits set in exactly one. */
export function bitwiseXor(x: TensorLike, y: TensorLike): Tensor {
  return bitwise('ops.bitwiseXor', 'aten::bitwise_xor.Tensor', x, y);
}

/** All bits changed; for bools the same as {@link logicalNot}. */
export function bitwiseNot(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.bitwiseNot');
  checkBits('ops.bitwiseNot', value);
  return unary('ops.bitwiseNot', 'aten::bitwise_not', value);
}

/** The same as {@link bitwiseNot}. */
export const bitwiseInvert: (x: TensorLike) => Tensor = bitwiseNot;

/** `x * 2^y` by shifting bits. */
export function bitwiseLeftShift(x: TensorLike, y: TensorLike): Tensor {
  return bitwise('ops.bitwiseLeftShift', 'aten::bitwise_left_shift.Tensor', x, y);
}

/** `floor(x / 2^y)` by shifting bits. */
export function bitwiseRightShift(x: TensorLike, y: TensorLike): Tensor {
  return bitwise('ops.bitwiseRightShift', 'aten::bitwise_right_shift.Tensor', x, y);
}

/** The same as {@link bitwiseLeftShift}. */
export const leftShift: (x: TensorLike, y: TensorLike) => Tensor = bitwiseLeftShift;

/** The same as {@link bitwiseRightShift}. */
export const rightShift: (x: TensorLike, y: TensorLike) => Tensor = bitwiseRightShift;
