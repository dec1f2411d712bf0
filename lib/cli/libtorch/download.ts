import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a download behaves; the times are for tests. */
export interface DownloadOptions {
  /** Called with the bytes on disk and the size of the whole, 0 while that is unknown. */
  onProgress?: (done: number, total: number) => void;
  signal?: AbortSignal;
  /** Without a byte for this long, the connection is given up. @default 30000 */
  stallMs?: number;
  /** Tries in a row that bring no new byte before it fails. @default 5 */
  tries?: number;
  /** Pause before the second try; doubled at each further one. @default 1000 */
  pauseMs?: number;
  /** What the digest was made with. @default 'sha256' */
  algorithm?: 'sha256' | 'md5';
}

/** A problem that trying again does not mend. */
class Permanent extends Error {}

/** SHA-256 (or MD5) of a file, read as a stream. */
export async function digestOfFile(path: string, algorithm: 'sha256' | 'md5' = 'sha256'): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch {
    return 0;
  }
}

/** What the server said of the file when the part on disk was begun, so that parts of two versions are never joined. */
async function readTag(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Appends to `part` what is missing of `url`. True when the whole is there. */
async function fetchRest(url: string, part: string, options: DownloadOptions): Promise<void> {
  const tagFile = `${part}.tag`;
  const stallMs = options.stallMs ?? 30_000;
  const stalled = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const alive = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => stalled.abort(new Error(`no data for ${stallMs / 1000} s`)), stallMs);
  };
  const signals = options.signal === undefined ? [stalled.signal] : [stalled.signal, options.signal];
  const signal = AbortSignal.any(signals);
  alive();
  try {
    const tag = await readTag(tagFile);
    const begun = tag === undefined ? 0 : await sizeOf(part);
    // Compressed transfer would make byte ranges mean something else.
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (begun > 0 && tag !== undefined) Object.assign(headers, { range: `bytes=${begun}-`, 'if-range': tag });
    const response = await fetch(url, { headers, signal });
    if (response.status === 416) {
      // More on disk than the server has: not this file.
      await response.body?.cancel();
      await rm(part, { force: true });
      throw new Error('the part on disk does not belong to the file');
    }
    if (!response.ok || response.body === null) {
      await response.body?.cancel();
      const message = `the server answered ${response.status} ${response.statusText}`.trim();
      throw response.status >= 500 || response.status === 429 || response.status === 408
        ? new Error(message)
        : new Permanent(message);
    }
    const range = /^bytes (\d+)-\d+\/(\d+)$/.exec(response.headers.get('content-range') ?? '');
    const resumed = response.status === 206 && range !== null && Number(range[1]) === begun;
    if (response.status === 206 && !resumed)
      throw new Permanent('the server answered with another range than asked for');
    const start = resumed ? begun : 0;
    const length = Number(response.headers.get('content-length') ?? 0);
    const total = resumed ? Number(range?.[2]) : length;
    const newTag = response.headers.get('etag') ?? response.headers.get('last-modified');
    // A weak tag can't guard a range: such a download starts over when it is cut.
    if (newTag !== null && !newTag.startsWith('W/')) await writeFile(tagFile, newTag);
    else await rm(tagFile, { force: true });

    const file = await open(part, resumed ? 'a' : 'w');
    let done = start;
    try {
      options.onProgress?.(done, total);
      for await (const chunk of response.body) {
        alive();
        await file.write(chunk as Uint8Array);
        done += (chunk as Uint8Array).byteLength;
        options.onProgress?.(done, total);
      }
      await file.sync();
    } finally {
      await file.close();
    }
    if (total > 0 && done !== total) throw new Error(`the connection ended after ${done} of ${total} bytes`);
  } catch (error) {
    // An aborted stream reports a bare AbortError: the reason of the signal says why.
    throw signal.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause instanceof Error ? error.cause.message : undefined;
  return cause === undefined || cause === '' ? error.message : `${error.message}: ${cause}`;
}

/**
 * Downloads `url` to `path`. A part that an earlier run left is continued; the file appears under its name only when its digest is right;
 * a whole with a wrong digest is thrown away and fetched once more.
 * @throws Error with the last reason
 */
export async function download(
  url: string,
  path: string,
  digest: string,
  options: DownloadOptions = {},
): Promise<void> {
  const tries = options.tries ?? 5;
  const part = `${path}.part`;
  await mkdir(dirname(path), { recursive: true });
  if ((await sizeOf(path)) > 0) {
    if ((await digestOfFile(path, options.algorithm)) === digest) return;
    await rm(path);
  }

  let corrupt = 0;
  let fruitless = 0;
  for (;;) {
    const before = await sizeOf(part);
    try {
      await fetchRest(url, part, options);
      const found = await digestOfFile(part, options.algorithm);
      if (found === digest) {
        await rename(part, path);
        await rm(`${part}.tag`, { force: true });
        return;
      }
      await rm(part, { force: true });
      await rm(`${part}.tag`, { force: true });
      corrupt += 1;
      const message = `its ${options.algorithm ?? 'sha256'} is ${found}, and ${digest} was expected`;
      if (corrupt > 1) throw new Permanent(message);
    } catch (error) {
      if (options.signal?.aborted) throw options.signal.reason;
      fruitless = (await sizeOf(part)) > before ? 0 : fruitless + 1;
      if (error instanceof Permanent || fruitless >= tries) {
        throw new Error(`${url}: ${reasonOf(error)}`, { cause: error });
      }
      await sleep((options.pauseMs ?? 1000) * 2 ** fruitless, undefined, options.signal && { signal: options.signal });
    }
  }
}
