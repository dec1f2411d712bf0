import { mkdtempSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { ops, saving, type Tensor, tensor } from '../../lib/index.js';
import { scratch, unpack } from './files.js';
import { facts } from './named-files.js';

const folder = scratch();
let golden: string;
beforeAll(async () => {
  golden = await unpack('arrays.zip');
});

let count = 0;

/** A file of this header (text, or what becomes JSON) and so many bytes of data; `length` is what its first 8 bytes say. */
async function made(header: unknown, data: number | Buffer = 8, length?: bigint): Promise<string> {
  const path = join(folder, `made${count++}.safetensors`);
  const json = Buffer.isBuffer(header)
    ? header
    : Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(length ?? BigInt(json.length));
  await writeFile(path, Buffer.concat([first, json, typeof data === 'number' ? Buffer.alloc(data) : data]));
  return path;
}

async function refused(path: string): Promise<string> {
  const error = await saving.loadSafetensors(path).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ code: 'ERR_FILE_FORMAT' });
  const [first, second] = (error as Error).message.split('\n') as [string, string];
  expect(second).toBe('  The file is damaged, half-written or of another format: save it anew.');
  return first.replace(`"${path}": `, '');
}

const dtypes: Record<string, string> = {
  F8_E4M3: 'float8_e4m3fn',
  F8_E5M2: 'float8_e5m2',
  BOOL: 'bool',
  BF16: 'bfloat16',
  C64: 'complex64',
};
const names: Record<string, string> = { F: 'float', I: 'int', U: 'uint' };
const dtypeOf = (name: string) => dtypes[name] ?? name.replace(/^[A-Z]+/, (letter) => names[letter] as string);

describe('files of Python', () => {
  test('every type, scalars, empty tensors, names of any letters, metadata', async () => {
    const { tensors, metadata } = await saving.loadSafetensors(join(golden, 'types.safetensors'));
    expect(metadata).toEqual({ author: 'golden', note: 'quotes " and ✓' });
    const expected = facts.files['types.safetensors'] as NonNullable<(typeof facts.files)[string]>;
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(expected).sort());
    for (const [name, { dtype, shape, values }] of Object.entries(expected)) {
      const found = tensors[name] as Tensor;
      expect([name, found.dtype, found.shape]).toEqual([name, dtypeOf(dtype), shape]);
      const wide = found.dtype.startsWith('float8') ? ops.cast(found, 'float32') : found;
      expect([...wide.dataSync()].map(Number)).toEqual(values);
      found.dispose();
    }
  });

  test('some of the tensors', async () => {
    const path = join(golden, 'types.safetensors');
    const { tensors } = await saving.loadSafetensors(path, { names: ['scalar', 'f16/a'] });
    expect(Object.keys(tensors).sort()).toEqual(['f16/a', 'scalar']);
    await expect(saving.loadSafetensors(path, { names: ['other'] })).rejects.toThrow(
      `loadSafetensors: names: expected names in "${path}", got 'other'.\n  It has `,
    );
  });
});

