import { call, callList } from '../core/call.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkInteger, checkList, checkOptions, none, normalizeAxis } from './arguments.js';
import { asTensor, explain, promote } from './promote.js';
import { ravel } from './shape.js';

/** Options of {@link concatenate} and {@link stack}. */
export interface ConcatenateOptions {
  /** Axis along which the tensors follow each other; for {@link stack} the place of the new axis. @default 0 */
  axis?: number;
}

/**
 * Tensors one after the other along an axis; their other sizes must be equal. Dtypes meet in the one that holds all.
 *
 * @throws {ShapeError} if the other sizes differ
 * @example
 * ```ts
 * ops.concatenate([[[1, 2]], [[3, 4]]], { axis: 1 }); // [[1, 2, 3, 4]]
 * ```
 */
export function concatenate(xs: readonly TensorLike[], options: ConcatenateOptions = none): Tensor {
  checkOptions('ops.concatenate', options, ['axis'], '[a, b]');
  return joined('ops.concatenate', xs, options.axis ?? 0);
}

function joined(where: string, xs: readonly TensorLike[], axis: number): Tensor {
  const values = promote(where, checkList(where, xs));
  const first = values[0] as Tensor;
  const along = normalizeAxis(where, axis, first.shape);
  for (const value of values) {
    if (value.ndim !== first.ndim || value.shape.some((size, i) => i !== along && size !== first.shape[i])) {
      throw new ShapeError(
        `${where}: expected shapes that differ in axis ${along} only, got ${formatShape(first.shape)} and ${formatShape(value.shape)}.`,
      );
    }
  }
  try {
    return call('aten::cat', values, along);
  } catch (error) {
    throw explain(where, values, error);
  }
}

/** Tensors of one shape side by side along a new axis. */
export function stack(xs: readonly TensorLike[], options: ConcatenateOptions = none): Tensor {
  checkOptions('ops.stack', options, ['axis'], '[a, b]');
  const values = promote('ops.stack', checkList('ops.stack', xs));
  const first = values[0] as Tensor;
  const differs = values.find((value) => formatShape(value.shape) !== formatShape(first.shape));
  if (differs !== undefined) {
    throw new ShapeError(
      `ops.stack: expected equal shapes, got ${formatShape(first.shape)} and ${formatShape(differs.shape)}.`,
      'Tensors of different lengths can be put together by ops.concatenate.',
    );
  }
  return call('aten::stack', values, normalizeAxis('ops.stack', options.axis ?? 0, [...first.shape, 1]));
}

function atLeast(x: TensorLike, where: string, rank: 1 | 2 | 3): Tensor {
  const value = asTensor(x, where);
  const { shape } = value;
  if (shape.length >= rank) return value;
  if (rank === 1) return call('aten::reshape', value, [1]);
  const sizes = shape.length === 2 ? [...shape, 1] : [1, shape[0] ?? 1, ...(rank === 3 ? [1] : [])];
  return call('aten::reshape', value, sizes);
}

/** {@link concatenate} along axis 1; vectors along axis 0. */
export function hstack(xs: readonly TensorLike[]): Tensor {
  const values = checkList('ops.hstack', xs).map((x) => atLeast(x, 'ops.hstack', 1));
  return joined('ops.hstack', values, values[0]?.ndim === 1 ? 0 : 1);
}

/** {@link concatenate} along axis 0; vectors are rows. */
export function vstack(xs: readonly TensorLike[]): Tensor {
  const values = checkList('ops.vstack', xs).map((x) => atLeast(x, 'ops.vstack', 2));
  return joined('ops.vstack', values, 0);
}

/** {@link concatenate} along axis 2, which vectors and matrices get first. */
export function dstack(xs: readonly TensorLike[]): Tensor {
  const values = checkList('ops.dstack', xs).map((x) => atLeast(x, 'ops.dstack', 3));
  return joined('ops.dstack', values, 2);
}

/** Options of {@link append}. */
export interface AppendOptions {
  /** Axis along which `x2` follows `x1`; `null`: the elements of both in one row. @default null */
  axis?: number | null;
}

