// Every experiment for real, small: it trains, keeps its results, prints its table and writes its page; and the commands as a user runs them.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { experiments } from '../../experiments/catalog.js';
import { type Digits, loadDigits } from '../../experiments/digits.js';
import type { ExperimentResult } from '../../experiments/result.js';
import { runExperiment } from '../../experiments/runner.js';
import { packageRoot } from '../../lib/core/libtorch.js';

const folder = mkdtempSync(join(tmpdir(), 'torchlayers-experiments-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const resultIn = (place: string, name: string): ExperimentResult =>
  JSON.parse(readFileSync(join(place, `${name}.json`), 'utf8')) as ExperimentResult;

describe('each experiment', () => {
  let digits: Digits;
  beforeAll(async () => {
    digits = await loadDigits(160);
  });

  test.each(experiments.map((experiment) => [experiment.name, experiment] as const))(
    '%s',
    async (name, experiment) => {
      const lines: string[] = [];
      const log = (text: string): void => void lines.push(text);
      const { signal } = new AbortController();
      const result = await runExperiment(experiment, { digits, epochs: 2, seeds: 1, folder, signal, log });
      expect(resultIn(folder, name)).toEqual(JSON.parse(JSON.stringify(result)));
      expect(result).toMatchObject({ complete: true, images: 160 });
      expect(result.points.map(({ outcomes }) => outcomes.length)).toEqual(result.points.map(() => 1));
      expect(lines).toHaveLength(result.points.length + 1);
      const table = lines.at(-1) as string;
      const page = readFileSync(join(folder, `${name}.html`), 'utf8');
      for (const { label, outcomes } of result.points) {
        const accuracy = (100 * (outcomes[0]?.test as number)).toFixed(2);
        expect(table).toMatch(new RegExp(`^${label} .* ${accuracy}$`, 'm'));
        expect(page).toContain(accuracy);
      }
      expect(page).toContain(result.title);
    },
    30_000,
  );

  test('keeps what was finished when it is aborted', async () => {
    const controller = new AbortController();
    const reason = new Error('enough');
    const place = mkdtempSync(join(folder, 'aborted-'));
    const options = { digits, epochs: 1, seeds: 1, folder: place, signal: controller.signal };
    const [experiment] = experiments;
    await expect(runExperiment(experiment!, { ...options, log: () => controller.abort(reason) })).rejects.toBe(reason);
    const { complete, points } = resultIn(place, experiment!.name);
    expect(complete).toBe(false);
    expect(points.map(({ outcomes }) => outcomes.length)).toEqual([1, ...points.slice(1).map(() => 0)]);
    expect(readFileSync(join(place, `${experiment!.name}.html`), 'utf8')).toContain('Interrupted');
  });
});

/** Runs a command of experiments/; `onOutput` may end it. */
function command(
  file: string,
  args: string[],
  onOutput: (text: string, interrupt: () => void) => void = () => {},
): Promise<{ code: number | null; output: string; errors: string }> {
  const script = join(packageRoot, 'experiments', file);
  const child = spawn(process.execPath, ['--import', 'tsx', script, ...args], { cwd: packageRoot });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk) => {
    output += chunk;
    onOutput(output, () => child.kill('SIGINT'));
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => resolve({ code, output, errors }));
  });
}

describe('the commands', () => {
  test.each([
    ['run.ts', ['dropuot'], 'experiments: unknown name "dropuot".\n  Names: dropout, optimizer, '],
    ['reproduce.ts', ['--fast'], 'reproduce: unknown option --fast.\n  Options: --with-keras, '],
  ])(
    '%s %j ends with 1 and says why',
    async (file, args, message) => {
      const { code, output, errors } = await command(file, args);
      expect({ code, output }).toEqual({ code: 1, output: '' });
      expect(errors).toContain(message);
      expect(errors).not.toContain('    at ');
    },
    60_000,
  );

  test('SIGINT ends cleanly with what is finished', async () => {
    const place = join(folder, 'interrupted');
    const args = ['optimizer', '--epochs', '60', '--limit', '1000', '--out', place];
    let first = true;
    // The line of the first training interrupts the second.
    const { code, output, errors } = await command('run.ts', args, (_text, interrupt) => {
      if (first) interrupt();
      first = false;
    });
    expect(code).toBe(130);
    expect(errors).toContain('Interrupted: what was finished is saved.');
    const { complete, points } = resultIn(place, 'optimizer');
    expect(complete).toBe(false);
    expect(points.map(({ outcomes }) => outcomes.length)).toEqual([1, 0, 0]);
    expect(output).toMatch(/^SGD .*\d$/m);
    expect(existsSync(join(place, 'optimizer.html'))).toBe(true);
  }, 60_000);

  test('reproduce --quick trains every line and holds no figures', async () => {
    const place = join(folder, 'reproduce');
    const { code, output } = await command('reproduce.ts', ['--quick', '--out', place]);
    expect(code).toBe(0);
    const { results } = JSON.parse(readFileSync(join(place, 'reproduce.json'), 'utf8')) as {
      results: { ours: unknown[]; keras: unknown[] }[];
    };
    expect(results.map(({ ours, keras }) => [ours.length, keras.length])).toEqual(results.map(() => [1, 0]));
    expect(output.match(/not asked/g)).toHaveLength(6);
    expect(output).toContain('98.94 / 97.89 / 97.82');
  }, 60_000);
});
