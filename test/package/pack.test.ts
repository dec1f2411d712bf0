import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { cachedLibtorch, packagePlatform, packageRoot } from '../../lib/core/libtorch.js';
import { binOf, capture } from '../../scripts/commands.js';
import { type Packed, packAll } from '../../scripts/pack.js';

const minutes = 60_000;
// npm lies beside the node that runs these tests, or where its own scripts say.
const npm =
  process.env['npm_execpath'] ??
  resolve(dirname(realpathSync(process.execPath)), '../lib/node_modules/npm/bin/npm-cli.js');

let folder: string;
let packed: Packed[];
let user: string;

const tarball = (stage: Packed['stage']): Packed => {
  const found = packed.find((entry) => entry.stage === stage);
  if (found === undefined) throw new Error(`no tarball of ${stage}`);
  return found;
};

/** The environment of a machine that has Node and nothing else. */
function bareEnvironment(): NodeJS.ProcessEnv {
  const bin = join(folder, 'bin');
  if (!existsSync(bin)) {
    mkdirSync(bin);
    symlinkSync(process.execPath, join(bin, 'node'));
  }
  const { HOME, TMPDIR } = process.env;
  return { PATH: bin, HOME, ...(TMPDIR && { TMPDIR }), TORCHLAYERS_CACHE: join(folder, 'no-cache') };
}

function node(args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, args, { cwd: user, encoding: 'utf8', env: bareEnvironment() });
}

/** A package of node_modules as a tarball, since the install below may not ask a registry. */
function packDependency(name: string): string {
  const { ok, output } = capture(
    process.execPath,
    [npm, 'pack', '--silent', '--ignore-scripts', '--pack-destination', folder],
    {
      cwd: join(packageRoot, 'node_modules', name),
    },
  );
  if (!ok) throw new Error(output);
  return join(folder, output.trim().split('\n').at(-1) ?? '');
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlayers-package-'));
  packed = packAll(join(folder, 'packs'));
  user = join(folder, 'user');
  mkdirSync(user);
  writeFileSync(join(user, 'package.json'), '{ "name": "user", "private": true, "type": "module" }\n');
  copyFileSync(fileURLToPath(new URL('consumer.mjs', import.meta.url)), join(user, 'consumer.mjs'));
}, 5 * minutes);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the tarballs', () => {
  it('hold what users need and nothing of the repository', () => {
    const { files } = tarball('main');
    for (const needed of [
      'package.json',
      'README.md',
      'CHANGELOG.md',
      'LICENSE',
      'NOTICE',
      'libtorch.json',
      'dist/index.js',
      'dist/index.d.ts',
      'dist/cli/main.js',
    ]) {
      expect(files).toContain(needed);
    }
    expect(files.filter((file) => !/^(dist\/|[A-Za-z.]+$)/.test(file))).toEqual([]);
    expect(tarball('addon').files.sort()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
      'torchlayers.node',
      'torchlayers_loader.node',
    ]);
    expect(tarball('libtorch').files.filter((file) => file.startsWith('include/'))).toEqual([]);
    expect(tarball('libtorch').files.some((file) => file.startsWith('licenses/torch/LICENSE'))).toBe(true);
  });

  it('stay within their sizes', () => {
    expect(tarball('main').bytes).toBeLessThan(2e6);
    expect(tarball('addon').bytes).toBeLessThan(5e6);
    expect(tarball('libtorch').bytes).toBeLessThan(150e6);
  });

  it('carry no path of the machine that built them', () => {
    const contents = ['torchlayers.node', 'torchlayers_loader.node'].map((name) =>
      readFileSync(join(packageRoot, 'build', 'Release', name)),
    );
    for (const content of contents) {
      expect(content.includes(`${cachedLibtorch('cpu')}/lib`)).toBe(false);
    }
  });

  it.each([
    ['publint', () => [binOf('publint'), '--strict', tarball('main').path]],
    ['attw', () => [binOf('@arethetypeswrong/cli', 'attw'), '--profile', 'esm-only', tarball('main').path]],
  ])(
    'pass %s',
    (_, command) => {
      const { ok, output } = capture(process.execPath, command());
      expect(ok, output).toBe(true);
    },
    minutes,
  );
});

describe('in an empty folder, with Node alone and no install scripts', () => {
  it(
    'installs without a network',
    () => {
      const tarballs = [...packed.map(({ path }) => path), packDependency('yauzl'), packDependency('pend')];
      const { status, stderr } = node([
        npm,
        'install',
        '--offline',
        '--ignore-scripts',
        '--no-audit',
        '--no-fund',
        ...tarballs,
      ]);
      expect(stderr).not.toMatch(/npm error/);
      expect(status).toBe(0);
    },
    5 * minutes,
  );

  it(
    'trains',
    () => {
      const { status, stdout, stderr } = node(['consumer.mjs']);
      expect(stderr).toBe('');
      const result = JSON.parse(stdout);
      expect(result.tools).toEqual([]);
      expect(result.losses[1]).toBeLessThan(result.losses[0] / 2);
      expect(result.accuracy).toBeGreaterThan(0.95);
      expect(result.sum).toBe(6);
      expect(status).toBe(0);
    },
    minutes,
  );

  it(
    'takes the addon and libtorch from their packages',
    () => {
      const { status, stdout } = node(['node_modules/torchlayers/dist/cli/main.js', 'doctor', '--json']);
      const report = JSON.parse(stdout);
      expect(report.problems).toEqual([]);
      const modules = join(realpathSync(user), 'node_modules', '@torchlayers');
      expect(report.addon.folder).toBe(join(modules, packagePlatform));
      expect(report.libtorch.found).toMatchObject({
        path: join(modules, `libtorch-${packagePlatform}`),
        how: 'package',
      });
      expect(status).toBe(0);
    },
    minutes,
  );

  it(
    'says what to type when libtorch is left out',
    () => {
      rmSync(join(user, 'node_modules', '@torchlayers', `libtorch-${packagePlatform}`), { recursive: true });
      const { status, stderr } = node(['consumer.mjs']);
      expect(stderr).toContain(`package @torchlayers/libtorch-${packagePlatform}: not installed`);
      expect(stderr).toContain('npx torchlayers install');
      expect(status).toBe(1);
    },
    minutes,
  );
});
