import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkOptions, none, normalizeAxes, normalizeAxis } from './arguments.js';
import { add, divide, maximum, minimum, multiply, negative, square, subtract } from './arithmetic.js';
import { rsqrt } from './elementwise.js';
import { asFloat, asTensor, castTo, promote } from './promote.js';
import { mean, moments, norm, sum } from './reduce.js';

/** Options of {@link normalize}. */
export interface NormalizeOptions {
  /** Axis, or axes, of the vectors. @default -1 */
  axis?: number | readonly number[];
  /** Which norm becomes 1: a whole number of at least 1. @default 2 */
  order?: number;
  /** Norms below it count as it. @default config.epsilon() */
  epsilon?: number | null;
}

/**
 * Vectors along an axis divided by their norm; vectors of zeros stay.
 *
 * @example
 * ```ts
 * ops.normalize([[3, 4]]); // [[0.6, 0.8]]
 * ```
 */
export function normalize(x: TensorLike, options: NormalizeOptions = none): Tensor {
  checkOptions('ops.normalize', options, ['axis', 'order', 'epsilon']);
  const { axis = -1, order = 2, epsilon = null } = options;
  if (!Number.isInteger(order) || order < 1) {
    throw new ArgumentError(`ops.normalize: expected order to be a whole number of at least 1, got ${show(order)}.`);
  }
  let value = asFloat(x, 'ops.normalize');
  if (value.ndim === 0) value = call('aten::reshape', value, [1]);
  const least = epsilon ?? config.epsilon();
  if (order === 2) {
    const inverse = rsqrt(sum(square(value), { axis, keepdims: true }));
    return multiply(value, minimum(inverse, 1 / least));
  }
  return divide(value, maximum(norm(value, { ord: order, axis, keepdims: true }), least));
}

/** Options of {@link l2Normalize}. */
export interface L2NormalizeOptions {
  /** Axis, or axes, of the vectors. @default -1 */
  axis?: number | readonly number[];
}

/** Vectors along an axis divided by their length: {@link normalize} of order 2. */
export function l2Normalize(x: TensorLike, options: L2NormalizeOptions = none): Tensor {
  checkOptions('ops.l2Normalize', options, ['axis']);
  return normalize(x, { axis: options.axis ?? -1 });
}

/** Options of {@link batchNormalization}. */
export interface BatchNormalizationOptions {
  /** What is added in the end, one number per channel. @default null */
  offset?: TensorLike | null;
  /** What multiplies the normalized values, one number per channel. @default null */
  scale?: TensorLike | null;
  /** What is added to the variance. @default 1e-3 */
  epsilon?: number;
}

/** `(x - mean) / sqrt(variance + epsilon) * scale + offset`, with one mean, variance, scale and offset for each place along `axis`. */
export function batchNormalization(
  x: TensorLike,
  mean: TensorLike,
  variance: TensorLike,
  axis: number,
  options: BatchNormalizationOptions = none,
): Tensor {
  const where = 'ops.batchNormalization';
  checkOptions(where, options, ['offset', 'scale', 'epsilon'], 'x, mean, variance, axis');
  const { offset = null, scale = null, epsilon = 1e-3 } = options;
  const value = asFloat(x, where);
  const along = normalizeAxis(where, axis, value.shape);
  const size = value.shape[along] as number;
  const wide = (given: TensorLike, name: string): Tensor => {
    const vector = asTensor(given, where);
    if (vector.size !== size) {
      throw new ShapeError(
        `${where}: expected ${name} of ${size} numbers for axis ${axis} of ${formatShape(value.shape)}, got shape ${formatShape(vector.shape)}.`,
      );
    }
    return call(
      'aten::reshape',
      vector,
      value.shape.map((_, i) => (i === along ? size : 1)),
    );
  };
  let factor = rsqrt(add(wide(variance, 'variance'), epsilon));
  if (scale !== null) factor = multiply(factor, wide(scale, 'scale'));
  let shift = multiply(negative(wide(mean, 'mean')), factor);
  if (offset !== null) shift = add(shift, wide(offset, 'offset'));
  return add(multiply(value, factor), shift);
}

