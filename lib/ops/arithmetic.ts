import { call } from '../core/call.js';
import { isInteger, resultType } from '../core/dtype.js';
import { Tensor, type TensorLike } from '../core/tensor.js';
import {
  asTensor,
  binary,
  castTo,
  constant,
  deviceOf,
  explain,
  explainPair,
  floatBinary,
  floatUnary,
  isInexact,
  isWideUnsigned,
  meetingType,
  numberBinary,
  promote,
  refuseComplex,
  unary,
} from './promote.js';

/**
 * `x1 + x2`, element by element, with broadcasting.
 *
 * Operands of two dtypes meet in the one that holds both; a lone number takes the tensor's dtype, save that a fraction makes integers floatx.
 *
 * @throws {ShapeError} if the shapes don't broadcast
 * @example
 * ```ts
 * ops.add([1, 2], 10); // [11, 12]
 * ```
 */
export function add(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.add', 'aten::add.Tensor', x1, x2);
}

/** `x1 - x2`, element by element, with broadcasting. Bools count as int32. */
export function subtract(x1: TensorLike, x2: TensorLike): Tensor {
  return numberBinary('ops.subtract', 'aten::sub.Tensor', x1, x2);
}

/** `x1 * x2`, element by element, with broadcasting. */
export function multiply(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.multiply', 'aten::mul.Tensor', x1, x2);
}

/** `x1 / x2`, element by element, with broadcasting; integers give floatx. */
export function divide(x1: TensorLike, x2: TensorLike): Tensor {
  return floatBinary('ops.divide', 'aten::div.Tensor', x1, x2);
}

/** The same as {@link divide}. */
export function trueDivide(x1: TensorLike, x2: TensorLike): Tensor {
  return floatBinary('ops.trueDivide', 'aten::div.Tensor', x1, x2);
}

/** `x1 / x2`, and 0 where `x2` is 0, for the gradient too. */
export function divideNoNan(x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = promote('ops.divideNoNan', [x1, x2], 'float') as [Tensor, Tensor];
  const isZero = call('aten::eq.Scalar', b, 0);
  return call('aten::masked_fill.Scalar', divide(a, call('aten::masked_fill.Scalar', b, isZero, 1)), isZero, 0);
}

/** The largest whole number not above `x1 / x2`. Integers stay integers; dividing them by 0 is an error. */
export function floorDivide(x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = promote('ops.floorDivide', [x1, x2], 'int') as [Tensor, Tensor];
  const { dtype } = a;
  const computed = isWideUnsigned(dtype) ? 'int64' : dtype;
  try {
    // Not aten::floor_divide, which refuses a gradient instead of answering zeros.
    return castTo(call('aten::div.Tensor_mode', castTo(a, computed), castTo(b, computed), 'floor'), dtype);
  } catch (error) {
    throw explainPair('ops.floorDivide', a, b, error);
  }
}

/** What {@link floorDivide} leaves: the remainder with the sign of `x2`. */
export function mod(x1: TensorLike, x2: TensorLike): Tensor {
  return numberBinary('ops.mod', 'aten::remainder.Tensor', x1, x2);
}

/** The remainder with the sign of `x1`, as C's `fmod`. */
export function fmod(x1: TensorLike, x2: TensorLike): Tensor {
  return numberBinary('ops.fmod', 'aten::fmod.Tensor', x1, x2);
}

/** `-x`. Bools count as int32. */
export function negative(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.negative');
  return unary('ops.negative', 'aten::neg', value.dtype === 'bool' ? castTo(value, 'int32') : value);
}

/** The size of each number without its sign; of a complex number its length. */
export function absolute(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.abs');
  if (value.dtype === 'bool' || value.dtype.startsWith('uint')) return value;
  return unary('ops.abs', 'aten::abs', value);
}

/** The same as {@link absolute}. */
export const abs: (x: TensorLike) => Tensor = absolute;

/** As {@link absolute}, in floats. */
export function fabs(x: TensorLike): Tensor {
  return floatUnary('ops.fabs', 'aten::abs', x);
}

/** -1, 0 or 1, in the dtype of `x`; NaN stays NaN. */
export function sign(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.sign');
  refuseComplex('ops.sign', value);
  if (!isInexact(value.dtype)) {
    return unary('ops.sign', 'aten::sign', value.dtype === 'bool' ? castTo(value, 'int32') : value);
  }
  return call('aten::where.self', call('aten::isnan', value), value, call('aten::sign', value));
}

/** True where the sign is set: below 0, and for -0. */
export function signbit(x: TensorLike): Tensor {
  return unary('ops.signbit', 'aten::signbit', x);
}

/** `1 / x`, in floats. */
export function reciprocal(x: TensorLike): Tensor {
  return floatUnary('ops.reciprocal', 'aten::reciprocal', x);
}

/** The larger of the two, element by element; NaN where one of them is NaN. */
export function maximum(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.maximum', 'aten::maximum', x1, x2);
}

/** The smaller of the two, element by element; NaN where one of them is NaN. */
export function minimum(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.minimum', 'aten::minimum', x1, x2);
}

