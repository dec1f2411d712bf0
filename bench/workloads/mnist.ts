// The book's MNIST classifier, side by side with PyTorch and Keras.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../lib/core/libtorch.js';
import { type IntegerArray, writeNpz } from '../npz.js';
import { sideBySide } from '../side-by-side.js';
import { median, type Workload } from '../workload.js';

/** The data set as a file that Python reads too: Keras' own, else one written into the cache. */
export async function mnistFile(): Promise<string> {
  const keras = join(process.env['KERAS_HOME'] ?? join(homedir(), '.keras'), 'datasets', 'mnist.npz');
  if (existsSync(keras)) return keras;
  const file = join(cacheFolder(), 'bench', 'mnist.npz');
  if (existsSync(file)) return file;
  const { datasets } = await import('../../lib/index.js');
  const [[xTrain, yTrain], [xTest, yTest]] = await datasets.mnist.loadData();
  const array = (tensor: typeof xTrain): IntegerArray => ({
    data: tensor.dataSync() as Uint8Array,
    shape: tensor.shape,
  });
  mkdirSync(dirname(file), { recursive: true });
  writeNpz(`${file}.partial`, {
    x_train: array(xTrain),
    y_train: array(yTrain),
    x_test: array(xTest),
    y_test: array(yTest),
  });
  renameSync(`${file}.partial`, file);
  return file;
}

export const workload: Workload = {
  description: 'MNIST classifier 784-128-128-10, dropout 0.3, Adam, batch 128',
  async run(args) {
    const own = await sideBySide('mnist', await mnistFile(), args, { epochs: 5 });
    if (own.length === 0) return;
    const pause = Math.max(...own.map((run) => run.event_loop_pause_ms ?? 0));
    const call = median(own.map((run) => run.eager_call_us ?? 0));
    console.log(`\nLongest pause of the event loop during fit: ${pause.toFixed(1)} ms`);
    console.log(`One eager op call (ops.add of two small tensors): ${call.toFixed(2)} us`);
  },
};
