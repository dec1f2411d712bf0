import { readFile, stat } from 'node:fs/promises';
import { FileFormatError } from '../core/errors.js';
import { cachedFile, exists, fetchFile } from './cache.js';
import { parseNpy, parseNpyHeader } from './npy.js';
import { readNpzEntries } from './npz.js';
import { readPickledLists } from './pickle.js';

/** Reviews as lists of word numbers, and as many labels. */
export interface ImdbPart {
  x: number[][];
  y: number[];
}

// Address and digest are those that Keras 3.15.1 gives for this file.
const folder = 'https://storage.googleapis.com/tensorflow/tf-keras-datasets';
const digest = '69664113be75683a8fe16e3ed0ab59fda8886cb3cd7ada244f7d9544e4676b9f';
const names = ['x_train', 'y_train', 'x_test', 'y_test'] as const;

/** Reads Keras' .npz file, which is fetched where it isn't there. */
export async function readImdb(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ train: ImdbPart; test: ImdbPart }> {
  signal?.throwIfAborted();
  const where = 'imdb.loadData';
  const file = await cachedFile(path);
  if (!(await exists(file))) {
    await fetchFile(
      { file, url: `${folder}/imdb.npz`, digest, signal },
      {
        where,
        places: `at ${file} or from the network`,
        remedy: "Put Keras' imdb.npz there, name another file with the option path, or connect and load again.",
      },
    );
  }
  try {
    // Word numbers don't pack well: what promises more than this is no such file.
    const { size } = await stat(file);
    const entries = await readNpzEntries(file, { names, signal, maxBytes: 64 * size + 2 ** 20 });
    const part = async (which: 'train' | 'test'): Promise<ImdbPart> => {
      const bytes = (name: string): Uint8Array<ArrayBuffer> => entries.get(name) as Uint8Array<ArrayBuffer>;
      const y = labels(bytes(`y_${which}`), `${file}: y_${which}`);
      const x = await reviews(bytes(`x_${which}`), `${file}: x_${which}`, signal);
      if (x.length === y.length) return { x, y };
      throw new FileFormatError(
        `${file}: expected as many labels as reviews to ${which}, got ${y.length} and ${x.length}.`,
      );
    };
    return { train: await part('train'), test: await part('test') };
  } catch (error) {
    throw error instanceof FileFormatError ? explained(where, file, error) : error;
  }
}

async function reviews(bytes: Uint8Array<ArrayBuffer>, where: string, signal?: AbortSignal): Promise<number[][]> {
  const { descr, shape, start } = parseNpyHeader(bytes, where);
  const [length, ...more] = shape;
  if (!/^\|O[48]?$/.test(descr) || length === undefined || more.length > 0) {
    throw new FileFormatError(
      `${where}: expected an array of lists in a row, got dtype '${descr}' and shape [${shape.join(', ')}].`,
    );
  }
  return readPickledLists(bytes.subarray(start), length, where, signal);
}

function labels(bytes: Uint8Array<ArrayBuffer>, where: string): number[] {
  const { data, shape, dtype } = parseNpy(bytes, where);
  const y = Array.from(data as ArrayLike<number | bigint>, Number);
  if (shape.length === 1 && y.every((label) => label === 0 || label === 1)) return y;
  throw new FileFormatError(
    `${where}: expected labels 0 and 1 in a row, got ${dtype}[${shape.join(', ')}] with others.`,
  );
}

/** Reads the JSON file of word numbers, which is fetched where it isn't there. */
export async function readWordIndex(path: string, signal: AbortSignal | undefined): Promise<Map<string, number>> {
  signal?.throwIfAborted();
  const where = 'imdb.getWordIndex';
  const file = await cachedFile(path);
  if (!(await exists(file))) {
    await fetchFile(
      {
        file,
        url: `${folder}/imdb_word_index.json`,
        // Keras knows this one's MD5 alone.
        digest: 'bfafd718b763782e994055a2d397834f',
        algorithm: 'md5',
        signal,
      },
      {
        where,
        places: `at ${file} or from the network`,
        remedy:
          "Put Keras' imdb_word_index.json there, name another file with the option path, or connect and load again.",
      },
    );
  }
  const text = await readFile(file, { encoding: 'utf8', signal });
  const entries = Object.entries(parseObject(text) ?? {});
  if (entries.length > 0 && entries.every(([, number]) => Number.isSafeInteger(number) && (number as number) > 0)) {
    return new Map(entries as [string, number][]);
  }
  const error = new FileFormatError(
    `${file}: expected a JSON object of words with numbers above 0, got other content.`,
  );
  throw explained(where, file, error);
}

function parseObject(text: string): object | null {
  try {
    const value = JSON.parse(text) as unknown;
    return typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

/** The first line says what is wrong; what to do is the same for all. */
function explained(where: string, file: string, error: FileFormatError): FileFormatError {
  const [reason = ''] = error.message.split('\n');
  return new FileFormatError(
    `${where}: ${reason}`,
    `Delete ${file} and load again to fetch it anew, or name another file with the option path.`,
    { cause: error },
  );
}
