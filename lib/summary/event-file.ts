import { mkdir, open } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StateError } from '../core/errors.js';
import { frameRecord } from './record.js';

/** Above this, `append` waits for the disk: whoever awaits it can't pile up records. */
const roomBytes = 1 << 20;

let files = 0;

/**
 * A file of records that only grows: each write appends whole records, so that a kill leaves at most the last one torn, and readers stop there.
 *
 * Nothing is opened between writes, so an abandoned file holds no descriptor. After a failed write the end of the file may be torn, and whatever came
 * behind it would never be read: the file takes nothing more then.
 * @internal
 */
export class EventFile {
  readonly #folder: string;
  readonly #suffix: string;
  readonly #waitMs: number;
  #path: string | null = null;
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #timer: NodeJS.Timeout | null = null;
  #writing: Promise<void> | null = null;
  #failure: { error: unknown } | null = null;
  #closed = false;

  /** `waitMs`: how long records gather before they are written together. */
  constructor(folder: string, options: { suffix: string; waitMs: number }) {
    this.#folder = folder;
    this.#suffix = options.suffix;
    this.#waitMs = options.waitMs;
  }

  /** The file, once it exists. */
  get path(): string | null {
    return this.#path;
  }

  /** Bytes that are not written yet, those of the write under way included. */
  get pendingBytes(): number {
    return this.#pendingBytes;
  }

  /** True until something was appended. */
  get isEmpty(): boolean {
    return this.#path === null && this.#pending.length === 0;
  }

  /** Queues a record; resolves when there is room for another. @throws the error of an earlier write */
  async append(data: Uint8Array): Promise<void> {
    this.check();
    const record = frameRecord(data);
    this.#pending.push(record);
    this.#pendingBytes += record.length;
    if (this.#pendingBytes > roomBytes) await this.flush();
    else this.#timer ??= setTimeout(() => this.#start(), this.#waitMs);
  }

  /** Resolves when everything appended so far is in the file. @throws the error of a write */
  async flush(): Promise<void> {
    while (this.#pending.length > 0 || this.#writing !== null) {
      this.#start();
      await this.#writing;
    }
    this.#throwFailure();
  }

  /** {@link flush}, and takes nothing more. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.flush();
  }

  /** @throws {StateError} after `close`, and the error of an earlier write */
  check(): void {
    this.#throwFailure();
    if (!this.#closed) return;
    throw new StateError(
      'FileWriter: expected an open writer, got a closed one.',
      'Make a new one with summary.createFileWriter.',
    );
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  #start(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    if (this.#writing !== null || this.#failure !== null) return;
    this.#writing = this.#drain()
      .catch((error: unknown) => {
        this.#failure = { error: explain(error, this.#path ?? this.#folder) };
        this.#pending = [];
        this.#pendingBytes = 0;
      })
      .finally(() => {
        this.#writing = null;
      });
  }

  async #drain(): Promise<void> {
    while (this.#pending.length > 0) {
      const records = this.#pending;
      this.#pending = [];
      const bytes = Buffer.concat(records);
      this.#path ??= await this.#create();
      const file = await open(this.#path, 'a');
      try {
        for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
      } finally {
        await file.close();
      }
      this.#pendingBytes -= bytes.length;
    }
  }

  /** Makes the file, under a name that TensorBoard takes for events; one folder may hold several. */
  async #create(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    for (;;) {
      const seconds = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
      // Readers take files in the order of their names: the tenth stands behind the ninth.
      const count = String(files++).padStart(4, '0');
      const name = `events.out.tfevents.${seconds}.${hostname()}.${process.pid}.${count}${this.#suffix}`;
      const path = join(this.#folder, name);
      try {
        await (await open(path, 'ax')).close();
        return path;
      } catch (error) {
        // Another thread of this process counts too.
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
    }
  }
}

const hints: Readonly<Record<string, string>> = {
  ENOSPC: 'The disk is full: free space, or give another logDir. What was written before can be read.',
  EDQUOT: "The user's quota is used up: free space, or give another logDir.",
  EACCES: 'Nothing may be written there: change the permissions, or give another logDir.',
  EPERM: 'Nothing may be written there: change the permissions, or give another logDir.',
  EROFS: 'The file system is read-only: give another logDir.',
  ENOTDIR: 'A part of the path is a file: give another logDir.',
  EEXIST: 'A part of the path is a file: give another logDir.',
  ENOENT: 'The folder was removed while events were written to it.',
};

function explain(error: unknown, path: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (!(error instanceof Error) || typeof code !== 'string') return error;
  const message = `FileWriter: expected to write events to "${path}", got ${code}.\n  ${hints[code] ?? error.message}`;
  return Object.assign(new Error(message, { cause: error }), { code, path });
}
