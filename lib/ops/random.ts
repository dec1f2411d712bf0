import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { defaultDevice } from '../core/device.js';
import { type DType, isFloat, isInteger, standardizeDType } from '../core/dtype.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { type SeedGenerator, seedTensor } from '../core/random.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkInteger, checkOptions, checkShape, none, normalizeAxis } from './arguments.js';
import { asFloat, asTensor, castTo, deviceOf } from './promote.js';

/** Where random numbers come from: a generator, a whole number (the same numbers at every call), or `null` for the global stream. */
export type Seed = SeedGenerator | number | null;

/** Options of random functions. */
export interface SeedOptions {
  /** Where the numbers come from. @default null: the global stream, which `utils.setRandomSeed` starts anew */
  seed?: Seed;
}

/** Options of random functions that make tensors. */
export interface RandomOptions extends SeedOptions {
  /** Element type. @default floatx, or int32 for whole numbers */
  dtype?: DType | null;
}

function floatType(where: string, dtype: DType | null | undefined): DType {
  const type = dtype === undefined || dtype === null ? config.floatx() : standardizeDType(dtype);
  if (!isFloat(type) || type.startsWith('float8')) {
    throw new DTypeError(`${where}: expected a float dtype, got ${type}.`, 'Use random.randint for whole numbers.');
  }
  return type;
}

function finite(where: string, name: string, value: unknown): number {
  if (typeof value !== 'number' || !Number.isFinite(value)) {
    throw new ArgumentError(`${where}: expected ${name} to be a finite number, got ${show(value)}.`);
  }
  return value;
}

function deviation(where: string, value: unknown): number {
  if (finite(where, 'stddev', value) < 0) {
    throw new ArgumentError(`${where}: expected stddev to be at least 0, got ${show(value)}.`);
  }
  return value as number;
}

/** Options of {@link uniform}. */
export interface UniformOptions extends RandomOptions {
  /** Smallest value. @default 0 */
  minval?: number;
  /** No value reaches it. @default 1 */
  maxval?: number;
}

/**
 * Numbers from `minval` up to, not including, `maxval`, each as likely.
 *
 * @example
 * ```ts
 * random.uniform([2, 2], { seed: 1 });
 * ```
 */
export function uniform(shape: readonly number[], options: UniformOptions = none): Tensor {
  const where = 'random.uniform';
  checkOptions(where, options, ['minval', 'maxval', 'dtype', 'seed'], 'shape');
  const low = finite(where, 'minval', options.minval ?? 0);
  const high = finite(where, 'maxval', options.maxval ?? 1);
  if (low > high) throw new ArgumentError(`${where}: expected minval of at most maxval, got ${low} and ${high}.`);
  const type = floatType(where, options.dtype);
  return call(
    'torchlayers::random_uniform',
    seedTensor(options.seed),
    checkShape(where, shape),
    low,
    high,
    type,
    defaultDevice(),
  );
}

/** Options of {@link normal} and {@link truncatedNormal}. */
export interface NormalOptions extends RandomOptions {
  /** Mean of the distribution. @default 0 */
  mean?: number;
  /** Standard deviation, at least 0. @default 1 */
  stddev?: number;
}

/** Numbers of the normal distribution. */
export function normal(shape: readonly number[], options: NormalOptions = none): Tensor {
  return gaussian('random.normal', 'torchlayers::random_normal', shape, options);
}

/** Numbers of the normal distribution without those further than two deviations from the mean: in their place others are drawn. */
export function truncatedNormal(shape: readonly number[], options: NormalOptions = none): Tensor {
  return gaussian('random.truncatedNormal', 'torchlayers::random_truncated_normal', shape, options);
}

function gaussian(where: string, name: string, shape: readonly number[], options: NormalOptions): Tensor {
  checkOptions(where, options, ['mean', 'stddev', 'dtype', 'seed'], 'shape');
  const mean = finite(where, 'mean', options.mean ?? 0);
  const stddev = deviation(where, options.stddev ?? 1);
  const type = floatType(where, options.dtype);
  return call(name, seedTensor(options.seed), checkShape(where, shape), mean, stddev, type, defaultDevice());
}

