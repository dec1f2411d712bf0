// Builds what is out of date: dist/ (TypeScript) and build/Release (the two addons).
//   npm run build [-- --native | --ts] [--force] [--gyp]
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeMissing, findLibtorch, type Libtorch, packageRoot } from '../lib/core/libtorch.js';
import { binOf, hasCommand, isMain, nativeFiles, run } from './commands.js';

const addonNames = ['torchlayers_loader.node', 'torchlayers.node'];

function runNode(what: string, script: string, args: string[]): void {
  run(what, process.execPath, [script, ...args]);
}

/** Digest of all that the addon is made of: when it is the same, so is the addon. */
function nativeDigest(libtorch: Libtorch, tool: string): string {
  const hash = createHash('sha256');
  const files = nativeFiles(/\.(cc|h)$/)
    .filter((path) => !path.startsWith(join(packageRoot, 'native', 'test')))
    .concat(
      ['CMakeLists.txt', 'binding.gyp', 'package-lock.json', 'scripts/native-sources.mjs'].map((name) =>
        join(packageRoot, name),
      ),
    )
    .filter((path) => existsSync(path))
    .sort();
  for (const path of files)
    hash
      .update(`${path.slice(packageRoot.length)}\0`)
      .update(readFileSync(path))
      .update('\0');
  hash.update(
    [tool, libtorch.path, libtorch.version, process.platform, process.arch, process.versions.modules].join('\0'),
  );
  return hash.digest('hex');
}

/** Builds both addons into build/Release, unless they are up to date. */
export function buildNative(options: { force?: boolean; gyp?: boolean } = {}): void {
  const { found, tried } = findLibtorch({ headers: true });
  if (found === undefined) throw new Error(describeMissing(tried));
  const tool = options.gyp || !hasCommand('cmake') ? 'node-gyp' : 'cmake-js';
  const release = join(packageRoot, 'build', 'Release');
  const stamp = join(release, 'stamp');
  const digest = nativeDigest(found, tool);
  const built = addonNames.every((name) => existsSync(join(release, name)));
  if (!options.force && built && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) {
    console.log('native: up to date');
    return;
  }
  const jobs = process.env['JOBS'] ?? String(availableParallelism());
  rmSync(stamp, { force: true });
  if (tool === 'cmake-js') {
    runNode('native build', binOf('cmake-js'), ['build', '--parallel', jobs, `--CDLIBTORCH=${found.path}`]);
  } else {
    if (!hasCommand('cmake')) console.log('native: no cmake here, building with node-gyp');
    runNode('native build', binOf('node-gyp'), ['configure']);
    runNode('native build', binOf('node-gyp'), ['build', '-j', jobs]);
  }
  mkdirSync(release, { recursive: true });
  writeFileSync(stamp, digest);
}

/** Compiles lib/ to dist/; `clean` also drops what files that are gone left there. */
export function buildTypeScript(options: { clean?: boolean } = {}): void {
  if (options.clean) rmSync(join(packageRoot, 'dist'), { recursive: true, force: true });
  runNode('TypeScript', binOf('typescript', 'tsc'), ['-p', 'tsconfig.build.json']);
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: {
      native: { type: 'boolean' },
      ts: { type: 'boolean' },
      force: { type: 'boolean' },
      gyp: { type: 'boolean' },
    },
  });
  try {
    if (!values.native) buildTypeScript();
    if (!values.ts) buildNative(values);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
