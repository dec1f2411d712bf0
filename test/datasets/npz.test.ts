import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FileFormatError } from '../../lib/core/errors.js';
import { readNpz } from '../../lib/datasets/npz.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

interface NpzCase {
  kind: string;
  file: GoldenArray;
  arrays: Record<string, GoldenArray>;
}

const archives = loadGolden<NpzCase>('npy').cases.filter(({ kind }) => kind === 'npz');
let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'npz-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function fileOf(bytes: Uint8Array): Promise<string> {
  const path = join(folder, 'test.npz');
  await writeFile(path, bytes);
  return path;
}

const bytesOf = ({ file }: NpzCase): Buffer => Buffer.from(file.data as Uint8Array);

describe.each(archives)('$name', (archive) => {
  test('all arrays', async () => {
    const arrays = await readNpz(await fileOf(bytesOf(archive)));
    expect([...arrays.keys()]).toEqual(Object.keys(archive.arrays));
    for (const [name, expected] of Object.entries(archive.arrays)) expect(arrays.get(name)).toEqual(expected);
  });

  test('some arrays', async () => {
    const arrays = await readNpz(await fileOf(bytesOf(archive)), { names: ['b'] });
    expect([...arrays.keys()]).toEqual(['b']);
  });

  test('an array that is not there', async () => {
    const path = await fileOf(bytesOf(archive));
    await expect(readNpz(path, { names: ['a', 'c'] })).rejects.toThrow(`${path}: expected arrays a, c, got a, b.`);
  });

  test('cut short anywhere', async () => {
    const whole = bytesOf(archive);
    for (let length = 0; length < whole.length; length += 7) {
      await expect(readNpz(await fileOf(whole.subarray(0, length))), `${length} bytes`).rejects.toThrow(
        FileFormatError,
      );
    }
  });

  test('each byte damaged in turn: the same values or a FileFormatError', async () => {
    const whole = bytesOf(archive);
    let refused = 0;
    for (let position = 0; position < whole.length; position++) {
      const bytes = Buffer.from(whole);
      bytes[position] = (bytes[position] as number) ^ 0x55;
      try {
        const arrays = await readNpz(await fileOf(bytes));
        // A name, a date or an attribute may be what changed; values may not.
        const expected = Object.values(archive.arrays);
        const values = [...arrays.values()];
        for (const value of values) expect(expected).toContainEqual(value);
      } catch (error) {
        expect(error, `byte ${position}`).toBeInstanceOf(FileFormatError);
        refused++;
      }
    }
    expect(refused).toBeGreaterThan(whole.length / 4);
  });

  test('an entry that claims more than its bytes can hold', async () => {
    const bytes = bytesOf(archive);
    bytes.writeUInt32LE(0x7fff_fff0, bytes.indexOf('PK\x01\x02', 0, 'latin1') + 24);
    await expect(readNpz(await fileOf(bytes))).rejects.toThrow(FileFormatError);
  });
});

test('entries that are no arrays are left out; a golden file reads as the other reader has it', async () => {
  const golden = loadGolden('schedules');
  const arrays = await readNpz(fileURLToPath(new URL('../golden/schedules.npz', import.meta.url)));
  expect(arrays.has('cases.json')).toBe(false);
  expect(arrays.size).toBeGreaterThan(10);
  for (const [name, array] of arrays) expect(array).toEqual(golden.array(name));
});

test('no zip file', async () => {
  const path = await fileOf(Buffer.from('these are not the bytes of an archive'));
  await expect(readNpz(path)).rejects.toThrow(`${path}: expected an intact .npz archive`);
});

test('no file', async () => {
  await expect(readNpz(join(folder, 'nowhere.npz'))).rejects.toMatchObject({ code: 'ENOENT' });
});

test('a signal that was aborted', async () => {
  const reason = new Error('enough');
  const path = await fileOf(bytesOf(archives[0] as NpzCase));
  await expect(readNpz(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
});