/** The larger of the two; where one is NaN, the other. */
export function fmax(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.fmax', 'aten::fmax', x1, x2);
}

/** The smaller of the two; where one is NaN, the other. */
export function fmin(x1: TensorLike, x2: TensorLike): Tensor {
  return binary('ops.fmin', 'aten::fmin', x1, x2);
}

/**
 * `x` limited to the range from `xMin` to `xMax`; `null` leaves a side open.
 *
 * @example
 * ```ts
 * ops.clip([-2, 0.5, 7], 0, 1); // [0, 0.5, 1]
 * ```
 */
export function clip(x: TensorLike, xMin: TensorLike | null, xMax: TensorLike | null): Tensor {
  let value = asTensor(x, 'ops.clip');
  refuseComplex('ops.clip', value);
  if (value.dtype === 'bool') value = castTo(value, 'int32');
  const byNumber = (bound: TensorLike | null): bound is number | null => bound === null || typeof bound === 'number';
  if (byNumber(xMin) && byNumber(xMax)) {
    if (xMin === null && xMax === null) return value;
    const bounds = [xMin, xMax].filter((bound) => bound !== null);
    const dtype = meetingType([value, ...bounds]);
    // An infinite bound is none, and integers could not hold it.
    const finite = (bound: number | null): number | null => (bound !== null && Number.isFinite(bound) ? bound : null);
    const [low, high] = isInteger(dtype) ? [finite(xMin), finite(xMax)] : [xMin, xMax];
    value = castTo(value, isWideUnsigned(dtype) ? 'int64' : dtype);
    return castTo(call('aten::clamp', value, low, high), dtype);
  }
  const low = xMin === null ? value : maximum(value, xMin);
  return xMax === null ? low : minimum(low, xMax);
}

/** `x * x`. Bools count as int32. */
export function square(x: TensorLike): Tensor {
  if (x instanceof Tensor && isInexact(x.dtype)) return call('aten::mul.Tensor', x, x);
  const value = asTensor(x, 'ops.square');
  return multiply(value, value.dtype === 'bool' ? castTo(value, 'int32') : value);
}

/**
 * `x1` to the power `x2`, element by element, with broadcasting.
 *
 * @example
 * ```ts
 * ops.power([1, 2, 3], 2); // [1, 4, 9]
 * ```
 */
export function power(x1: TensorLike, x2: TensorLike): Tensor {
  if (typeof x2 !== 'number' || typeof x1 === 'number')
    return numberBinary('ops.power', 'aten::pow.Tensor_Tensor', x1, x2);
  const base = asTensor(x1, 'ops.power');
  const dtype = resultType(meetingType([base, x2]), 'int');
  if (isWideUnsigned(dtype)) return numberBinary('ops.power', 'aten::pow.Tensor_Tensor', base, x2);
  try {
    // By a plain number, since libtorch has quick ways for 2, 3, 0.5 and -1.
    return call('aten::pow.Tensor_Scalar', castTo(base, dtype), x2);
  } catch (error) {
    throw explain('ops.power', [base], error);
  }
}

/** `sqrt(x1^2 + x2^2)` without overflow in between. */
export function hypot(x1: TensorLike, x2: TensorLike): Tensor {
  return floatBinary('ops.hypot', 'aten::hypot', x1, x2);
}

/** 0 where `x1` is below 0, 1 where it is above, `x2` where it is 0. */
export function heaviside(x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = promote('ops.heaviside', [x1, x2], 'float') as [Tensor, Tensor];
  const [zero, one] = [constant(0, a.dtype, deviceOf(a)), constant(1, a.dtype, deviceOf(a))];
  try {
    const side = call('aten::where.self', call('aten::gt.Tensor', a, zero), one, zero);
    const result = call('aten::where.self', call('aten::eq.Tensor', a, zero), b, side);
    return call('aten::where.self', call('aten::isnan', a), a, result);
  } catch (error) {
    throw explainPair('ops.heaviside', a, b, error);
  }
}

/** The next number after `x1` that its dtype has, towards `x2`. */
export function nextafter(x1: TensorLike, x2: TensorLike): Tensor {
  return floatBinary('ops.nextafter', 'aten::nextafter', x1, x2);
}

/** Greatest common divisor of integers. */
export function gcd(x1: TensorLike, x2: TensorLike): Tensor {
  return numberBinary('ops.gcd', 'aten::gcd', x1, x2);
}

/** Least common multiple of integers. */
export function lcm(x1: TensorLike, x2: TensorLike): Tensor {
  return numberBinary('ops.lcm', 'aten::lcm', x1, x2);
}

/** `x1 * 2^x2`, in floats. */
export function ldexp(x1: TensorLike, x2: TensorLike): Tensor {
  const value = asTensor(x1, 'ops.ldexp');
  const factor = call('aten::exp2', castTo(asTensor(x2, 'ops.ldexp'), 'float64'));
  const dtype = resultType(value.dtype, 'float');
  return castTo(call('aten::mul.Tensor', castTo(value, 'float64'), factor), dtype);
}
