import { constants } from 'node:buffer';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { FileFormatError } from '../core/errors.js';
import { type NpyArray, parseNpy } from './npy.js';

/** Which arrays of an .npz file to read, and how to stop. */
export interface ReadNpzOptions {
  /** Names of the arrays wanted, without .npy. @default all */
  names?: readonly string[];
  /** Most bytes that one array may have unpacked. @default what the archive promises, if it can be packed like that */
  maxBytes?: number;
  signal?: AbortSignal | undefined;
}

// Deflate can't do better than 1032 to 1: a header that promises more is lying, and no memory is set aside for it.
const maxRatio = 1032;

/**
 * Reads the arrays of an .npz file, as `numpy.load` with `allow_pickle=False`.
 *
 * Inflating runs off the JavaScript thread; sizes and checksums are compared with what the archive says.
 *
 * @throws {FileFormatError} for a file that is truncated, corrupt or no .npz, for missing arrays, and for arrays of Python objects
 * @throws the error of the system for a file that can't be opened, and `signal.reason` when aborted
 */
export async function readNpz(path: string, options: ReadNpzOptions = {}): Promise<Map<string, NpyArray>> {
  const entries = await readNpzEntries(path, options);
  return new Map([...entries].map(([name, bytes]) => [name, parseNpy(bytes, `${path}: ${name}`)]));
}

/**
 * The .npy files in an .npz file, unpacked but not parsed, by their names without .npy.
 * @throws as {@link readNpz}
 * @internal
 */
export async function readNpzEntries(
  path: string,
  options: ReadNpzOptions = {},
): Promise<Map<string, Uint8Array<ArrayBuffer>>> {
  const { names, signal, maxBytes = constants.MAX_LENGTH } = options;
  signal?.throwIfAborted();
  const zip = await formatErrors(path, () => yauzl.openPromise(path, { lazyEntries: true, autoClose: false }));
  try {
    const entries = new Map<string, yauzl.Entry>();
    await formatErrors(path, async () => {
      for await (const entry of zip.eachEntry()) {
        // numpy.load hands out other entries as bytes; here they are no arrays.
        if (!entry.fileName.endsWith('.npy')) continue;
        const name = entry.fileName.slice(0, -'.npy'.length);
        if (entries.has(name)) throw new FileFormatError(`${path}: expected each array once, got ${name} twice.`);
        entries.set(name, entry);
      }
    });
    const missing = names?.filter((name) => !entries.has(name)) ?? [];
    if (missing.length > 0) {
      const found = [...entries.keys()].slice(0, 20).join(', ') || 'none';
      throw new FileFormatError(`${path}: expected arrays ${names?.join(', ')}, got ${found}.`);
    }
    const files = new Map<string, Uint8Array<ArrayBuffer>>();
    for (const name of names ?? entries.keys()) {
      const entry = entries.get(name) as yauzl.Entry;
      files.set(name, await formatErrors(path, () => readEntry(zip, entry, path, maxBytes, signal)));
    }
    return files;
  } finally {
    zip.close();
  }
}

async function readEntry(
  zip: yauzl.ZipFile,
  entry: yauzl.Entry,
  path: string,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const size = entry.uncompressedSize;
  if (size > maxRatio * (entry.compressedSize + 1) || size > maxBytes) {
    throw corrupt(path, `${entry.fileName} claims ${size} bytes, packed into ${entry.compressedSize}`);
  }
  const bytes = new Uint8Array(size);
  let filled = 0;
  let checksum = 0;
  // yauzl ends the stream with an error where it holds more or fewer bytes than the archive says.
  for await (const chunk of (await zip.openReadStreamPromise(entry)) as AsyncIterable<Buffer>) {
    signal?.throwIfAborted();
    checksum = crc32(chunk, checksum);
    bytes.set(chunk, filled);
    filled += chunk.byteLength;
  }
  if (checksum !== entry.crc32) throw corrupt(path, `the checksum of ${entry.fileName} does not match`);
  return bytes;
}

function corrupt(path: string, reason: string, cause?: unknown): FileFormatError {
  return new FileFormatError(
    `${path}: expected an intact .npz archive, got one that can't be read: ${reason}.`,
    'The file is truncated or corrupt: fetch or save it again.',
    { cause },
  );
}

/** Turns what the zip reader says into a FileFormatError; errors of the system, ours and an abort pass unchanged. */
async function formatErrors<T>(path: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // zlib's codes begin with Z_; the system's are ENOENT, EACCES, EISDIR, …
    const isFormat = error instanceof Error && !(error instanceof FileFormatError) && error.name !== 'AbortError';
    throw isFormat && (code === undefined || code.startsWith('Z_')) ? corrupt(path, message, error) : error;
  }
}
