import { call, callList } from '../core/call.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkChoice, checkInteger, checkOptions, none, normalizeAxis } from './arguments.js';
import { takeAlongAxis } from './indexing.js';
import { refuseRecording } from './logic.js';
import { asIndices, asTensor, castTo, isWideUnsigned, promote, refuseComplex } from './promote.js';

/** A dtype that libtorch can order. */
function orderable(x: Tensor, where: string): Tensor {
  refuseComplex(where, x);
  return isWideUnsigned(x.dtype) ? castTo(x, 'int64') : x.dtype === 'bool' ? castTo(x, 'uint8') : x;
}

/** Options of {@link argmax} and {@link argmin}. */
export interface ArgOptions {
  /** Axis to go along; `null`: the elements in one row. @default null */
  axis?: number | null;
  /** Keep the axis with size 1. @default false */
  keepdims?: boolean;
}

function arg(where: string, name: string, x: TensorLike, options: ArgOptions): Tensor {
  checkOptions(where, options, ['axis', 'keepdims']);
  const value = asTensor(x, where);
  const { axis = null, keepdims = false } = options;
  const along = axis === null ? null : normalizeAxis(where, axis, value.shape);
  if (along === null ? value.size === 0 : value.shape[along] === 0) {
    throw new ShapeError(
      `${where}: expected at least one element along the axis, got shape ${formatShape(value.shape)}.`,
    );
  }
  return castTo(call(name, orderable(value, where), along, keepdims), 'int32');
}

/**
 * Place of the largest element, the first of equal ones, as int32; NaN counts as the largest.
 *
 * @example
 * ```ts
 * ops.argmax([[1, 9, 2]], { axis: -1 }); // [1]
 * ```
 */
export function argmax(x: TensorLike, options: ArgOptions = none): Tensor {
  return arg('ops.argmax', 'aten::argmax', x, options);
}

/** Place of the smallest element, the first of equal ones, as int32; NaN counts as the smallest. */
export function argmin(x: TensorLike, options: ArgOptions = none): Tensor {
  return arg('ops.argmin', 'aten::argmin', x, options);
}

/** Options of {@link sort} and {@link argsort}. */
export interface SortOptions {
  /** Axis to sort along. @default -1 */
  axis?: number;
}

function sorted(where: string, x: TensorLike, options: SortOptions): [Tensor, Tensor] {
  checkOptions(where, options, ['axis']);
  const value = asTensor(x, where);
  const axis = value.ndim === 0 ? 0 : normalizeAxis(where, options.axis ?? -1, value.shape);
  const [values, places] = callList('aten::sort.stable', orderable(value, where), true, axis, false) as [
    Tensor,
    Tensor,
  ];
  return [castTo(values, value.dtype), places];
}

/** The elements along an axis from the smallest to the largest; NaN last. */
export function sort(x: TensorLike, options: SortOptions = none): Tensor {
  return sorted('ops.sort', x, options)[0];
}

/** The places, as int32, in the order in which {@link sort} takes them; equal elements keep their order. */
export function argsort(x: TensorLike, options: SortOptions = none): Tensor {
  return castTo(sorted('ops.argsort', x, options)[1], 'int32');
}

/** Options of {@link topK}. */
export interface TopKOptions {
  /** Whether the result must be in order; it is either way. @default true */
  sorted?: boolean;
}

/** The `k` largest elements along the last axis and their places as int32: `[values, indices]`, from the largest on, equal ones by their place. */
export function topK(x: TensorLike, k: number, options: TopKOptions = none): [Tensor, Tensor] {
  checkOptions('ops.topK', options, ['sorted'], 'x, k');
  const value = asTensor(x, 'ops.topK');
  const size = value.shape[normalizeAxis('ops.topK', -1, value.shape)] as number;
  const count = checkInteger('ops.topK', 'k', k, 0);
  if (count > size) {
    throw new ShapeError(
      `ops.topK: expected k of at most ${size} for shape ${formatShape(value.shape)}, got ${count}.`,
    );
  }
  // libtorch's topk leaves open which of equal elements it takes; a stable sort takes the first.
  const all = callList('aten::sort.stable', orderable(value, 'ops.topK'), true, -1, true) as [Tensor, Tensor];
  const [values, places] = all.map((one) => call('aten::slice.Tensor', one, -1, 0, count)) as [Tensor, Tensor];
  return [castTo(values, value.dtype), castTo(places, 'int32')];
}

