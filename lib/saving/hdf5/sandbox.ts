import { fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';

/** What of the HDF5 library's own file system is used here; h5wasm's type declarations leave most of it out. */
export interface LibraryFileSystem {
  lookupPath(path: string): { node: LibraryNode & { contents: Record<string, LibraryNode> } };
  createNode(parent: LibraryNode, name: string, mode: number, device: number): LibraryNode;
  destroyNode(node: LibraryNode): void;
  unlink(path: string): void;
  ErrnoError: new (errno: number) => Error;
}

interface LibraryNode {
  id: number;
  mode: number;
  name: string;
  node_ops: object;
  stream_ops: object;
}

/** Bytes that the library may see as one file. */
export interface Backing {
  read(buffer: Uint8Array, offset: number, length: number, position: number): number;
  /** Absent for what is only read. */
  write?(buffer: Uint8Array, offset: number, length: number, position: number): void;
  truncate?(size: number): void;
  size: number;
}

const regularFile = 0o100000;
const errnoPermission = 2;
const errnoInvalid = 28;
const errnoIo = 29;

/** A part of an open file, read only. */
export function partOfFile(file: number, offset: number, size: number): Backing {
  return {
    size,
    read: (buffer, at, length, position) => readSync(file, buffer, at, length, offset + position),
  };
}

/** A whole open file that is written. */
export function wholeFile(file: number): Backing {
  return {
    size: fstatSync(file).size,
    read: (buffer, at, length, position) => readSync(file, buffer, at, length, position),
    write(buffer, at, length, position) {
      for (let done = 0; done < length; ) {
        done += writeSync(file, buffer, at + done, length - done, position + done);
      }
    },
    truncate: (size) => ftruncateSync(file, size),
  };
}

/** Bytes in memory, read only. */
export function memory(bytes: Uint8Array): Backing {
  return {
    size: bytes.length,
    read(buffer, at, length, position) {
      const part = bytes.subarray(position, position + length);
      buffer.set(part, at);
      return part.length;
    },
  };
}

/**
 * Takes away all that the library finds in its file system of memory: it never reaches the machine's, and after this there is nothing in it but what
 * {@link mount} puts there. So no path in a file, whatever it names, leads anywhere.
 */
export function emptyFileSystem(fs: LibraryFileSystem): void {
  for (const folder of ['/dev', '/dev/shm', '/tmp', '/home/web_user', '/home']) {
    let names: string[] = [];
    try {
      names = Object.keys(fs.lookupPath(folder).node.contents);
    } catch {
      continue;
    }
    for (const name of names) {
      // The three standard streams are open already, by number.
      try {
        fs.unlink(`${folder}/${name}`);
      } catch {
        // A folder.
      }
    }
  }
}

/**
 * Shows bytes to the library as a file at `/name`; the answer takes it away again. `failed` is told a system error of the real file, which the library
 * would turn into a number.
 */
export function mount(
  fs: LibraryFileSystem,
  name: string,
  backing: Backing,
  failed: (error: unknown) => void,
): () => void {
  const node = fs.createNode(fs.lookupPath('/').node, name, regularFile | (backing.write ? 0o600 : 0o400), 0);
  let { size } = backing;
  const guarded = <T>(fn: () => T): T => {
    try {
      return fn();
    } catch (error) {
      failed(error);
      throw new fs.ErrnoError(errnoIo);
    }
  };
  const epoch = new Date(0);
  node.node_ops = {
    getattr: () => ({
      dev: 1,
      ino: node.id,
      mode: node.mode,
      nlink: 1,
      uid: 0,
      gid: 0,
      rdev: 0,
      size,
      atime: epoch,
      mtime: epoch,
      ctime: epoch,
      blksize: 4096,
      blocks: Math.ceil(size / 4096),
    }),
    setattr(_: unknown, attributes: { size?: number }) {
      const wanted = attributes.size;
      if (wanted === undefined) return;
      if (backing.truncate === undefined) throw new fs.ErrnoError(errnoPermission);
      guarded(() => backing.truncate?.(wanted));
      size = wanted;
    },
  };
  node.stream_ops = {
    open() {},
    close() {},
    fsync: () => 0,
    llseek(stream: { position: number }, offset: number, whence: 0 | 1 | 2) {
      const position = offset + (whence === 1 ? stream.position : whence === 2 ? size : 0);
      if (position < 0) throw new fs.ErrnoError(errnoInvalid);
      return position;
    },
    read(_: unknown, buffer: Uint8Array, offset: number, length: number, position: number) {
      if (position >= size) return 0;
      const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
      return guarded(() => backing.read(bytes, offset, Math.min(length, size - position), position));
    },
    write(_: unknown, buffer: Uint8Array, offset: number, length: number, position: number) {
      if (backing.write === undefined) throw new fs.ErrnoError(errnoPermission);
      const bytes = new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
      guarded(() => backing.write?.(bytes, offset, length, position));
      size = Math.max(size, position + length);
      return length;
    },
  };
  return () => fs.destroyNode(node);
}
