import { call } from '../core/call.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import {
  checkChoice,
  checkInteger,
  checkOptions,
  checkShape,
  none,
  normalizeAxes,
  normalizeAxis,
  product,
} from './arguments.js';
import { asTensor } from './promote.js';

/**
 * The same elements, row by row, in another shape; one size may be -1 and follows from the others.
 *
 * @throws {ShapeError} if the number of elements differs
 * @example
 * ```ts
 * ops.reshape(images, [-1, 784]);
 * ```
 */
export function reshape(x: TensorLike, newshape: readonly number[] | number): Tensor {
  const value = asTensor(x, 'ops.reshape');
  const wanted = typeof newshape === 'number' ? [newshape] : newshape;
  if (!Array.isArray(wanted) || !wanted.every((size) => Number.isSafeInteger(size) && size >= -1)) {
    throw new ArgumentError(
      `ops.reshape: expected a shape: an array of whole numbers of at least -1, got ${show(newshape)}.`,
    );
  }
  const open = wanted.filter((size) => size === -1).length;
  const known = product(wanted.filter((size) => size !== -1));
  const fits =
    open === 0 ? known === value.size : open === 1 && (known === 0 ? value.size === 0 : value.size % known === 0);
  if (!fits) {
    throw new ShapeError(
      open > 1
        ? `ops.reshape: expected at most one -1, got ${formatShape(wanted)}.`
        : `ops.reshape: expected a shape of ${value.size} elements for ${formatShape(value.shape)}, got ${formatShape(wanted)}.`,
    );
  }
  // libtorch can't tell -1 beside a 0.
  return call(
    'aten::reshape',
    value,
    open === 1 && known === 0 ? wanted.map((size) => (size === -1 ? 0 : size)) : wanted,
  );
}

/** All elements in one row. */
export function ravel(x: TensorLike): Tensor {
  return call('aten::reshape', asTensor(x, 'ops.ravel'), [-1]);
}

/** `x` with a new axis of size 1 at `axis` (or at each of several, as numbered in the result). */
export function expandDims(x: TensorLike, axis: number | readonly number[]): Tensor {
  let value = asTensor(x, 'ops.expandDims');
  const wanted = typeof axis === 'number' ? [axis] : axis;
  const sizes = new Array<number>(value.ndim + wanted.length).fill(1);
  const axes = normalizeAxes('ops.expandDims', wanted, sizes) as number[];
  for (const at of axes.sort((a, b) => a - b)) value = call('aten::unsqueeze', value, at);
  return value;
}

/** Options of {@link squeeze}. */
export interface SqueezeOptions {
  /** Axis, or axes, to drop; their size must be 1. `null`: every axis of size 1. @default null */
  axis?: number | readonly number[] | null;
}

/** `x` without axes of size 1. */
export function squeeze(x: TensorLike, options: SqueezeOptions = none): Tensor {
  checkOptions('ops.squeeze', options, ['axis']);
  const value = asTensor(x, 'ops.squeeze');
  const axes = normalizeAxes('ops.squeeze', options.axis, value.shape);
  for (const axis of axes ?? []) {
    if (value.shape[axis] !== 1) {
      throw new ShapeError(`ops.squeeze: expected size 1 at axis ${axis}, got shape ${formatShape(value.shape)}.`);
    }
  }
  return call('aten::squeeze.dims', value, axes ?? value.shape.map((_, axis) => axis));
}

/** Options of {@link transpose}. */
export interface TransposeOptions {
  /** For each axis of the result the axis of `x` that stands there. `null`: the reverse order. @default null */
  axes?: readonly number[] | null;
}

/** `x` with its axes in another order. */
export function transpose(x: TensorLike, options: TransposeOptions = none): Tensor {
  checkOptions('ops.transpose', options, ['axes']);
  const value = asTensor(x, 'ops.transpose');
  const axes =
    normalizeAxes('ops.transpose', options.axes, value.shape) ?? value.shape.map((_, axis) => axis).reverse();
  if (axes.length !== value.ndim) {
    throw new ShapeError(
      `ops.transpose: expected ${value.ndim} axes for shape ${formatShape(value.shape)}, got ${show(options.axes)}.`,
    );
  }
  return call('aten::permute', value, axes);
}

/** `x` with two axes exchanged. */
export function swapaxes(x: TensorLike, axis1: number, axis2: number): Tensor {
  const value = asTensor(x, 'ops.swapaxes');
  const [a, b] = [axis1, axis2].map((axis) => normalizeAxis('ops.swapaxes', axis, value.shape));
  return call('aten::transpose.int', value, a, b);
}

/** `x` with an axis (or several) moved to another place; the others keep their order. */
export function moveaxis(
  x: TensorLike,
  source: number | readonly number[],
  destination: number | readonly number[],
): Tensor {
  const value = asTensor(x, 'ops.moveaxis');
  const from = normalizeAxes('ops.moveaxis', source, value.shape) as number[];
  const to = normalizeAxes('ops.moveaxis', destination, value.shape) as number[];
  if (from.length !== to.length) {
    throw new ArgumentError(
      `ops.moveaxis: expected as many destinations as sources, got ${show(source)} and ${show(destination)}.`,
    );
  }
  return call('aten::movedim.intlist', value, from, to);
}

