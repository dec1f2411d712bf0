import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  cachedLibtorch,
  describeMissing,
  findLibtorch,
  libtorchVersion,
  mainLibrary,
  packageRoot,
} from '../../lib/core/libtorch.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlayers-locate-'));
  vi.stubEnv('TORCHLAYERS_CACHE', join(folder, 'cache'));
  vi.stubEnv('LIBTORCH', undefined);
  vi.stubEnv('LIBTORCH_USE_PYTORCH', undefined);
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** A folder that looks like libtorch. */
function fakeLibtorch(path: string, files: Record<string, string> = {}): string {
  mkdirSync(join(path, 'lib'), { recursive: true });
  for (const [name, text] of Object.entries({ [`lib/${mainLibrary}`]: '', ...files }))
    writeFileSync(join(path, name), text);
  return path;
}

const manifest = { 'libtorch.json': JSON.stringify({ version: libtorchVersion }, undefined, 2) };

describe('findLibtorch', () => {
  it('finds nothing in an empty cache, and says every place and what to type', () => {
    const { found, tried } = findLibtorch();
    expect(found).toBeUndefined();
    const message = describeMissing(tried);
    expect(message.split('\n')[0]).toContain(`expected libtorch ${libtorchVersion}`);
    for (const place of [
      'LIBTORCH:',
      'LIBTORCH_USE_PYTORCH:',
      'package @torchlayers/libtorch-',
      cachedLibtorch('cpu'),
    ]) {
      expect(message).toContain(`    - ${place}`);
    }
    expect(message).toContain('npx torchlayers install');
  });

  it('takes a whole one from the cache, never one without its manifest', () => {
    const path = fakeLibtorch(cachedLibtorch('cpu'));
    expect(findLibtorch().found).toBeUndefined();
    fakeLibtorch(path, manifest);
    expect(findLibtorch().found).toEqual({ path, version: libtorchVersion, how: 'cache' });
  });

  it('prefers LIBTORCH to the cache, and takes its lib folder too', () => {
    fakeLibtorch(cachedLibtorch('cpu'), manifest);
    const path = fakeLibtorch(join(folder, 'mine'), { 'build-version': `${libtorchVersion}+cpu\n` });
    for (const named of [path, join(path, 'lib')]) {
      vi.stubEnv('LIBTORCH', named);
      expect(findLibtorch().found).toEqual({ path, version: libtorchVersion, how: 'LIBTORCH' });
    }
  });

  it.each<[string, Record<string, string> | undefined, string]>([
    ['is not there', undefined, 'there is no such folder'],
    [
      'is of another version',
      { 'build-version': '1.0.0+cpu' },
      `it is version 1.0.0, and ${libtorchVersion} is needed`,
    ],
  ])('tries nothing else when the folder that LIBTORCH names %s', (_, files, problem) => {
    fakeLibtorch(cachedLibtorch('cpu'), manifest);
    const path = join(folder, 'mine');
    if (files !== undefined) fakeLibtorch(path, files);
    vi.stubEnv('LIBTORCH', path);
    expect(findLibtorch()).toEqual({ tried: [{ place: `LIBTORCH=${path}`, problem }] });
  });

  it('asks for headers only where something is to be built', () => {
    vi.stubEnv('LIBTORCH', fakeLibtorch(join(folder, 'mine')));
    expect(findLibtorch({ headers: true }).tried[0]?.problem).toBe('it has no headers (include/ATen)');
    expect(findLibtorch().found?.version).toBe('unknown');
  });

  it("finds Python's package without importing it", () => {
    const site = join(folder, 'site');
    // Importing it would fail.
    const path = fakeLibtorch(join(site, 'torch'), {
      '__init__.py': 'raise RuntimeError("imported")\n',
      'version.py': `__version__ = '${libtorchVersion}+cu130'\n`,
    });
    vi.stubEnv('PYTHONPATH', site);
    vi.stubEnv('LIBTORCH_USE_PYTORCH', '1');
    expect(findLibtorch().found).toEqual({ path, version: libtorchVersion, how: 'LIBTORCH_USE_PYTORCH' });
  });

  it('says why where Python has none', () => {
    vi.stubEnv('PATH', folder);
    vi.stubEnv('LIBTORCH_USE_PYTORCH', '1');
    expect(findLibtorch().tried.at(-1)).toEqual({
      place: 'LIBTORCH_USE_PYTORCH=1',
      problem: 'python3 does not run; python does not run',
    });
  });
});

/** Runs a few lines in a process of their own, in which no addon is loaded. */
function inProcess(lines: string[], env: NodeJS.ProcessEnv = {}): { status: number | null; output: string } {
  const loader = new URL('../../lib/core/loader.ts', import.meta.url).href;
  const script = join(folder, 'script.mjs');
  // Registered by hand: the option --import does not reach workers.
  const head = [`import { register } from ${JSON.stringify(import.meta.resolve('tsx/esm/api'))};`, 'register();'];
  writeFileSync(script, [...head, `const loader = ${JSON.stringify(loader)};`, ...lines].join('\n'));
  const inherited = { ...process.env, TORCHLAYERS_CACHE: undefined };
  const { status, stdout, stderr } = spawnSync(process.execPath, [script], {
    cwd: packageRoot,
    encoding: 'utf8',
    env: { ...inherited, ...env },
  });
  return { status, output: `${stdout}${stderr}` };
}

const built = join(packageRoot, 'build', 'Release');

