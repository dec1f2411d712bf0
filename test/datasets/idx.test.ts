import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { FileFormatError } from '../../lib/core/errors.js';
import { parseIdx } from '../../lib/datasets/idx.js';

const values = Array.from({ length: 24 }, (_, i) => i * 7);
const file = Uint8Array.from([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, ...values]);
const changed = (position: number, value: number) => file.map((byte, i) => (i === position ? value : byte));

test('shape and values', async () => {
  const { data, shape } = await parseIdx(file, 'images');
  expect(shape).toEqual([2, 3, 4]);
  expect([...data]).toEqual(values);
});

test('packed by gzip', async () => {
  const { data, shape } = await parseIdx(new Uint8Array(gzipSync(file)), 'images.gz');
  expect(shape).toEqual([2, 3, 4]);
  expect([...data]).toEqual(values);
});

describe('what is refused', () => {
  test.each([
    ['nothing', file.slice(0, 0)],
    ['a header cut short', file.slice(0, 9)],
    ['another first byte', changed(0, 1)],
    ['another element type', changed(2, 13)],
    ['no axes', changed(3, 0)],
    ['more axes than bytes', changed(3, 200)],
  ])('%s', async (_, bytes) => {
    await expect(parseIdx(bytes, 'images')).rejects.toThrow('images: expected an IDX file of unsigned bytes');
  });

  test.each([
    ['values cut short', file.slice(0, -1), 'expected 24 values for shape [2, 3, 4], got 23.'],
    ['values too many', new Uint8Array([...file, 1]), 'expected 24 values for shape [2, 3, 4], got 25.'],
    ['a size that lies', changed(4, 255), 'got 24.'],
  ])('%s', async (_, bytes, message) => {
    await expect(parseIdx(bytes, 'images')).rejects.toThrow(message);
    await expect(parseIdx(bytes, 'images')).rejects.toBeInstanceOf(FileFormatError);
  });

  test('gzip cut short', async () => {
    const packed = new Uint8Array(gzipSync(file)).slice(0, -9);
    await expect(parseIdx(packed, 'images.gz')).rejects.toThrow('images.gz: expected a gzip file');
  });
});
