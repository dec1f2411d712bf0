import { setImmediate } from 'node:timers/promises';
import { ArgumentError } from '../core/errors.js';
import { is, show } from '../core/fields.js';
import { type Tensor, tensor } from '../core/tensor.js';
import { checkOptions } from '../ops/arguments.js';
import { checkPlace } from './cache.js';
import { type ImdbPart, readImdb, readWordIndex } from './imdb-source.js';
import { MersenneTwister } from './mersenne-twister.js';

/** Options of {@link loadData}. */
export interface ImdbOptions {
  /**
   * The .npz file to read, or to download to: relative to `~/.keras/datasets` (`$KERAS_HOME/datasets`), or absolute.
   * @default 'imdb.npz'
   */
  path?: string;
  /** Only word numbers below it stay, the others are out of vocabulary. `null`: all. @default null */
  numWords?: number | null;
  /** Only word numbers from it on stay: the most frequent words are out of vocabulary. @default 0 */
  skipTop?: number;
  /** Only reviews with fewer numbers than this stay, the start number counted. `null`: all. @default null */
  maxlen?: number | null;
  /** Seed of the order of the reviews, 0 to 2³² - 1; `null`: another order each time. @default 113 */
  seed?: number | null;
  /** The number that each review begins with; `null`: none. @default 1 */
  startChar?: number | null;
  /** The number that stands for words out of vocabulary; `null`: they are left out. @default 2 */
  oovChar?: number | null;
  /** What is added to each word's rank, so that the numbers below are free for other uses. @default 3 */
  indexFrom?: number;
  /** Stops reading or downloading: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Options of {@link getWordIndex}. */
export interface WordIndexOptions {
  /** The .json file to read, or to download to, as in {@link ImdbOptions}. @default 'imdb_word_index.json' */
  path?: string;
  /** Stops reading or downloading: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Reviews and labels for training, then for testing: `[[xTrain, yTrain], [xTest, yTest]]`. */
export type ImdbData = [train: [x: number[][], y: Tensor], test: [x: number[][], y: Tensor]];

const optionNames = [
  'path',
  'numWords',
  'skipTop',
  'maxlen',
  'seed',
  'startChar',
  'oovChar',
  'indexFrom',
  'signal',
] as const;

/**
 * Loads the IMDb reviews: 25,000 for training and 25,000 for testing, each a list of word numbers, labelled 1 where it is favourable and 0 where not.
 *
 * Words are numbered by their frequency, from 1 on, plus `indexFrom`: with the defaults 0 is free for padding, 1 begins a review, 2 is a word out of
 * vocabulary, 4 is the most frequent word. Labels are int64 `[n]`. Order and numbers are those of `keras.datasets.imdb.load_data` for the same
 * options; unlike there, a file in the cache is not held against a digest.
 *
 * The file holds a Python pickle. It is read by a reader that knows lists of whole numbers and refuses everything else; nothing of it is run.
 *
 * @throws {ArgumentError} for wrong options, and when no review is shorter than `maxlen`
 * @throws {FileFormatError} for a file that is truncated, corrupt or something else
 * @throws {StateError} when the data is nowhere to be had; the message lists the ways
 * @example
 * ```ts no-run
 * import { datasets, utils } from 'torchlayers';
 *
 * const [[xTrain, yTrain], [xTest, yTest]] = await datasets.imdb.loadData({ numWords: 10_000 });
 * const x = utils.padSequences(xTrain, { maxlen: 200 }); // int32 [25000, 200]
 * ```
 */
export async function loadData(options: ImdbOptions = {}): Promise<ImdbData> {
  const where = 'imdb.loadData';
  const { path = 'imdb.npz', signal, ...words } = checked(where, options);
  const { train, test } = await readImdb(path, signal);
  // One generator shuffles both parts, as in Keras.
  const generator = new MersenneTwister(words.seed ?? Math.floor(Math.random() * 2 ** 32));
  const parts = [shuffled(train, generator), shuffled(test, generator)] as const;
  await eachReview(parts, signal, (review) => shifted(review, words));
  const kept = parts.map((part) => shorterThan(words.maxlen, part)) as [ImdbPart, ImdbPart];
  if (words.maxlen && kept.some(({ x }) => x.length === 0)) {
    throw new ArgumentError(
      `${where}: expected maxlen to leave some reviews, got ${words.maxlen}.`,
      'Only reviews with fewer numbers than maxlen stay: give a larger one.',
    );
  }
  const numWords = words.numWords || largest(kept);
  await eachReview(kept, signal, (review) => vocabulary(review, { ...words, numWords }));
  const [[xTrain, yTrain], [xTest, yTest]] = kept.map(({ x, y }) => [
    x,
    tensor(BigInt64Array.from(y, BigInt), { copy: false }),
  ]) as ImdbData;
  return [
    [xTrain, yTrain],
    [xTest, yTest],
  ];
}

/**
 * The rank of each word by its frequency in the IMDb reviews, from 1 on. In the reviews that {@link loadData} answers, `indexFrom` is added to it.
 *
 * As `keras.datasets.imdb.get_word_index`; a Map, because words like 'constructor' are keys too.
 *
 * @throws {FileFormatError} for a file of other content
 * @throws {StateError} when the data is nowhere to be had; the message lists the ways
 * @example
 * ```ts no-run
 * const index = await datasets.imdb.getWordIndex();
 * index.get('the'); // 1
 * ```
 */
export async function getWordIndex(options: WordIndexOptions = {}): Promise<Map<string, number>> {
  const where = 'imdb.getWordIndex';
  refuseString(where, options);
  checkOptions(where, options, ['path', 'signal']);
  checkPlace(where, options);
  return readWordIndex(options.path ?? 'imdb_word_index.json', options.signal);
}

type Words = Required<Omit<ImdbOptions, 'path' | 'signal'>>;

function checked(where: string, options: ImdbOptions): Words & Pick<ImdbOptions, 'path' | 'signal'> {
  refuseString(where, options);
  checkOptions(where, options, optionNames);
  checkPlace(where, options);
  const all = {
    ...{ numWords: null, skipTop: 0, maxlen: null, seed: 113, startChar: 1, oovChar: 2, indexFrom: 3 },
    ...Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)),
  } as Words & Pick<ImdbOptions, 'path' | 'signal'>;
  const whole = (name: keyof Words, max = 2 ** 31 - 1): unknown =>
    is.integer({ min: 0, max })(all[name], `${where}: ${name}`);
  whole('skipTop');
  whole('indexFrom');
  for (const name of ['numWords', 'maxlen', 'startChar', 'oovChar'] as const) if (all[name] !== null) whole(name);
  if (all.seed !== null) whole('seed', 2 ** 32 - 1);
  return all;
}

