import { call, callList } from '../core/call.js';
import { type DType, standardizeDType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkOptions, none, normalizeAxes, normalizeAxis, product } from './arguments.js';
import { maximum, minimum } from './arithmetic.js';
import { asFloat, asTensor, castTo, isInexact, isWideUnsigned, promote, refuseComplex } from './promote.js';

/** Options of reductions. */
export interface ReduceOptions {
  /** Axis, or axes, to reduce; `null`: all of them. @default null */
  axis?: number | readonly number[] | null;
  /** Keep the reduced axes with size 1. @default false */
  keepdims?: boolean;
}

const keys = ['axis', 'keepdims'];

/** Every axis of a tensor. */
function everyAxis(x: Tensor): number[] {
  return x.shape.map((_, axis) => axis);
}

/** Dtype in which sums and products of a dtype are taken: small integers would overflow. @internal */
export function accumulationType(dtype: DType): DType {
  switch (dtype) {
    case 'bool':
    case 'int8':
    case 'int16':
      return 'int32';
    case 'uint8':
    case 'uint16':
      return 'uint32';
    default:
      return dtype;
  }
}

/**
 * Sum of the elements. Small integers and bools are summed in 32 bits.
 *
 * @example
 * ```ts
 * ops.sum([[1, 2], [3, 4]], { axis: 0 }); // [4, 6]
 * ```
 */
export function sum(x: TensorLike, options: ReduceOptions = none): Tensor {
  checkOptions('ops.sum', options, keys);
  const value = asTensor(x, 'ops.sum');
  const axes = normalizeAxes('ops.sum', options.axis, value.shape);
  const keepdims = options.keepdims ?? false;
  const { dtype } = value;
  if (axes?.length === 0) return castTo(value, accumulationType(dtype));
  if (isInexact(dtype)) return call('aten::sum.dim_IntList', value, axes, keepdims);
  const total = accumulationType(dtype);
  const wide = isWideUnsigned(total);
  const source = isWideUnsigned(dtype) ? castTo(value, 'int64') : value;
  return castTo(call('aten::sum.dim_IntList', source, axes, keepdims, wide ? 'int64' : total), total);
}

/** Mean of the elements; integers give floatx. */
export function mean(x: TensorLike, options: ReduceOptions = none): Tensor {
  checkOptions('ops.mean', options, keys);
  const value = asFloat(x, 'ops.mean');
  const axes = normalizeAxes('ops.mean', options.axis, value.shape);
  return axes?.length === 0 ? value : call('aten::mean.dim', value, axes, options.keepdims ?? false);
}

/** Product of the elements. Small integers and bools are multiplied in 32 bits. Option `dtype`: that of the result. */
export function prod(x: TensorLike, options: ReduceOptions & { dtype?: DType | null } = none): Tensor {
  checkOptions('ops.prod', options, [...keys, 'dtype']);
  const value = asTensor(x, 'ops.prod');
  const axes = (normalizeAxes('ops.prod', options.axis, value.shape) ?? everyAxis(value)).sort((a, b) => b - a);
  const dtype = options.dtype ? standardizeDType(options.dtype) : accumulationType(value.dtype);
  let result = castTo(value, isWideUnsigned(dtype) ? 'int64' : dtype);
  // From the last axis on, so that the numbers of those still to come stay right.
  for (const axis of axes) result = call('aten::prod.dim_int', result, axis, options.keepdims ?? false);
  return castTo(result, dtype);
}

/** Options of {@link max} and {@link min}. */
export interface ExtremeOptions extends ReduceOptions {
  /** A value that takes part too, and the result where there are no elements. @default null */
  initial?: number | null;
}

