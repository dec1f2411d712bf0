import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';
import { call } from '../core/call.js';
import { type DType, itemSize } from '../core/dtype.js';
import { DTypeError } from '../core/errors.js';
import { type Tensor, tensor } from '../core/tensor.js';
import type { NpyArray } from '../datasets/npy.js';
import { readNpz } from '../datasets/npz.js';
import type { Model } from '../models/model.js';
import { Archive } from './archive.js';
import { explainSystemError, writeAtomically } from './atomic.js';
import { type NamedReadOptions, namedWeights, readNamedWeights } from './named-weights.js';
import { rawBytes } from './safetensors.js';
import { refuseFile } from './safetensors-header.js';

// NumPy's names of element types; it has none for bfloat16, which float32 holds exactly.
const descriptions: Partial<Record<DType, string>> = {
  bool: '|b1',
  uint8: '|u1',
  int8: '|i1',
  uint16: '<u2',
  int16: '<i2',
  float16: '<f2',
  uint32: '<u4',
  int32: '<i4',
  float32: '<f4',
  bfloat16: '<f4',
  uint64: '<u8',
  int64: '<i8',
  float64: '<f8',
  complex64: '<c8',
  complex128: '<c16',
};

// Bytes given to the archive at once: their checksum is computed on this thread, which 1 MiB keeps for less than a millisecond.
const blockBytes = 1 << 20;
// A file's bytes depend on its weights alone.
const noTime = new Date(1980, 0, 1);
/** NumPy's longest header, and its frame. */
const headerBytes = 10_012;

/** The bytes in front of an array in NumPy's .npy format, version 1.0: as many as make a multiple of 64. */
function npyHeader(shape: readonly number[], dtype: DType, where: string): Buffer {
  const description = descriptions[dtype];
  if (description === undefined) {
    throw new DTypeError(
      `${where}: expected a dtype that NumPy has, got ${dtype}.`,
      "Write a '.safetensors' file, or convert the weights.",
    );
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${description}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = Buffer.alloc(length, ' ');
  header.write('\x93NUMPY\x01\x00', 'latin1');
  header.writeUInt16LE(length - 10, 8);
  header.write(text, 10, 'latin1');
  header[length - 1] = 0x0a;
  return header;
}

async function* bytesOf(header: Buffer, value: Tensor): AsyncGenerator<Buffer> {
  yield header;
  const wide = value.dtype === 'bfloat16' ? call('aten::to.dtype', value, 'float32') : value;
  try {
    const bytes = await rawBytes(wide);
    for (let at = 0; at < bytes.byteLength; at += blockBytes) {
      const count = Math.min(blockBytes, bytes.byteLength - at);
      yield Buffer.from(bytes.buffer, bytes.byteOffset + at, count);
    }
  } finally {
    if (wide !== value) wide.dispose();
    value.dispose();
  }
}

/** Writes a model's weights as `numpy.savez` would: an array for each, by its path. */
export async function writeNpzWeights(
  model: Model,
  path: string,
  { skip, signal }: { skip: readonly object[]; signal?: AbortSignal | null | undefined },
): Promise<void> {
  const values = namedWeights(model, skip).map(({ name, variable }) => ({ name, value: variable.value }));
  try {
    const parts = values.map(({ name, value }) => ({
      name,
      value,
      header: npyHeader(value.shape, value.dtype, `saveWeights: "${name}"`),
    }));
    const write = async (temporary: string): Promise<void> => {
      const zip = new ZipFile();
      const failed = new Promise<never>((_, reject) => zip.on('error', reject));
      failed.catch(() => {});
      for (const { name, value, header } of parts) {
        const width = value.dtype === 'bfloat16' ? 4 : itemSize(value.dtype);
        const size = header.length + value.size * width;
        // One stream at a time, when its turn comes.
        zip.addReadStreamLazy(
          `${name}.npy`,
          { compress: false, size, mtime: noTime, forceDosTimestamp: true },
          (ready) => ready(null, Readable.from(bytesOf(header, value), { objectMode: false })),
        );
      }
      zip.end();
      const options = signal == null ? {} : { signal };
      await Promise.race([pipeline(zip.outputStream, createWriteStream(temporary, { flags: 'r+' }), options), failed]);
    };
    await writeAtomically(path, write, signal == null ? {} : { signal });
  } finally {
    for (const { value } of values) value.dispose();
  }
}

/**
 * Reads weights into a model from an .npz file: of {@link writeNpzWeights}, or of `numpy.savez` and `numpy.savez_compressed` with paths as names.
 * @throws {FileFormatError}
 */
export async function readNpzWeights(model: Model, path: string, options: NamedReadOptions): Promise<void> {
  const { signal, skip } = options;
  const archive = await Archive.open(path);
  const names = archive
    .names()
    .filter((name) => name.endsWith('.npy'))
    .map((name) => name.slice(0, -'.npy'.length));
  await archive.close();
  // No array that fits is larger, whatever its dtype; none that is gets memory.
  const largest = namedWeights(model, skip).reduce((most, { variable }) => Math.max(most, variable.size), 0);
  const maxBytes = headerBytes + 16 * largest;
  let arrays = new Map<string, NpyArray>();
  const file = {
    names,
    async prepare(wanted: readonly string[]): Promise<void> {
      try {
        arrays = await readNpz(path, { names: wanted, maxBytes, signal: signal ?? undefined });
      } catch (error) {
        throw explainSystemError(error, path, 'read');
      }
    },
    shape: (name: string) => (arrays.get(name) as NpyArray).shape,
    async tensor(name: string): Promise<Tensor> {
      const { data, shape, dtype } = arrays.get(name) as NpyArray;
      arrays.delete(name);
      if (dtype.startsWith('complex')) throw refuseFile(path, `expected real numbers at "${name}", got ${dtype}`);
      return tensor(data, { shape, dtype });
    },
  };
  await readNamedWeights(model, file, path, options);
}
