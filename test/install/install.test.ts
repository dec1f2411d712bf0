import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
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
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type InstallOptions, installLibtorch, type LibtorchManifest } from '../../lib/cli/libtorch/install.js';
import { type ArchiveServer, type Behaviour, makeZip, serveArchive, sha256 } from './archive-server.js';

const library = Buffer.alloc(200_000, 'library');
const archive = makeZip({
  'libtorch/lib/libtorch_cpu.so': library,
  'libtorch/lib/libdnnl.a': Buffer.from('static'),
  'libtorch/include/ATen/ATen.h': Buffer.from('#pragma once\n'),
  'libtorch/share/cmake/Torch.cmake': Buffer.from('cmake'),
  'libtorch/build-version': Buffer.from('1.2.3+cpu\n'),
});
const wheel = makeZip({
  'torch/lib/libtorch_cpu.so': library,
  'torch/lib/libtorch_python.so': Buffer.from('python'),
  'torch/include/ATen/ATen.h': Buffer.from('#pragma once\n'),
  'torch-1.2.3.dist-info/licenses/LICENSE': Buffer.from('terms'),
});
const wheelFile = 'torch-1.2.3-cp311-cp311-manylinux_2_28_x86_64.whl';
const silent = { write: () => undefined };

let cache: string;
let target: string;
let server: ArchiveServer | undefined;

beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'torchlayers-install-'));
  target = join(cache, 'libtorch-1.2.3-linux-x64-cpu');
});

afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(cache, { recursive: true, force: true });
});

async function options(behaviours: Behaviour[], overrides: Partial<InstallOptions> = {}): Promise<InstallOptions> {
  server = await serveArchive(archive, behaviours);
  return {
    name: 'linux-x64-cpu',
    version: '1.2.3',
    target,
    pinned: {
      archive: { url: server.url, sha256: sha256(archive) },
      wheels: [
        {
          name: 'torch',
          version: '1.2.3',
          file: wheelFile,
          sha256: sha256(wheel),
          take: ['torch/include/', 'torch/lib/'],
          skip: 'python',
        },
      ],
    },
    output: silent,
    python: join(cache, 'no-such-python'),
    download: { stallMs: 2_000, pauseMs: 1, tries: 2 },
    ...overrides,
  };
}

function expectInstalled(source: string): void {
  const manifest = JSON.parse(readFileSync(join(target, 'libtorch.json'), 'utf8')) as LibtorchManifest;
  expect(manifest).toMatchObject({ version: '1.2.3', variant: 'linux-x64-cpu', source });
  expect(manifest.files).toContainEqual({ path: 'lib/libtorch_cpu.so', size: library.byteLength });
  expect(readFileSync(join(target, 'lib', 'libtorch_cpu.so')).equals(library)).toBe(true);
  expect(existsSync(join(target, 'include', 'ATen', 'ATen.h'))).toBe(true);
  // Nothing of the work is left beside it.
  expect(readdirSync(cache).filter((name) => /\.tmp-|\.lock/.test(name))).toEqual([]);
  expect(readdirSync(join(cache, 'downloads'))).toEqual([]);
}

/** A program that stands in for `python3 -m pip download`: it copies a prepared wheel to where it is told. */
function fakePython(content: Buffer): string {
  const prepared = join(cache, wheelFile);
  writeFileSync(prepared, content);
  const path = join(cache, 'python.sh');
  writeFileSync(
    path,
    `#!/bin/sh\necho "$@" >> '${cache}/pip.log'\nwhile [ "$1" != --dest ]; do shift; done\ncp '${prepared}' "$2"\n`,
    { mode: 0o755 },
  );
  return path;
}