describe('headers that lie', () => {
  const f32 = (begin: number, end: number, shape: unknown = [2], dtype: unknown = 'F32') => ({
    dtype,
    shape,
    data_offsets: [begin, end],
  });

  test('a file made for these tests loads', async () => {
    const { tensors, metadata } = await saving.loadSafetensors(await made({ a: f32(0, 8), __metadata__: { k: 'v' } }));
    expect((tensors.a as Tensor).shape).toEqual([2]);
    expect(metadata).toEqual({ k: 'v' });
    expect((await saving.loadSafetensors(await made('{}   ', 0))).tensors).toEqual({});
    // Names that objects give a meaning are names like others.
    const odd = await saving.loadSafetensors(
      await made('{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4),
    );
    expect(Object.keys(odd.tensors)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(odd.tensors)).toBe(Object.prototype);
  });

  test.each<[string, unknown, (number | Buffer)?, bigint?]>([
    ['expected a header of at most 62 bytes, got 67', { a: f32(0, 8) }, 8, 67n],
    ['expected a header of at most 62 bytes, got 18446744073709551615', { a: f32(0, 8) }, 8, 2n ** 64n - 1n],
    ["expected a header that begins with '{', got other bytes", ' {}', 0],
    ["expected a header that begins with '{', got other bytes", '', 0],
    ['expected a header of JSON in UTF-8, got other bytes', '{"a":', 0],
    ['expected a header of JSON in UTF-8, got other bytes', Buffer.from('{"\xff":1}', 'latin1'), 0],
    [
      'expected each name once in the header, got "a" twice',
      `{"a":${JSON.stringify(f32(0, 8))},"a":${JSON.stringify(f32(0, 8))}}`,
    ],
    ['expected each name once in the header, got "a" twice', '{"a":1,"\\u0061":2}'],
    [
      'expected each name once in the header, got "shape" twice',
      '{"a":{"dtype":"U8","shape":[8],"shape":[8],"data_offsets":[0,8]}}',
    ],
    ['expected dtype, shape and data_offsets of "a", got 7', { a: 7 }],
    ['expected dtype, shape and data_offsets of "a", got more', { a: { ...f32(0, 8), more: 1 } }],
    ['for "a", got "F31"', { a: f32(0, 8, [2], 'F31') }],
    ['for "a", got "constructor"', { a: f32(0, 8, [2], 'constructor') }],
    ['expected a shape of at most 64 whole numbers for "a"', { a: f32(0, 8, [-2]) }],
    ['expected a shape of at most 64 whole numbers for "a"', { a: f32(0, 8, [1.5]) }],
    ['expected a shape of at most 64 whole numbers for "a"', { a: f32(0, 8, 2) }],
    ['expected a shape of at most 64 whole numbers for "a"', { a: f32(0, 4, Array(65).fill(1)) }, 4],
    ['expected a shape that fits in memory for "a"', { a: f32(0, 8, [2 ** 40, 2 ** 40]) }],
    ['expected a shape that fits in memory for "a"', { a: f32(0, 0, [0, 2 ** 40, 2 ** 40]) }, 0],
    ['expected data_offsets of a begin and an end for "a"', { a: f32(8, 0) }],
    ['expected data_offsets of a begin and an end for "a"', { a: f32(-8, 0) }],
    ['expected data_offsets of a begin and an end for "a"', { a: { ...f32(0, 8), data_offsets: [0, 8, 16] } }],
    ['expected 8 bytes for "a" of F32[2], got 4', { a: f32(0, 4) }],
    ['expected tensors one after the other, got "b" inside another', { a: f32(0, 8), b: f32(0, 8) }],
    ['expected tensors one after the other, got "b" inside another', { a: f32(0, 8), b: f32(4, 12) }, 12],
    [
      'expected tensors one after the other, got "b" after 4 bytes that belong to none',
      { a: f32(0, 8), b: f32(12, 20) },
      20,
    ],
    ['expected tensors one after the other, got "a" after 8 bytes that belong to none', { a: f32(8, 16) }, 16],
    ['bytes, as the header says, got', { a: f32(0, 8) }, 7],
    ['bytes, as the header says, got', { a: f32(0, 8) }, 9],
    ['expected texts in the metadata, got 7 at "k"', { a: f32(0, 8), __metadata__: { k: 7 } }],
    ['expected texts in the metadata, got "text" at "__metadata__"', { a: f32(0, 8), __metadata__: 'text' }],
  ])('%s', async (message, header, data, length) => {
    expect(await refused(await made(header, data, length))).toContain(message);
  });

  test('a file of 7 bytes, and none', async () => {
    const path = join(folder, 'short.safetensors');
    await writeFile(path, '1234567');
    expect(await refused(path)).toBe('expected at least 8 bytes, got 7.');
    await expect(saving.loadSafetensors(join(folder, 'none.safetensors'))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(saving.loadSafetensors(folder)).rejects.toMatchObject({ code: 'EISDIR' });
  });
});

describe('writing', () => {
  test('what is written is read: every dtype bit by bit, special values, wide elements first', async () => {
    const path = join(folder, 'all.safetensors');
    const values = [1.5, -0, Number.NaN, Infinity, 1e-7, 300];
    const given: Record<string, Tensor> = {
      'a/bool': tensor([true, false, true]),
      complex: ops.cast(tensor([1, 2]), 'complex64'),
    };
    for (const dtype of [
      'float64',
      'float32',
      'float16',
      'bfloat16',
      'int64',
      'int32',
      'int16',
      'int8',
      'uint8',
    ] as const) {
      given[dtype] = dtype.includes('float') ? ops.cast(tensor(values), dtype) : ops.cast(tensor([1, 2, 100]), dtype);
    }
    await saving.saveSafetensors(path, given);
    const { tensors } = await saving.loadSafetensors(path);
    expect(Object.keys(tensors).sort()).toEqual(Object.keys(given).sort());
    for (const [name, value] of Object.entries(given)) {
      const found = tensors[name] as Tensor;
      expect([found.dtype, found.shape]).toEqual([value.dtype, value.shape]);
      expect([...found.dataSync()]).toEqual([...value.dataSync()]);
    }
    const file = await readFile(path);
    const length = Number(file.readBigUInt64LE());
    expect(length % 8).toBe(0);
    const header = JSON.parse(file.toString('utf8', 8, 8 + length)) as Record<
      string,
      { dtype: string; data_offsets: [number] }
    >;
    for (const { dtype, data_offsets } of Object.values(header)) {
      const width = Number(/\d+/.exec(dtype)?.[0] ?? 8) / 8;
      expect(data_offsets[0] % width).toBe(0);
    }
  });

  test('bad input', async () => {
    const path = join(folder, 'bad.safetensors');
    const x = tensor([1]);
    const save = saving.saveSafetensors as (...args: unknown[]) => Promise<void>;
    await expect(save('a.bin', { x })).rejects.toThrow(
      'path: expected a name that ends in \'.safetensors\', got "a.bin".',
    );
    await expect(save(path, [x])).rejects.toThrow('saveSafetensors: expected tensors by their names, got');
    await expect(save(path, { x: [1] })).rejects.toThrow(
      "saveSafetensors: expected a tensor for 'x', got [1].\n  Write tensor(values).",
    );
    await expect(save(path, { __metadata__: x })).rejects.toThrow("expected names of tensors, got '__metadata__'.");
    await expect(save(path, { x }, { metadata: { epoch: 3 } })).rejects.toThrow(
      "saveSafetensors: metadata: expected an object of texts, got 3 for 'epoch'.\n  Write numbers and lists as text: JSON.stringify(value).",
    );
    await expect(save(path, { x }, { metadate: {} })).rejects.toThrow(
      "unknown option 'metadate'.\n  Did you mean 'metadata'?",
    );
    await expect(save(path, { x: ops.cast(x, 'complex128') })).rejects.toThrow(
      'saveSafetensors: "x": expected a dtype that safetensors files have, got complex128.',
    );
    await expect(save(join(folder, 'none', 'a.safetensors'), { x })).rejects.toMatchObject({ code: 'ENOENT' });
    expect((await readdir(folder)).filter((name) => name.includes('bad'))).toEqual([]);
  });

  test('a writing that fails or is aborted leaves the old file, and nothing beside it', async () => {
    const own = mkdtempSync(join(folder, 'atomic-'));
    const path = join(own, 'a.safetensors');
    await saving.saveSafetensors(path, { x: tensor([1]) });
    const before = await readFile(path);
    const controller = new AbortController();
    const large = ops.zeros([3_000_000]);
    const writing = saving.saveSafetensors(path, { large }, { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(writing).rejects.toMatchObject({ name: 'AbortError' });
    await expect(saving.saveSafetensors(path, { x: tensor([2]) }, { overwrite: false })).rejects.toThrow(
      'expected no file at',
    );
    expect(await readFile(path)).toEqual(before);
    expect(await readdir(own)).toEqual(['a.safetensors']);
    // The caller's tensors stay the caller's.
    expect(large.isDisposed).toBe(false);
  });
});
