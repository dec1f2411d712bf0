// Runs on a thread of its own: the HDF5 library computes and reads and writes files without ever giving way.

import { closeSync, openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import CRC32 from 'crc-32';
import { LibraryFile, Problem } from './library.js';
import { limitMemory } from './memory.js';
import type { DatasetNode, Node, Reply, Request, Source } from './protocol.js';
import { type Backing, memory, partOfFile, wholeFile } from './sandbox.js';

const port = parentPort as NonNullable<typeof parentPort>;

// The library writes its traces to the console; errors that matter come back as replies.
console.error = () => {};
console.log = () => {};
console.warn = () => {};

// What the library takes for itself, its caches and the blocks that are read; a file of Keras takes a fraction of it.
const freeBytes = 128 * 1024 * 1024;

let library: LibraryFile | null = null;
let nodes: Map<string, Node> = new Map();
let descriptor: number | null = null;
let systemError: NodeJS.ErrnoException | null = null;

function noteSystemError(error: unknown): void {
  if (typeof (error as NodeJS.ErrnoException)?.syscall === 'string') systemError ??= error as NodeJS.ErrnoException;
}

function backingOf(source: Source): Backing {
  if ('bytes' in source) return memory(new Uint8Array(source.bytes));
  descriptor = openSync(source.path, 'r');
  return partOfFile(descriptor, source.offset, source.size);
}

function checkSum(backing: Backing, expected: number): void {
  const buffer = new Uint8Array(Math.min(backing.size, 1 << 20));
  let sum = 0;
  for (let position = 0; position < backing.size; ) {
    const read = backing.read(buffer, 0, Math.min(buffer.length, backing.size - position), position);
    if (read === 0) throw new Problem('expected more data, got the end of the file');
    sum = CRC32.buf(buffer.subarray(0, read), sum);
    position += read;
  }
  if (sum >>> 0 !== expected >>> 0)
    throw new Problem('expected the data that its checksum was made of, got damaged data');
}

function opened(): LibraryFile {
  if (library === null) throw new Error('no file is open');
  return library;
}

async function answer(request: Request): Promise<{ value: unknown; transfer?: ArrayBuffer[] }> {
  switch (request.op) {
    case 'open': {
      const backing = backingOf(request.source);
      limitMemory(freeBytes + 4 * backing.size);
      if (request.crc !== null) checkSum(backing, request.crc);
      library = await LibraryFile.open(backing, false, noteSystemError);
      nodes = library.nodes();
      return { value: nodes };
    }
    case 'read': {
      const bytes = opened().read(request.path, nodes.get(request.path) as DatasetNode);
      return { value: bytes, transfer: [bytes] };
    }
    case 'create': {
      descriptor = openSync(request.path, 'r+');
      limitMemory(Number.POSITIVE_INFINITY);
      library = await LibraryFile.open(wholeFile(descriptor), true, noteSystemError);
      return { value: null };
    }
    case 'group':
      return { value: opened().createGroup(request.path) };
    case 'attribute':
      return { value: opened().createAttribute(request.path, request.name, request.value) };
    case 'dataset':
      return { value: opened().createDataset(request.path, request.shape, request.dtype) };
    case 'write': {
      const { path, offset, count, length, bytes } = request;
      opened().write(path, offset, count, new Uint8Array(bytes, 0, length));
      // Goes back for the next block: a new one each time would wait for the garbage collector.
      return { value: bytes, transfer: [bytes] };
    }
    case 'close': {
      const file = library;
      library = null;
      nodes = new Map();
      try {
        file?.close();
      } finally {
        if (descriptor !== null) closeSync(descriptor);
        descriptor = null;
      }
      return { value: null };
    }
  }
}

/** Whether the library is in order: it says no by an Error; what traps and overflows throw is none. */
function isOrdinary(error: unknown): boolean {
  return error instanceof Problem || (error instanceof Error && error.constructor === Error);
}

function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.startsWith('error - name') ? 'expected groups and data sets, got damaged data' : message;
}

let queue: Promise<void> = Promise.resolve();
port.on('message', (request: Request) => {
  queue = queue.then(async () => {
    systemError = null;
    let reply: Reply;
    let transfer: ArrayBuffer[] = [];
    try {
      const result = await answer(request);
      // The library may go on after a write that failed.
      if (systemError !== null) throw systemError;
      reply = { ok: true, value: result.value };
      transfer = result.transfer ?? [];
    } catch (error) {
      noteSystemError(error);
      const system = systemError as { code?: string; syscall?: string } | null;
      reply = {
        ok: false,
        message: messageOf(error),
        fatal: !isOrdinary(error),
        system: system === null ? null : { code: String(system.code), syscall: String(system.syscall) },
      };
    }
    port.postMessage(reply, transfer);
  });
});
