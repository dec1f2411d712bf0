import { spawn } from 'node:child_process';
import { existsSync, type FSWatcher, mkdirSync, mkdtempSync, rmSync, watch } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const child = fileURLToPath(new URL('./resume-child.ts', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'torchlayers-resume-'));

afterAll(() => rmSync(root, { recursive: true, force: true }));

interface Run {
  /** The line of a run that came to its end; null if it was killed. */
  digest: string | null;
  /** From the first step to the end. */
  trainingMs: number;
  errors: string;
}

/** When to kill a run: some time after its first step, or while it writes a checkpoint: the n-th, some time after the file was begun. */
type Kill = { afterMs: number } | { write: number; afterMs: number } | null;

function train(kind: string, dir: string, kill: Kill): Promise<Run> {
  const running = spawn(process.execPath, ['--import', 'tsx', child, kind, dir], { stdio: ['ignore', 'pipe', 'pipe'] });
  let [output, errors, began] = ['', '', 0];
  let watcher: FSWatcher | null = null;
  const timers: NodeJS.Timeout[] = [];
  const killLater = (ms: number): void => {
    timers.push(setTimeout(() => running.kill('SIGKILL'), ms));
  };
  if (kill !== null && 'write' in kill) {
    let writes = 0;
    mkdirSync(dir, { recursive: true });
    watcher = watch(dir, (event, name) => {
      if (event === 'rename' && name?.endsWith('.tmp') && ++writes === 2 * kill.write) killLater(kill.afterMs);
    });
  }
  running.stdout.on('data', (chunk) => {
    output += chunk;
    if (began > 0 || !output.includes('training\n')) return;
    began = Date.now();
    if (kill !== null && !('write' in kill)) killLater(kill.afterMs);
  });
  running.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve) => {
    running.on('close', () => {
      watcher?.close();
      for (const timer of timers) clearTimeout(timer);
      resolve({ digest: /^digest .*$/m.exec(output)?.[0] ?? null, trainingMs: Date.now() - began, errors });
    });
  });
}

// Long and short runs, recorded and eager, arrays and a generator: 20 kills in all.
describe.each([
  ['native', 8],
  ['awaited', 5],
  ['iterable', 4],
  ['eager', 3],
])('%s', (kind, wanted) => {
  test(`killed ${wanted} times, it ends with the bits of a run that was never killed`, async () => {
    const undisturbed = await train(kind, '', null);
    expect(undisturbed.digest, undisturbed.errors).not.toBeNull();
    const [, digest, epochs] = (undisturbed.digest as string).split(' ');
    let [kills, atWrites, trainings] = [0, 0, 0];
    while (kills < wanted) {
      const dir = join(root, `${kind}-${trainings++}`, 'checkpoint');
      mkdirSync(dir, { recursive: true });
      for (;;) {
        const inWrite = kills % 2 === 1;
        const within = inWrite ? 3 : (undisturbed.trainingMs * 2) / wanted;
        const afterMs = Math.random() * within;
        const kill =
          kills >= wanted ? null : inWrite ? { write: 1 + Math.floor(Math.random() * 4), afterMs } : { afterMs };
        const run = await train(kind, dir, kill);
        if (run.digest === null) {
          expect(run.errors).not.toMatch(/Error/);
          kills++;
          if (inWrite) atWrites++;
          expect(kills, 'a run that nobody killed has ended').toBeLessThanOrEqual(wanted);
          continue;
        }
        expect(run.digest).toBe(`digest ${digest} ${epochs} ${Number(epochs) + 1}`);
        break;
      }
      expect(existsSync(join(dir, 'checkpoint.safetensors'))).toBe(true);
      expect(trainings, 'most runs ended before they could be killed').toBeLessThan(12);
    }
    expect(atWrites).toBeGreaterThan(0);
  }, 120_000);
});
