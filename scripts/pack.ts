// npm run pack:all: the tarballs of the main package, of this platform's addon and of its CPU libtorch, in packs/.
//   --out <folder>          elsewhere
//   --only main,addon,libtorch
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { type LibtorchManifest, manifestName } from '../lib/cli/libtorch/install.js';
import { formatBytes } from '../lib/cli/progress.js';
import { cachedLibtorch, findLibtorch, libtorchVersion, packagePlatform, packageRoot } from '../lib/core/libtorch.js';
import { buildNative, buildTypeScript } from './build.js';
import { capture, hasCommand, isMain } from './commands.js';
import { optionalDependencies, type Platform, platforms } from './platforms.js';

type Manifest = Record<string, unknown> & { version: string };

const root = (name: string): string => join(packageRoot, name);
const ownManifest = JSON.parse(readFileSync(root('package.json'), 'utf8')) as Manifest;

function thisPlatform(): Platform {
  const platform = platforms.find(({ name }) => name === packagePlatform);
  if (platform === undefined) {
    throw new Error(`pack: expected one of ${platforms.map(({ name }) => name).join(', ')}, got ${packagePlatform}.`);
  }
  return platform;
}

function writeJson(path: string, value: unknown): void {
  writeFileSync(path, `${JSON.stringify(value, undefined, 2)}\n`);
}

function fillTemplate(path: string, values: Record<string, string>): string {
  return readFileSync(path, 'utf8').replace(/\{\{(\w+)\}\}/g, (_, key: string) => {
    const value = values[key];
    if (value === undefined) throw new Error(`${path}: {{${key}}} has no value.`);
    return value;
  });
}

/** Fields that all packages of a platform share: no scripts, nothing to build. */
function platformManifest(name: string, version: string, license: string, description: string): Manifest {
  const { os, cpu, libc } = thisPlatform();
  const { engines, author } = ownManifest;
  return {
    name,
    version,
    description,
    license,
    author,
    engines,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
    gypfile: false,
  };
}

/** The main package: what users import, its dependencies, and the optional packages; no scripts, nothing for development. */
function stageMain(folder: string): void {
  const { scripts: _scripts, devDependencies: _dev, ...kept } = ownManifest;
  writeJson(join(folder, 'package.json'), { ...kept, optionalDependencies: optionalDependencies(ownManifest.version) });
  cpSync(root('dist'), join(folder, 'dist'), { recursive: true });
  chmodSync(join(folder, 'dist', 'cli', 'main.js'), 0o755);
  for (const name of ['README.md', 'CHANGELOG.md', 'LICENSE', 'NOTICE', 'libtorch.json'].filter((file) =>
    existsSync(root(file)),
  ))
    copyFileSync(root(name), join(folder, name));
}