/** `x` repeated along axes of size 1, or new leading axes, to fill a shape. Takes no memory. */
export function broadcastTo(x: TensorLike, shape: readonly number[] | number): Tensor {
  const value = asTensor(x, 'ops.broadcastTo');
  const sizes = checkShape('ops.broadcastTo', shape);
  const lead = sizes.length - value.ndim;
  if (lead < 0 || value.shape.some((size, axis) => size !== 1 && size !== sizes[lead + axis])) {
    throw new ShapeError(
      `ops.broadcastTo: expected a shape that ${formatShape(value.shape)} broadcasts to, got ${formatShape(sizes)}.`,
      'From the last axis on, sizes must be equal, or 1 in x.',
    );
  }
  return call('aten::expand', value, sizes);
}

/** Options of functions along one axis, or all. */
export interface FlipOptions {
  /** Axis, or axes; `null`: all of them. @default null */
  axis?: number | readonly number[] | null;
}

/** The elements in reverse order along axes. */
export function flip(x: TensorLike, options: FlipOptions = none): Tensor {
  checkOptions('ops.flip', options, ['axis']);
  const value = asTensor(x, 'ops.flip');
  return call(
    'aten::flip',
    value,
    normalizeAxes('ops.flip', options.axis, value.shape) ?? value.shape.map((_, axis) => axis),
  );
}

/** The elements in reverse order along axis 1. */
export function fliplr(x: TensorLike): Tensor {
  return flip(x, { axis: 1 });
}

/** The elements in reverse order along axis 0. */
export function flipud(x: TensorLike): Tensor {
  return flip(x, { axis: 0 });
}

/** Options of {@link rot90}. */
export interface Rot90Options {
  /** Number of quarter turns. @default 1 */
  k?: number;
  /** The plane of the turn, from the first axis towards the second. @default [0, 1] */
  axes?: readonly [number, number];
}

/** `x` turned by quarter turns in the plane of two axes. */
export function rot90(x: TensorLike, options: Rot90Options = none): Tensor {
  checkOptions('ops.rot90', options, ['k', 'axes']);
  const value = asTensor(x, 'ops.rot90');
  const axes = normalizeAxes('ops.rot90', options.axes ?? [0, 1], value.shape) as number[];
  return call('aten::rot90', value, checkInteger('ops.rot90', 'k', options.k ?? 1), axes);
}

/** `x` shifted along axes; what leaves at one end comes in at the other. Without axis, as if in one row. */
export function roll(x: TensorLike, shift: number | readonly number[], options: FlipOptions = none): Tensor {
  checkOptions('ops.roll', options, ['axis'], 'x, shift');
  const value = asTensor(x, 'ops.roll');
  const axes = normalizeAxes('ops.roll', options.axis, value.shape);
  const shifts = typeof shift === 'number' ? [shift] : [...shift];
  if (axes === null) return call('aten::roll', value, [shifts.reduce((total, one) => total + one, 0)], []);
  const wide = shifts.length === 1 ? axes.map(() => shifts[0] as number) : shifts;
  if (wide.length !== axes.length) {
    throw new ArgumentError(`ops.roll: expected a shift for each axis, got ${show(shift)} for ${show(options.axis)}.`);
  }
  return call('aten::roll', value, wide, axes);
}

/** Options of {@link repeat}. */
export interface RepeatOptions {
  /** Axis to go along; `null`: the elements in one row. @default null */
  axis?: number | null;
}

/**
 * Each element several times in a row: `repeats` times, or as often as its own number says.
 *
 * @example
 * ```ts
 * ops.repeat([1, 2], 2);      // [1, 1, 2, 2]
 * ops.repeat([1, 2], [1, 3]); // [1, 2, 2, 2]
 * ```
 */
export function repeat(x: TensorLike, repeats: number | readonly number[], options: RepeatOptions = none): Tensor {
  checkOptions('ops.repeat', options, ['axis'], 'x, repeats');
  let value = asTensor(x, 'ops.repeat');
  const { axis = null } = options;
  if (axis === null) value = call('aten::reshape', value, [-1]);
  const along = normalizeAxis('ops.repeat', axis ?? 0, value.shape);
  const counts = typeof repeats === 'number' ? [repeats] : repeats;
  for (const count of counts) checkInteger('ops.repeat', 'repeats', count, 0);
  if (counts.length === 1) return call('aten::repeat_interleave.self_int', value, counts[0], along);
  if (counts.length !== value.shape[along]) {
    throw new ShapeError(
      `ops.repeat: expected ${value.shape[along]} repeats for axis ${along} of ${formatShape(value.shape)}, got ${counts.length}.`,
    );
  }
  const order = counts.flatMap((count, i) => new Array<number>(count).fill(i));
  return pick(value, along, order);
}