function extreme(where: string, name: 'aten::amax' | 'aten::amin', x: TensorLike, options: ExtremeOptions): Tensor {
  checkOptions(where, options, [...keys, 'initial']);
  const value = asTensor(x, where);
  refuseComplex(where, value);
  const axes = normalizeAxes(where, options.axis, value.shape);
  const reduced = axes ?? everyAxis(value);
  const { initial = null, keepdims = false } = options;
  const { dtype } = value;
  if (reduced.some((axis) => value.shape[axis] === 0)) {
    if (initial === null) {
      throw new ShapeError(
        `${where}: expected at least one element along the axis, got shape ${formatShape(value.shape)}.`,
        `Give a value for none: ${where}(x, { initial: 0 }).`,
      );
    }
    const sizes = value.shape.flatMap((size, axis) => (reduced.includes(axis) ? (keepdims ? [1] : []) : [size]));
    return call('aten::new_full', value, sizes, initial);
  }
  const source = isWideUnsigned(dtype) ? castTo(value, 'int64') : value;
  const result = axes?.length === 0 ? source : castTo(call(name, source, axes ?? [], keepdims), dtype);
  if (initial === null) return castTo(result, dtype);
  return (name === 'aten::amax' ? maximum : minimum)(result, initial);
}

/** The largest element; NaN if there is one. Equal largest ones share the gradient. */
export function max(x: TensorLike, options: ExtremeOptions = none): Tensor {
  return extreme('ops.max', 'aten::amax', x, options);
}

/** The smallest element; NaN if there is one. Equal smallest ones share the gradient. */
export function min(x: TensorLike, options: ExtremeOptions = none): Tensor {
  return extreme('ops.min', 'aten::amin', x, options);
}

/** The same as {@link max}, without `initial`. */
export function amax(x: TensorLike, options: ReduceOptions = none): Tensor {
  checkOptions('ops.amax', options, keys);
  return extreme('ops.amax', 'aten::amax', x, options);
}

/** The same as {@link min}, without `initial`. */
export function amin(x: TensorLike, options: ReduceOptions = none): Tensor {
  checkOptions('ops.amin', options, keys);
  return extreme('ops.amin', 'aten::amin', x, options);
}

/** The largest element less the smallest. */
export function ptp(x: TensorLike, options: ReduceOptions = none): Tensor {
  checkOptions('ops.ptp', options, keys);
  return call(
    'aten::sub.Tensor',
    extreme('ops.ptp', 'aten::amax', x, options),
    extreme('ops.ptp', 'aten::amin', x, options),
  );
}

function quantifier(where: string, name: string, x: TensorLike, options: ReduceOptions): Tensor {
  checkOptions(where, options, keys);
  const value = castTo(asTensor(x, where), 'bool');
  const axes = normalizeAxes(where, options.axis, value.shape);
  return axes?.length === 0 ? value : call(name, value, axes, options.keepdims ?? false);
}

/** True where all elements are true (not 0). */
export function all(x: TensorLike, options: ReduceOptions = none): Tensor {
  return quantifier('ops.all', 'aten::all.dims', x, options);
}

/** True where at least one element is true (not 0). */
export function any(x: TensorLike, options: ReduceOptions = none): Tensor {
  return quantifier('ops.any', 'aten::any.dims', x, options);
}

/** Options of reductions that drop the axes they reduce. */
export interface AxesOptions {
  /** Axis, or axes, to reduce; `null`: all of them. @default null */
  axis?: number | readonly number[] | null;
}

/** How many elements aren't 0, as int32. */
export function countNonzero(x: TensorLike, options: AxesOptions = none): Tensor {
  checkOptions('ops.countNonzero', options, ['axis']);
  return sum(castTo(asTensor(x, 'ops.countNonzero'), 'bool'), options);
}

/** `log(sum(exp(x)))` without overflow. */
export function logsumexp(x: TensorLike, options: ReduceOptions = none): Tensor {
  checkOptions('ops.logsumexp', options, keys);
  const value = asFloat(x, 'ops.logsumexp');
  const axes = normalizeAxes('ops.logsumexp', options.axis, value.shape) ?? everyAxis(value);
  return axes.length === 0 ? value : call('aten::logsumexp', value, axes, options.keepdims ?? false);
}

function spreadOf(where: string, name: string, x: TensorLike, options: ReduceOptions): Tensor {
  checkOptions(where, options, keys);
  const value = asFloat(x, where);
  const axes = normalizeAxes(where, options.axis, value.shape);
  return call(name, value, axes, 0, options.keepdims ?? false);
}

/** Variance: mean of the squared distances from the mean, divided by the number of elements. */
function variance(x: TensorLike, options: ReduceOptions = none): Tensor {
  return spreadOf('ops.var', 'aten::var.correction', x, options);
}

export { variance as var };

