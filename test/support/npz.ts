import { readFileSync } from 'node:fs';
import { inflateRawSync } from 'node:zlib';

/** Typed arrays that a golden array is read as; booleans as bytes, int64 as BigInt. */
export type GoldenData =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** An array out of a golden file, in the form that `tensor()` takes. */
export interface GoldenArray {
  data: GoldenData;
  shape: number[];
  dtype: string;
}

const types: Record<string, [dtype: string, construct: (buffer: ArrayBuffer) => GoldenData]> = {
  '|b1': ['bool', (buffer) => new Uint8Array(buffer)],
  '|u1': ['uint8', (buffer) => new Uint8Array(buffer)],
  '|i1': ['int8', (buffer) => new Int8Array(buffer)],
  '<u2': ['uint16', (buffer) => new Uint16Array(buffer)],
  '<i2': ['int16', (buffer) => new Int16Array(buffer)],
  '<u4': ['uint32', (buffer) => new Uint32Array(buffer)],
  '<i4': ['int32', (buffer) => new Int32Array(buffer)],
  '<u8': ['uint64', (buffer) => new BigUint64Array(buffer)],
  '<i8': ['int64', (buffer) => new BigInt64Array(buffer)],
  '<f4': ['float32', (buffer) => new Float32Array(buffer)],
  '<f8': ['float64', (buffer) => new Float64Array(buffer)],
};

/**
 * The entries of a zip file made by scripts/golden.
 *
 * Synchronous, and apart from the library's own reader, so that a fault of one can't hide in the other.
 */
export function readZip(path: string): Map<string, Buffer> {
  const file = readFileSync(path);
  const end = file.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end < 0) throw new Error(`${path} is no zip file`);
  const entries = new Map<string, Buffer>();
  let position = file.readUInt32LE(end + 16);
  for (let index = 0; index < file.readUInt16LE(end + 10); index++) {
    const method = file.readUInt16LE(position + 10);
    const size = file.readUInt32LE(position + 20);
    const nameLength = file.readUInt16LE(position + 28);
    const local = file.readUInt32LE(position + 42);
    const name = file.toString('utf8', position + 46, position + 46 + nameLength);
    const start = local + 30 + file.readUInt16LE(local + 26) + file.readUInt16LE(local + 28);
    const bytes = file.subarray(start, start + size);
    entries.set(name, method === 0 ? bytes : inflateRawSync(bytes));
    position += 46 + nameLength + file.readUInt16LE(position + 30) + file.readUInt16LE(position + 32);
  }
  return entries;
}

/** Reads the bytes of one .npy file in C order. */
export function parseNpy(bytes: Buffer): GoldenArray {
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const descr = /'descr': '([^']+)'/.exec(header)?.[1] ?? '';
  const shape = /'shape': \(([^)]*)\)/.exec(header)?.[1] ?? '';
  const type = types[descr];
  if (type === undefined || !header.includes("'fortran_order': False")) throw new Error(`unexpected header ${header}`);
  const [dtype, construct] = type;
  return {
    // A copy of its own: the bytes of a zip entry need not lie at a multiple of the element size.
    data: construct(new Uint8Array(bytes.subarray(start)).buffer),
    shape: shape
      .split(',')
      .filter((part) => part.trim() !== '')
      .map(Number),
    dtype,
  };
}