/** Whole numbers from `minval` up to, not including, `maxval`, each as likely. */
export function randint(
  shape: readonly number[],
  minval: number,
  maxval: number,
  options: RandomOptions = none,
): Tensor {
  const where = 'random.randint';
  checkOptions(where, options, ['dtype', 'seed'], 'shape, minval, maxval');
  const low = checkInteger(where, 'minval', minval);
  const high = checkInteger(where, 'maxval', maxval);
  if (low >= high) throw new ArgumentError(`${where}: expected minval below maxval, got ${low} and ${high}.`);
  const type = options.dtype === undefined || options.dtype === null ? 'int32' : standardizeDType(options.dtype);
  if (!isInteger(type)) {
    throw new DTypeError(
      `${where}: expected an integer dtype, got ${type}.`,
      "Use random.uniform, or cast the result: x.cast('float32').",
    );
  }
  return call(
    'torchlayers::random_int',
    seedTensor(options.seed),
    checkShape(where, shape),
    low,
    high,
    type,
    defaultDevice(),
  );
}

/** For each row of logits `[batch, classes]` so many class numbers, drawn by the softmax of the row: `[batch, numSamples]`. */
export function categorical(logits: TensorLike, numSamples: number, options: RandomOptions = none): Tensor {
  const where = 'random.categorical';
  checkOptions(where, options, ['dtype', 'seed'], 'logits, numSamples');
  const scores = asFloat(logits, where);
  if (scores.ndim !== 2) {
    throw new ShapeError(`${where}: expected logits of shape [batch, classes], got ${formatShape(scores.shape)}.`);
  }
  const [batch, classes] = scores.shape as [number, number];
  const count = checkInteger(where, 'numSamples', numSamples, 0);
  // The largest of the scores with Gumbel noise falls on each class by its probability.
  const draws = call(
    'torchlayers::random_uniform',
    seedTensor(options.seed),
    [batch, count, classes],
    0,
    1,
    'float32',
    deviceOf(scores),
  );
  // A draw can be 0: half a step of float32's 24 bits keeps the logarithm finite.
  const noise = call(
    'aten::neg',
    call('aten::log', call('aten::neg', call('aten::log', call('aten::clamp', draws, 2 ** -25, null)))),
  );
  const noisy = call('aten::add.Tensor', call('aten::unsqueeze', castTo(scores, 'float32'), 1), noise);
  return castTo(call('aten::argmax', noisy, -1, false), standardizeDType(options.dtype ?? 'int32'));
}

/** Options of {@link dropout}. */
export interface DropoutOptions extends SeedOptions {
  /** Shape of the pattern; 1 repeats it along an axis, `null` takes the size of `x`. @default null: the shape of `x` */
  noiseShape?: readonly (number | null)[] | null;
}

/** A random share of the elements set to 0, the others divided by `1 - rate`. */
export function dropout(inputs: TensorLike, rate: number, options: DropoutOptions = none): Tensor {
  const where = 'random.dropout';
  checkOptions(where, options, ['noiseShape', 'seed'], 'inputs, rate');
  const value = asFloat(inputs, where);
  if (typeof rate !== 'number' || !(rate >= 0 && rate <= 1)) {
    throw new ArgumentError(`${where}: expected rate from 0 to 1, got ${show(rate)}.`);
  }
  if (rate === 0) return value;
  if (rate === 1) return call('aten::mul.Scalar', value, 0);
  const { noiseShape = null } = options;
  const pattern = noiseShape?.map((size, axis) => size ?? (value.shape[axis] as number)) ?? null;
  if (
    pattern !== null &&
    (pattern.length !== value.ndim || pattern.some((size, i) => size !== 1 && size !== value.shape[i]))
  ) {
    throw new ShapeError(
      `${where}: expected a noiseShape that broadcasts to ${formatShape(value.shape)}, got ${formatShape(noiseShape as readonly (number | null)[])}.`,
    );
  }
  return call('torchlayers::dropout', value, seedTensor(options.seed), rate, pattern);
}

/** Options of {@link shuffle}. */
export interface ShuffleOptions extends SeedOptions {
  /** Axis along which the slices change places. @default 0 */
  axis?: number;
}

/** The slices along an axis in random order. */
export function shuffle(x: TensorLike, options: ShuffleOptions = none): Tensor {
  checkOptions('random.shuffle', options, ['axis', 'seed']);
  const value = asTensor(x, 'random.shuffle');
  const axis = normalizeAxis('random.shuffle', options.axis ?? 0, value.shape);
  const order = call(
    'torchlayers::random_permutation',
    seedTensor(options.seed),
    value.shape[axis] as number,
    deviceOf(value),
  );
  return call('aten::index_select', value, axis, order);
}
