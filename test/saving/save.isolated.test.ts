import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { Input, layers, models, Sequential } from '../../lib/index.js';
import { scratch } from './files.js';

const folder = scratch();
const fixture = (name: string): string => fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url));
const child = (name: string, ...args: string[]) =>
  spawn(process.execPath, ['--expose-gc', '--import', 'tsx', fixture(name), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });

describe('saving', () => {
  test('a kill at any moment leaves the old file or the new one', async () => {
    const path = join(folder, 'model.keras');
    const rounds = 8;
    for (let round = 0; round < rounds; round++) {
      const saver = child('save-again.ts', path);
      let said = 0;
      saver.stdout.on('data', (text: Buffer) => {
        said = Number(text.toString().trim().split('\n').pop());
      });
      await once(saver.stdout, 'data');
      // Spread over the 30 ms or so of a save.
      await new Promise((resolve) => setTimeout(resolve, 7 * round + Math.random() * 10));
      saver.kill('SIGKILL');
      await once(saver, 'close');
      const loaded = await models.loadModel(path);
      const numbers = new Set(
        loaded.getWeights().flatMap(({ data }) => [data[0], data[data.length - 1], data[data.length >> 1]]),
      );
      expect(numbers.size).toBe(1);
      const [number] = numbers;
      expect([said, said + 1]).toContain(number);
    }
    // What the kills left, at most one for each, goes with a save in an hour's time.
    expect((await readdir(folder)).filter((name) => name.startsWith('.model.keras')).length).toBeLessThanOrEqual(
      2 * rounds,
    );
  });

  test('of large models takes little memory and lets the event loop run', async () => {
    const megabytes = process.env.TORCHLAYERS_SAVE_MB ?? '256';
    const path = join(folder, 'large.keras');
    const saver = child('save-large.ts', path, megabytes);
    let text = '';
    saver.stdout.on('data', (part: Buffer) => {
      text += part.toString();
    });
    const [code] = await once(saver, 'close');
    expect(code).toBe(0);
    const { saving, loading } = JSON.parse(text) as Record<
      'saving' | 'loading',
      { aboveMB: number; pauseMs: number; seconds: number }
    >;
    console.log(`${megabytes} MB: saving ${JSON.stringify(saving)}, loading ${JSON.stringify(loading)}`);
    expect((await stat(path)).size).toBeGreaterThan(Number(megabytes) * 2 ** 20);
    expect(saving.aboveMB).toBeLessThan(300);
    // Once the weights themselves, as they are new.
    expect(loading.aboveMB).toBeLessThan(Number(megabytes) + 300);
    // Far above what is measured on a quiet machine (see docs/saving.md), far below what a save takes.
    expect(saving.pauseMs).toBeLessThan(250);
  });

  test('a full disk is told, and leaves the old file', async (context) => {
    const small = join(folder, 'small');
    await mkdir(small);
    try {
      if (process.platform !== 'linux') context.skip();
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small], { stdio: 'ignore' });
    } catch {
      context.skip('mounting a small file system needs rights');
    }
    try {
      const path = join(small, 'model.keras');
      await writeFile(path, 'old');
      const model = new Sequential([Input({ shape: [300] }), new layers.Dense({ units: 300 })]);
      const error = (await model.save(path).catch((reason) => reason)) as NodeJS.ErrnoException;
      expect(error.message).toContain(`"${path}": expected space on the disk, got ENOSPC.`);
      expect(error.code).toBe('ENOSPC');
      expect(await readdir(small)).toEqual(['model.keras']);
      await mkdir(join(folder, 'after'));
      await model.save(join(folder, 'after', 'model.keras'));
    } finally {
      execFileSync('umount', [small]);
    }
  });
});