describe('installLibtorch', () => {
  it('unpacks the libraries and headers of the archive, and nothing else', async () => {
    expect(await installLibtorch(await options([{ kind: 'whole' }]))).toBe(true);
    expectInstalled('archive');
    expect(readdirSync(join(target, 'lib'))).toEqual(['libtorch_cpu.so']);
    expect(existsSync(join(target, 'share'))).toBe(false);
  });

  it('does nothing where it is installed, and does it anew with force', async () => {
    const settings = await options([{ kind: 'whole' }]);
    await installLibtorch(settings);
    expect(await installLibtorch(settings)).toBe(false);
    expect(server?.requests).toHaveLength(1);
    expect(await installLibtorch({ ...settings, force: true })).toBe(true);
    expectInstalled('archive');
  });

  it('replaces a folder that no install finished', async () => {
    mkdirSync(join(target, 'lib'), { recursive: true });
    writeFileSync(join(target, 'lib', 'libtorch_cpu.so'), 'half');
    expect(await installLibtorch(await options([{ kind: 'whole' }]))).toBe(true);
    expectInstalled('archive');
  });

  it('does the work once when two run at a time', async () => {
    const settings = await options([{ kind: 'whole' }]);
    const results = await Promise.all([installLibtorch(settings), installLibtorch(settings)]);
    expect(results.sort()).toEqual([false, true]);
    expect(server?.requests).toHaveLength(1);
    expectInstalled('archive');
  });

  it('takes over a lock whose holder was killed, and clears away what it left', async () => {
    const settings = await options([{ kind: 'whole' }]);
    const child = spawn(process.execPath, ['-e', '']);
    await once(child, 'exit');
    const { hostname } = await import('node:os');
    writeFileSync(`${target}.lock`, JSON.stringify({ pid: child.pid, host: hostname() }));
    mkdirSync(`${target}.tmp-${child.pid}`);
    expect(await installLibtorch(settings)).toBe(true);
    expectInstalled('archive');
  });

  it('falls back to the wheel, told to pip for the very file that is pinned', async () => {
    const python = fakePython(wheel);
    expect(await installLibtorch(await options([{ kind: 'status', status: 403 }], { python }))).toBe(true);
    expectInstalled('wheels');
    expect(readdirSync(join(target, 'lib'))).toEqual(['libtorch_cpu.so']);
    expect(readFileSync(join(target, 'licenses', 'torch', 'LICENSE'), 'utf8')).toBe('terms');
    const call = readFileSync(join(cache, 'pip.log'), 'utf8');
    expect(call).toContain('-m pip download --no-deps');
    expect(call).toContain('--python-version 3.11 --abi cp311 --platform manylinux_2_28_x86_64');
  });

  it('does not use an archive without a pinned digest', async () => {
    const settings = await options([{ kind: 'whole' }]);
    settings.pinned.archive.sha256 = null;
    settings.python = fakePython(wheel);
    await installLibtorch(settings);
    expect(server?.requests).toEqual([]);
    expectInstalled('wheels');
  });

  it('refuses a wheel with another digest, and lists all that was tried and what to type', async () => {
    const python = fakePython(Buffer.from('not the wheel'));
    const settings = await options([{ kind: 'status', status: 404 }], { python });
    const error = await installLibtorch(settings).catch((reason: Error) => reason.message);
    expect(error).toBe(
      [
        'torchlayers: libtorch 1.2.3 (linux-x64-cpu) could not be installed. Tried:',
        `    - ${server?.url}: ${server?.url}: the server answered 404 Not Found`,
        `    - python3 -m pip download torch==1.2.3: pip did not bring ${wheelFile} with the pinned sha256 ${sha256(wheel)}`,
        '  Try again (what was downloaded is kept and continued): npx torchlayers install',
        '  Or unpack libtorch yourself and name its folder: LIBTORCH=/path/to/libtorch',
        '  Or use the Python package: python3 -m pip install torch, and LIBTORCH_USE_PYTORCH=1',
      ].join('\n'),
    );
    expect(existsSync(target)).toBe(false);
  });

  it('says so where there is no Python', async () => {
    await expect(installLibtorch(await options([{ kind: 'status', status: 404 }]))).rejects.toThrow(
      'no-such-python was not found',
    );
  });

  it('leaves nothing half-made when it is killed, and the next one continues', async () => {
    const settings = await options([{ kind: 'slow', after: 120_000 }, { kind: 'whole' }]);
    const script = fileURLToPath(new URL('install-child.ts', import.meta.url));
    const child: ChildProcess = spawn(
      process.execPath,
      ['--import', 'tsx', script, JSON.stringify({ ...settings, output: undefined })],
      {
        stdio: ['ignore', 'ignore', 'inherit'],
      },
    );
    const part = join(cache, 'downloads', 'libtorch.zip.part');
    await vi.waitFor(() => expect(statSync(part).size).toBeGreaterThanOrEqual(120_000), { timeout: 30_000 });
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(target)).toBe(false);
    const kept = statSync(part).size;

    expect(await installLibtorch(settings)).toBe(true);
    expect(server?.requests).toEqual(['whole', `bytes=${kept}-`]);
    expectInstalled('archive');
  });
});
