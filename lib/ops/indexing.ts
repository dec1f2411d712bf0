import { call, callList } from '../core/call.js';
import { type DType, standardizeDType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkInteger, checkOptions, checkShape, none, normalizeAxis, product } from './arguments.js';
import { asIndices, asTensor, castTo, defaultFloat, deviceOf } from './promote.js';

/** Options of {@link take} and {@link takeAlongAxis}. */
export interface TakeOptions {
  /** Axis to take along; `null`: the elements in one row. @default null */
  axis?: number | null;
}

/**
 * Elements along an axis by their numbers; numbers below 0 count from the end. The axes of `indices` stand where the axis was.
 *
 * @example
 * ```ts
 * ops.take([10, 20, 30], [0, -1]); // [10, 30]
 * ```
 */
export function take(x: TensorLike, indices: TensorLike, options: TakeOptions = none): Tensor {
  checkOptions('ops.take', options, ['axis'], 'x, indices');
  const { axis = null } = options;
  const value = axis === null ? call('aten::reshape', asTensor(x, 'ops.take'), [-1]) : asTensor(x, 'ops.take');
  const along = normalizeAxis('ops.take', axis ?? 0, value.shape);
  const before = new Array<null>(along).fill(null);
  return call('aten::index.Tensor', value, [...before, asIndices(indices, 'ops.take')]);
}

/** Along an axis, at each place the element that the index there names; both shapes are equal save for that axis, or broadcast. */
export function takeAlongAxis(x: TensorLike, indices: TensorLike, options: TakeOptions = none): Tensor {
  checkOptions('ops.takeAlongAxis', options, ['axis'], 'x, indices');
  const { axis = null } = options;
  let value = asTensor(x, 'ops.takeAlongAxis');
  let places = castTo(asIndices(indices, 'ops.takeAlongAxis'), 'int64');
  if (axis === null) {
    value = call('aten::reshape', value, [-1]);
    places = call('aten::reshape', places, [-1]);
  }
  const along = normalizeAxis('ops.takeAlongAxis', axis ?? 0, value.shape);
  if (places.ndim !== value.ndim) {
    throw new ShapeError(
      `ops.takeAlongAxis: expected indices of rank ${value.ndim} like ${formatShape(value.shape)}, got shape ${formatShape(places.shape)}.`,
      'Add the axis: ops.expandDims(indices, axis).',
    );
  }
  return call('aten::take_along_dim', value, fromEnd(places, value.shape[along] as number), along);
}

/** Indices below 0 counted from the end. */
function fromEnd(indices: Tensor, size: number): Tensor {
  const behind = call('aten::lt.Scalar', indices, 0);
  return call('aten::where.self', behind, call('aten::add.Scalar', indices, size), indices);
}

/** Rows of `[..., rank]` as one vector of places per axis. */
function columns(where: string, indices: TensorLike, rank: number): Tensor[] {
  const places = asIndices(indices, where);
  const depth = places.shape[places.ndim - 1] ?? 0;
  if (places.ndim === 0 || depth > rank || depth === 0) {
    throw new ShapeError(
      `${where}: expected indices whose last axis has 1 to ${rank} numbers, one per axis, got shape ${formatShape(places.shape)}.`,
    );
  }
  return callList('aten::unbind.int', places, -1);
}

/**
 * Zeros of a shape, with values added at places: `indices` is `[..., rank]`. Values at the same place add up.
 *
 * @example
 * ```ts
 * ops.scatter([[0, 1], [1, 0]], [5, 6], [2, 2]); // [[0, 5], [6, 0]]
 * ```
 */
export function scatter(indices: TensorLike, values: TensorLike, shape: readonly number[]): Tensor {
  const added = asTensor(values, 'ops.scatter');
  const sizes = checkShape('ops.scatter', shape);
  const places = columns('ops.scatter', indices, sizes.length);
  const zeros = call('aten::zeros', sizes, added.dtype, null, deviceOf(added));
  return call('aten::index_put', zeros, places, added, true);
}

/** How {@link scatterUpdate} combines the old value with the new. */
export type ScatterReduction = 'add' | 'max' | 'min' | 'mul';

/** Options of {@link scatterUpdate}. */
export interface ScatterUpdateOptions {
  /** `null`: the new value replaces the old. @default null */
  reduction?: ScatterReduction | null;
}

