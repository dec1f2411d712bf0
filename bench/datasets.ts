// The data sets as files that Python reads too; made data stands in for reviews that aren't there.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../lib/core/libtorch.js';
import { type IntegerArray, writeNpz } from './npz.js';

const words = 10_000;
const wordsInReview = 200;

type Arrays = Record<'x_train' | 'y_train' | 'x_test' | 'y_test', IntegerArray>;

function kerasFile(name: string): string {
  return join(process.env['KERAS_HOME'] ?? join(homedir(), '.keras'), 'datasets', name);
}

async function cached(name: string, make: () => Promise<Arrays> | Arrays): Promise<string> {
  const file = join(cacheFolder(), 'bench', name);
  if (existsSync(file)) return file;
  const arrays = await make();
  mkdirSync(dirname(file), { recursive: true });
  writeNpz(`${file}.partial`, arrays);
  renameSync(`${file}.partial`, file);
  return file;
}

/** MNIST: Keras' own file, else one written into the cache. */
export async function mnistFile(): Promise<string> {
  const keras = kerasFile('mnist.npz');
  if (existsSync(keras)) return keras;
  return cached('mnist.npz', async () => {
    const { datasets } = await import('../lib/index.js');
    const [[xTrain, yTrain], [xTest, yTest]] = await datasets.mnist.loadData();
    const array = (tensor: typeof xTrain): IntegerArray => ({
      data: tensor.dataSync() as Uint8Array,
      shape: tensor.shape,
    });
    return { x_train: array(xTrain), y_train: array(yTrain), x_test: array(xTest), y_test: array(yTest) };
  });
}

/** IMDb reviews of 200 words: from Keras' own file where that is, else made data of the same shape. */
export async function imdbFile(): Promise<string> {
  const source = kerasFile('imdb.npz');
  return existsSync(source)
    ? cached('imdb-200.npz', () => realReviews(source))
    : cached('imdb-200-made.npz', madeReviews);
}

/** The real reviews, cut and filled to 200 words. */
async function realReviews(path: string): Promise<Arrays> {
  const { datasets, utils } = await import('../lib/index.js');
  const [[xTrain, yTrain], [xTest, yTest]] = await datasets.imdb.loadData({ path, numWords: words });
  const x = (reviews: typeof xTrain): IntegerArray => ({
    data: utils.padSequences(reviews, { maxlen: wordsInReview }).dataSync() as Int32Array,
    shape: [reviews.length, wordsInReview],
  });
  const y = (labels: typeof yTrain): IntegerArray => ({
    data: Uint8Array.from(labels.dataSync() as BigInt64Array, Number),
    shape: [labels.shape[0] as number, 1],
  });
  return { x_train: x(xTrain), y_train: y(yTrain), x_test: x(xTest), y_test: y(yTest) };
}

/** As many numbers as the real reviews have, drawn with frequencies that fall as words' do; labels follow from one of the words. */
function madeReviews(): Arrays {
  let state = 1;
  const uniform = (): number => {
    // Numerical Recipes' linear congruential generator: the data only has to be the same everywhere.
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
  const part = (rows: number): [IntegerArray, IntegerArray] => {
    const x = Int32Array.from({ length: rows * wordsInReview }, () => Math.floor(words ** uniform()) - 1);
    const y = Uint8Array.from({ length: rows }, (_, row) =>
      x.subarray(row * wordsInReview, (row + 1) * wordsInReview).includes(300) ? 1 : 0,
    );
    return [
      { data: x, shape: [rows, wordsInReview] },
      { data: y, shape: [rows, 1] },
    ];
  };
  const [[xTrain, yTrain], [xTest, yTest]] = [part(25_000), part(25_000)];
  return { x_train: xTrain, y_train: yTrain, x_test: xTest, y_test: yTest };
}
