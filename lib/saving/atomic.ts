import { createHash, randomBytes } from 'node:crypto';
import { chmod, open, readdir, realpath, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';

/** Options of {@link writeAtomically}. */
export interface AtomicOptions {
  /** Ends the writing: the promise rejects with the signal's reason, and the old file stays. */
  signal?: AbortSignal | null | undefined;
}

// A temporary of a process that is gone and that nobody wrote to for this long is what a kill left behind.
const abandonedAfterMs = 60_000;

/**
 * Writes a file so that a kill at any moment leaves the old file or the new one: `write` fills a temporary file in the same folder, which is flushed to
 * the disk and then takes the file's name. If anything fails, or the signal aborts, the temporary is removed and the old file stays. A symbolic link
 * stays one: the file that it names is replaced. The new file has the old one's permissions.
 *
 * @param path the file
 * @param write makes the temporary file; may call programs or threads of its own, all done when its promise resolves
 * @returns what `write` answered
 * @throws the signal's reason; a system error (`code` 'ENOENT', 'EACCES', 'ENOSPC', …) that names the file; whatever `write` threw
 * @internal
 */
export async function writeAtomically<T>(
  path: string,
  write: (temporaryPath: string) => Promise<T>,
  { signal }: AtomicOptions = {},
): Promise<T> {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new ArgumentError(`writeAtomically: path: expected the path of a file, got ${show(path)}.`);
  }
  signal?.throwIfAborted();
  const target = await realpath(path).catch(() => resolve(path));
  const folder = dirname(target);
  const temporary = join(folder, `${temporaryPrefix(target)}${process.pid}-${randomBytes(6).toString('hex')}.tmp`);
  try {
    const old = await existing(target);
    await removeAbandoned(target);
    // Made here, so that a folder that can't be written to is told before anything is computed; 'wx' never follows a link.
    await (await open(temporary, 'wx')).close();
    const answer = await write(temporary);
    signal?.throwIfAborted();
    if (old !== null) await chmod(temporary, old.mode & 0o7777);
    await flush(temporary);
    signal?.throwIfAborted();
    await rename(temporary, target);
    // The file is whole and in its place: a folder that can't be flushed (Windows, some network drives) is no failure.
    await flush(folder).catch(() => undefined);
    return answer;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw explainSystemError(error, path, 'write');
  }
}

const explanations: Readonly<Record<string, readonly [expected: string, hint: string]>> = {
  ENOENT: ['an existing folder', 'Create the folder first: fs.mkdir(folder, { recursive: true }).'],
  ENOTDIR: ['a path through folders', 'A part of the path is a file: give another path.'],
  EISDIR: ['a file', 'The path is a folder: give the path of a file in it.'],
  EACCES: ['a place with permission', 'Change the permissions of the file and its folder, or give another path.'],
  EPERM: ['a place with permission', 'Change the permissions of the file and its folder, or give another path.'],
  EROFS: ['a file system that can be written to', 'Give a path on another file system.'],
  ENOSPC: ['space on the disk', 'Free space and try again; an older file of this name is untouched.'],
  EDQUOT: ["space in the user's quota", 'Free space and try again; an older file of this name is untouched.'],
  EFBIG: ['a smaller file', 'The file system takes no file of this size: give a path on another.'],
  EMFILE: ['a free file descriptor', 'Too many files are open in this process: close some.'],
  EIO: ['a working disk', 'The disk reports an error.'],
};

/**
 * A system error (with its `code`, and `cause`) that names the user's file instead of a temporary; other errors pass unchanged.
 * @internal
 */
export function explainSystemError(error: unknown, path: string, action: 'read' | 'write'): unknown {
  const { code, errno, syscall } = (error ?? {}) as NodeJS.ErrnoException;
  if (!(error instanceof Error) || typeof code !== 'string' || typeof syscall !== 'string') return error;
  if ((error as NodeJS.ErrnoException).path === path && error.message.startsWith(`"${path}": `)) return error;
  const [expected, hint] =
    action === 'read' && code === 'ENOENT'
      ? ['an existing file', 'Check the path; relative paths start at the working directory of the process.']
      : (explanations[code] ?? ['a file', `Could not ${action} it.`]);
  const explained: NodeJS.ErrnoException = new Error(`"${path}": expected ${expected}, got ${code}.\n  ${hint}`, {
    cause: error,
  });
  return Object.assign(explained, { code, syscall, path, ...(errno !== undefined && { errno }) });
}

async function existing(target: string): Promise<{ mode: number } | null> {
  const found = await stat(target).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (found?.isDirectory()) {
    throw Object.assign(new Error(`EISDIR: is a folder, '${target}'`), {
      code: 'EISDIR',
      syscall: 'open',
      path: target,
    });
  }
  return found;
}

/** '.m.keras.1f0c2d3e-': with the machine, as on a shared drive a process number means nothing elsewhere. */
function temporaryPrefix(target: string): string {
  const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8);
  return `.${basename(target).slice(0, 180)}.${machine}-`;
}

async function flush(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function removeAbandoned(target: string): Promise<void> {
  const folder = dirname(target);
  const prefix = temporaryPrefix(target);
  for (const name of await readdir(folder).catch(() => [])) {
    const [, pid] = name.startsWith(prefix)
      ? (/^(\d+)-[0-9a-f]{12}\.tmp(?:\.\w+)?$/.exec(name.slice(prefix.length)) ?? [])
      : [];
    if (pid === undefined || isRunning(Number(pid))) continue;
    const path = join(folder, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > abandonedAfterMs) await rm(path, { force: true }).catch(() => undefined);
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