function refuseString(where: string, options: unknown): void {
  if (typeof options !== 'string') return;
  throw new ArgumentError(
    `${where}: expected options as one object, got ${show(options)}.`,
    `Write ${where}({ path: ${show(options)} }).`,
  );
}

function shuffled({ x, y }: ImdbPart, generator: MersenneTwister): ImdbPart {
  const order = Array.from(generator.permutation(x.length));
  return { x: order.map((i) => x[i] as number[]), y: order.map((i) => y[i] as number) };
}

function shifted(review: readonly number[], { startChar, indexFrom }: Words): number[] {
  const words = review.map((word) => word + indexFrom);
  if (startChar !== null) words.unshift(startChar);
  return words;
}

function vocabulary(review: number[], { skipTop, numWords, oovChar }: Words & { numWords: number }): number[] {
  const known = (word: number): boolean => word >= skipTop && word < numWords;
  return oovChar === null ? review.filter(known) : review.map((word) => (known(word) ? word : oovChar));
}

function shorterThan(maxlen: number | null, { x, y }: ImdbPart): ImdbPart {
  if (!maxlen) return { x, y };
  const kept = x.map((review) => review.length < maxlen);
  return { x: x.filter((_, i) => kept[i]), y: y.filter((_, i) => kept[i]) };
}

/** The largest word number: as in Keras, that word itself is out of vocabulary. */
function largest(parts: readonly ImdbPart[]): number {
  let result = 0;
  for (const { x } of parts) for (const review of x) for (const word of review) if (word > result) result = word;
  return result;
}

/** Replaces each review, with looks at the event loop between some hundred. */
async function eachReview(
  parts: readonly ImdbPart[],
  signal: AbortSignal | undefined,
  replace: (review: number[]) => number[],
): Promise<void> {
  for (const { x } of parts) {
    for (let i = 0; i < x.length; i++) {
      x[i] = replace(x[i] as number[]);
      if (i % 512 !== 511) continue;
      await setImmediate();
      signal?.throwIfAborted();
    }
  }
}
