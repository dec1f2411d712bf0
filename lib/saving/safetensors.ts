import { type FileHandle, open, stat } from 'node:fs/promises';
import { call } from '../core/call.js';
import type { DType, NumericArray } from '../core/dtype.js';
import { ArgumentError, DTypeError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { Tensor, tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { Variable } from '../core/variable.js';
import type { Model } from '../models/model.js';
import { checkOptions } from '../training/compile.js';
import { explainSystemError, writeAtomically } from './atomic.js';
import { type NamedReadOptions, namedWeights, readNamedWeights } from './named-weights.js';
import {
  maxHeaderBytes,
  parseSafetensorsHeader,
  refuseFile,
  type SafetensorsHeader,
  safetensorsDTypes,
  type TensorEntry,
} from './safetensors-header.js';

/** Options of {@link saveSafetensors}. */
export interface SaveSafetensorsOptions {
  /** Texts that the file keeps beside its tensors. @default {} */
  metadata?: Readonly<Record<string, string>> | null;
  /** Whether a file of that name may be replaced. @default true */
  overwrite?: boolean;
  /** Ends the writing: the old file stays. */
  signal?: AbortSignal | null;
}

/** Options of {@link loadSafetensors}. */
export interface LoadSafetensorsOptions {
  /** Names of the tensors to read. @default all */
  names?: readonly string[] | null;
  /** Ends the reading. */
  signal?: AbortSignal | null;
}

/** What {@link loadSafetensors} answers. */
export interface Safetensors {
  /** The tensors by their names, in the order of the file. */
  tensors: Record<string, Tensor>;
  /** Texts that the file keeps beside them. */
  metadata: Record<string, string>;
}

// As much goes to the disk, or comes from it, at once.
const blockBytes = 4 * 1024 * 1024;

// Types that JavaScript has no array for are moved as bits.
const bits: Partial<Record<DType, DType>> = {
  float16: 'int16',
  bfloat16: 'int16',
  float8_e4m3fn: 'uint8',
  float8_e5m2: 'uint8',
};

const arrays: Partial<Record<DType, new (buffer: ArrayBuffer) => NumericArray>> = {
  bool: Uint8Array,
  uint8: Uint8Array,
  int8: Int8Array,
  uint16: Uint16Array,
  int16: Int16Array,
  uint32: Uint32Array,
  int32: Int32Array,
  float32: Float32Array,
  uint64: BigUint64Array,
  int64: BigInt64Array,
  float64: Float64Array,
  complex64: Float32Array,
};

/** Bytes of a tensor's elements as they stand in files: little-endian, row by row. The memory is the tensor's own where it is large. @internal */
export async function rawBytes(value: Tensor): Promise<Uint8Array> {
  const type = bits[value.dtype];
  const raw = type === undefined ? value : call('aten::view.dtype', value, type);
  try {
    const data = await raw.data();
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  } finally {
    if (raw !== value) raw.dispose();
  }
}

/** The tensor of a file's bytes, of exactly that dtype. */
function tensorFrom(bytes: ArrayBuffer, { shape, dtype }: TensorEntry): Tensor {
  const moved = bits[dtype];
  const ArrayClass = arrays[moved ?? dtype] as new (buffer: ArrayBuffer) => NumericArray;
  const data = new ArrayClass(bytes);
  // Bytes of booleans may be anything: conversion makes them true or false.
  if (dtype === 'bool' || dtype === 'complex64') return tensor(data, { shape, dtype });
  const raw = tensor(data, { shape, copy: bytes.byteLength < 1 << 20 });
  if (moved === undefined) return raw;
  const result = call('aten::view.dtype', raw, dtype);
  raw.dispose();
  return result;
}

function formatName(dtype: DType, where: string): string {
  const found = Object.entries(safetensorsDTypes).find(([, [name]]) => name === dtype);
  if (found !== undefined) return found[0];
  throw new DTypeError(
    `${where}: expected a dtype that safetensors files have, got ${dtype}.`,
    `They have ${Object.values(safetensorsDTypes)
      .map(([name]) => name)
      .join(', ')}: convert it with ops.cast.`,
  );
}

/** Checks texts that go into a file. @throws {ArgumentError} @internal */
export function checkMetadata(where: string, metadata: unknown): Readonly<Record<string, string>> {
  if (metadata == null) return {};
  const wrong = isPlainObject(metadata)
    ? Object.entries(metadata).find(([, value]) => typeof value !== 'string')
    : ['metadata', metadata];
  if (wrong === undefined) return metadata as Record<string, string>;
  throw new ArgumentError(
    `${where}: metadata: expected an object of texts, got ${show(wrong[1])}${isPlainObject(metadata) ? ` for '${wrong[0]}'` : ''}.`,
    'Write numbers and lists as text: JSON.stringify(value).',
  );
}

/** Writes values that nobody changes meanwhile; disposes each as soon as it is written. */
async function writeTensors(
  path: string,
  values: readonly (readonly [name: string, value: Tensor])[],
  metadata: Readonly<Record<string, string>>,
  where: string,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  // Wide elements first, so that each tensor begins at a multiple of its elements' size.
  const types = values.map(([name, value]) => formatName(value.dtype, `${where}: "${name}"`));
  const widths = types.map((type) => (safetensorsDTypes[type] as readonly [DType, number])[1]);
  const order = [...values.keys()].sort((a, b) => (widths[b] as number) - (widths[a] as number) || a - b);
  const entries: [string, unknown][] = Object.keys(metadata).length === 0 ? [] : [['__metadata__', metadata]];
  let offset = 0;
  for (const index of order) {
    const [name, value] = values[index] as readonly [string, Tensor];
    const end = offset + value.size * (widths[index] as number);
    entries.push([name, { dtype: types[index], shape: value.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  if (header.length - 8 > maxHeaderBytes) {
    throw new ArgumentError(
      `${where}: expected a header of at most ${maxHeaderBytes} bytes, got ${header.length - 8}.`,
    );
  }
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  await writeAtomically(
    path,
    async (temporary) => {
      const file = await open(temporary, 'r+');
      try {
        await writeAll(file, header, 0, signal);
        let place = header.length;
        for (const index of order) {
          const [, value] = values[index] as readonly [string, Tensor];
          const bytes = await rawBytes(value);
          await writeAll(file, bytes, place, signal);
          place += bytes.byteLength;
          value.dispose();
        }
      } finally {
        await file.close();
      }
    },
    signal == null ? {} : { signal },
  );
}

async function writeAll(
  file: FileHandle,
  bytes: Uint8Array,
  place: number,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    signal?.throwIfAborted();
    const count = Math.min(blockBytes, bytes.byteLength - done);
    done += (await file.write(bytes, done, count, place + done)).bytesWritten;
  }
}

function checkPath(where: string, path: unknown): asserts path is string {
  if (typeof path === 'string' && path.endsWith('.safetensors') && !path.includes('\0')) return;
  throw new ArgumentError(`${where}: path: expected a name that ends in '.safetensors', got ${show(path)}.`);
}

function checkSignal(where: string, signal: unknown): void {
  if (signal == null || signal instanceof AbortSignal) return;
  throw new ArgumentError(`${where}: signal: expected an AbortSignal, got ${show(signal)}.`);
}

/**
 * Writes tensors to a '.safetensors' file, block by block: memory for the tensors alone is needed. A kill at any moment leaves the old file or the new one.
 *
 * @param path ends in '.safetensors'
 * @param tensors by their names; variables as they are at this moment; all dtypes but complex128
 * @throws {ArgumentError} for other values @throws {DTypeError} for complex128 @throws {StateError} with `overwrite: false`, if there is a file
 * @throws a system error that names the file
 * @example
 * ```ts
 * await saving.saveSafetensors('a.safetensors', { w: tensor([1, 2]) }, { metadata: { author: 'me' } });
 * const { tensors, metadata } = await saving.loadSafetensors('a.safetensors');
 * ```
 * Source: the format's description in github.com/huggingface/safetensors.
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<Record<string, Tensor>>,
  options: SaveSafetensorsOptions = {},
): Promise<void> {
  const where = 'saveSafetensors';
  checkPath(where, path);
  checkOptions(where, options, ['metadata', 'overwrite', 'signal']);
  const { overwrite = true, signal } = options;
  checkSignal(where, signal);
  if (typeof overwrite !== 'boolean') {
    throw new ArgumentError(`${where}: overwrite: expected true or false, got ${show(overwrite)}.`);
  }
  const metadata = checkMetadata(where, options.metadata);
  if (!isPlainObject(tensors))
    throw new ArgumentError(`${where}: expected tensors by their names, got ${show(tensors)}.`);
  for (const [name, value] of Object.entries(tensors)) {
    if (name === '__metadata__') {
      throw new ArgumentError(`${where}: expected names of tensors, got '__metadata__'.`, 'Give texts as metadata.');
    }
    if (value instanceof Tensor) continue;
    throw new ArgumentError(`${where}: expected a tensor for '${name}', got ${show(value)}.`, 'Write tensor(values).');
  }
  if (!overwrite && (await stat(path).catch(() => null)) !== null) {
    throw new StateError(`${where}: expected no file at "${path}", got one.`, 'Give another path, or overwrite: true.');
  }
  const values = Object.entries(tensors).map(([name, value]) => [name, snapshot(value)] as const);
  try {
    await writeTensors(path, values, metadata, where, signal);
  } finally {
    for (const [, value] of values) value.dispose();
  }
}

/** A tensor of its own over the same values. */
function snapshot(value: Tensor): Tensor {
  return value instanceof Variable ? value.value : call('aten::alias', value);
}

/**
 * Reads the tensors of a '.safetensors' file, from whatever program. The header is held against the file before anything is read, so memory stays in
 * proportion to the file's size.
 *
 * @returns the tensors, which are yours to dispose of, and the file's texts
 * @throws {FileFormatError} for other formats, damaged files and headers that lie
 * @throws {ArgumentError} for `names` that the file does not have
 * @throws a system error that names the file
 * @example
 * ```ts
 * await saving.saveSafetensors('b.safetensors', { w: tensor([1, 2]), b: tensor([3]) });
 * const { tensors } = await saving.loadSafetensors('b.safetensors', { names: ['b'] });
 * await tensors.b.array(); // [3]
 * ```
 */
export async function loadSafetensors(path: string, options: LoadSafetensorsOptions = {}): Promise<Safetensors> {
  const where = 'loadSafetensors';
  checkOptions(where, options, ['names', 'signal']);
  const { names, signal } = options;
  checkSignal(where, signal);
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new ArgumentError(`${where}: path: expected the path of a file, got ${show(path)}.`);
  }
  if (names != null && !(Array.isArray(names) && names.every((name) => typeof name === 'string'))) {
    throw new ArgumentError(`${where}: names: expected names of tensors, got ${show(names)}.`);
  }
  signal?.throwIfAborted();
  const file = await SafetensorsFile.open(path);
  const tensors: [string, Tensor][] = [];
  try {
    const missing = names?.find((name) => !file.names.includes(name));
    if (missing !== undefined) {
      const found = file.names.slice(0, 10).join(', ') || 'none';
      throw new ArgumentError(`${where}: names: expected names in "${path}", got '${missing}'.`, `It has ${found}.`);
    }
    for (const name of file.names) {
      if (names == null || names.includes(name)) tensors.push([name, await file.tensor(name, signal)]);
    }
    return { tensors: Object.fromEntries(tensors), metadata: file.metadata };
  } catch (error) {
    for (const [, value] of tensors) value.dispose();
    throw error;
  } finally {
    await file.close();
  }
}

/** A '.safetensors' file that is read. @internal */
export class SafetensorsFile {
  readonly names: readonly string[];
  readonly metadata: Record<string, string>;
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #entries: ReadonlyMap<string, TensorEntry>;

  private constructor(path: string, file: FileHandle, { entries, metadata }: SafetensorsHeader) {
    this.#path = path;
    this.#file = file;
    this.#entries = new Map(entries.map((entry) => [entry.name, entry]));
    this.names = entries.map(({ name }) => name);
    this.metadata = metadata;
  }

  /** @throws {FileFormatError} @throws a system error that names the file */
  static async open(path: string): Promise<SafetensorsFile> {
    const file = await open(path, 'r').catch((error) => {
      throw explainSystemError(error, path, 'read');
    });
    try {
      const { size } = await file.stat();
      const length = new ArrayBuffer(8);
      if (size < 8) throw refuseFile(path, `expected at least 8 bytes, got ${size}`);
      await readInto(file, new Uint8Array(length), 0, path);
      const claimed = new DataView(length).getBigUint64(0, true);
      const most = Math.min(maxHeaderBytes, size - 8);
      if (claimed > BigInt(most)) throw refuseFile(path, `expected a header of at most ${most} bytes, got ${claimed}`);
      const header = new Uint8Array(Number(claimed));
      await readInto(file, header, 8, path);
      return new SafetensorsFile(path, file, parseSafetensorsHeader(header, size, path));
    } catch (error) {
      await file.close();
      throw explainSystemError(error, path, 'read');
    }
  }

  shape(name: string): readonly number[] {
    return (this.#entries.get(name) as TensorEntry).shape;
  }

  async tensor(name: string, signal?: AbortSignal | null): Promise<Tensor> {
    const entry = this.#entries.get(name) as TensorEntry;
    const bytes = new ArrayBuffer(entry.bytes);
    try {
      await readInto(this.#file, new Uint8Array(bytes), entry.start, this.#path, signal);
    } catch (error) {
      throw explainSystemError(error, this.#path, 'read');
    }
    return tensorFrom(bytes, entry);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}

async function readInto(
  file: FileHandle,
  bytes: Uint8Array,
  place: number,
  path: string,
  signal?: AbortSignal | null,
): Promise<void> {
  for (let done = 0; done < bytes.byteLength; ) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(bytes, done, Math.min(blockBytes, bytes.byteLength - done), place + done);
    if (bytesRead === 0) throw refuseFile(path, `expected ${bytes.byteLength - done} bytes more, got the file's end`);
    done += bytesRead;
  }
}

/** Writes a model's weights, by their paths. */
export async function writeSafetensorsWeights(
  model: Model,
  path: string,
  {
    metadata,
    skip,
    signal,
  }: { metadata: Readonly<Record<string, string>>; skip: readonly object[]; signal?: AbortSignal | null | undefined },
): Promise<void> {
  const values = namedWeights(model, skip).map(({ name, variable }) => [name, variable.value] as const);
  try {
    await writeTensors(path, values, metadata, 'saveWeights', signal);
  } finally {
    for (const [, value] of values) value.dispose();
  }
}

/** Reads weights into a model by their paths. @throws {FileFormatError} */
export async function readSafetensorsWeights(model: Model, path: string, options: NamedReadOptions): Promise<void> {
  const file = await SafetensorsFile.open(path);
  try {
    const { signal } = options;
    await readNamedWeights(
      model,
      { names: file.names, shape: (name) => file.shape(name), tensor: (name) => file.tensor(name, signal) },
      path,
      options,
    );
  } finally {
    await file.close();
  }
}
