import type { DType, NumericArray } from '../core/dtype.js';
import { FileFormatError } from '../core/errors.js';

/** An array read from a file, in the form that `tensor()` takes; values in C order. */
export interface NpyArray {
  /** Booleans as bytes, float16 as Float32Array, complex numbers as (real, imaginary) pairs. */
  data: NumericArray;
  shape: readonly number[];
  dtype: DType;
}

type ArrayClass = new (buffer: ArrayBuffer, offset: number, length: number) => NumericArray;

/** dtype, numbers that make one element, bytes of one number, and what holds the numbers as they are in the file. */
type NpyType = readonly [dtype: DType, parts: number, width: number, numbers: ArrayClass];

// By kind and size in bytes; the byte order stands before them in a header.
const types: Record<string, NpyType> = {
  b1: ['bool', 1, 1, Uint8Array],
  u1: ['uint8', 1, 1, Uint8Array],
  u2: ['uint16', 1, 2, Uint16Array],
  u4: ['uint32', 1, 4, Uint32Array],
  u8: ['uint64', 1, 8, BigUint64Array],
  i1: ['int8', 1, 1, Int8Array],
  i2: ['int16', 1, 2, Int16Array],
  i4: ['int32', 1, 4, Int32Array],
  i8: ['int64', 1, 8, BigInt64Array],
  f2: ['float16', 1, 2, Uint16Array],
  f4: ['float32', 1, 4, Float32Array],
  f8: ['float64', 1, 8, Float64Array],
  c8: ['complex64', 2, 4, Float32Array],
  c16: ['complex128', 2, 8, Float64Array],
};

// NumPy's own limit on the text of a header.
const maxHeaderBytes = 10_000;
const maxAxes = 64;
const hostIsLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/**
 * Reads one array in NumPy's .npy format (versions 1 to 3, C and Fortran order, either byte order).
 *
 * The values share memory with `bytes` where its alignment and byte order allow. Nothing of the file is evaluated, and its sizes are held
 * against the bytes that are there.
 *
 * @param where - how errors name the source, for instance `mnist.npz: x_train`
 * @throws {FileFormatError} for another format, arrays of objects, strings or records, and sizes that don't agree
 */
export function parseNpy(bytes: Uint8Array<ArrayBuffer>, where: string): NpyArray {
  const { descr, fortranOrder, shape, start } = parseNpyHeader(bytes, where);
  const [, order, kind = ''] = /^([<>|=])(.+)$/.exec(descr) ?? [];
  const type = Object.hasOwn(types, kind) ? types[kind] : undefined;
  if (type === undefined || (order === '|' && type[2] > 1)) {
    const isObject = kind.startsWith('O');
    throw new FileFormatError(
      `${where}: expected an array of numbers or booleans, got ${isObject ? 'Python objects' : `dtype '${descr}'`}.`,
      isObject
        ? 'Objects are stored as Python programs, which are never run. Save it from NumPy with a number dtype.'
        : 'Save it from NumPy with a number dtype: array.astype("float32").',
    );
  }
  const [dtype, parts, width, ArrayOfNumbers] = type;
  const count = shape.reduce((product, axis) => product * axis, 1) * parts;
  const wanted = count * width;
  const found = bytes.byteLength - start;
  if (!Number.isSafeInteger(wanted) || wanted !== found) {
    throw new FileFormatError(
      `${where}: expected ${wanted} bytes for ${dtype}[${shape.join(', ')}], got ${found}.`,
      'The file is truncated or corrupt: fetch or save it again.',
    );
  }

  const foreign = width > 1 && order !== '=' && (order === '<') !== hostIsLittleEndian;
  const aligned = (bytes.byteOffset + start) % width === 0;
  const body = foreign || !aligned ? new Uint8Array(bytes.subarray(start)) : bytes.subarray(start);
  if (foreign) swapBytes(body, width);
  const raw = new ArrayOfNumbers(body.buffer, body.byteOffset, count);
  const data = dtype === 'float16' ? widen(raw as Uint16Array) : raw;
  return { data: fortranOrder ? toCOrder(data, shape, parts) : data, shape, dtype };
}

/**
 * What a .npy file says about its array, and where its body starts.
 * @throws {FileFormatError} for another format
 * @internal
 */
export function parseNpyHeader(bytes: Uint8Array<ArrayBuffer>, where: string): NpyHeader {
  const { text, start } = headerOf(bytes, where);
  return { ...parseHeader(text, where), start };
}

