// The book's IMDb model, side by side with PyTorch and Keras.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../lib/core/libtorch.js';
import { type IntegerArray, writeNpz } from '../npz.js';
import { sideBySide } from '../side-by-side.js';
import type { Workload } from '../workload.js';

const words = 10_000;
const steps = 200;

type Reviews = Record<'x_train' | 'y_train' | 'x_test' | 'y_test', IntegerArray>;

/** The real reviews, cut and filled to 200 words. */
async function realReviews(path: string): Promise<Reviews> {
  const { datasets, utils } = await import('../../lib/index.js');
  const [[xTrain, yTrain], [xTest, yTest]] = await datasets.imdb.loadData({ path, numWords: words });
  const x = (reviews: typeof xTrain): IntegerArray => ({
    data: utils.padSequences(reviews, { maxlen: steps }).dataSync() as Int32Array,
    shape: [reviews.length, steps],
  });
  const y = (labels: typeof yTrain): IntegerArray => ({
    data: Uint8Array.from(labels.dataSync() as BigInt64Array, Number),
    shape: [labels.shape[0] as number, 1],
  });
  return { x_train: x(xTrain), y_train: y(yTrain), x_test: x(xTest), y_test: y(yTest) };
}

/** As many numbers as the real reviews have, drawn with frequencies that fall as words' do; labels follow from one of the words. */
function madeReviews(): Reviews {
  let state = 1;
  const uniform = (): number => {
    // Numerical Recipes' linear congruential generator: the data only has to be the same everywhere.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const part = (rows: number): [IntegerArray, IntegerArray] => {
    const x = Int32Array.from({ length: rows * steps }, () => Math.floor(words ** uniform()) - 1);
    const y = Uint8Array.from({ length: rows }, (_, row) =>
      x.subarray(row * steps, (row + 1) * steps).includes(300) ? 1 : 0,
    );
    return [
      { data: x, shape: [rows, steps] },
      { data: y, shape: [rows, 1] },
    ];
  };
  const [[xTrain, yTrain], [xTest, yTest]] = [part(25_000), part(25_000)];
  return { x_train: xTrain, y_train: yTrain, x_test: xTest, y_test: yTest };
}

/** The reviews as a file that every contestant reads: from Keras' own file where that is, else made data of the same shape. */
export async function imdbFile(): Promise<string> {
  const source = join(process.env['KERAS_HOME'] ?? join(homedir(), '.keras'), 'datasets', 'imdb.npz');
  const real = existsSync(source);
  const file = join(cacheFolder(), 'bench', real ? 'imdb-200.npz' : 'imdb-200-made.npz');
  if (existsSync(file)) return file;
  const reviews = real ? await realReviews(source) : madeReviews();
  mkdirSync(dirname(file), { recursive: true });
  writeNpz(`${file}.partial`, reviews);
  renameSync(`${file}.partial`, file);
  return file;
}

export const workload: Workload = {
  description: 'IMDb reviews: 200 words, Embedding 256, dropout, global max pooling, Adam, batch 500',
  async run(args) {
    await sideBySide('imdb', await imdbFile(), args, { epochs: 2 });
  },
};
