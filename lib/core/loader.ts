import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { NativeError, StateError } from './errors.js';
import {
  type Attempt,
  describeMissing,
  findLibtorch,
  hasNvidiaDriver,
  installedPackage,
  type Libtorch,
  packagePlatform,
  packageRoot,
  platform,
} from './libtorch.js';

const require = createRequire(import.meta.url);

/** What was found and tried on the way to the addon, for `doctor` and for errors. @internal */
export interface NativeState {
  addonFolder: string | undefined;
  addonsTried: readonly Attempt[];
  libtorch: Libtorch | undefined;
  libtorchTried: readonly Attempt[];
  /** Why libtorch's CUDA part could not be loaded where there is a driver. */
  cudaProblem: string | undefined;
}

/** The small module without libtorch that prepares the process and loads libtorch by its path. */
interface LoaderModule {
  /** Notes which addon this process uses; answers the path of another copy that was there first, or null. */
  claim(addonPath: string): string | null;
  /** Loads libtorch's CPU libraries from a folder; answers the system's reason if it can't. */
  load(folder: string): string | null;
  loadCuda(folder: string): string | null;
  cpuFeatures(): string[];
}

const state: NativeState = {
  addonFolder: undefined,
  addonsTried: [],
  libtorch: undefined,
  libtorchTried: [],
  cudaProblem: undefined,
};

let addon: unknown;

/** Where the addon is: the folder that TORCHLAYERS_ADDON names, this repository's build, or the platform's package. @internal */
export function findAddon(): { folder?: string; tried: Attempt[] } {
  const tried: Attempt[] = [];
  const take = (folder: string, place: string): boolean => {
    const missing = ['torchlayers_loader.node', 'torchlayers.node'].filter((name) => !existsSync(join(folder, name)));
    if (missing.length > 0) tried.push({ place, problem: `${missing.join(' and ')} not there` });
    return missing.length === 0;
  };
  const named = process.env['TORCHLAYERS_ADDON'];
  if (named) return take(named, `TORCHLAYERS_ADDON=${named}`) ? { folder: named, tried } : { tried };
  const built = join(packageRoot, 'build', 'Release');
  if (take(built, built)) return { folder: built, tried };
  const name = `@torchlayers/${packagePlatform}`;
  const installed = installedPackage(name);
  if (installed === undefined) tried.push({ place: `package ${name}`, problem: 'not installed' });
  else if (take(installed, `package ${name} (${installed})`)) return { folder: installed, tried };
  return { tried };
}

function missingAddon(tried: readonly Attempt[]): NativeError {
  const inRepository = existsSync(join(packageRoot, 'CMakeLists.txt'));
  const hint = inRepository
    ? 'Build it: npm run build'
    : `Install torchlayers anew without leaving out optional packages: npm install torchlayers --include=optional (a lock file made on another platform may lack @torchlayers/${packagePlatform}: delete it and node_modules first).`;
  const lines = tried.map(({ place, problem }) => `    - ${place}: ${problem}`);
  return new NativeError(
    [`torchlayers: expected the native addon for ${platform}, found none. Looked for:`, ...lines].join('\n'),
    hint,
  );
}

function loadProblem(what: string, path: string, reason: string): NativeError {
  const glibc = /GLIBC_([\d.]+)/.exec(reason)?.[1];
  const missing = /([\w.+-]+\.so[\w.]*): cannot open shared object file/.exec(reason)?.[1];
  const hint =
    glibc !== undefined
      ? `This system's C library is older than ${glibc}: use a newer system (glibc 2.28 or later).`
      : missing !== undefined
        ? `The library ${missing} is missing: npx torchlayers install fetches a complete libtorch.`
        : 'npx torchlayers doctor says more; npx torchlayers install fetches libtorch anew.';
  return new NativeError(`torchlayers: ${what} at ${path} could not be loaded: ${reason}`, hint);
}

function loadLoader(folder: string): LoaderModule {
  const path = join(folder, 'torchlayers_loader.node');
  try {
    return require(path) as LoaderModule;
  } catch (error) {
    throw loadProblem('the loader', path, error instanceof Error ? error.message : String(error));
  }
}

/**
 * Finds and loads libtorch, then the addon: once per thread.
 * @throws {NativeError} if either is missing or can't be loaded; the message lists what was looked for and what to type
 * @throws {StateError} if another copy of this package has loaded its own addon in this process
 * @internal
 */
export function loadAddon(): unknown {
  if (addon !== undefined) return addon;
  const { folder, tried } = findAddon();
  state.addonFolder = folder;
  state.addonsTried = tried;
  if (folder === undefined) throw missingAddon(tried);
  const libtorch = findLibtorch();
  state.libtorch = libtorch.found;
  state.libtorchTried = libtorch.tried;
  if (libtorch.found === undefined) throw new NativeError(describeMissing(libtorch.tried));
  const loader = loadLoader(folder);
  const addonPath = join(folder, 'torchlayers.node');
  const other = loader.claim(addonPath);
  if (other !== null) {
    throw new StateError(
      `torchlayers: expected one copy of torchlayers in a process, got a second one: ${addonPath} after ${other}.`,
      'Make every package use the same one: npm ls torchlayers shows them, npm dedupe joins them.',
    );
  }
  const libraries = join(libtorch.found.path, 'lib');
  const problem = loader.load(libraries);
  if (problem !== null) throw loadProblem('libtorch', libraries, problem);
  if (hasNvidiaDriver() && readdirSync(libraries).some((name) => /torch_cuda\.(so|dll)$/.test(name))) {
    // A CUDA part that can't be loaded leaves the CPU usable: doctor tells why.
    state.cudaProblem = loader.loadCuda(libraries) ?? undefined;
  }
  try {
    addon = require(addonPath);
  } catch (error) {
    throw loadProblem('the addon', addonPath, error instanceof Error ? error.message : String(error));
  }
  return addon;
}

/** The libtorch in use and how it was found. @throws {StateError} before it is loaded */
export function libtorchLocation(): Libtorch {
  if (state.libtorch === undefined) {
    throw new StateError('torchlayers: libtorch is not loaded yet.', 'Import torchlayers first.');
  }
  return state.libtorch;
}

/** What was found and tried. @internal */
export function nativeState(): Readonly<NativeState> {
  return state;
}

/** Instruction sets of the processor; empty where the addon is missing. @internal */
export function cpuFeatures(): string[] {
  const { folder } = findAddon();
  return folder === undefined ? [] : loadLoader(folder).cpuFeatures();
}
