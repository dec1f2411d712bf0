import { access, constants, mkdir } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { download } from '../cli/libtorch/download.js';
import { withLock } from '../cli/libtorch/lock.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';

/** Where a file is fetched from, and where to. */
export interface RemoteFile {
  file: string;
  url: string;
  digest: string;
  /** What the digest was made with. @default 'sha256' */
  algorithm?: 'sha256' | 'md5';
  signal?: AbortSignal | undefined;
}

/** The words of the error where a file is nowhere to be had. */
export interface FetchWords {
  where: string;
  places: string;
  remedy: string;
}

// Without a network the error comes after two seconds, not half a minute.
const patience = { tries: 3, pauseMs: 250 };

/** A data set's file: relative to Keras' folder of data sets, or absolute. @internal */
export async function cachedFile(path: string): Promise<string> {
  return resolve(await datasetsFolder(path), path);
}

/** `$KERAS_HOME/datasets` or `~/.keras/datasets`; as in Keras, one below the folder for temporary files where that can't be written. */
async function datasetsFolder(path: string): Promise<string> {
  const { KERAS_HOME: home } = process.env;
  const folder = join(home ? resolve(home) : join(homedir(), '.keras'), 'datasets');
  try {
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK);
    return folder;
  } catch {
    return (await exists(resolve(folder, path))) ? folder : join(tmpdir(), '.keras', 'datasets');
  }
}

/** Downloads a file into the cache, once for all processes that want it. @internal */
export async function fetchFile(remote: RemoteFile, { where, places, remedy }: FetchWords): Promise<void> {
  const { file, url, digest, algorithm = 'sha256', signal } = remote;
  try {
    await mkdir(dirname(file), { recursive: true });
    await withLock(
      `${file}.lock`,
      async () => {
        // Another process may have fetched it while this one waited.
        if (!(await exists(file)))
          await download(url, file, digest, { ...patience, algorithm, ...(signal && { signal }) });
      },
      signal && { signal },
    );
  } catch (error) {
    if (signal?.aborted) throw signal.reason;
    throw new StateError(`${where}: expected the data ${places}, got none: ${(error as Error).message}.`, remedy, {
      cause: error,
    });
  }
}

/** @internal */
export async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Checks the options that every data set takes. @internal */
export function checkPlace(where: string, { path, signal }: { path?: unknown; signal?: unknown }): void {
  if (path !== undefined && (typeof path !== 'string' || path === '')) {
    throw new ArgumentError(`${where}: expected path to be the name of a file, got ${show(path)}.`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new ArgumentError(
      `${where}: expected signal to be an AbortSignal, got ${show(signal)}.`,
      'Give the signal of an AbortController: controller.signal.',
    );
  }
}
