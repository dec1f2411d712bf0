import { copyFile, mkdir, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ArgumentError, FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';
import { explainSystemError, writeAtomically } from '../saving/atomic.js';
import type { Checkpoint } from '../training/checkpoint.js';
import { checkOptions } from '../training/compile.js';
import { checkInteger } from '../training/options.js';
import type { BackupPlan, CheckpointStore, ResumeOptions } from '../training/resume.js';
import { readCheckpoint, writeCheckpoint } from './checkpoint-file.js';
import { pathOf } from './options.js';

/** A folder with one checkpoint, or the newest and the one before it. @internal */
export class FolderStore implements CheckpointStore {
  readonly where: string;
  readonly #dir: string;
  readonly #path: string;
  readonly #previous: string | null;

  constructor(dir: string, options: { double?: boolean } = {}) {
    this.#dir = dir;
    this.#path = join(dir, 'checkpoint.safetensors');
    this.#previous = options.double ? join(dir, 'previous.safetensors') : null;
    this.where = `"${this.#path}"`;
  }

  async load(signal: AbortSignal | null): Promise<Checkpoint | null> {
    try {
      return await this.#read(this.#path, signal);
    } catch (error) {
      if (this.#previous === null || !(error instanceof FileFormatError)) throw error;
      const previous = await this.#read(this.#previous, signal);
      if (previous === null) throw error;
      // In its place, or the next one would put the unreadable file there.
      await writeAtomically(this.#path, (temporary) => copyFile(this.#previous as string, temporary));
      process.emitWarning(
        `fit: going on from the checkpoint before the newest one, which can't be read: ${error.message}`,
      );
      return previous;
    }
  }

  async #read(path: string, signal: AbortSignal | null): Promise<Checkpoint | null> {
    try {
      return await readCheckpoint(path, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw explainSystemError(error, path, 'read');
    }
  }

  async save(checkpoint: Checkpoint): Promise<void> {
    try {
      await mkdir(this.#dir, { recursive: true });
    } catch (error) {
      throw explainSystemError(error, this.#dir, 'write');
    }
    if (this.#previous !== null) await this.#keepPrevious(this.#previous);
    await writeCheckpoint(this.#path, checkpoint);
  }

  async #keepPrevious(previous: string): Promise<void> {
    try {
      await writeAtomically(previous, (temporary) => copyFile(this.#path, temporary));
    } catch (error) {
      // At first there is none.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }

  async remove(): Promise<void> {
    for (const path of [this.#path, this.#previous]) if (path !== null) await rm(path, { force: true });
    // Whatever else lies in the folder is not ours.
    await rmdir(this.#dir).catch(() => undefined);
  }
}

/** What `fit({ resume })` asks for. @throws {ArgumentError} for wrong options @internal */
export function backupPlan(resume: string | ResumeOptions | null): BackupPlan | null {
  if (resume === null) return null;
  if (typeof resume !== 'string' && !isPlainObject(resume)) {
    throw new ArgumentError(
      `fit: resume: expected the path of a folder or an object of options, got ${show(resume)}.`,
      "Write resume: 'runs/mnist', or resume: { dir: 'runs/mnist', every: 1000 }.",
    );
  }
  const options: ResumeOptions = typeof resume === 'string' ? { dir: resume } : resume;
  checkOptions('fit: resume', options, ['dir', 'every']);
  const { dir, every = 'epoch' } = options;
  if (every !== 'epoch') checkInteger("fit: resume: every (or 'epoch')", every, 1);
  return {
    store: new FolderStore(pathOf('folder')(dir, 'fit: resume: dir')),
    every: every === 'epoch' ? null : every,
    epochs: true,
    remove: false,
  };
}
