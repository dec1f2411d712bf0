import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { FileFormatError } from '../core/errors.js';

/** An array of bytes read from an IDX file. */
export interface IdxArray {
  data: Uint8Array<ArrayBuffer>;
  shape: readonly number[];
}

const gunzipAsync = promisify(gunzip);

/**
 * Reads an array of unsigned bytes in the IDX format, the one that MNIST was published in; gzip is unpacked.
 *
 * Layout: two zero bytes, the element type (8: unsigned byte), the number of axes, each axis as a big-endian uint32, the values.
 *
 * @throws {FileFormatError} for another format or element type, and where the sizes don't agree with the bytes that are there
 */
export async function parseIdx(file: Uint8Array<ArrayBuffer>, where: string): Promise<IdxArray> {
  const bytes = file[0] === 0x1f && file[1] === 0x8b ? await unpack(file, where) : file;
  const axes = bytes[3] ?? 0;
  const start = 4 + 4 * axes;
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 8 || axes === 0 || bytes.byteLength < start) {
    throw new FileFormatError(`${where}: expected an IDX file of unsigned bytes, got another format.`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: axes }, (_, axis) => view.getUint32(4 + 4 * axis));
  const size = shape.reduce((product, axis) => product * axis, 1);
  if (size !== bytes.byteLength - start) {
    throw new FileFormatError(
      `${where}: expected ${size} values for shape [${shape.join(', ')}], got ${bytes.byteLength - start}.`,
      'The file is truncated or corrupt: fetch it again.',
    );
  }
  return { data: bytes.subarray(start), shape };
}

async function unpack(file: Uint8Array<ArrayBuffer>, where: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    // The largest file of MNIST's kind has 47 MB; a bomb stops here.
    const bytes = await gunzipAsync(file, { maxOutputLength: 2 ** 30 });
    return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength);
  } catch (error) {
    throw new FileFormatError(
      `${where}: expected a gzip file, got one that can't be unpacked: ${(error as Error).message}.`,
      'The file is truncated or corrupt: fetch it again.',
      { cause: error },
    );
  }
}