/** Elements along an axis by their numbers, which are known now. */
function pick(x: Tensor, axis: number, order: readonly number[]): Tensor {
  return call('aten::index_select', x, axis, asTensor(BigInt64Array.from(order, BigInt), 'ops'));
}

/** `x` laid side by side: so many times along each axis. */
export function tile(x: TensorLike, repeats: number | readonly number[]): Tensor {
  return call('aten::tile', asTensor(x, 'ops.tile'), checkShape('ops.tile', repeats));
}

/** How {@link pad} fills what is new. */
export type PadMode = 'constant' | 'reflect' | 'symmetric' | 'edge' | 'wrap';

/** Options of {@link pad}. */
export interface PadOptions {
  /** 'constant': a number; 'reflect': mirrored without the edge; 'symmetric': mirrored with it; 'edge': the edge; 'wrap': from the other end. @default 'constant' */
  mode?: PadMode;
  /** The number for 'constant'. @default 0 */
  constantValues?: number | null;
}

/** How much {@link pad} adds: to every side, `[before, after]` for every axis, or that for each axis. */
export type PadWidth = number | readonly [number, number] | readonly (readonly [number, number])[];

/**
 * `x` made larger at the ends of its axes.
 *
 * @example
 * ```ts
 * ops.pad([[1, 2]], [[0, 1], [1, 0]]); // [[0, 1, 2], [0, 0, 0]]
 * ```
 */
export function pad(x: TensorLike, padWidth: PadWidth, options: PadOptions = none): Tensor {
  checkOptions('ops.pad', options, ['mode', 'constantValues'], 'x, padWidth');
  let value = asTensor(x, 'ops.pad');
  const mode = checkChoice('ops.pad', 'mode', options.mode ?? 'constant', [
    'constant',
    'reflect',
    'symmetric',
    'edge',
    'wrap',
  ]);
  const fill = options.constantValues ?? null;
  if (fill !== null && mode !== 'constant') {
    throw new ArgumentError(`ops.pad: expected constantValues with mode 'constant' only, got mode '${mode}'.`);
  }
  const widths = padding(padWidth, value.shape);
  if (mode === 'constant') {
    return call('aten::constant_pad_nd', value, [...widths].reverse().flat(), fill ?? 0);
  }
  widths.forEach(([before, after], axis) => {
    if (before === 0 && after === 0) return;
    const size = value.shape[axis] as number;
    if (size === 0)
      throw new ShapeError(`ops.pad: expected elements to pad with, got shape ${formatShape(value.shape)}.`);
    const order = Array.from({ length: before + size + after }, (_, i) => sourceOf(i - before, size, mode));
    value = pick(value, axis, order);
  });
  return value;
}

function padding(padWidth: PadWidth, shape: readonly number[]): [number, number][] {
  const pairs: readonly unknown[] =
    typeof padWidth === 'number'
      ? [[padWidth, padWidth]]
      : Array.isArray(padWidth) && typeof padWidth[0] === 'number'
        ? [padWidth.length === 1 ? [padWidth[0], padWidth[0]] : padWidth]
        : (padWidth as readonly unknown[]);
  const wide = Array.isArray(pairs) && pairs.length === 1 ? shape.map(() => pairs[0]) : pairs;
  const ok =
    Array.isArray(wide) &&
    wide.length === shape.length &&
    wide.every(
      (pair) => Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isSafeInteger(n) && n >= 0),
    );
  if (!ok) {
    throw new ArgumentError(
      `ops.pad: expected a whole number, [before, after], or that for each of the ${shape.length} axes, got ${show(padWidth)}.`,
      'Write ops.pad(x, [[1, 1], [2, 0]]).',
    );
  }
  return wide as [number, number][];
}

/** The element that stands at a place beyond the ends. */
function sourceOf(place: number, size: number, mode: PadMode): number {
  const modulo = (n: number, m: number): number => ((n % m) + m) % m;
  if (mode === 'edge') return Math.min(Math.max(place, 0), size - 1);
  if (mode === 'wrap') return modulo(place, size);
  if (mode === 'symmetric') {
    const at = modulo(place, 2 * size);
    return at < size ? at : 2 * size - 1 - at;
  }
  if (size === 1) return 0;
  const at = modulo(place, 2 * size - 2);
  return at < size ? at : 2 * size - 2 - at;
}

/** Sequences cut from the last axis: `[..., steps]` to `[..., 1 + (steps - length) / stride, length]`. */
export function extractSequences(x: TensorLike, sequenceLength: number, sequenceStride: number): Tensor {
  const value = asTensor(x, 'ops.extractSequences');
  const length = checkInteger('ops.extractSequences', 'sequenceLength', sequenceLength, 1);
  return call(
    'aten::unfold',
    value,
    -1,
    length,
    checkInteger('ops.extractSequences', 'sequenceStride', sequenceStride, 1),
  );
}
