import { createWriteStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import CRC32 from 'crc-32';
import { type Entry, fromFdPromise, type ZipFile as Zip } from 'yauzl';
import { ZipFile } from 'yazl';
import { FileFormatError } from '../core/errors.js';
import { explainSystemError } from './atomic.js';
import type { Source } from './hdf5/protocol.js';

const stored = 0;
const deflated = 8;
/** More than any text or array of weights can be compressed honestly. */
const bestRatio = 200;
const freeBytes = 64 * 1024;
const localHeaderBytes = 30;

/** A zip file that is read: nothing of it is ever written to disk, and its names are only compared. */
export class Archive {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #zip: Zip;
  readonly #size: number;
  readonly #entries: ReadonlyMap<string, Entry>;

  private constructor(path: string, file: FileHandle, zip: Zip, size: number, entries: ReadonlyMap<string, Entry>) {
    this.#path = path;
    this.#file = file;
    this.#zip = zip;
    this.#size = size;
    this.#entries = entries;
  }

  /**
   * Opens a zip file.
   * @throws {FileFormatError} for other files, and for archives with two entries of one name, entries that overlap, or names that lead elsewhere
   * @throws a system error that names the file
   */
  static async open(path: string): Promise<Archive> {
    const file = await open(path, 'r').catch((error) => {
      throw explainSystemError(error, path, 'read');
    });
    try {
      const { size } = await file.stat();
      const zip = await fromFdPromise(file.fd, { autoClose: false, strictFileNames: true });
      const entries = new Map<string, Entry>();
      for await (const entry of zip.eachEntry()) {
        if (entries.has(entry.fileName)) throw new Error(`expected names once, got two entries "${entry.fileName}"`);
        if (entry.isEncrypted()) throw new Error(`expected no encryption, got it at "${entry.fileName}"`);
        entries.set(entry.fileName, entry);
      }
      checkPlaces(entries, size);
      return new Archive(path, file, zip, size, entries);
    } catch (error) {
      await file.close();
      throw damaged(path, error);
    }
  }

  /** Names of all entries. */
  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** An entry as text. @throws {FileFormatError} if there is none, and for one that is damaged or inflates beyond belief */
  async text(name: string): Promise<string> {
    return (await this.#bytes(name)).toString('utf8');
  }

  /** Where an entry's bytes are: in the file itself, or inflated to memory. */
  async source(name: string): Promise<{ source: Source; crc: number }> {
    const entry = this.#entry(name);
    if (entry.compressionMethod !== stored) {
      const bytes = await this.#bytes(name);
      const source = { bytes: new Uint8Array(bytes).buffer };
      return { source, crc: entry.crc32 };
    }
    const { fileDataStart } = await this.#zip
      .readLocalFileHeaderPromise(entry, { minimal: true })
      .catch((error) => Promise.reject(damaged(this.#path, error)));
    return { source: { path: this.#path, offset: fileDataStart, size: entry.uncompressedSize }, crc: entry.crc32 };
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #entry(name: string): Entry {
    const entry = this.#entries.get(name);
    if (entry === undefined) {
      const names = this.names().slice(0, 10).join(', ');
      throw new FileFormatError(
        `"${this.#path}": expected an archive with "${name}", got ${names === '' ? 'an empty one' : names}.`,
        'A .keras file holds metadata.json, config.json and model.weights.h5.',
      );
    }
    const { compressionMethod: method, compressedSize, uncompressedSize } = entry;
    if (method !== stored && method !== deflated) {
      throw damaged(this.#path, new Error(`expected "${name}" stored or deflated, got compression method ${method}`));
    }
    if (uncompressedSize > compressedSize * bestRatio + freeBytes || compressedSize > this.#size) {
      throw new FileFormatError(
        `"${this.#path}": expected "${name}" of at most ${bestRatio} times its ${compressedSize} bytes, got ${uncompressedSize}.`,
        'Nothing honest is compressed so well; zip the file anew without compression if it is.',
      );
    }
    return entry;
  }

  async #bytes(name: string): Promise<Buffer> {
    const entry = this.#entry(name);
    try {
      const chunks: Buffer[] = [];
      // The stream ends with an error at the first byte beyond the size that the entry states.
      for await (const chunk of await this.#zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
      const bytes = Buffer.concat(chunks);
      if (CRC32.buf(bytes) >>> 0 !== entry.crc32 >>> 0) {
        throw new Error(`expected the data that the checksum of "${name}" was made of, got damaged data`);
      }
      return bytes;
    } catch (error) {
      throw damaged(this.#path, error);
    }
  }
}

function damaged(path: string, error: unknown): unknown {
  if (error instanceof FileFormatError) return error;
  const explained = explainSystemError(error, path, 'read');
  if (explained !== error) return explained;
  const reason = error instanceof Error ? error.message : String(error);
  return new FileFormatError(
    `"${path}": expected a whole zip archive, as .keras files are: ${reason.replace(/\.$/, '')}.`,
    'The file is damaged, half-written or of another format: save it anew.',
    { cause: error },
  );
}

function checkPlaces(entries: ReadonlyMap<string, Entry>, size: number): void {
  const places = [...entries.values()]
    .map(({ fileName, relativeOffsetOfLocalHeader: start, compressedSize, fileNameLength }) => {
      return { fileName, start, end: start + localHeaderBytes + fileNameLength + compressedSize };
    })
    .sort((a, b) => a.start - b.start);
  let before = { fileName: '', end: 0 };
  for (const place of places) {
    if (place.start < before.end) {
      throw new Error(`expected entries one after the other, got "${place.fileName}" inside "${before.fileName}"`);
    }
    if (place.end > size) throw new Error(`expected "${place.fileName}" to end at ${size} at most, got ${place.end}`);
    before = place;
  }
}

/** An entry to write: text, or a file of that path. */
export type NewEntry = { name: string; text: string } | { name: string; path: string };

/** Writes a zip file, entries uncompressed as Keras writes them. */
export async function writeArchive(
  path: string,
  entries: readonly NewEntry[],
  signal?: AbortSignal | null,
): Promise<void> {
  const zip = new ZipFile();
  const failed = new Promise<never>((_, reject) => zip.on('error', reject));
  failed.catch(() => {});
  for (const entry of entries) {
    if ('text' in entry) zip.addBuffer(Buffer.from(entry.text), entry.name, { compress: false });
    else zip.addFile(entry.path, entry.name, { compress: false });
  }
  zip.end();
  const options = signal == null ? {} : { signal };
  await Promise.race([pipeline(zip.outputStream, createWriteStream(path, { flags: 'r+' }), options), failed]);
}