/** `inputs` with other values at places: `indices` is `[count, rank]`, `updates` `[count, …]`. */
export function scatterUpdate(
  inputs: TensorLike,
  indices: TensorLike,
  updates: TensorLike,
  options: ScatterUpdateOptions = none,
): Tensor {
  checkOptions('ops.scatterUpdate', options, ['reduction'], 'inputs, indices, updates');
  const value = asTensor(inputs, 'ops.scatterUpdate');
  const news = castTo(asTensor(updates, 'ops.scatterUpdate'), value.dtype);
  const places = columns('ops.scatterUpdate', indices, value.ndim);
  const { reduction = null } = options;
  if (reduction === null || reduction === 'add')
    return call('aten::index_put', value, places, news, reduction === 'add');
  const names = { max: 'amax', min: 'amin', mul: 'prod' } as const;
  if (!Object.hasOwn(names, reduction)) {
    throw new ArgumentError(
      `ops.scatterUpdate: expected reduction to be 'add', 'max', 'min', 'mul' or null, got ${show(reduction)}.`,
    );
  }
  // As rows of one axis, since scatter_reduce knows only that.
  const lead = value.shape.slice(0, places.length);
  const rest = value.shape.slice(places.length);
  let row = castTo(places[0] as Tensor, 'int64');
  places.slice(1).forEach((place, i) => {
    row = call('aten::add.Tensor', call('aten::mul.Scalar', row, lead[i + 1] as number), castTo(place, 'int64'));
  });
  const width = product(rest);
  const source = call('aten::reshape', call('aten::expand', news, [...row.shape, ...rest]), [-1, width]);
  const index = call('aten::expand', call('aten::reshape', row, [-1, 1]), [-1, width]);
  const flat = call('aten::reshape', value, [product(lead), width]);
  return call('aten::reshape', call('aten::scatter_reduce.two', flat, 0, index, source, names[reduction]), value.shape);
}

/**
 * The box of `inputs` that starts at `startIndices` and has a shape; -1 in the shape means up to the end. A box that would reach beyond the end starts
 * earlier.
 */
export function slice(inputs: TensorLike, startIndices: readonly number[], shape: readonly number[]): Tensor {
  let value = asTensor(inputs, 'ops.slice');
  const starts = box('ops.slice', value, startIndices, shape);
  starts.forEach(([start, size], axis) => {
    if (start !== 0 || size !== value.shape[axis]) value = call('aten::slice.Tensor', value, axis, start, start + size);
  });
  return value;
}

/** `inputs` with a box, which starts at `startIndices`, replaced by `updates`. */
export function sliceUpdate(inputs: TensorLike, startIndices: readonly number[], updates: TensorLike): Tensor {
  const value = asTensor(inputs, 'ops.sliceUpdate');
  const news = castTo(asTensor(updates, 'ops.sliceUpdate'), value.dtype);
  if (value.ndim === 0) return news;
  const starts = box('ops.sliceUpdate', value, startIndices, news.shape);
  const put = (x: Tensor, axis: number): Tensor => {
    const [start, size] = starts[axis] as [number, number];
    const inner =
      axis === starts.length - 1 ? news : put(call('aten::slice.Tensor', x, axis, start, start + size), axis + 1);
    return call('aten::slice_scatter', x, inner, axis, start, start + size);
  };
  return put(value, 0);
}

function box(where: string, x: Tensor, starts: readonly number[], shape: readonly number[]): [number, number][] {
  if (!Array.isArray(starts) || !Array.isArray(shape) || starts.length !== x.ndim || shape.length !== x.ndim) {
    throw new ShapeError(
      `${where}: expected a start and a size for each of the ${x.ndim} axes of ${formatShape(x.shape)}, got ${show(starts)} and ${show(shape)}.`,
    );
  }
  return x.shape.map((full, axis) => {
    const given = checkInteger(where, `start of axis ${axis}`, starts[axis]);
    const wanted = checkInteger(where, `size of axis ${axis}`, shape[axis], -1);
    const size = wanted === -1 ? full - given : wanted;
    if (size < 0 || size > full) {
      throw new ShapeError(
        `${where}: expected a size of at most ${full} at axis ${axis} of ${formatShape(x.shape)}, got ${size}.`,
      );
    }
    return [Math.min(Math.max(given < 0 ? given + full : given, 0), full - size), size];
  });
}

/** Options of {@link oneHot} and {@link multiHot}. */
export interface OneHotOptions {
  /** Where the axis of the classes goes. @default -1 */
  axis?: number;
  /** Dtype of the result. @default floatx */
  dtype?: DType | null;
}

/**
 * For each class number a vector that is 1 at that class and 0 elsewhere; numbers that name no class give zeros.
 *
 * @example
 * ```ts
 * ops.oneHot([0, 2], 3); // [[1, 0, 0], [0, 0, 1]]
 * ```
 */
