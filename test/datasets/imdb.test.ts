import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ArgumentError, datasets, FileFormatError } from '../../lib/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

const { getWordIndex, loadData } = datasets.imdb;
type Options = Parameters<typeof loadData>[0];

interface ImdbCase {
  kind: string;
  file: GoldenArray;
  options: Options;
  xTrain: number[][];
  yTrain: number[];
  xTest: number[][];
  yTest: number[];
}

const { cases } = loadGolden<ImdbCase>('sequences');
const bytesOf = ({ file }: ImdbCase): Uint8Array => file.data as Uint8Array;
const small = cases.find(({ name }) => name === 'imdb/protocol3') as ImdbCase & { name: string };
// Before the tests below put another folder in its place.
const real = join(process.env['KERAS_HOME'] ?? join(homedir(), '.keras'), 'datasets', 'imdb.npz');

let home: string;
let folder: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'imdb-'));
  folder = join(home, 'datasets');
  await mkdir(folder);
  vi.stubEnv('KERAS_HOME', home);
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(home, { recursive: true });
});

const put = (bytes: Uint8Array | string, name = 'imdb.npz'): Promise<void> => writeFile(join(folder, name), bytes);

describe('loadData reads what Keras reads', () => {
  test.each(cases.filter(({ kind }) => kind === 'imdb'))('$name', async (one) => {
    await put(bytesOf(one));
    const [[xTrain, yTrain], [xTest, yTest]] = await loadData(one.options);
    expect(xTrain).toEqual(one.xTrain);
    expect(xTest).toEqual(one.xTest);
    for (const [y, expected] of [
      [yTrain, one.yTrain],
      [yTest, one.yTest],
    ] as const) {
      expect(y.dtype).toBe('int64');
      expect(y.arraySync()).toEqual(expected);
    }
  });

  test('under another name, from the cache or anywhere', async () => {
    await put(bytesOf(small), 'reviews.npz');
    await writeFile(join(home, 'elsewhere.npz'), bytesOf(small));
    for (const path of ['reviews.npz', join(home, 'elsewhere.npz')]) {
      const [[xTrain]] = await loadData({ path });
      expect(xTrain).toEqual(small.xTrain);
    }
  });

  test('in another order without a seed', async () => {
    await put(bytesOf(small));
    const orders = await Promise.all(Array.from({ length: 8 }, () => loadData({ seed: null })));
    expect(new Set(orders.map(([[x]]) => JSON.stringify(x))).size).toBeGreaterThan(1);
    for (const [[x]] of orders) expect([...x].sort()).toEqual([...small.xTrain].sort());
  });
});

describe('loadData refuses', () => {
  test.each(cases.filter(({ kind }) => kind === 'refused'))('$name', async (one) => {
    await put(bytesOf(one));
    const error = await loadData().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(FileFormatError);
    expect((error as Error).message).toMatch(
      /^imdb\.loadData: .*imdb\.npz.*: expected .*, got .*\n {2}Delete .*imdb\.npz and load again/,
    );
  });

  test('a function that the file calls, by its name', async () => {
    await put(bytesOf(cases.find(({ name }) => name === 'refused/a call of a function') as ImdbCase));
    await expect(loadData()).rejects.toThrow(
      /x_train: expected a pickled array of lists of whole numbers, got the name "posix system"\./,
    );
  });

  test('a file cut short', async () => {
    await put(bytesOf(small).subarray(0, 300));
    await expect(loadData()).rejects.toThrow(/expected an intact \.npz archive/);
  });

  test.each([
    ['a string for options', 'imdb.npz', 'Write imdb.loadData({ path: "imdb.npz" })'],
    ['an unknown option', { numWord: 10 }, "Did you mean 'numWords'?"],
    ['a number for path', { path: 3 }, 'expected path to be the name of a file, got 3'],
    ['a controller for a signal', { signal: new AbortController() }, 'expected signal to be an AbortSignal'],
    ['a fraction of words', { numWords: 1.5 }, 'imdb.loadData: numWords: expected a whole number from 0 to'],
    ['a negative maxlen', { maxlen: -1 }, 'imdb.loadData: maxlen: expected a whole number from 0 to'],
    [
      'a seed that is too large',
      { seed: 2 ** 32 },
      'imdb.loadData: seed: expected a whole number from 0 to 4294967295',
    ],
    ['a start that is no number', { startChar: '1' }, 'imdb.loadData: startChar: expected a whole number'],
    ['null where Keras has no None', { skipTop: null }, 'imdb.loadData: skipTop: expected a whole number'],
    ['a maxlen that leaves nothing', { maxlen: 2 }, 'expected maxlen to leave some reviews, got 2'],
  ])('%s', async (_, options, message) => {
    await put(bytesOf(small));
    const loading = loadData(options as Options);
    await expect(loading).rejects.toBeInstanceOf(ArgumentError);
    await expect(loading).rejects.toThrow(message);
  });

  test('to go on after an abort', async () => {
    await put(bytesOf(small));
    const reason = new Error('enough');
    await expect(loadData({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(await readdir(folder)).toEqual(['imdb.npz']);
  });
});

describe('getWordIndex', () => {
  test('answers a Map, also for words that objects have', async () => {
    await put('{"the": 1, "constructor": 2, "__proto__": 3}', 'imdb_word_index.json');
    const index = await getWordIndex();
    expect([...index]).toEqual([
      ['the', 1],
      ['constructor', 2],
      ['__proto__', 3],
    ]);
    expect(index.get('toString')).toBeUndefined();
  });

  test.each([['{"the": '], ['[1]'], ['{}'], ['null'], ['{"the": "1"}'], ['{"the": 0}'], ['{"the": 1.5}'], ['']])(
    'refuses %s',
    async (text) => {
      await put(text, 'words.json');
      await expect(getWordIndex({ path: 'words.json' })).rejects.toBeInstanceOf(FileFormatError);
      await expect(getWordIndex({ path: 'words.json' })).rejects.toThrow(
        /^imdb\.getWordIndex: .*words\.json: expected a JSON/,
      );
    },
  );

  test('refuses wrong options', async () => {
    await expect(getWordIndex('words.json' as never)).rejects.toThrow(
      'Write imdb.getWordIndex({ path: "words.json" })',
    );
    await expect(getWordIndex({ paht: 'x' } as never)).rejects.toThrow("Did you mean 'path'?");
  });
});

if (!existsSync(real)) console.info(`imdb.test.ts: ${real} isn't there: the test of Keras' own file is skipped.`);

test.skipIf(!existsSync(real))('the whole of the reviews', { timeout: 60_000 }, async () => {
  const [[xTrain, yTrain], [xTest, yTest]] = await loadData({ path: real, numWords: 10_000 });
  expect([xTrain.length, xTest.length, yTrain.shape, yTest.shape]).toEqual([25_000, 25_000, [25_000], [25_000]]);
  for (const y of [yTrain, yTest])
    expect((y.dataSync() as BigInt64Array).filter((label) => label === 1n)).toHaveLength(12_500);
  for (const x of [xTrain, xTest]) {
    expect(x.every((review) => review[0] === 1 && review.every((word) => word >= 1 && word < 10_000))).toBe(true);
  }
});
