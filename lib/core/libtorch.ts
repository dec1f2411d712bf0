import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Which of the ways of `findLibtorch` led to it. @internal */
export type LibtorchSource = 'LIBTORCH' | 'LIBTORCH_USE_PYTORCH' | 'package' | 'cache';

/** A folder of libtorch that can be loaded. @internal */
export interface Libtorch {
  /** Folder that holds `lib/`, and `include/` where there are headers. */
  path: string;
  /** As libtorch says it, without what follows `+`; 'unknown' where the folder does not say. */
  version: string;
  how: LibtorchSource;
}

/** One place that was looked at, and why it was not taken. @internal */
export interface Attempt {
  place: string;
  problem: string;
}

/** The repository's or the package's own folder: both `lib/core` and `dist/core` lie two levels below it. @internal */
export const packageRoot: string = fileURLToPath(new URL('../..', import.meta.url));

/** The version of libtorch that this version of torchlayers is built for; pinned in `libtorch.json`, nowhere else. @internal */
export const libtorchVersion: string = JSON.parse(readFileSync(join(packageRoot, 'libtorch.json'), 'utf8')).version;

/** Operating system and processor as in the names of archives and cache folders: `linux-x64`. @internal */
export const platform: string = `${process.platform}-${process.arch}`;

/** The suffix of this platform's packages; Linux' say which C library they need. @internal */
export const packagePlatform: string = process.platform === 'linux' ? `${platform}-gnu` : platform;

/** File name of libtorch's main library on this platform. @internal */
export const mainLibrary: string =
  process.platform === 'win32'
    ? 'torch_cpu.dll'
    : process.platform === 'darwin'
      ? 'libtorch_cpu.dylib'
      : 'libtorch_cpu.so';

