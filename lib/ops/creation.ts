import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { defaultDevice } from '../core/device.js';
import { type DType, isFloat, isInteger, standardizeDType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { checkInteger, checkList, checkOptions, checkShape, none, normalizeAxis } from './arguments.js';
import { asTensor, castTo, deviceOf, isWideUnsigned, promote } from './promote.js';

/** Options of functions that make tensors. */
export interface DTypeOptions {
  /** Element type. @default floatx, or that of the tensor given as a pattern */
  dtype?: DType | null;
}

function dtypeOf(options: DTypeOptions, fallback: DType = config.floatx()): DType {
  return options.dtype === undefined || options.dtype === null ? fallback : standardizeDType(options.dtype);
}

/** Zeros of a shape. */
export function zeros(shape: readonly number[] | number, options: DTypeOptions = none): Tensor {
  checkOptions('ops.zeros', options, ['dtype'], 'shape');
  return call('aten::zeros', checkShape('ops.zeros', shape), dtypeOf(options), null, defaultDevice());
}

/** Ones of a shape. */
export function ones(shape: readonly number[] | number, options: DTypeOptions = none): Tensor {
  checkOptions('ops.ones', options, ['dtype'], 'shape');
  return call('aten::ones', checkShape('ops.ones', shape), dtypeOf(options), null, defaultDevice());
}

/** A tensor of a shape whose values nobody has set. Here they are zeros, so that a program gives the same result in every run. */
export function empty(shape: readonly number[] | number, options: DTypeOptions = none): Tensor {
  checkOptions('ops.empty', options, ['dtype'], 'shape');
  return zeros(shape, options);
}

/**
 * A tensor of a shape with one value everywhere (or with values that broadcast to it).
 *
 * @example
 * ```ts
 * ops.full([2, 2], 7);
 * ```
 */
export function full(shape: readonly number[] | number, fillValue: TensorLike, options: DTypeOptions = none): Tensor {
  checkOptions('ops.full', options, ['dtype'], 'shape, value');
  const sizes = checkShape('ops.full', shape);
  const dtype = dtypeOf(options);
  if (typeof fillValue === 'number' && !isWideUnsigned(dtype)) {
    return call('aten::full', sizes, fillValue, dtype, null, defaultDevice());
  }
  return call('aten::clone', call('aten::expand', castTo(asTensor(fillValue, 'ops.full'), dtype), sizes));
}

/** Zeros of the shape, dtype and device of `x`. */
export function zerosLike(x: TensorLike, options: DTypeOptions = none): Tensor {
  checkOptions('ops.zerosLike', options, ['dtype']);
  const value = asTensor(x, 'ops.zerosLike');
  return call('aten::zeros_like', value, dtypeOf(options, value.dtype));
}

/** Ones of the shape, dtype and device of `x`. */
export function onesLike(x: TensorLike, options: DTypeOptions = none): Tensor {
  checkOptions('ops.onesLike', options, ['dtype']);
  const value = asTensor(x, 'ops.onesLike');
  return call('aten::ones_like', value, dtypeOf(options, value.dtype));
}

/** As {@link empty}, of the shape, dtype and device of `x`. */
export function emptyLike(x: TensorLike, options: DTypeOptions = none): Tensor {
  return zerosLike(x, options);
}

/** One value everywhere, in the shape, dtype and device of `x`. */
export function fullLike(x: TensorLike, fillValue: TensorLike, options: DTypeOptions = none): Tensor {
  checkOptions('ops.fullLike', options, ['dtype'], 'x, value');
  const value = asTensor(x, 'ops.fullLike');
  const dtype = dtypeOf(options, value.dtype);
  if (typeof fillValue === 'number' && !isWideUnsigned(dtype)) return call('aten::full_like', value, fillValue, dtype);
  return call('aten::clone', call('aten::expand', castTo(asTensor(fillValue, 'ops.fullLike'), dtype), value.shape));
}

/** Options of {@link eye}. */
export interface EyeOptions extends DTypeOptions {
  /** Number of columns. `null`: as many as rows. @default null */
  M?: number | null;
  /** The diagonal of the ones: 0 the main one, above 0 to the right of it. @default 0 */
  k?: number;
}

/** `[N, M]` with ones on a diagonal and zeros elsewhere. */
export function eye(N: number, options: EyeOptions = none): Tensor {
  checkOptions('ops.eye', options, ['M', 'k', 'dtype'], 'N');
  const rows = checkInteger('ops.eye', 'N', N, 0);
  const columns = checkInteger('ops.eye', 'M', options.M ?? N, 0);
  const k = checkInteger('ops.eye', 'k', options.k ?? 0);
  const dtype = dtypeOf(options);
  if (k === 0 && !isWideUnsigned(dtype)) return call('aten::eye.m', rows, columns, dtype, null, defaultDevice());
  const all = call('aten::ones', [rows, columns], 'bool', null, defaultDevice());
  return castTo(call('aten::triu', call('aten::tril', all, k), k), dtype);
}

/** `[n, n]` with ones on the main diagonal and zeros elsewhere. */
export function identity(n: number, options: DTypeOptions = none): Tensor {
  checkOptions('ops.identity', options, ['dtype'], 'n');
  return eye(n, options);
}

/** `[N, M]` with ones on and below a diagonal and zeros above it. */
export function tri(N: number, options: EyeOptions = none): Tensor {
  checkOptions('ops.tri', options, ['M', 'k', 'dtype'], 'N');
  const rows = checkInteger('ops.tri', 'N', N, 0);
  const columns = checkInteger('ops.tri', 'M', options.M ?? N, 0);
  const all = call('aten::ones', [rows, columns], 'bool', null, defaultDevice());
  return castTo(call('aten::tril', all, checkInteger('ops.tri', 'k', options.k ?? 0)), dtypeOf(options));
}

/** Options of {@link tril} and {@link triu}. */
export interface DiagonalOptions {
  /** The diagonal: 0 the main one, above 0 to the right of it. @default 0 */
  k?: number;
}

/** `x` with zeros above a diagonal of the last two axes. */
export function tril(x: TensorLike, options: DiagonalOptions = none): Tensor {
  return triangle('ops.tril', 'aten::tril', x, options);
}

/** `x` with zeros below a diagonal of the last two axes. */
export function triu(x: TensorLike, options: DiagonalOptions = none): Tensor {
  return triangle('ops.triu', 'aten::triu', x, options);
}

function triangle(where: string, name: string, x: TensorLike, options: DiagonalOptions): Tensor {
  checkOptions(where, options, ['k']);
  const value = asTensor(x, where);
  normalizeAxis(where, -2, value.shape);
  const source = isWideUnsigned(value.dtype) ? castTo(value, 'int64') : value;
  return castTo(call(name, source, checkInteger(where, 'k', options.k ?? 0)), value.dtype);
}

/**
 * Numbers from `start` in steps of `step`, short of `stop`. With one number, from 0 to that. Whole numbers give int32, others floatx.
 *
 * @example
 * ```ts
 * ops.arange(3);         // [0, 1, 2]
 * ops.arange(1, 2, 0.5); // [1, 1.5]
 * ops.arange(3, null, null, { dtype: 'float32' });
 * ```
 */
export function arange(
  start: number,
  stop: number | null = null,
  step: number | null = null,
  options: DTypeOptions = none,
): Tensor {
  for (const [name, value] of Object.entries({ start, stop, step })) {
    if (value !== null && (typeof value !== 'number' || !Number.isFinite(value))) {
      throw new ArgumentError(
        `ops.arange: expected ${name} to be a finite number, got ${show(value)}.`,
        'Write ops.arange(start, stop, step, { dtype }); null stands for what is left out.',
      );
    }
  }
  checkOptions('ops.arange', options, ['dtype'], 'start, stop, step');
  const by = step ?? 1;
  if (by === 0) throw new ArgumentError('ops.arange: expected a step other than 0.');
  const [from, to] = stop === null ? [0, start] : [start, stop];
  const dtype = dtypeOf(options, [from, to, by].every(Number.isInteger) ? 'int32' : config.floatx());
  const length = Math.max(0, Math.ceil((to - from) / by));
  if (length === 0) return call('aten::zeros', [0], dtype, null, defaultDevice());
  const whole = [from, to, by].every(Number.isInteger);
  const device = defaultDevice();
  if (whole && (isInteger(dtype) || dtype === 'bool')) {
    return castTo(call('aten::arange.start_step', from, from + length * by, by, 'int64', null, device), dtype);
  }
  // Half a step short of the end, so that rounding can't change the length. Fractions are cut off only after counting, as in NumPy.
  const computed = isFloat(dtype) ? dtype : 'float64';
  return castTo(call('aten::arange.start_step', from, from + (length - 0.5) * by, by, computed, null, device), dtype);
}

/** Options of {@link linspace} and {@link logspace}. */
export interface SpaceOptions extends DTypeOptions {
  /** Number of values, at least 0. @default 50 */
  num?: number;
  /** Whether the last value is `stop`. @default true */
  endpoint?: boolean;
  /** Where the new axis goes, when start and stop are tensors with axes. @default 0 */
  axis?: number;
}

/** Options of {@link linspace}. */
export interface LinspaceOptions extends SpaceOptions {
  /** Answer `[values, step]`. @default false */
  retstep?: boolean;
}

function spread(where: string, start: TensorLike, stop: TensorLike, options: SpaceOptions): [Tensor, Tensor] {
  const num = checkInteger(where, 'num', options.num ?? 50, 0);
  const { endpoint = true, axis = 0 } = options;
  const [first, last] = promote(where, [start, stop], 'float') as [Tensor, Tensor];
  const gaps = endpoint ? num - 1 : num;
  const range = call('aten::sub.Tensor', last, first);
  const step = call('aten::div.Scalar', range, gaps > 0 ? gaps : Number.NaN);
  const rank = Math.max(first.ndim, last.ndim);
  const at = axis < 0 ? axis + rank + 1 : axis;
  const sizes = new Array<number>(rank + 1).fill(1);
  sizes[normalizeAxis(where, at, sizes)] = num;
  const device = deviceOf(first);
  const counts = call('aten::arange.start_step', 0, num, 1, first.dtype, null, device);
  const share = call('aten::reshape', call('aten::div.Scalar', counts, Math.max(gaps, 1)), sizes);
  const wide = (x: Tensor): Tensor => call('aten::unsqueeze', call('aten::expand', x, range.shape), at);
  // Weighing both ends keeps the last value exactly at `stop`.
  const rest = call('aten::rsub.Scalar', share, 1);
  const values = call(
    'aten::add.Tensor',
    call('aten::mul.Tensor', wide(first), rest),
    call('aten::mul.Tensor', wide(last), share),
  );
  return [values, step];
}

/**
 * `num` numbers at equal distances from `start` to `stop`.
 *
 * @example
 * ```ts
 * ops.linspace(0, 1, { num: 5 }); // [0, 0.25, 0.5, 0.75, 1]
 * ```
 */
export function linspace(
  start: TensorLike,
  stop: TensorLike,
  options: LinspaceOptions & { retstep: true },
): [Tensor, Tensor];
export function linspace(start: TensorLike, stop: TensorLike, options?: SpaceOptions & { retstep?: false }): Tensor;
export function linspace(
  start: TensorLike,
  stop: TensorLike,
  options: LinspaceOptions = none,
): Tensor | [Tensor, Tensor] {
  checkOptions('ops.linspace', options, ['num', 'endpoint', 'retstep', 'dtype', 'axis'], 'start, stop');
  const [values, step] = spread('ops.linspace', start, stop, options);
  const dtype = dtypeOf(options, values.dtype);
  const result = castTo(isInteger(dtype) ? call('aten::floor', values) : values, dtype);
  return options.retstep === true ? [result, step] : result;
}

/** `num` numbers from `base^start` to `base^stop`, each the same multiple of the one before. Option `base`: @default 10 */
export function logspace(
  start: TensorLike,
  stop: TensorLike,
  options: SpaceOptions & { base?: number } = none,
): Tensor {
  checkOptions('ops.logspace', options, ['num', 'endpoint', 'base', 'dtype', 'axis'], 'start, stop');
  const [exponents] = spread('ops.logspace', start, stop, options);
  const values = call('aten::pow.Scalar', options.base ?? 10, exponents);
  return castTo(values, dtypeOf(options, values.dtype));
}

/** Options of {@link meshgrid}. */
export interface MeshgridOptions {
  /** 'xy': the first vector runs along the columns; 'ij': along the rows. @default 'xy' */
  indexing?: 'xy' | 'ij';
}

/** Grids of coordinates: for each vector a tensor in which it runs along its own axis. */
export function meshgrid(xs: readonly TensorLike[], options: MeshgridOptions = none): Tensor[] {
  checkOptions('ops.meshgrid', options, ['indexing'], '[x, y]');
  const vectors = checkList('ops.meshgrid', xs, 'vectors').map((x) =>
    call('aten::reshape', asTensor(x, 'ops.meshgrid'), [-1]),
  );
  const swap = (options.indexing ?? 'xy') === 'xy' && vectors.length > 1;
  const place = (i: number): number => (swap && i < 2 ? 1 - i : i);
  const sizes = new Array<number>(vectors.length);
  vectors.forEach((vector, i) => {
    sizes[place(i)] = vector.size;
  });
  return vectors.map((vector, i) => {
    const along = new Array<number>(vectors.length).fill(1);
    along[place(i)] = vector.size;
    return call('aten::expand', call('aten::reshape', vector, along), sizes);
  });
}