describe('loadAddon', () => {
  it('loads libtorch and the addon, once', () => {
    const { output } = inProcess([
      'const { loadAddon, libtorchLocation, nativeState } = await import(loader);',
      'console.log(loadAddon() === loadAddon(), libtorchLocation().version, nativeState().addonFolder);',
    ]);
    expect(output).toBe(`true ${libtorchVersion} ${built}\n`);
  });

  it('keeps the OpenMP runtime from spinning, unless the user decided', () => {
    const lines = [
      'const { loadAddon } = await import(loader);',
      'loadAddon();',
      'const { execFileSync } = await import("node:child_process");',
      // A child sees what native code set: process.env is a view of the same environment.
      'console.log(execFileSync(process.execPath, ["-p", "process.env.GOMP_SPINCOUNT"], { encoding: "utf8" }).trim());',
    ];
    const unset = { GOMP_SPINCOUNT: undefined, OMP_WAIT_POLICY: undefined };
    expect(inProcess(lines, unset).output).toBe('1000\n');
    expect(inProcess(lines, { ...unset, GOMP_SPINCOUNT: '7' }).output).toBe('7\n');
    expect(inProcess(lines, { ...unset, OMP_WAIT_POLICY: 'passive' }).output).toBe('undefined\n');
  });

  it('works in several workers at once', () => {
    const { status, output } = inProcess([
      'import { Worker, isMainThread } from "node:worker_threads";',
      'const { loadAddon } = await import(loader);',
      'loadAddon();',
      'if (isMainThread) {',
      '  const workers = [1, 2, 3].map(() => new Worker(new URL(import.meta.url)));',
      '  const codes = await Promise.all(workers.map((worker) => new Promise((resolve) => worker.on("exit", resolve))));',
      '  console.log(codes.join());',
      '}',
    ]);
    expect(output).toBe('0,0,0\n');
    expect(status).toBe(0);
  });

  it('refuses a second copy of the addon in a process', () => {
    const copy = join(folder, 'copy');
    mkdirSync(copy);
    for (const name of ['torchlayers.node', 'torchlayers_loader.node'])
      copyFileSync(join(built, name), join(copy, name));
    const { status, output } = inProcess([
      '(await import(loader)).loadAddon();',
      `process.env.TORCHLAYERS_ADDON = ${JSON.stringify(copy)};`,
      'try { (await import(loader + "?second")).loadAddon(); } catch (error) { console.log(error.message); }',
    ]);
    expect(output).toBe(
      [
        `torchlayers: expected one copy of torchlayers in a process, got a second one: ${join(copy, 'torchlayers.node')} after ${join(built, 'torchlayers.node')}.`,
        '  Make every package use the same one: npm ls torchlayers shows them, npm dedupe joins them.',
        '',
      ].join('\n'),
    );
    expect(status).toBe(0);
  });

  it('says what the system said when a library does not load', () => {
    const path = fakeLibtorch(join(folder, 'mine'));
    const { output } = inProcess(
      ['try { (await import(loader)).loadAddon(); } catch (error) { console.log(error.message); }'],
      { LIBTORCH: path },
    );
    expect(output).toContain(`torchlayers: libtorch at ${join(path, 'lib')} could not be loaded: `);
    expect(output).toContain(mainLibrary);
    expect(output).toContain('npx torchlayers install');
  });

  it('lists the places of the addon when it is nowhere', () => {
    const { output } = inProcess(
      ['try { (await import(loader)).loadAddon(); } catch (error) { console.log(error.message); }'],
      { TORCHLAYERS_ADDON: folder },
    );
    expect(output).toContain(
      `    - TORCHLAYERS_ADDON=${folder}: torchlayers_loader.node and torchlayers.node not there`,
    );
    expect(output).toContain('npm run build');
  });
});

describe('torchlayers doctor', () => {
  function doctor(args: string[], env: NodeJS.ProcessEnv): { status: number | null; output: string } {
    const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));
    const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', main, ...args], {
      cwd: packageRoot,
      encoding: 'utf8',
      env: { ...process.env, TORCHLAYERS_CACHE: undefined, ...env },
    });
    return { status, output: stdout };
  }

  it('reports a sound installation', () => {
    const { status, output } = doctor(['doctor', '--json'], {});
    const report = JSON.parse(output);
    expect(report).toMatchObject({
      node: process.versions.node,
      libtorch: { wanted: libtorchVersion, found: { version: libtorchVersion } },
      addon: { folder: built, build: { openmp: true } },
      problems: [],
    });
    expect(report.cpu.features.length).toBeGreaterThan(0);
    expect(report.devices[0].name).toBe('cpu');
    expect(report.addon.build.flags).toMatch(/Release/);
    expect(status).toBe(0);
  });

  it('names what is wrong and the command that mends it', () => {
    const { status, output } = doctor(['doctor'], { TORCHLAYERS_CACHE: join(folder, 'empty') });
    expect(output).toContain(`no libtorch ${libtorchVersion}`);
    expect(output).toContain('  npx torchlayers install');
    expect(status).toBe(1);
  });

  it('notices files of a wrong size', () => {
    const files = {
      'libtorch.json': JSON.stringify({ version: libtorchVersion, files: [{ path: `lib/${mainLibrary}`, size: 5 }] }),
    };
    const path = fakeLibtorch(join(folder, 'mine'), files);
    const { output } = doctor(['doctor', '--json'], { LIBTORCH: path });
    const { problems } = JSON.parse(output);
    expect(problems[0]).toEqual({
      problem: `files of libtorch are missing or of a wrong size: lib/${mainLibrary}`,
      mend: 'npx torchlayers install --force',
    });
  });
});

it('the command line refuses what it does not know', () => {
  const main = fileURLToPath(new URL('../../lib/cli/main.ts', import.meta.url));
  for (const args of [['remove'], ['doctor', 'now'], ['install', '--cuda', '--cpu'], ['install', '--gpu'], []]) {
    const { status, stderr } = spawnSync(process.execPath, ['--import', 'tsx', main, ...args], { encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stderr).toContain('Usage:');
  }
});
