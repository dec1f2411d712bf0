import { type DType, isFloat, isInteger, standardizeDType } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor, tensor } from '../core/tensor.js';
import { checkChoice, checkInteger, checkOptions, none, product } from '../ops/arguments.js';

/** Steps of one sample: numbers, or nested arrays of one shape. */
export type Sequence = ArrayLike<number> | readonly Sequence[];

/** Options of {@link padSequences}. */
export interface PadSequencesOptions {
  /** Length of all sequences in the result, at least 1; `null`: that of the longest. @default null */
  maxlen?: number | null;
  /** Dtype of the result. @default 'int32' */
  dtype?: DType;
  /** Whether shorter sequences are filled up before their first step or after their last. @default 'pre' */
  padding?: 'pre' | 'post';
  /** Whether longer sequences lose their first steps or their last. @default 'pre' */
  truncating?: 'pre' | 'post';
  /** What shorter sequences are filled up with. @default 0 */
  value?: number;
}

const where = 'padSequences';
const optionNames = ['maxlen', 'dtype', 'padding', 'truncating', 'value'];
const ends = ['pre', 'post'] as const;

/**
 * Makes sequences of different lengths one tensor: `[samples, maxlen]`, or `[samples, maxlen, ...]` where steps are arrays.
 *
 * Fractions are cut off in integer dtypes. As `keras.utils.pad_sequences`; unlike there, no strings, and a `maxlen` of 0 is refused.
 *
 * @throws {ArgumentError} for what is no array of sequences, values that the dtype can't hold, and no sequences without `maxlen`
 * @throws {ShapeError} for steps of different shapes
 * @example
 * ```ts
 * import { utils } from 'torchlayers';
 *
 * utils.padSequences([[1], [2, 3, 4]], { maxlen: 2 }); // [[0, 1], [3, 4]]
 * ```
 */
export function padSequences(sequences: readonly Sequence[], options: PadSequencesOptions = none): Tensor {
  checkOptions(where, options, optionNames, 'sequences');
  const { padding = 'pre', truncating = 'pre', value = 0 } = options;
  checkChoice(where, 'padding', padding, ends);
  checkChoice(where, 'truncating', truncating, ends);
  const dtype = standardizeDType(options.dtype ?? 'int32');
  if (!isFloat(dtype) && !isInteger(dtype) && dtype !== 'bool') {
    throw new DTypeError(`${where}: expected a dtype of numbers, got ${dtype}.`);
  }
  const longest = checkSequences(sequences);
  if (sequences.length === 0 && options.maxlen == null) {
    throw new ArgumentError(`${where}: expected at least one sequence, got none.`, 'Or give maxlen.');
  }
  const maxlen = options.maxlen == null ? longest : checkInteger(where, 'maxlen', options.maxlen, 1);
  const first = sequences.find((sequence) => sequence.length > 0);
  const stepShape = first === undefined ? [] : shapeOf(first[0]);
  const width = product(stepShape);
  const convert = converter(dtype);
  // The usual dtype without a detour; the others are cast natively.
  const data = new (dtype === 'int32' ? Int32Array : Float64Array)(sequences.length * maxlen * width);
  const filling = convert(value, 'value');
  if (filling !== 0) data.fill(filling);
  for (let row = 0; row < sequences.length; row++) {
    const sequence = sequences[row] as ArrayLike<unknown>;
    const kept = Math.min(sequence.length, maxlen);
    const from = truncating === 'pre' ? sequence.length - kept : 0;
    let to = (row * maxlen + (padding === 'pre' ? maxlen - kept : 0)) * width;
    for (let step = from; step < from + kept; step++) {
      if (stepShape.length === 0 && typeof sequence[step] === 'number') {
        data[to++] = convert(sequence[step] as number, row);
      } else {
        to = writeStep(data, to, sequence[step], stepShape, (number) => convert(number, row), row);
      }
    }
  }
  return tensor(data, { shape: [sequences.length, maxlen, ...stepShape], dtype, copy: false });
}

const ranges: Record<string, readonly [number, number]> = {
  bool: [-Infinity, Infinity],
  int8: [-128, 127],
  int16: [-32768, 32767],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  uint8: [0, 255],
  uint16: [0, 65535],
  uint32: [0, 2 ** 32 - 1],
  uint64: [0, Number.MAX_SAFE_INTEGER],
};

/** Checks a number and makes it what the dtype holds. */
function converter(dtype: DType): (value: number, place: number | string) => number {
  const range = ranges[dtype];
  return (value, place) => {
    if (typeof value === 'number' && range === undefined) return value;
    const whole = Math.trunc(value);
    if (typeof value === 'number' && range !== undefined && whole >= range[0] && whole <= range[1]) {
      return dtype === 'bool' ? Number(value !== 0) : whole;
    }
    throw new ArgumentError(
      `${where}: expected numbers that ${dtype} can hold, got ${show(value)} ${typeof place === 'number' ? `in sequence ${place}` : `as ${place}`}.`,
      typeof value === 'number' ? "Give another dtype: { dtype: 'float32' }." : 'Sequences are arrays of numbers.',
    );
  };
}

/** The length of the longest. */
function checkSequences(sequences: readonly Sequence[]): number {
  if (!Array.isArray(sequences)) {
    throw new ArgumentError(`${where}: expected an array of sequences, got ${show(sequences)}.`);
  }
  let longest = 0;
  for (let i = 0; i < sequences.length; i++) {
    const sequence = sequences[i] as unknown;
    if (!Array.isArray(sequence) && !(ArrayBuffer.isView(sequence) && 'length' in sequence)) {
      throw new ArgumentError(
        `${where}: expected an array of sequences, got ${show(sequence)} at position ${i}.`,
        'Each sample is an array of its own: [[1], [2, 3]].',
      );
    }
    longest = Math.max(longest, (sequence as ArrayLike<unknown>).length);
  }
  return longest;
}

function shapeOf(step: unknown): number[] {
  const shape: number[] = [];
  let inner = step;
  while (Array.isArray(inner) || ArrayBuffer.isView(inner)) {
    const { length } = inner as unknown as ArrayLike<unknown>;
    shape.push(length);
    inner = (inner as unknown as ArrayLike<unknown>)[0];
  }
  return shape;
}

/** Writes one step that is an array; answers the place after it. */
function writeStep(
  data: Int32Array | Float64Array,
  to: number,
  step: unknown,
  shape: readonly number[],
  convert: (value: number) => number,
  row: number,
): number {
  const found = shapeOf(step);
  if (formatShape(found) !== formatShape(shape)) {
    throw new ShapeError(
      `${where}: expected steps of shape ${formatShape(shape)}, got ${formatShape(found)} in sequence ${row}.`,
      'All steps of all sequences have the shape of the first.',
    );
  }
  if (shape.length === 0) {
    data[to] = convert(step as number);
    return to + 1;
  }
  let next = to;
  for (const item of step as unknown[]) next = writeStep(data, next, item, shape.slice(1), convert, row);
  return next;
}
