import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FileFormatError } from '../../lib/core/errors.js';
import { parseNpy } from '../../lib/datasets/npy.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

interface NpyCase {
  kind: string;
  dtype: string;
  shape: number[];
  file: GoldenArray;
  values: GoldenArray;
  reason: string;
}

const { cases } = loadGolden<NpyCase>('npy');
const bytesOf = ({ data }: GoldenArray): Uint8Array<ArrayBuffer> => Uint8Array.from(data as Uint8Array);
const first = cases.find(({ name }) => name === 'float32/little/C') as NpyCase;

/** The first file with its header replaced; the length stays true to the new text. */
function withHeader(header: string): Uint8Array<ArrayBuffer> {
  const body = bytesOf(first.file).slice(128);
  const text = Buffer.from(`${header}\n`, 'latin1');
  const start = Buffer.from([0x93, ...Buffer.from('NUMPY'), 1, 0, text.length & 255, text.length >> 8]);
  return new Uint8Array(Buffer.concat([start, text, body]));
}

describe('arrays that NumPy wrote', () => {
  test.each(cases.filter(({ kind }) => kind === 'npy'))('$name', ({ file, dtype, shape, values }) => {
    const array = parseNpy(bytesOf(file), 'x.npy');
    expect(array.dtype).toBe(dtype);
    expect(array.shape).toEqual(shape);
    expect(Array.from(array.data as Float64Array)).toEqual(Array.from(values.data as Float64Array));
    expect(array.data.constructor).toBe(values.data.constructor);
  });

  test.each(cases.filter(({ kind }) => kind === 'npy').slice(0, 12))('$name at an odd address', ({ file, values }) => {
    const bytes = bytesOf(file);
    const moved = new Uint8Array(bytes.length + 1);
    moved.set(bytes, 1);
    const array = parseNpy(moved.subarray(1), 'x.npy');
    expect(Array.from(array.data as Float64Array)).toEqual(Array.from(values.data as Float64Array));
  });

  test('the bytes given stay as they are, whatever their order', () => {
    const { file } = cases.find(({ name }) => name === 'int32/big/C') as NpyCase;
    const bytes = Buffer.from(bytesOf(file));
    const before = Buffer.from(bytes);
    parseNpy(bytes, 'x.npy');
    expect(bytes.equals(before)).toBe(true);
  });
});

describe('what is refused', () => {
  test.each(cases.filter(({ kind }) => kind === 'refused'))('$name', ({ file, reason }) => {
    const parse = () => parseNpy(bytesOf(file), 'x.npy');
    expect(parse).toThrow(FileFormatError);
    expect(parse).toThrow(`x.npy: expected`);
    expect(parse).toThrow(reason);
  });

  test('a file cut short anywhere', () => {
    const whole = bytesOf(first.file);
    for (let length = 0; length < whole.length; length++) {
      expect(() => parseNpy(whole.slice(0, length), 'x.npy'), `${length} bytes`).toThrow(FileFormatError);
    }
  });

  test('bytes behind the array', () => {
    expect(() => parseNpy(new Uint8Array([...bytesOf(first.file), 0]), 'x.npy')).toThrow(
      'x.npy: expected 48 bytes for float32[3, 4], got 49.',
    );
  });

  test('a version that is not known', () => {
    const bytes = bytesOf(first.file);
    bytes[6] = 9;
    expect(() => parseNpy(bytes, 'x.npy')).toThrow('expected version 1, 2 or 3 of the .npy format, got 9');
  });

  test('a header longer than the file, or longer than a header can be', () => {
    const bytes = bytesOf(first.file);
    bytes[8] = 255;
    bytes[9] = 255;
    expect(() => parseNpy(bytes, 'x.npy')).toThrow('expected a header of at most');
    const long = withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }${' '.repeat(20_000)}`);
    expect(() => parseNpy(long, 'x.npy')).toThrow('expected a header of at most 10000 bytes');
  });

  const descr = "'descr': '<f4'";
  test.each([
    ['no dict', `[1, 2]`],
    ['a key left out', `{${descr}, 'shape': (3, 4), }`],
    ['a key twice', `{${descr}, ${descr}, 'fortran_order': False, 'shape': (3, 4), }`],
    ['a key too many', `{${descr}, 'fortran_order': False, 'shape': (3, 4), 'more': True}`],
    ['code', `{${descr}, 'fortran_order': False, 'shape': __import__('os').system('true'), }`],
    ['a negative size', `{${descr}, 'fortran_order': False, 'shape': (-3, 4), }`],
    ['a size beyond whole numbers', `{${descr}, 'fortran_order': False, 'shape': (99999999999999999999,), }`],
    ['a missing size', `{${descr}, 'fortran_order': False, 'shape': (3, , 4), }`],
    ['a list for a tuple', `{${descr}, 'fortran_order': False, 'shape': [3, 4], }`],
    ['a number for a flag', `{${descr}, 'fortran_order': 0, 'shape': (3, 4), }`],
    ['records', `{'descr': [('x', '<f4')], 'fortran_order': False, 'shape': (3, 4), }`],
  ])('a header with %s', (_, header) => {
    expect(() => parseNpy(withHeader(header), 'x.npy')).toThrow(
      'expected a header with descr, fortran_order and shape',
    );
  });

  test('sizes that multiply beyond any memory', () => {
    const lying = withHeader(`{${descr}, 'fortran_order': True, 'shape': (4000000000, 4000000000, 4000000000), }`);
    expect(() => parseNpy(lying, 'x.npy')).toThrow(FileFormatError);
  });

  test('a prototype name for a dtype', () => {
    const odd = withHeader(`{'descr': '|constructor', 'fortran_order': False, 'shape': (3, 4), }`);
    expect(() => parseNpy(odd, 'x.npy')).toThrow("got dtype '|constructor'");
  });

  test('sizes as Python 2 wrote them are read', () => {
    const old = withHeader(`{'descr': '<f4', 'fortran_order': False, 'shape': (3L, 4L), }`);
    expect(parseNpy(old, 'x.npy').shape).toEqual([3, 4]);
  });

  test('damaged bytes give an array or a FileFormatError, nothing else', () => {
    const whole = bytesOf(first.file);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        (changes) => {
          const bytes = whole.slice();
          for (const [position, value] of changes) bytes[position] = value;
          try {
            const { data, shape } = parseNpy(bytes, 'x.npy');
            expect(data.byteLength).toBeLessThanOrEqual(4 * whole.length);
            expect(shape.length).toBeLessThanOrEqual(64);
          } catch (error) {
            expect(error).toBeInstanceOf(FileFormatError);
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});
