import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const beatMs = 5_000;
const staleMs = 60_000;

interface Holder {
  pid: number;
  host: string;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** True when whoever holds the lock is gone: its process ended, or, elsewhere, its heart stopped beating. */
async function isAbandoned(path: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(path);
    const text = await readFile(path, 'utf8');
    // Empty: the holder is between creating the file and writing its name.
    const holder = (text === '' ? undefined : JSON.parse(text)) as Holder | undefined;
    if (holder !== undefined && holder.host === hostname()) return !isAlive(holder.pid);
    return Date.now() - mtimeMs > staleMs;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Runs `work` while this process alone holds the file `path`. Waits for another process that holds it; one that was killed does not count.
 * @param onWait - called once, with the other's process id, when there is something to wait for
 */
export async function withLock<T>(
  path: string,
  work: () => Promise<T>,
  options: { onWait?: () => void; pollMs?: number; signal?: AbortSignal } = {},
): Promise<T> {
  await mkdir(dirname(path), { recursive: true });
  let waited = false;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const file = await open(path, 'wx');
      await file.writeFile(JSON.stringify({ pid: process.pid, host: hostname() } satisfies Holder));
      await file.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isAbandoned(path)) {
      // Of several that see it abandoned, one moves it away; what it moved is looked at again, for it may be a new holder's by then.
      const aside = `${path}.${process.pid}`;
      try {
        await rename(path, aside);
        if (await isAbandoned(aside)) await rm(aside, { force: true });
        else await rename(aside, path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
      continue;
    }
    if (!waited) options.onWait?.();
    waited = true;
    await sleep(options.pollMs ?? 500, undefined, options.signal && { signal: options.signal });
  }

  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => undefined);
  }, beatMs);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { force: true });
  }
}