/** True where the target's prediction is among the `k` largest of its row; ties count as among them, NaN does not. */
export function inTopK(targets: TensorLike, predictions: TensorLike, k: number): Tensor {
  const count = checkInteger('ops.inTopK', 'k', k);
  const scores = asTensor(predictions, 'ops.inTopK');
  const labels = asIndices(targets, 'ops.inTopK');
  if (scores.ndim !== labels.ndim + 1) {
    throw new ShapeError(
      `ops.inTopK: expected predictions with one axis more than targets, got ${formatShape(scores.shape)} and ${formatShape(labels.shape)}.`,
    );
  }
  const own = takeAlongAxis(scores, call('aten::unsqueeze', labels, -1), { axis: -1 });
  const known = call('aten::masked_fill.Scalar', own, call('aten::isnan', own), Number.NEGATIVE_INFINITY);
  const better = call('aten::sum.dim_IntList', call('aten::gt.Tensor', scores, known), [-1], false, 'int32');
  return call('aten::lt.Scalar', better, count);
}

/** Options of {@link searchsorted}. */
export interface SearchsortedOptions {
  /** Which of the possible places among equal elements. @default 'left' */
  side?: 'left' | 'right';
}

/** The places, as int32, where values would have to go into a sorted vector to keep it sorted. */
export function searchsorted(
  sortedSequence: TensorLike,
  values: TensorLike,
  options: SearchsortedOptions = none,
): Tensor {
  checkOptions('ops.searchsorted', options, ['side'], 'sortedSequence, values');
  const side = checkChoice('ops.searchsorted', 'side', options.side ?? 'left', ['left', 'right']);
  const [sequence, wanted] = promote('ops.searchsorted', [sortedSequence, values]) as [Tensor, Tensor];
  if (sequence.ndim !== 1) {
    throw new ShapeError(`ops.searchsorted: expected a vector to search, got shape ${formatShape(sequence.shape)}.`);
  }
  return call(
    'aten::searchsorted.Tensor',
    orderable(sequence, 'ops.searchsorted'),
    orderable(wanted, 'ops.searchsorted'),
    true,
    side === 'right',
  );
}

/** The number of the bin of each element: bins are the edges in rising order, bin i reaches from edge i-1 up to, not including, edge i. */
export function digitize(x: TensorLike, bins: TensorLike): Tensor {
  return searchsorted(bins, x, { side: 'right' });
}

/** Options of {@link unique}. */
export interface UniqueOptions {
  /** From the smallest to the largest. @default true */
  sorted?: boolean;
  /** Answer where each value stands first. @default false */
  returnIndex?: boolean;
  /** Answer, for each element, the place of its value in the result. @default false */
  returnInverse?: boolean;
  /** Answer how often each value stands there. @default false */
  returnCounts?: boolean;
  /** Axis whose slices are compared; `null`: single elements. @default null */
  axis?: number | null;
  /** Cut or fill the result to this length. @default null */
  size?: number | null;
  /** What fills it. `null`: the smallest value. @default null */
  fillValue?: number | null;
}

/**
 * Each value once. With `returnIndex`, `returnInverse` or `returnCounts`, an array: the values, then what was asked for, in this order, as int32.
 * @throws {StateError} in recorded functions, since the number of values depends on the data
 */
export function unique(
  x: TensorLike,
  options?: Omit<UniqueOptions, 'returnIndex' | 'returnInverse' | 'returnCounts'> & {
    returnIndex?: false;
    returnInverse?: false;
    returnCounts?: false;
  },
): Tensor;
export function unique(x: TensorLike, options: UniqueOptions): Tensor | Tensor[];
export function unique(x: TensorLike, options: UniqueOptions = none): Tensor | Tensor[] {
  checkOptions('ops.unique', options, [
    'sorted',
    'returnIndex',
    'returnInverse',
    'returnCounts',
    'axis',
    'size',
    'fillValue',
  ]);
  refuseRecording('ops.unique', 'Compute it before the recorded function.');
  const { axis = null, size = null, fillValue = null } = options;
  const value = asTensor(x, 'ops.unique');
  const along = axis === null ? 0 : normalizeAxis('ops.unique', axis, value.shape);
  const source = isWideUnsigned(value.dtype) ? castTo(value, 'int64') : value;
  const [values, inverse, counts] = (
    axis === null
      ? callList('aten::_unique2', source, true, true, true)
      : callList('aten::unique_dim', source, along, true, true, true)
  ) as [Tensor, Tensor, Tensor];
  const places = call('aten::reshape', inverse, [-1]);
  const found = values.shape[along] as number;
  const first = call(
    'aten::scatter_reduce.two',
    call('aten::full', [found], places.size, 'int64', null, places.device),
    0,
    places,
    call('aten::arange.start_step', 0, places.size, 1, 'int64', null, places.device),
    'amin',
  );
  const resized = (t: Tensor, at: number, fill: Tensor | null): Tensor => {
    if (size === null || size === found) return t;
    if (size < found) return call('aten::slice.Tensor', t, at, 0, size);
    const sizes = t.shape.map((old, i) => (i === at ? size - found : old));
    const filler = fill ?? call('aten::slice.Tensor', t, at, 0, 1);
    return call('aten::cat', [t, call('aten::expand', filler, sizes)], at);
  };
  const zero = (t: Tensor): Tensor => call('aten::zeros_like', call('aten::slice.Tensor', t, 0, 0, 1));
  const filler =
    fillValue === null ? null : call('aten::full_like', call('aten::slice.Tensor', values, along, 0, 1), fillValue);
  const result = [castTo(resized(values, along, filler), value.dtype)];
  if (options.returnIndex) result.push(castTo(resized(first, 0, null), 'int32'));
  if (options.returnInverse) result.push(castTo(axis === null ? inverse : places, 'int32'));
  if (options.returnCounts) result.push(castTo(resized(counts, 0, zero(counts)), 'int32'));
  return result.length === 1 ? (result[0] as Tensor) : result;
}

