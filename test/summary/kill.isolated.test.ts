// A process that is killed while it writes: what it left can be read up to the last whole record, by us and by TensorBoard's own code.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { summary } from '../../lib/index.js';
import { eventFiles, readRecords, readScalars } from '../support/event-files.js';
import { findTensorBoard, missingTools } from '../support/tools.js';

const fixture = fileURLToPath(new URL('./fixtures/flood.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'torchlayers-kill-'));
const missing = missingTools('tensorboard');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function started(child: ChildProcess): Promise<void> {
  let errors = '';
  child.stderr?.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve());
    child.once('exit', () => reject(new Error(`the writer ended: ${errors}`)));
  });
}

async function killed(logDir: string, afterMs: number): Promise<void> {
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, logDir], { stdio: ['ignore', 'pipe', 'pipe'] });
  try {
    await started(child);
    await setTimeout(afterMs);
  } finally {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
  expect(child.signalCode).toBe('SIGKILL');
}

/** Numbers of events that TensorBoard's own reader finds in each file; an error of it is an error here. */
function readByTensorBoard(paths: readonly string[]): number[] {
  const script = join(folder, 'count.py');
  writeFileSync(
    script,
    [
      'import sys',
      'from tensorboard.backend.event_processing.event_file_loader import EventFileLoader',
      'for path in sys.argv[1:]:',
      '    print(sum(1 for _ in EventFileLoader(path).Load()))',
    ].join('\n'),
  );
  // TensorBoard's program is a script; its first line names the Python that has it.
  const [python = ''] = readFileSync(findTensorBoard() as string, 'utf8')
    .slice(2)
    .split('\n');
  return execFileSync(python, [script, ...paths], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
    .trim()
    .split('\n')
    .map(Number);
}

const moments = Array.from({ length: 6 }, () => Math.round(20 + Math.random() * 600));
const runs = moments.map((afterMs, i) => ({ afterMs, logDir: join(folder, String(i)) }));

test.each(runs)('killed after $afterMs ms of writing', async ({ afterMs, logDir }) => {
  await killed(logDir, afterMs);
  const [path = ''] = eventFiles(logDir);
  const { records } = readRecords(readFileSync(path));
  expect(records.length).toBeGreaterThan(2);
  // No step is missing before the end.
  const steps = readScalars(logDir)['loss']?.map(([step]) => step);
  expect(steps).toEqual(Array.from({ length: steps?.length ?? 0 }, (_, step) => step));
});

test.skipIf(missing !== null)(`TensorBoard reads as many events of each${missing ?? ''}`, () => {
  const paths = runs.flatMap(({ logDir }) => eventFiles(logDir));
  expect(paths).toHaveLength(runs.length);
  expect(readByTensorBoard(paths)).toEqual(paths.map((path) => readRecords(readFileSync(path)).records.length));
});

test.skipIf(missing !== null)(`a file cut anywhere is read up to there${missing ?? ''}`, async () => {
  const writer = summary.createFileWriter(join(folder, 'whole'));
  for (let step = 0; step < 60; step++) await writer.scalar('loss', step, { step });
  await writer.close();
  const whole = readFileSync(writer.path as string);
  // Within the first event there is nothing to read yet.
  const lengths = Array.from({ length: 40 }, (_, i) => 100 + i * 67 + Math.floor(Math.random() * 67));
  const paths = lengths.map((length, i) => {
    const path = join(folder, `cut.tfevents.${i}`);
    writeFileSync(path, whole.subarray(0, length));
    return path;
  });
  const counts = paths.map((path) => readRecords(readFileSync(path)).records.length);
  expect(new Set(counts).size).toBeGreaterThan(20);
  expect(readByTensorBoard(paths)).toEqual(counts);
});
