import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import { FileFormatError } from '../../core/errors.js';
import { explainSystemError } from '../atomic.js';
import type { DatasetNode, FileDType, Node, Reply, Request, Source } from './protocol.js';
import { blocks, sizes } from './protocol.js';

/** Longer than any honest answer takes: a damaged file can keep the library busy for ever. */
const patienceMs = 120_000;

/** What a small file may take, of the process' time on processors too: a machine may be busy, or a disk slow. */
const busyMs = 3000;
const bytesPerMs = 4096;

const processorMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

// One worker waits for the next file: starting one takes 150 ms.
let spare: Worker | null = null;

// What the library keeps of files that it refused is given back with its worker.
const refusedPerWorker = 100;
let refused = 0;

function startWorker(): Worker {
  if (!import.meta.url.endsWith('.ts')) return new Worker(new URL('./worker.js', import.meta.url));
  // From sources, as tests and scripts run, the worker is TypeScript too, which Node 20 takes through tsx only.
  const tsx = new URL(
    'dist/esm/api/index.mjs',
    pathToFileURL(createRequire(import.meta.url).resolve('tsx/package.json')),
  );
  const worker = new URL('./worker.ts', import.meta.url).href;
  return new Worker(`import('${tsx}').then(({ register }) => { register(); return import('${worker}'); });`, {
    eval: true,
  });
}

function watched(worker: Worker): Worker {
  // While a session is open, it hears of this too and tells.
  worker.on('error', () => {});
  worker.once('exit', () => {
    if (spare === worker) spare = null;
  });
  return worker;
}

/** A file that the HDF5 library works on, on a thread of its own. */
class Session {
  readonly #path: string;
  readonly #action: 'read' | 'write';
  readonly #busyMs: number | null;
  readonly #worker: Worker;
  #failed = false;

  /** `path` is the user's file, which errors name. */
  /** `bytes` is the size of a file that is read. */
  constructor(path: string, action: 'read' | 'write', bytes: number | null = null) {
    this.#busyMs = bytes === null ? null : busyMs + bytes / bytesPerMs;
    this.#path = path;
    this.#action = action;
    this.#worker = spare ?? watched(startWorker());
    spare = null;
    this.#worker.ref();
  }