export function oneHot(x: TensorLike, numClasses: number, options: OneHotOptions = none): Tensor {
  checkOptions('ops.oneHot', options, ['axis', 'dtype'], 'x, numClasses');
  const count = checkInteger('ops.oneHot', 'numClasses', numClasses, 0);
  const dtype = options.dtype ? standardizeDType(options.dtype) : defaultFloat();
  const labels = asIndices(x, 'ops.oneHot');
  const sizes = new Array<number>(labels.ndim + 1).fill(1);
  const axis = normalizeAxis('ops.oneHot', options.axis ?? -1, sizes);
  sizes[axis] = count;
  const classes = call(
    'aten::reshape',
    call('aten::arange.start_step', 0, count, 1, labels.dtype, null, deviceOf(labels)),
    sizes,
  );
  return castTo(call('aten::eq.Tensor', call('aten::unsqueeze', labels, axis), classes), dtype);
}

/** For each row of class numbers a vector that is 1 at those classes: `[batch, numbers]` to `[batch, classes]`. */
export function multiHot(inputs: TensorLike, numClasses: number, options: OneHotOptions = none): Tensor {
  checkOptions('ops.multiHot', options, ['axis', 'dtype'], 'inputs, numClasses');
  const labels = asIndices(inputs, 'ops.multiHot');
  const { axis = -1, dtype = null } = options;
  const hot = oneHot(labels, numClasses, { axis, dtype: 'bool' });
  return castTo(
    call('aten::any.dims', hot, [labels.ndim > 1 ? 1 : 0], false),
    dtype ? standardizeDType(dtype) : defaultFloat(),
  );
}

/** What stands for one axis in {@link getItem}: a place, `[start, stop]` or `[start, stop, step]` with `null` for an open end, `null` for a new axis, '...' for the axes between, or a tensor of indices. */
export type Key = number | readonly [number | null, number | null, (number | null)?] | null | '...' | Tensor;

/**
 * Elements by place, range and index, as square brackets take them in Python: one key for each axis, from the first on.
 *
 * @example
 * ```ts
 * ops.getItem(x, [0, [1, 3]]); // x[0, 1:3]
 * ```
 */
export function getItem(x: TensorLike, key: readonly Key[]): Tensor {
  let value = asTensor(x, 'ops.getItem');
  if (!Array.isArray(key)) {
    throw new ArgumentError(
      `ops.getItem: expected an array of keys, got ${show(key)}.`,
      `Write ops.getItem(x, [${show(key)}]).`,
    );
  }
  const parts: readonly Key[] = key;
  const taken = parts.filter((part) => part !== null && part !== '...').length;
  if (taken > value.ndim) {
    throw new ShapeError(
      `ops.getItem: expected at most ${value.ndim} keys for shape ${formatShape(value.shape)}, got ${taken}.`,
    );
  }
  let axis = 0;
  for (const part of parts) {
    if (part === '...')
      axis += value.ndim - axis - parts.slice(parts.indexOf(part) + 1).filter((rest) => rest !== null).length;
    else if (part === null) value = call('aten::unsqueeze', value, axis++);
    else if (typeof part === 'number') {
      const size = value.shape[axis] as number;
      if (part < -size || part >= size) {
        throw new ShapeError(
          `ops.getItem: expected a place from ${-size} to ${size - 1} at axis ${axis}, got ${part}.`,
        );
      }
      value = call('aten::select.int', value, axis, part);
    } else if (Array.isArray(part)) {
      const [start, stop, step = 1] = part as readonly [number | null, number | null, (number | null)?];
      value = call('aten::slice.Tensor', value, axis++, start, stop, step ?? 1);
    } else {
      value = take(value, part as Tensor, { axis });
      axis += (part as Tensor).ndim;
    }
  }
  return value;
}

/** Places in one row as places in a shape: one tensor per axis. Places below 0 count from the end. */
export function unravelIndex(indices: TensorLike, shape: readonly number[]): Tensor[] {
  const sizes = checkShape('ops.unravelIndex', shape);
  let rest = fromEnd(asIndices(indices, 'ops.unravelIndex'), product(sizes));
  const result: Tensor[] = [];
  for (let axis = sizes.length - 1; axis >= 0; axis--) {
    result.unshift(call('aten::remainder.Scalar', rest, sizes[axis] as number));
    rest = call('aten::floor_divide.Scalar', rest, sizes[axis] as number);
  }
  return result;
}
