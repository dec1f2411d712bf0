import { call } from '../core/call.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { checkInteger, checkOptions, none } from './arguments.js';
import { asTensor, castTo, explain, floatBinary, floatUnary, isInexact, unary } from './promote.js';

// Functions of one number in floats: integers and bools become floatx, complex numbers are taken where libtorch takes them.

/** `e^x`. */
export function exp(x: TensorLike): Tensor {
  return floatUnary('ops.exp', 'aten::exp', x);
}

/** `2^x`. */
export function exp2(x: TensorLike): Tensor {
  return floatUnary('ops.exp2', 'aten::exp2', x);
}

/** `e^x - 1`, exact near 0. */
export function expm1(x: TensorLike): Tensor {
  return floatUnary('ops.expm1', 'aten::expm1', x);
}

/** Natural logarithm; of 0 it is -Infinity, below that NaN. */
export function log(x: TensorLike): Tensor {
  return floatUnary('ops.log', 'aten::log', x);
}

/** `log(1 + x)`, exact near 0. */
export function log1p(x: TensorLike): Tensor {
  return floatUnary('ops.log1p', 'aten::log1p', x);
}

/** Logarithm to base 2. */
export function log2(x: TensorLike): Tensor {
  return floatUnary('ops.log2', 'aten::log2', x);
}

/** Logarithm to base 10. */
export function log10(x: TensorLike): Tensor {
  return floatUnary('ops.log10', 'aten::log10', x);
}

/** `log(e^x1 + e^x2)` without overflow. */
export function logaddexp(x1: TensorLike, x2: TensorLike): Tensor {
  return floatBinary('ops.logaddexp', 'aten::logaddexp', x1, x2);
}

/** `log2(2^x1 + 2^x2)` without overflow. */
export function logaddexp2(x1: TensorLike, x2: TensorLike): Tensor {
  return floatBinary('ops.logaddexp2', 'aten::logaddexp2', x1, x2);
}

/** Square root; NaN below 0. */
export function sqrt(x: TensorLike): Tensor {
  return floatUnary('ops.sqrt', 'aten::sqrt', x);
}

/** `1 / sqrt(x)`. */
export function rsqrt(x: TensorLike): Tensor {
  return floatUnary('ops.rsqrt', 'aten::rsqrt', x);
}

/** Cube root, of negative numbers too. */
export function cbrt(x: TensorLike): Tensor {
  const root = call('aten::pow.Tensor_Scalar', floatUnary('ops.cbrt', 'aten::abs', x), 1 / 3);
  return call('aten::copysign.Tensor', root, castTo(asTensor(x, 'ops.cbrt'), root.dtype));
}

/** Sine of an angle in radians. */
export function sin(x: TensorLike): Tensor {
  return floatUnary('ops.sin', 'aten::sin', x);
}

/** Cosine of an angle in radians. */
export function cos(x: TensorLike): Tensor {
  return floatUnary('ops.cos', 'aten::cos', x);
}

/** Tangent of an angle in radians. */
export function tan(x: TensorLike): Tensor {
  return floatUnary('ops.tan', 'aten::tan', x);
}

/** `sin(pi x) / (pi x)`, and 1 at 0. */
export function sinc(x: TensorLike): Tensor {
  return floatUnary('ops.sinc', 'aten::sinc', x);
}

/** Hyperbolic sine. */
export function sinh(x: TensorLike): Tensor {
  return floatUnary('ops.sinh', 'aten::sinh', x);
}

/** Hyperbolic cosine. */
export function cosh(x: TensorLike): Tensor {
  return floatUnary('ops.cosh', 'aten::cosh', x);
}

/** Hyperbolic tangent, from -1 to 1. */
export function tanh(x: TensorLike): Tensor {
  return floatUnary('ops.tanh', 'aten::tanh', x);
}

/** Angle whose sine is `x`, from -pi/2 to pi/2. */
export function arcsin(x: TensorLike): Tensor {
  return floatUnary('ops.arcsin', 'aten::asin', x);
}

/** Angle whose cosine is `x`, from 0 to pi. */
export function arccos(x: TensorLike): Tensor {
  return floatUnary('ops.arccos', 'aten::acos', x);
}

/** Angle whose tangent is `x`, from -pi/2 to pi/2. */
export function arctan(x: TensorLike): Tensor {
  return floatUnary('ops.arctan', 'aten::atan', x);
}

/** Angle of the point (x2, x1), from -pi to pi. */
export function arctan2(x1: TensorLike, x2: TensorLike): Tensor {
  return floatBinary('ops.arctan2', 'aten::atan2', x1, x2);
}

/** Inverse of {@link sinh}. */
export function arcsinh(x: TensorLike): Tensor {
  return floatUnary('ops.arcsinh', 'aten::asinh', x);
}