/** `x1`, followed by `x2`. */
export function append(x1: TensorLike, x2: TensorLike, options: AppendOptions = none): Tensor {
  checkOptions('ops.append', options, ['axis'], 'x1, x2');
  const { axis = null } = options;
  return axis === null ? joined('ops.append', [ravel(x1), ravel(x2)], 0) : joined('ops.append', [x1, x2], axis);
}

/** Which pieces {@link split} makes: so many, or cut before these places. */
export type Sections = number | readonly number[];

/** Options of {@link split}. */
export interface SplitOptions {
  /** Axis to cut. @default 0 */
  axis?: number;
}

function pieces(where: string, x: TensorLike, sections: Sections, axis: number, even: boolean): Tensor[] {
  const value = asTensor(x, where);
  const along = normalizeAxis(where, axis, value.shape);
  if (typeof sections !== 'number') {
    for (const place of sections) checkInteger(where, 'places', place);
    return callList('aten::tensor_split.indices', value, sections, along);
  }
  const count = checkInteger(where, 'sections', sections, 1);
  if (even && (value.shape[along] as number) % count !== 0) {
    throw new ShapeError(
      `${where}: expected a size that ${count} divides at axis ${along}, got shape ${formatShape(value.shape)}.`,
      'ops.arraySplit makes pieces of different sizes.',
    );
  }
  return callList('aten::tensor_split.sections', value, count, along);
}

/**
 * `x` cut along an axis into equal pieces, or before the places given.
 *
 * @throws {ShapeError} if the pieces can't be equal
 * @example
 * ```ts
 * const [a, b] = ops.split([1, 2, 3, 4], 2); // [1, 2] and [3, 4]
 * ```
 */
export function split(x: TensorLike, indicesOrSections: Sections, options: SplitOptions = none): Tensor[] {
  checkOptions('ops.split', options, ['axis'], 'x, sections');
  return pieces('ops.split', x, indicesOrSections, options.axis ?? 0, true);
}

/** As {@link split}; where the pieces can't be equal, the first ones are longer by one. */
export function arraySplit(x: TensorLike, indicesOrSections: Sections, options: SplitOptions = none): Tensor[] {
  checkOptions('ops.arraySplit', options, ['axis'], 'x, sections');
  return pieces('ops.arraySplit', x, indicesOrSections, options.axis ?? 0, false);
}

/** {@link split} along axis 1, or along axis 0 of vectors. */
export function hsplit(x: TensorLike, indicesOrSections: Sections): Tensor[] {
  const value = asTensor(x, 'ops.hsplit');
  return pieces('ops.hsplit', value, indicesOrSections, value.ndim === 1 ? 0 : 1, true);
}

/** {@link split} along axis 0. */
export function vsplit(x: TensorLike, indicesOrSections: Sections): Tensor[] {
  return pieces('ops.vsplit', x, indicesOrSections, 0, true);
}

/** {@link split} along axis 2. */
export function dsplit(x: TensorLike, indicesOrSections: Sections): Tensor[] {
  return pieces('ops.dsplit', x, indicesOrSections, 2, true);
}

/** Options of {@link unstack}. */
export interface UnstackOptions {
  /** Number of pieces, to be checked. @default the size of the axis */
  num?: number | null;
  /** Axis that goes. @default 0 */
  axis?: number;
}

/** One tensor for each place along an axis, without that axis. */
export function unstack(x: TensorLike, options: UnstackOptions = none): Tensor[] {
  checkOptions('ops.unstack', options, ['num', 'axis']);
  const value = asTensor(x, 'ops.unstack');
  const axis = normalizeAxis('ops.unstack', options.axis ?? 0, value.shape);
  const { num = null } = options;
  if (num !== null && num !== value.shape[axis]) {
    throw new ShapeError(`ops.unstack: expected ${num} places at axis ${axis}, got shape ${formatShape(value.shape)}.`);
  }
  return callList('aten::unbind.int', value, axis);
}