function headerOf(bytes: Uint8Array, where: string): { text: string; start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.byteLength < 10 || bytes[0] !== 0x93 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY') {
    throw new FileFormatError(
      `${where}: expected NumPy's .npy format, got other bytes.`,
      'Save the array with numpy.save or numpy.savez.',
    );
  }
  const version = bytes[6] as number;
  if (version < 1 || version > 3) {
    throw new FileFormatError(`${where}: expected version 1, 2 or 3 of the .npy format, got ${version}.`);
  }
  const begin = version === 1 ? 10 : 12;
  const length = version === 1 ? view.getUint16(8, true) : bytes.byteLength < 12 ? Infinity : view.getUint32(8, true);
  if (length > maxHeaderBytes || begin + length > bytes.byteLength) {
    throw new FileFormatError(
      `${where}: expected a header of at most ${Math.min(maxHeaderBytes, bytes.byteLength - begin)} bytes, got ${length}.`,
      'The file is truncated or corrupt: fetch or save it again.',
    );
  }
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + begin, length).toString(version === 3 ? 'utf8' : 'latin1');
  return { text, start: begin + length };
}

interface Header {
  /** Byte order, kind and width: '<f4'; '|O' for Python objects. */
  descr: string;
  fortranOrder: boolean;
  shape: number[];
}

/** A header with the place of the first byte after it. */
interface NpyHeader extends Header {
  start: number;
}

/** Reads `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, the one kind of literal that a header is. */
function parseHeader(text: string, where: string): Header {
  const refuse = (): never => {
    throw new FileFormatError(
      `${where}: expected a header with descr, fortran_order and shape, got ${JSON.stringify(text.trim().slice(0, 120))}.`,
      'Arrays of records are not read: save each of their fields as an array of its own.',
    );
  };
  const body = /^\s*\{(.*)\}\s*$/s.exec(text)?.[1] ?? refuse();
  const entry = /\s*(['"])(\w+)\1\s*:\s*(?:(['"])([^'"\\]*)\3|(True|False)|\(([\d\s,L]*)\))\s*(?:,|$)\s*/y;
  const found = new Map<string, string | boolean | number[]>();
  while (entry.lastIndex < body.length) {
    const match = entry.exec(body);
    if (match === null) return refuse();
    const [, , key = '', , string, boolean, tuple] = match;
    if (found.has(key)) return refuse();
    if (string !== undefined) found.set(key, string);
    else if (boolean !== undefined) found.set(key, boolean === 'True');
    else found.set(key, parseShape(tuple ?? '') ?? refuse());
  }
  const [descr, fortranOrder, shape] = [found.get('descr'), found.get('fortran_order'), found.get('shape')];
  if (found.size !== 3 || typeof descr !== 'string' || typeof fortranOrder !== 'boolean' || !Array.isArray(shape)) {
    return refuse();
  }
  return { descr, fortranOrder, shape };
}

/** The sizes in `2, 3` or `2,` or nothing; Python 2 wrote an L after long ones. */
function parseShape(text: string): number[] | undefined {
  if (text.trim() === '') return [];
  const parts = text.replace(/,\s*$/, '').split(',');
  const sizes = parts.map((part) => (/^\s*\d+L?\s*$/.test(part) ? Number.parseInt(part, 10) : Number.NaN));
  return sizes.length <= maxAxes && sizes.every(Number.isSafeInteger) ? sizes : undefined;
}

function swapBytes(bytes: Uint8Array, width: number): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else buffer.swap64();
}

/** Half precision widened: JavaScript of Node 20 has no array for it. */
function widen(bits: Uint16Array): Float32Array {
  return Float32Array.from(bits, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  });
}

/** Values laid out first axis fastest, laid out anew last axis fastest. */
function toCOrder(data: NumericArray, shape: readonly number[], parts: number): NumericArray {
  const result = new (data.constructor as new (length: number) => NumericArray)(data.length) as Float64Array;
  const source = data as Float64Array;
  const strides: number[] = [];
  let stride = parts;
  for (const axis of shape) {
    strides.push(stride);
    stride *= axis;
  }
  const position = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length; to += parts) {
    for (let part = 0; part < parts; part++) result[to + part] = source[from + part] as number;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position[axis] = (position[axis] as number) + 1;
      from += strides[axis] as number;
      if ((position[axis] as number) < (shape[axis] as number)) break;
      from -= (strides[axis] as number) * (shape[axis] as number);
      position[axis] = 0;
    }
  }
  return result;
}