/** Standard deviation: square root of the variance, divided by the number of elements. */
export function std(x: TensorLike, options: ReduceOptions = none): Tensor {
  return spreadOf('ops.std', 'aten::std.correction', x, options);
}

/** Options of {@link moments}. */
export interface MomentsOptions {
  /** Keep the reduced axes with size 1. @default false */
  keepdims?: boolean;
  /** Combine over replicas; needs a distribution. @default false */
  synchronized?: boolean;
}

/** Mean and variance over some axes: `[mean, variance]`. Half precision is computed in float32. */
export function moments(
  x: TensorLike,
  axes: number | readonly number[],
  options: MomentsOptions = none,
): [Tensor, Tensor] {
  checkOptions('ops.moments', options, ['keepdims', 'synchronized'], 'x, axes');
  const value = asFloat(x, 'ops.moments');
  const reduced = normalizeAxes('ops.moments', axes, value.shape) as number[];
  const half = value.dtype === 'float16' || value.dtype === 'bfloat16';
  const [spread, centre] = callList(
    'aten::var_mean.correction',
    half ? castTo(value, 'float32') : value,
    reduced,
    0,
    options.keepdims ?? false,
  ) as [Tensor, Tensor];
  if (!half) return [centre, spread];
  const limit = (y: Tensor): Tensor => castTo(call('aten::clamp', y, -65504, 65504), value.dtype);
  return [limit(centre), limit(spread)];
}

/** The middle element; of an even number the mean of the middle two. NaN if one is NaN. */
export function median(x: TensorLike, options: ReduceOptions = none): Tensor {
  checkOptions('ops.median', options, keys);
  const value = asFloat(x, 'ops.median');
  const reduced = normalizeAxes('ops.median', options.axis, value.shape) ?? everyAxis(value);
  const kept = everyAxis(value).filter((axis) => !reduced.includes(axis));
  const sizes = kept.map((axis) => value.shape[axis] as number);
  const count = product(reduced.map((axis) => value.shape[axis] as number));
  if (count === 0)
    throw new ShapeError(`ops.median: expected at least one element, got shape ${formatShape(value.shape)}.`);
  const flat = call('aten::reshape', call('aten::permute', value, [...kept, ...reduced]), [...sizes, count]);
  const sorted = (callList('aten::sort.stable', flat, false, -1, false) as [Tensor, Tensor])[0];
  const low = call('aten::select.int', sorted, -1, Math.floor((count - 1) / 2));
  const high = call('aten::select.int', sorted, -1, Math.floor(count / 2));
  const middle = count % 2 === 1 ? low : call('aten::mul.Scalar', call('aten::add.Tensor', low, high), 0.5);
  // NaN is sorted last: where the last is NaN, so is the result.
  const last = call('aten::select.int', sorted, -1, count - 1);
  const result = call('aten::where.self', call('aten::isnan', last), last, middle);
  if (options.keepdims !== true) return result;
  return call(
    'aten::reshape',
    result,
    value.shape.map((size, axis) => (reduced.includes(axis) ? 1 : size)),
  );
}

/** Options of {@link average}. */
export interface AverageOptions extends AxesOptions {
  /** Weight of each element: the shape of `x`, or one weight for each place along the axis. `null`: all equal. @default null */
  weights?: TensorLike | null;
}

/** Mean in which each element counts by its weight: `sum(x * weights) / sum(weights)`. */
export function average(x: TensorLike, options: AverageOptions = none): Tensor {
  checkOptions('ops.average', options, ['axis', 'weights']);
  const { axis = null, weights = null } = options;
  if (weights === null) return mean(x, { axis });
  let [value, weight] = promote('ops.average', [x, weights], 'float') as [Tensor, Tensor];
  if (weight.ndim === 1 && value.ndim !== 1 && typeof axis === 'number') {
    const at = normalizeAxis('ops.average', axis, value.shape);
    if (weight.size !== value.shape[at]) throw wrongWeights(value, weight);
    weight = call(
      'aten::reshape',
      weight,
      value.shape.map((_, i) => (i === at ? -1 : 1)),
    );
  } else if (formatShape(weight.shape) !== formatShape(value.shape)) {
    throw wrongWeights(value, weight);
  }
  const total = sum(call('aten::expand', weight, value.shape), { axis });
  value = call('aten::mul.Tensor', value, weight);
  return call('aten::div.Tensor', sum(value, { axis }), total);
}