/** Inverse of {@link cosh}, for `x` of at least 1. */
export function arccosh(x: TensorLike): Tensor {
  return floatUnary('ops.arccosh', 'aten::acosh', x);
}

/** Inverse of {@link tanh}, for `x` from -1 to 1. */
export function arctanh(x: TensorLike): Tensor {
  return floatUnary('ops.arctanh', 'aten::atanh', x);
}

/** Degrees to radians. */
export function deg2rad(x: TensorLike): Tensor {
  return floatUnary('ops.deg2rad', 'aten::deg2rad', x);
}

/** Radians to degrees. */
export function rad2deg(x: TensorLike): Tensor {
  return floatUnary('ops.rad2deg', 'aten::rad2deg', x);
}

/** Error function, `2 / sqrt(pi)` times the integral of `e^(-t^2)` from 0 to `x`. */
export function erf(x: TensorLike): Tensor {
  return floatUnary('ops.erf', 'aten::erf', x);
}

/** `1 - erf(x)`, exact for large `x`. */
export function erfc(x: TensorLike): Tensor {
  return floatUnary('ops.erfc', 'aten::erfc', x);
}

/** Inverse of {@link erf}, for `x` from -1 to 1. */
export function erfinv(x: TensorLike): Tensor {
  return floatUnary('ops.erfinv', 'aten::erfinv', x);
}

/** Modified Bessel function of the first kind, order 0. */
export function i0(x: TensorLike): Tensor {
  return floatUnary('ops.i0', 'aten::special_i0', x);
}

/** The largest whole number not above `x`, in floats. */
export function floor(x: TensorLike): Tensor {
  return floatUnary('ops.floor', 'aten::floor', x);
}

/** The smallest whole number not below `x`, in floats. */
export function ceil(x: TensorLike): Tensor {
  return floatUnary('ops.ceil', 'aten::ceil', x);
}

/** `x` without its fraction, in the dtype of `x`. */
export function trunc(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.trunc');
  return isInexact(value.dtype) ? unary('ops.trunc', 'aten::trunc', value) : value;
}

/** Options of {@link round}. */
export interface RoundOptions {
  /** Digits after the decimal point to keep; below 0, digits before it to drop. @default 0 */
  decimals?: number;
}

/**
 * The nearest whole number (halves go to the even one), or number of `decimals` digits. The dtype stays.
 *
 * @example
 * ```ts
 * ops.round([0.5, 1.5, 2.26], { decimals: 1 }); // [0.5, 1.5, 2.3]
 * ```
 */
export function round(x: TensorLike, options: RoundOptions = none): Tensor {
  checkOptions('ops.round', options, ['decimals']);
  const decimals = checkInteger('ops.round', 'decimals', options.decimals ?? 0);
  const value = asTensor(x, 'ops.round');
  try {
    if (isInexact(value.dtype)) return call('aten::round.decimals', value, decimals);
    if (decimals >= 0) return value;
    return castTo(call('aten::round.decimals', castTo(value, 'float64'), decimals), value.dtype);
  } catch (error) {
    throw explain('ops.round', [value], error);
  }
}

/** Options of {@link nanToNum}. */
export interface NanToNumOptions {
  /** In place of NaN. @default 0 */
  nan?: number;
  /** In place of Infinity. `null`: the largest number of the dtype. @default null */
  posinf?: number | null;
  /** In place of -Infinity. `null`: the smallest number of the dtype. @default null */
  neginf?: number | null;
}

/** `x` with finite numbers in place of NaN and the infinities. */
export function nanToNum(x: TensorLike, options: NanToNumOptions = none): Tensor {
  checkOptions('ops.nanToNum', options, ['nan', 'posinf', 'neginf']);
  const { nan = 0, posinf = null, neginf = null } = options;
  const value = asTensor(x, 'ops.nanToNum');
  return isInexact(value.dtype) ? call('aten::nan_to_num', value, nan, posinf, neginf) : value;
}

/** The real part of complex numbers; real numbers unchanged. */
export function real(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.real');
  return value.dtype.startsWith('complex') ? call('aten::real', value) : value;
}

/** The imaginary part of complex numbers; 0 for real ones. */
export function imag(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.imag');
  return value.dtype.startsWith('complex') ? call('aten::imag', value) : call('aten::zeros_like', value);
}

/** Complex numbers with the sign of the imaginary part changed. */
export function conjugate(x: TensorLike): Tensor {
  const value = asTensor(x, 'ops.conjugate');
  return value.dtype.startsWith('complex') ? call('aten::conj_physical', value) : value;
}

/** The same as {@link conjugate}. */
export const conj: (x: TensorLike) => Tensor = conjugate;

/** Angle of complex numbers in the plane, in radians; of real ones 0 or pi. */
export function angle(x: TensorLike): Tensor {
  return floatUnary('ops.angle', 'aten::angle', x);
}