/** Options of {@link layerNormalization}. */
export interface LayerNormalizationOptions {
  /** Scale, in the shape of the normalized axes. @default null */
  gamma?: TensorLike | null;
  /** Offset, in the shape of the normalized axes. @default null */
  beta?: TensorLike | null;
  /** Axis, or axes, that are normalized together. @default -1 */
  axis?: number | readonly number[];
  /** What is added to the variance. @default config.epsilon() */
  epsilon?: number | null;
}

/** A parameter in the shape of some axes of `x`, with size 1 elsewhere. */
function spreadOver(where: string, name: string, given: TensorLike, x: Tensor, axes: readonly number[]): Tensor {
  const value = asTensor(given, where);
  const sizes = x.shape.map((size, axis) => (axes.includes(axis) ? size : 1));
  const expected = [...axes].sort((a, b) => a - b).map((axis) => x.shape[axis] as number);
  if (value.size !== expected.reduce((product, size) => product * size, 1)) {
    throw new ShapeError(
      `${where}: expected ${name} of shape ${formatShape(expected)}, got ${formatShape(value.shape)}.`,
    );
  }
  return call('aten::reshape', value, sizes);
}

/** `(x - mean) / sqrt(variance + epsilon) * gamma + beta`, with mean and variance over some axes of each sample. Source: Ba et al. 2016. */
export function layerNormalization(x: TensorLike, options: LayerNormalizationOptions = none): Tensor {
  const where = 'ops.layerNormalization';
  checkOptions(where, options, ['gamma', 'beta', 'axis', 'epsilon']);
  const { gamma = null, beta = null, axis = -1, epsilon = null } = options;
  const value = asFloat(x, where);
  const axes = normalizeAxes(where, axis, value.shape) as number[];
  const { dtype } = value;
  const half = dtype === 'float16' || dtype === 'bfloat16';
  const full = half ? castTo(value, 'float32') : value;
  const [centre, spread] = moments(full, axes, { keepdims: true });
  let factor = rsqrt(add(spread, epsilon ?? config.epsilon()));
  if (gamma !== null) factor = multiply(factor, castTo(spreadOver(where, 'gamma', gamma, value, axes), full.dtype));
  let result = multiply(subtract(full, centre), factor);
  if (beta !== null) result = add(result, castTo(spreadOver(where, 'beta', beta, value, axes), full.dtype));
  return castTo(result, dtype);
}

/** Options of {@link rmsNormalization}. */
export interface RmsNormalizationOptions {
  /** Scale, in the shape of the normalized axes. @default null */
  scale?: TensorLike | null;
  /** Axis, or axes, that are normalized together. @default -1 */
  axis?: number | readonly number[];
  /** What is added to the mean of squares. @default config.epsilon() */
  epsilon?: number | null;
}

/** `x / sqrt(mean(x^2) + epsilon) * scale`. Source: Zhang & Sennrich 2019. */
export function rmsNormalization(x: TensorLike, options: RmsNormalizationOptions = none): Tensor {
  const where = 'ops.rmsNormalization';
  checkOptions(where, options, ['scale', 'axis', 'epsilon']);
  const { scale = null, axis = -1, epsilon = null } = options;
  const value = asFloat(x, where);
  const axes = normalizeAxes(where, axis, value.shape) as number[];
  const half = value.dtype === 'float16' || value.dtype === 'bfloat16';
  const full = half ? castTo(value, 'float32') : value;
  const factor = rsqrt(add(mean(square(full), { axis: axes, keepdims: true }), epsilon ?? config.epsilon()));
  let result = multiply(full, factor);
  if (scale !== null) result = multiply(result, castTo(spreadOver(where, 'scale', scale, value, axes), full.dtype));
  return castTo(result, value.dtype);
}

/** Peak signal-to-noise ratio in decibels: `20 log10(maxVal) - 10 log10(mean((x1 - x2)^2))`. */
export function psnr(x1: TensorLike, x2: TensorLike, maxVal: number): Tensor {
  const [a, b] = promote('ops.psnr', [x1, x2], 'float') as [Tensor, Tensor];
  if (formatShape(a.shape) !== formatShape(b.shape)) {
    throw new ShapeError(`ops.psnr: expected equal shapes, got ${formatShape(a.shape)} and ${formatShape(b.shape)}.`);
  }
  const error = call('aten::log10', mean(square(subtract(a, b))));
  return subtract(20 * Math.log10(maxVal), multiply(error, 10));
}