function wrongWeights(x: Tensor, weights: Tensor): ShapeError {
  return new ShapeError(
    `ops.average: expected weights of shape ${formatShape(x.shape)}, got ${formatShape(weights.shape)}.`,
    'A vector of weights needs one axis, and its length: ops.average(x, { axis: 0, weights }).',
  );
}

/** Options of {@link cumsum} and {@link cumprod}. */
export interface CumulativeOptions {
  /** Axis to go along; `null`: the elements in one row. @default null */
  axis?: number | null;
  /** Dtype of the result. @default that of `x`; int32 for bools */
  dtype?: DType | null;
}

function cumulative(where: string, name: string, x: TensorLike, options: CumulativeOptions): Tensor {
  checkOptions(where, options, ['axis', 'dtype']);
  const value = asTensor(x, where);
  const { axis = null } = options;
  const dtype = options.dtype ? standardizeDType(options.dtype) : value.dtype === 'bool' ? 'int32' : value.dtype;
  const computed = isWideUnsigned(dtype) ? 'int64' : dtype;
  const source = castTo(axis === null ? call('aten::reshape', value, [-1]) : value, computed);
  return castTo(call(name, source, axis === null ? 0 : normalizeAxis(where, axis, value.shape)), dtype);
}

/** At each place the sum of the elements up to it. */
export function cumsum(x: TensorLike, options: CumulativeOptions = none): Tensor {
  return cumulative('ops.cumsum', 'aten::cumsum', x, options);
}

/** At each place the product of the elements up to it. */
export function cumprod(x: TensorLike, options: CumulativeOptions = none): Tensor {
  return cumulative('ops.cumprod', 'aten::cumprod', x, options);
}

/** Options of {@link norm}. */
export interface NormOptions extends ReduceOptions {
  /**
   * Which norm. Of vectors: a number, Infinity or -Infinity; of matrices (two axes): 'fro', 'nuc', 1, -1, 2, -2, Infinity or -Infinity.
   * `null`: the square root of the sum of squares. @default null
   */
  ord?: number | 'fro' | 'nuc' | null;
}

/**
 * Norm of vectors (one axis) or matrices (two axes). Without axis and `ord`, of all elements as one vector.
 *
 * @example
 * ```ts
 * ops.norm([3, 4]); // 5
 * ```
 */
export function norm(x: TensorLike, options: NormOptions = none): Tensor {
  checkOptions('ops.norm', options, ['ord', ...keys]);
  const { ord = null, keepdims = false } = options;
  const value = asFloat(x, 'ops.norm');
  const axes = normalizeAxes('ops.norm', options.axis, value.shape);
  const along = axes ?? everyAxis(value);
  if (ord === null) return call('aten::linalg_vector_norm', value, 2, axes, keepdims);
  if (along.length === 1 && typeof ord === 'number')
    return call('aten::linalg_vector_norm', value, ord, along, keepdims);
  if (along.length !== 2) {
    throw new ShapeError(
      `ops.norm: expected one axis (vectors) or two (matrices) for ord ${ord}, got ${along.length} of shape ${formatShape(value.shape)}.`,
      'Name them: ops.norm(x, { ord, axis: -1 }).',
    );
  }
  return typeof ord === 'string'
    ? call('aten::linalg_matrix_norm.str_ord', value, ord, along, keepdims)
    : call('aten::linalg_matrix_norm', value, ord, along, keepdims);
}

/** Options of {@link diff}. */
export interface DiffOptions {
  /** How often the difference is taken, at least 0. @default 1 */
  n?: number;
  /** Axis to go along. @default -1 */
  axis?: number;
}

/** Each element less the one before it. */
export function diff(a: TensorLike, options: DiffOptions = none): Tensor {
  checkOptions('ops.diff', options, ['n', 'axis']);
  const value = asTensor(a, 'ops.diff');
  const axis = normalizeAxis('ops.diff', options.axis ?? -1, value.shape);
  const { dtype } = value;
  if (!isWideUnsigned(dtype)) return call('aten::diff', value, options.n ?? 1, axis);
  return castTo(call('aten::diff', castTo(value, 'int64'), options.n ?? 1, axis), dtype);
}
