import { open } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { call } from '../core/call.js';
import type { DType } from '../core/dtype.js';
import { DTypeError, FileFormatError } from '../core/errors.js';
import { native } from '../core/native.js';
import { type Tensor, tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { writeAtomically } from '../saving/atomic.js';
import { type Checkpoint, checkFacts, checkpointVersion, damaged } from '../training/checkpoint.js';

/** Marks a file as a checkpoint of this package. */
const format = 'torchlayers.checkpoint';

/** Bytes read at a time. */
const chunkBytes = 1 << 23;
/** Elements copied before the event loop gets its turn: about a millisecond of work. */
const sliceElements = 1 << 20;

type ArrayType = new (buffer: ArrayBuffer) => NumericView;
type NumericView = Parameters<typeof tensor>[0] & ArrayBufferView & { length: number };

interface Kind {
  name: string;
  array: ArrayType;
  dtype: DType;
}

const kind = (name: string, array: unknown, dtype: DType): Kind => ({ name, array: array as ArrayType, dtype });

/** Element types by their names in safetensors files. */
const kinds: readonly Kind[] = [
  kind('F32', Float32Array, 'float32'),
  kind('F64', Float64Array, 'float64'),
  kind('I8', Int8Array, 'int8'),
  kind('I16', Int16Array, 'int16'),
  kind('I32', Int32Array, 'int32'),
  kind('I64', BigInt64Array, 'int64'),
  kind('U8', Uint8Array, 'uint8'),
  kind('U16', Uint16Array, 'uint16'),
  kind('U32', Uint32Array, 'uint32'),
  kind('U64', BigUint64Array, 'uint64'),
  kind('BOOL', Uint8Array, 'bool'),
];

/** Types that are read as float32, exactly; who takes them back knows their own type. */
const widened: readonly DType[] = ['float16', 'bfloat16', 'float8_e4m3fn', 'float8_e5m2'];

function kindOf(name: string, dtype: DType): Kind {
  const found = kinds.find((one) => one.dtype === (widened.includes(dtype) ? 'float32' : dtype));
  if (found !== undefined) return found;
  throw new DTypeError(
    `fit: resume: expected variables of real numbers, got ${dtype} in '${name}'.`,
    'Keep the parts of complex numbers in two variables.',
  );
}

/** Writes a checkpoint as one safetensors file, wholly or not at all; its facts stand in the file's metadata. @internal */
export async function writeCheckpoint(path: string, { facts, tensors }: Checkpoint): Promise<void> {
  const header: Record<string, unknown> = {
    __metadata__: { format, version: String(checkpointVersion), facts: JSON.stringify(facts) },
  };
  let end = 0;
  for (const [name, value] of tensors) {
    const found = kindOf(name, value.dtype);
    const { name: dtype } = found;
    const start = end;
    end += value.size * widthOf(found);
    header[name] = { dtype, shape: value.shape, data_offsets: [start, end] };
  }
  const text = Buffer.from(JSON.stringify(header));
  const head = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  head.writeBigUInt64LE(BigInt(head.length - 8));
  text.copy(head, 8);
  await writeAtomically(path, async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(head);
      for (const value of tensors.values()) {
        const { buffer, byteOffset, byteLength } = (await value.data()) as ArrayBufferView;
        await file.writeFile(new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength));
      }
    } finally {
      await file.close();
    }
  });
}

/**
 * Reads a checkpoint.
 * @throws {FileFormatError} for a file that is cut off, foreign, or of a newer version
 * @throws a system error with `code` 'ENOENT' if there is none
 * @internal
 */
export async function readCheckpoint(path: string, signal: AbortSignal | null): Promise<Checkpoint> {
  const file = await open(path, 'r');
  const tensors = new Map<string, Tensor>();
  try {
    const { size } = await file.stat();
    const where = `"${path}"`;
    const fail = (expected: string): never => {
      throw new FileFormatError(`${where}: expected ${expected}.`, damaged);
    };
    const bytes = async (from: number, length: number): Promise<ArrayBuffer> => {
      const buffer = new ArrayBuffer(length);
      for (let at = 0; at < length; ) {
        signal?.throwIfAborted();
        const { bytesRead } = await file.read(new Uint8Array(buffer), at, Math.min(chunkBytes, length - at), from + at);
        if (bytesRead === 0) fail('a whole checkpoint, got a file that is being cut off');
        at += bytesRead;
      }
      return buffer;
    };
    const length = size < 8 ? 0 : Number(new DataView(await bytes(0, 8)).getBigUint64(0, true));
    if (length < 2 || length > size - 8) fail('a checkpoint, got a file that is cut off or of another format');
    const header = parsed(Buffer.from(await bytes(8, length)).toString());
    const metadata = isPlainObject(header) ? header['__metadata__'] : null;
    if (!isPlainObject(header) || !isPlainObject(metadata) || metadata['format'] !== format) {
      return fail('a checkpoint, got a file of another format');
    }
    const facts = checkFacts(parsed(metadata['facts']), where);
    const start = 8 + length;
    let taken = 0;
    for (const [name, entry] of Object.entries(header)) {
      if (name === '__metadata__') continue;
      const { dtype, shape, data_offsets: offsets } = isPlainObject(entry) ? entry : {};
      const found = kinds.find((one) => one.name === dtype);
      if (found === undefined || !isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) {
        return fail(`a sound entry '${name}', got another`);
      }
      const [from, to] = offsets as [number, number];
      const elements = shape.reduce((product, count) => product * count, 1);
      // One after the other: entries that overlap would take more memory than the file has bytes.
      if (from !== taken || to - from !== elements * widthOf(found)) fail(`a sound entry '${name}', got another`);
      if (start + to > size) fail(`all of '${name}', got a file that is cut off`);
      taken = to;
      tensors.set(name, await toTensor(new found.array(await bytes(start + from, to - from)), shape, found));
    }
    return { facts, tensors };
  } catch (error) {
    for (const made of tensors.values()) made.dispose();
    throw error;
  } finally {
    await file.close();
  }
}

/** A tensor on the CPU; a large one is copied in slices so that the event loop isn't held up. */
async function toTensor(values: NumericView, shape: readonly number[], { dtype }: Kind): Promise<Tensor> {
  if (values.length <= sliceElements || dtype === 'bool') return tensor(values, { shape, dtype, device: 'cpu' });
  const whole = call('aten::empty.memory_format', shape, dtype, undefined, 'cpu');
  const typed = values as unknown as Float32Array;
  for (let at = 0; at < typed.length; at += sliceElements) {
    native.copyInto(whole.handle, at, typed.subarray(at, at + sliceElements));
    await setImmediate();
  }
  return whole;
}

function widthOf({ array }: Kind): number {
  return (array as unknown as { BYTES_PER_ELEMENT: number }).BYTES_PER_ELEMENT;
}

function parsed(text: unknown): unknown {
  try {
    return JSON.parse(String(text));
  } catch {
    return null;
  }
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