/** Options of {@link bincount}. */
export interface BincountOptions {
  /** What each element counts, in the shape of `x`. `null`: 1. @default null */
  weights?: TensorLike | null;
  /** Least length of the result. @default 0 */
  minlength?: number;
}

/**
 * How often each whole number from 0 on stands in a vector, or in each row of a matrix.
 * @throws {StateError} in recorded functions, since the length depends on the data
 */
export function bincount(x: TensorLike, options: BincountOptions = none): Tensor {
  checkOptions('ops.bincount', options, ['weights', 'minlength']);
  refuseRecording('ops.bincount', 'Use ops.sum(ops.oneHot(x, numClasses), { axis: 0 }).');
  const value = castTo(asIndices(x, 'ops.bincount'), 'int64');
  const minlength = checkInteger('ops.bincount', 'minlength', options.minlength ?? 0, 0);
  const weights =
    options.weights === undefined || options.weights === null ? null : asTensor(options.weights, 'ops.bincount');
  const type = weights === null ? 'int32' : weights.dtype;
  if (value.ndim === 1) return castTo(call('aten::bincount', value, weights, minlength), type);
  if (value.ndim !== 2)
    throw new ShapeError(`ops.bincount: expected a vector or a matrix, got shape ${formatShape(value.shape)}.`);
  const length = value.size === 0 ? minlength : Math.max(minlength, call('aten::amax', value, []).item() + 1);
  const rows = callList('aten::unbind.int', value, 0);
  const rowWeights = weights === null ? null : callList('aten::unbind.int', weights, 0);
  return castTo(
    call(
      'aten::stack',
      rows.map((row, i) => call('aten::bincount', row, rowWeights?.[i] ?? null, length)),
      0,
    ),
    type,
  );
}

/** Options of {@link histogram}. */
export interface HistogramOptions {
  /** Number of bins of equal width, at least 1. @default 10 */
  bins?: number;
  /** Smallest and largest value that count. `null`: those of `x`. @default null */
  range?: readonly [number, number] | null;
}

/** How many elements fall into each of the bins of equal width, and the edges of these: `[counts, edges]`. */
export function histogram(x: TensorLike, options: HistogramOptions = none): [Tensor, Tensor] {
  checkOptions('ops.histogram', options, ['bins', 'range']);
  const bins = checkInteger('ops.histogram', 'bins', options.bins ?? 10, 1);
  const { range = null } = options;
  if (range !== null && !(range[0] <= range[1])) {
    throw new ArgumentError(`ops.histogram: expected a range [smallest, largest], got [${range.join(', ')}].`);
  }
  const value = castTo(call('aten::reshape', asTensor(x, 'ops.histogram'), [-1]), 'float64');
  refuseRecording('ops.histogram', 'Use ops.digitize with edges of your own.');
  let [low, high] =
    range ?? (value.size === 0 ? [0, 1] : [call('aten::amin', value, []).item(), call('aten::amax', value, []).item()]);
  if (low === high) [low, high] = [low - 0.5, high + 0.5];
  const counts = call('aten::histc', value, bins, low, high);
  const edges = call('aten::linspace', low, high, bins + 1, 'float64', null, value.device);
  return [castTo(counts, 'float32'), castTo(edges, 'float32')];
}
