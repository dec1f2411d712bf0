import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TrialStore } from '../../lib/tuner/store.js';
import type { Trial } from '../../lib/tuner/trial.js';

const script = fileURLToPath(new URL('search-child.ts', import.meta.url));
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'torchlayers-sharing-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function start(folder: string, ...args: string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', script, folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

function trialsOf(folder: string): Trial[] {
  const store = new TrialStore(join(folder, 'shared', 'trials.db'));
  try {
    return store.trials();
  } finally {
    store.close();
  }
}

const plain = (trials: readonly Trial[]): unknown[] =>
  trials.map(({ id, status, values, score }) => [id, status, values, score]);

describe('a search', () => {
  it.each(['RandomSearch', 'BayesianOptimization'])(
    '%s that is killed again and again ends as one that never was',
    async (algorithm) => {
      const quiet = join(directory, 'quiet');
      expect(await once(start(quiet, algorithm, '0'), 'exit')).toEqual([0, null]);

      const killed = join(directory, 'killed');
      let kills = 0;
      for (;;) {
        const child = start(killed, algorithm, '60');
        const ended = once(child, 'exit');
        // Some time after it began its third trial at the latest.
        let left = 1 + Math.floor(Math.random() * 3);
        child.stdout?.on('data', (dots: Buffer) => {
          left -= dots.length;
          if (left <= 0) setTimeout(() => child.kill('SIGKILL'), Math.random() * 70);
        });
        const [code] = await ended;
        if (code === 0) break;
        kills++;
      }
      expect(kills).toBeGreaterThan(0);
      expect(plain(trialsOf(killed))).toEqual(plain(trialsOf(quiet)));
    },
  );

  it('is shared by two processes and two threads each, every trial run once', async () => {
    const codes = await Promise.all(
      [start(directory, 'RandomSearch', '30', '2'), start(directory, 'RandomSearch', '30', '2')].map((child) =>
        once(child, 'exit'),
      ),
    );
    expect(codes).toEqual([
      [0, null],
      [0, null],
    ]);
    const trials = trialsOf(directory);
    expect(trials.map((trial) => trial.id)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(new Set(trials.map((trial) => trial.status))).toEqual(new Set(['completed']));
    expect(new Set(trials.map((trial) => JSON.stringify(trial.values))).size).toBe(16);
  });
});