function stageAddon(folder: string): void {
  const name = `@torchlayers/${packagePlatform}`;
  const files = ['torchlayers.node', 'torchlayers_loader.node'];
  const description = `Native addon of torchlayers for ${packagePlatform}.`;
  writeJson(join(folder, 'package.json'), {
    ...platformManifest(name, ownManifest.version, 'Apache-2.0', description),
    files,
  });
  for (const file of files) {
    copyFileSync(root(join('build', 'Release', file)), join(folder, file));
    strip(join(folder, file));
  }
  copyFileSync(root('LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(
    join(folder, 'README.md'),
    fillTemplate(root('npm/addon/README.md'), { name, platform: packagePlatform }),
  );
}

/** Removes symbols that only debuggers read. */
function strip(path: string): void {
  if (process.platform === 'win32') return;
  const args = process.platform === 'darwin' ? ['-x', path] : ['--strip-unneeded', path];
  const { ok, output } = hasCommand('strip') ? capture('strip', args) : { ok: false, output: 'strip is not installed' };
  if (!ok) throw new Error(`pack: strip ${path}: ${output.trim()}`);
}

function stageLibtorch(folder: string): void {
  const found = [cachedLibtorch('cpu'), findLibtorch().found?.path].find(
    (path) => path !== undefined && existsSync(join(path, manifestName)),
  );
  const manifest =
    found === undefined ? undefined : (JSON.parse(readFileSync(join(found, manifestName), 'utf8')) as LibtorchManifest);
  if (found === undefined || !manifest?.variant.endsWith('-cpu')) {
    throw new Error('pack: expected the CPU build of libtorch in the cache, found none.\n  npm run libtorch -- --cpu');
  }
  const name = `@torchlayers/libtorch-${packagePlatform}`;
  const libraries: string[] = [];
  for (const { path } of manifest.files) {
    // Import libraries and what else only a compiler needs stays here.
    if (!/\.(so|dylib|dll)(\.[\d.]+)?$/.test(path)) continue;
    const target = join(folder, path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(join(found, path), target);
    // NVIDIA's terms don't allow changes.
    if (/lib(torch|c10|gomp|omp)/.test(basename(path))) strip(target);
    libraries.push(basename(path));
  }
  if (existsSync(join(found, 'licenses')))
    cpSync(join(found, 'licenses'), join(folder, 'licenses'), { recursive: true });
  copyFileSync(root('npm/libtorch/LICENSE'), join(folder, 'LICENSE'));
  writeJson(join(folder, manifestName), {
    ...manifest,
    files: manifest.files
      .filter(({ path }) => existsSync(join(folder, path)))
      .map(({ path }) => ({ path, size: statSync(join(folder, path)).size })),
  });
  const description = `libtorch ${libtorchVersion} (CPU) for torchlayers on ${packagePlatform}.`;
  writeJson(join(folder, 'package.json'), {
    ...platformManifest(name, libtorchVersion, 'SEE LICENSE IN LICENSE', description),
    files: ['lib', 'licenses', manifestName],
  });
  writeFileSync(
    join(folder, 'README.md'),
    fillTemplate(root('npm/libtorch/README.md'), {
      name,
      libtorch: libtorchVersion,
      platform: packagePlatform,
      archives: manifest.archives.map(({ file }) => file).join(', '),
      libraries: libraries.join(', '),
    }),
  );
}

/** The three packages. */
export type StageName = 'main' | 'addon' | 'libtorch';

const stages: Record<StageName, (folder: string) => void> = {
  main: stageMain,
  addon: stageAddon,
  libtorch: stageLibtorch,
};

/** One tarball that was made. */
export interface Packed {
  stage: StageName;
  path: string;
  bytes: number;
  unpackedBytes: number;
  files: string[];
}

/** Makes the tarballs into `out`. */
export function packAll(out: string, only: readonly StageName[] = ['main', 'addon', 'libtorch']): Packed[] {
  mkdirSync(out, { recursive: true });
  const work = mkdtempSync(join(tmpdir(), 'torchlayers-pack-'));
  try {
    return only.map((stage) => {
      const folder = join(work, stage);
      mkdirSync(folder);
      stages[stage](folder);
      const npm = process.platform === 'win32' ? 'npm.cmd' : 'npm';
      const { ok, output } = capture(
        npm,
        ['pack', '--json', '--ignore-scripts', '--loglevel=error', '--pack-destination', out],
        { cwd: folder },
      );
      const start = output.search(/^\[/m);
      if (!ok || start < 0) throw new Error(`pack: npm pack of ${stage} failed: ${output}`);
      const [packed] = JSON.parse(output.slice(start, output.lastIndexOf(']') + 1));
      const path = join(
        out,
        readdirSync(out).find((name) => name === packed.filename.replace('@', '').replace('/', '-')) ?? packed.filename,
      );
      const files = packed.files.map((file: { path: string }) => file.path);
      return { stage, path, bytes: statSync(path).size, unpackedBytes: packed.unpackedSize, files };
    });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, only: { type: 'string' }, 'refuse-publish': { type: 'boolean' } },
  });
  try {
    if (values['refuse-publish']) {
      throw new Error(
        'publish: this folder is not what is published.\n  npm run pack:all, then npm publish each tarball in packs/',
      );
    }
    const only = values.only?.split(',') as StageName[] | undefined;
    buildTypeScript({ clean: true });
    if (only === undefined || only.includes('addon')) buildNative();
    for (const { path, bytes, unpackedBytes, files } of packAll(resolve(values.out ?? root('packs')), only)) {
      console.log(
        `${basename(path)}  ${formatBytes(bytes)}, unpacked ${formatBytes(unpackedBytes)}, ${files.length} files`,
      );
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
