import { call } from '../core/call.js';
import type { DType, NumericArray } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import { type Tensor, tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import type { FileDType } from './hdf5/protocol.js';

/** How a dtype stands in an HDF5 file. The library can't write numbers of 16 bits: they stand as float32, which holds them exactly. */
const written: Partial<Record<DType, FileDType>> = {
  float16: 'float32',
  bfloat16: 'float32',
  float32: 'float32',
  float64: 'float64',
  int8: 'int8',
  int16: 'int16',
  int32: 'int32',
  int64: 'int64',
  uint8: 'uint8',
  uint16: 'uint16',
  uint32: 'uint32',
  uint64: 'uint64',
  bool: 'uint8',
};

/** The dtype that a file gets for a variable's. @throws {ArgumentError} for one that Keras' files don't have */
export function fileDType(dtype: DType, where: string): FileDType {
  const found = written[dtype];
  if (found !== undefined) return found;
  throw new ArgumentError(
    `${where}: expected real numbers, got ${dtype}.`,
    'HDF5 files of Keras hold no such weights.',
  );
}

const arrays: Record<FileDType, new (buffer: ArrayBuffer) => NumericArray> = {
  float16: Int16Array,
  bfloat16: Int16Array,
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** Below this a copy costs less than memory that two owners hold. */
const copiedBytes = 1 << 20;

/** The tensor of bytes that a file held, which become its memory where they are many. */
export function tensorOf(bytes: ArrayBuffer, shape: readonly number[], dtype: FileDType): Tensor {
  const data = new arrays[dtype](bytes);
  const raw = tensor(data, { shape, copy: bytes.byteLength < copiedBytes });
  // Bits of 16 that JavaScript has no array for.
  if (dtype === 'float16' || dtype === 'bfloat16') return call('aten::view.dtype', raw, dtype);
  return raw;
}

/** A reader of a tensor's blocks, each copied for itself: a whole weight would take its size again, and the event loop's time. */
export function blocksOf(value: Tensor): (offset: readonly number[], count: readonly number[]) => NumericArray {
  return (offset, count) =>
    tidy(() => {
      let block = value;
      for (const [axis, size] of count.entries()) {
        if (size === value.shape[axis]) continue;
        block = call('aten::narrow', block, axis, offset[axis] as number, size);
      }
      return block.dataSync();
    });
}