  /** @throws {FileFormatError} for what is wrong with the file @throws a system error that names it */
  async ask<T>(request: Request, transfer: ArrayBuffer[] = []): Promise<T> {
    const reply = await new Promise<Reply>((resolve) => {
      const worker = this.#worker;
      const done = (answer: Reply): void => {
        clearInterval(timer);
        worker.off('message', done).off('error', onError).off('exit', onExit);
        resolve(answer);
      };
      const broken = (message: string): void => done({ ok: false, message, fatal: true, system: null });
      const onError = (error: Error): void => broken(`the HDF5 library gave up: ${error.message}`);
      const onExit = (): void => broken('the HDF5 library gave up');
      const begun = performance.now();
      const used = processorMs();
      const timer = setInterval(() => {
        const waited = performance.now() - begun;
        const busy = Math.min(waited, processorMs() - used);
        const most = this.#busyMs ?? Number.POSITIVE_INFINITY;
        if (busy < most && waited < patienceMs + (this.#busyMs ?? 0)) return;
        void worker.terminate();
        broken(`expected an answer within ${Math.round(waited / 1000)} s, got none`);
      }, 500);
      worker.on('message', done).on('error', onError).on('exit', onExit);
      this.#worker.postMessage(request, transfer);
    });
    if (reply.ok) return reply.value as T;
    const { message, fatal, system } = reply;
    if (fatal || ++refused % refusedPerWorker === 0) this.#failed = true;
    if (system !== null) {
      throw explainSystemError(Object.assign(new Error(message), system), this.#path, this.#action);
    }
    throw new FileFormatError(
      `"${this.#path}": ${message}.`,
      this.#action === 'read' ? 'The file is damaged, or of another format: save it anew.' : undefined,
    );
  }

  /** Ends the work, and the worker too if the library may be in disorder. */
  async end(): Promise<void> {
    if (!this.#failed) await this.ask({ op: 'close' }).catch(() => undefined);
    if (this.#failed || spare !== null) {
      await this.#worker.terminate();
      return;
    }
    this.#worker.unref();
    spare = this.#worker;
  }
}

/** An HDF5 file that is read. Its links, and data kept in other files, are never followed. */
export class Hdf5Reader {
  readonly #session: Session;
  readonly #path: string;
  /** Groups and data sets by path, without a slash in front; the root is ''. */
  readonly nodes: ReadonlyMap<string, Node>;

  private constructor(session: Session, path: string, nodes: ReadonlyMap<string, Node>) {
    this.#session = session;
    this.#path = path;
    this.nodes = nodes;
  }

  /**
   * Opens a file. `path` is what errors name; `crc` is what an archive says of the bytes.
   * @throws {FileFormatError} for other formats and damaged files
   */
  static async open(path: string, source: Source, crc: number | null = null): Promise<Hdf5Reader> {
    const session = new Session(path, 'read', 'bytes' in source ? source.bytes.byteLength : source.size);
    try {
      const transfer = 'bytes' in source ? [source.bytes] : [];
      return new Hdf5Reader(session, path, await session.ask<Map<string, Node>>({ op: 'open', source, crc }, transfer));
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** A data set's description. @throws {FileFormatError} if there is none, or a link stands there */
  dataset(path: string): DatasetNode & { dtype: FileDType } {
    const node = this.nodes.get(path);
    if (node?.kind === 'dataset' && node.dtype !== null) return { ...node, dtype: node.dtype };
    const got =
      node === undefined
        ? 'nothing'
        : node.kind === 'refused'
          ? `${node.what}, which is never followed`
          : node.kind === 'group'
            ? 'a group'
            : 'data of a type that no weight has';
    throw new FileFormatError(
      `"${this.#path}": expected an array of numbers at "${path}", got ${got}.`,
      'The file is damaged, or was not written by Keras.',
    );
  }

  /** The bytes of a data set, little-endian, row by row. */
  read(path: string): Promise<ArrayBuffer> {
    this.dataset(path);
    return this.#session.ask({ op: 'read', path });
  }

  close(): Promise<void> {
    return this.#session.end();
  }
}

/** Bytes per message to the worker: a copy of this size keeps the event loop for 1 ms. */
const blockBytes = 4 * 1024 * 1024;

/** An HDF5 file that is written. */
export class Hdf5Writer {
  readonly #session: Session;
  // Goes to the worker and comes back.
  #block: ArrayBuffer | null = null;

  private constructor(session: Session) {
    this.#session = session;
  }

  /** Starts a file at `temporary`, which exists; errors name `path`. */
  static async create(temporary: string, path: string): Promise<Hdf5Writer> {
    const session = new Session(path, 'write');
    try {
      await session.ask({ op: 'create', path: temporary });
      return new Hdf5Writer(session);
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** Makes a group; those that it is in exist. */
  async group(path: string): Promise<void> {
    await this.#session.ask({ op: 'group', path: `/${path}` });
  }

  async attribute(path: string, name: string, value: string | readonly string[]): Promise<void> {
    await this.#session.ask({ op: 'attribute', path: `/${path}`, name, value });
  }

  /** Writes a data set block by block: `read` answers the values of one, which is copied at once. */
  async dataset(
    path: string,
    shape: readonly number[],
    dtype: FileDType,
    read: (offset: readonly number[], count: readonly number[]) => ArrayBufferView,
    signal?: AbortSignal | null,
  ): Promise<void> {
    const place = `/${path}`;
    await this.#session.ask({ op: 'dataset', path: place, shape, dtype });
    for (const { offset, count, bytes } of blocks(shape, sizes[dtype], blockBytes)) {
      signal?.throwIfAborted();
      const block = this.#block?.byteLength === blockBytes ? this.#block : new ArrayBuffer(blockBytes);
      const values = read(offset, count);
      new Uint8Array(block).set(new Uint8Array(values.buffer, values.byteOffset, bytes));
      const request: Request = { op: 'write', path: place, offset, count, length: bytes, bytes: block };
      this.#block = await this.#session.ask<ArrayBuffer>(request, [block]);
    }
  }

  /** Finishes the file. @throws a system error if the last bytes can't be written */
  async close(): Promise<void> {
    try {
      await this.#session.ask({ op: 'close' });
    } finally {
      await this.#session.end();
    }
  }

  /** Ends the work on a file that nobody wants any more. */
  async abandon(): Promise<void> {
    await this.#session.end();
  }
}