/** The per-user cache: `$TORCHLAYERS_CACHE`, else the platform's usual folder. @internal */
export function cacheFolder(): string {
  const { TORCHLAYERS_CACHE, XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  if (TORCHLAYERS_CACHE) return resolve(TORCHLAYERS_CACHE);
  if (process.platform === 'win32') return join(LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local'), 'torchlayers');
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'torchlayers');
  return join(XDG_CACHE_HOME || join(homedir(), '.cache'), 'torchlayers');
}

/** Where a variant of libtorch lies in the cache. @internal */
export function cachedLibtorch(variant: 'cpu' | 'cu130'): string {
  return join(cacheFolder(), `libtorch-${libtorchVersion}-${platform}-${variant}`);
}

/** True where a driver for NVIDIA's devices is installed. @internal */
export function hasNvidiaDriver(): boolean {
  if (process.platform === 'linux') return existsSync('/proc/driver/nvidia/version') || existsSync('/dev/nvidiactl');
  if (process.platform === 'win32') {
    return existsSync(join(process.env['SystemRoot'] ?? 'C:\\Windows', 'System32', 'nvcuda.dll'));
  }
  return false;
}

/** Why `folder` is not a usable libtorch, or undefined if it is. */
function problemOf(folder: string, headers: boolean): string | undefined {
  if (!existsSync(folder)) return 'there is no such folder';
  if (!existsSync(join(folder, 'lib', mainLibrary))) return `it has no lib/${mainLibrary}`;
  if (headers && !existsSync(join(folder, 'include', 'ATen', 'ATen.h'))) return 'it has no headers (include/ATen)';
  return undefined;
}

function readVersion(folder: string): string {
  const versionFiles: [string, RegExp][] = [
    ['libtorch.json', /"version":\s*"([\d.]+)/],
    ['build-version', /^([\d.]+)/],
    ['version.py', /__version__ = '([\d.]+)/],
  ];
  for (const [name, pattern] of versionFiles) {
    const file = join(folder, name);
    const found = existsSync(file) ? pattern.exec(readFileSync(file, 'utf8'))?.[1] : undefined;
    if (found !== undefined) return found;
  }
  return /^libtorch-([\d.]+)-/.exec(basename(folder))?.[1] ?? 'unknown';
}

/** The folder of Python's package `torch`, found without importing it (its import needs far more than its C++ side). */
function pythonTorch(): { folder: string } | { problem: string } {
  const script =
    'import importlib.util as u; s = u.find_spec("torch"); print(s.submodule_search_locations[0] if s else "")';
  const problems: string[] = [];
  for (const python of process.platform === 'win32' ? ['python', 'py'] : ['python3', 'python']) {
    try {
      const folder = execFileSync(python, ['-c', script], {
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
      if (folder !== '') return { folder };
      problems.push(`${python} has no package torch`);
    } catch {
      problems.push(`${python} does not run`);
    }
  }
  return { problem: problems.join('; ') };
}

/** Path of an installed package's folder, seen from this one. @internal */
export function installedPackage(name: string): string | undefined {
  try {
    return resolve(createRequire(import.meta.url).resolve(`${name}/package.json`), '..');
  } catch {
    return undefined;
  }
}

/**
 * Looks for libtorch: `LIBTORCH`, `LIBTORCH_USE_PYTORCH=1`, the platform's package, the per-user cache. What the user
 * names is taken or is an error: nothing else is tried in its place.
 * @internal
 */
export function findLibtorch(options: { headers?: boolean } = {}): { found?: Libtorch; tried: Attempt[] } {
  const headers = options.headers ?? false;
  const tried: Attempt[] = [];

  const take = (folder: string, how: LibtorchSource, place: string): Libtorch | undefined => {
    const path = existsSync(join(folder, mainLibrary)) ? resolve(folder, '..') : resolve(folder);
    const version = readVersion(path);
    const problem =
      problemOf(path, headers) ??
      // The manifest is the last thing that an install writes.
      (how === 'cache' && !existsSync(join(path, 'libtorch.json'))
        ? 'it is not whole (no libtorch.json)'
        : undefined) ??
      (version !== 'unknown' && version !== libtorchVersion
        ? `it is version ${version}, and ${libtorchVersion} is needed`
        : undefined);
    if (problem === undefined) return { path, version, how };
    tried.push({ place, problem });
    return undefined;
  };

  const { LIBTORCH, LIBTORCH_USE_PYTORCH } = process.env;
  if (LIBTORCH) {
    const found = take(LIBTORCH, 'LIBTORCH', `LIBTORCH=${LIBTORCH}`);
    return { ...(found && { found }), tried };
  }
  tried.push({ place: 'LIBTORCH', problem: 'not set' });

  if (LIBTORCH_USE_PYTORCH === '1') {
    const torch = pythonTorch();
    const place = 'LIBTORCH_USE_PYTORCH=1';
    if ('problem' in torch) {
      tried.push({ place, problem: torch.problem });
      return { tried };
    }
    const found = take(torch.folder, 'LIBTORCH_USE_PYTORCH', `${place} (${torch.folder})`);
    return { ...(found && { found }), tried };
  }
  tried.push({ place: 'LIBTORCH_USE_PYTORCH', problem: 'not 1' });

  // A CUDA build that the user installed goes before the package's CPU build, where there is a driver for it.
  const cuda = cachedLibtorch('cu130');
  if (hasNvidiaDriver() && existsSync(cuda)) {
    const found = take(cuda, 'cache', cuda);
    if (found !== undefined) return { found, tried };
  }

  const name = `@torchlayers/libtorch-${packagePlatform}`;
  const installed = installedPackage(name);
  if (installed === undefined) {
    tried.push({ place: `package ${name}`, problem: 'not installed' });
  } else {
    const found = take(installed, 'package', `package ${name} (${installed})`);
    if (found !== undefined) return { found, tried };
  }

  const cpu = cachedLibtorch('cpu');
  const found = take(cpu, 'cache', cpu);
  return { ...(found && { found }), tried };
}

/** The message for when nothing was found: every place, why not, and what to type. @internal */
export function describeMissing(tried: readonly Attempt[]): string {
  const lines = tried.map(({ place, problem }) => `    - ${place}: ${problem}`);
  return [
    `torchlayers: expected libtorch ${libtorchVersion} for ${platform}, found none. Looked for:`,
    ...lines,
    '  Install it into your cache: npx torchlayers install',
    '  Or name a folder of your own: LIBTORCH=/path/to/libtorch (with lib/ in it).',
    muslHint(),
  ]
    .filter((line) => line !== '')
    .join('\n');
}

/** Linux without glibc (Alpine) has no libtorch at all; saying so saves an hour. */
function muslHint(): string {
  if (process.platform !== 'linux') return '';
  const musl = existsSync('/lib') && readdirSync('/lib').some((name) => name.startsWith('ld-musl-'));
  return musl
    ? '  This Linux uses musl; libtorch needs glibc 2.28 or newer: use a Debian, Ubuntu or Fedora image.'
    : '';
}
