import { createWriteStream } from 'node:fs';
import { chmod, mkdir, open, utimes } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import yauzl from 'yauzl';

const { open: openZip } = yauzl;

/** Says where an entry of the archive goes, relative to the target folder; undefined leaves it out. */
export type PlaceEntry = (name: string) => string | undefined;

/** A file that was written, and its size. */
export interface UnzippedFile {
  path: string;
  size: number;
}

/**
 * Writes the wanted entries of a zip file below `folder`, as streams: libtorch's library alone is 438 MB.
 * yauzl refuses names that lead outside, and checks sizes.
 */
export async function unzip(
  archive: string,
  folder: string,
  place: PlaceEntry,
  onProgress?: (done: number, total: number) => void,
): Promise<UnzippedFile[]> {
  const zip = await new Promise<yauzl.ZipFile>((resolve, reject) => {
    openZip(archive, { lazyEntries: true, autoClose: false }, (error, file) => (error ? reject(error) : resolve(file)));
  });
  try {
    const wanted: { entry: yauzl.Entry; path: string }[] = [];
    let total = 0;
    await new Promise<void>((resolve, reject) => {
      zip.on('error', reject);
      zip.on('end', resolve);
      zip.on('entry', (entry: yauzl.Entry) => {
        const path = entry.fileName.endsWith('/') ? undefined : place(entry.fileName);
        if (path !== undefined) {
          wanted.push({ entry, path });
          total += entry.uncompressedSize;
        }
        zip.readEntry();
      });
      zip.readEntry();
    });

    const made = new Set<string>();
    const files: UnzippedFile[] = [];
    let done = 0;
    for (const { entry, path } of wanted) {
      const target = join(folder, path);
      const parent = dirname(target);
      if (!made.has(parent)) {
        await mkdir(parent, { recursive: true });
        made.add(parent);
      }
      const source = await new Promise<NodeJS.ReadableStream>((resolve, reject) => {
        zip.openReadStream(entry, (error, stream) => (error ? reject(error) : resolve(stream)));
      });
      source.on('data', (chunk: Buffer) => {
        done += chunk.byteLength;
        onProgress?.(done, total);
      });
      await pipeline(source, createWriteStream(target));
      const mode = (entry.externalFileAttributes >>> 16) & 0o777;
      if (mode !== 0) await chmod(target, mode | 0o600);
      // Compilers and make look at the times of headers: they stay those of the archive.
      const time = entry.getLastModDate();
      await utimes(target, time, time);
      files.push({ path, size: entry.uncompressedSize });
    }
    return files;
  } finally {
    zip.close();
  }
}

/** Forces a file's or, where the system can, a folder's contents to disk. */
export async function syncToDisk(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } catch (error) {
    // Windows can't sync what is opened for reading, nor folders.
    if (process.platform !== 'win32') throw error;
  } finally {
    await file.close();
  }
}
