// Runs the same workload in torchlayers, PyTorch and Keras, each in a process of its own, and prints one table.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../lib/core/libtorch.js';
import { binOf } from '../scripts/commands.js';
import { type Contestant, measure } from './process.js';
import { pythonFor } from './python-environments.js';
import { median, type Run } from './workload.js';

const known = ['torchlayers', 'pytorch', 'keras-tensorflow', 'keras-jax'];

/** The program of a contestant: bench/torchlayers_<workload>.ts, bench/python/pytorch_<workload>.py, bench/python/keras_<workload>.py. */
function contestant(workload: string, name: string, args: string[]): Contestant {
  const script = (file: string): string => join(packageRoot, 'bench', file);
  switch (name) {
    case 'torchlayers':
      return { name, command: process.execPath, args: [binOf('tsx'), script(`torchlayers_${workload}.ts`), ...args] };
    case 'pytorch':
      return { name, command: pythonFor('pytorch'), args: [script(`python/pytorch_${workload}.py`), ...args] };
    default:
      return {
        name,
        command: pythonFor('keras'),
        args: [script(`python/keras_${workload}.py`), ...args],
        env: { KERAS_BACKEND: name.replace('keras-', '') },
      };
  }
}

interface Column {
  title: string;
  of: (run: Run) => number | undefined;
  digits: number;
}

const columns: Column[] = [
  { title: 'us/step', of: (run) => run.us_per_step, digits: 0 },
  { title: 's/epoch', of: (run) => run.s_per_epoch, digits: 2 },
  { title: 'first epoch s', of: (run) => run.first_epoch_s, digits: 2 },
  { title: 'import s', of: (run) => run.import_s, digits: 2 },
  { title: 'process s', of: (run) => run.process_s, digits: 1 },
  { title: 'peak MB', of: (run) => run.peak_rss_mb, digits: 0 },
  { title: 'accuracy', of: (run) => run.test_accuracy, digits: 4 },
];

function middle(runs: readonly Run[], of: Column['of']): number {
  return median(runs.map(of).filter((value): value is number => value !== undefined));
}

function printTable(results: Map<string, Run[]>): void {
  const own = results.get('torchlayers');
  const head = ['', ...columns.map(({ title }) => title), 'step range us', 'step vs ours'];
  const rows = [...results].map(([name, runs]) => {
    const steps = runs.flatMap((run) => run.us_per_step_of_each_epoch);
    const ratio =
      own === undefined
        ? ''
        : `${(middle(runs, (run) => run.us_per_step) / middle(own, (run) => run.us_per_step)).toFixed(2)}x`;
    const range = `${Math.min(...steps).toFixed(0)}-${Math.max(...steps).toFixed(0)}`;
    return [name, ...columns.map(({ of, digits }) => middle(runs, of).toFixed(digits)), range, ratio];
  });
  const widths = head.map((_, i) => Math.max(...[head, ...rows].map((row) => (row[i] as string).length)));
  for (const row of [head, ...rows]) {
    console.log(
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
        .join('  '),
    );
  }
}

/**
 * Runs a workload's contestants in rounds and prints the table and the numbers; answers the runs of torchlayers.
 * Arguments: `--only <names>`, `--runs <rounds>`, `--epochs`, `--seed`, `--threads` (0 leaves each its own choice).
 */
export async function sideBySide(
  workload: string,
  file: string,
  args: string[],
  defaults: { epochs: number },
): Promise<Run[]> {
  const { values } = parseArgs({
    args,
    options: {
      only: { type: 'string', default: known.join(',') },
      runs: { type: 'string', default: '1' },
      epochs: { type: 'string', default: String(defaults.epochs) },
      seed: { type: 'string', default: '0' },
      threads: { type: 'string', default: '0' },
    },
  });
  const names = values.only.split(',');
  for (const name of names) {
    if (!known.includes(name))
      throw new Error(`bench: expected --only with some of ${known.join(', ')}, got ${JSON.stringify(name)}.`);
  }
  const shared = [file, '--epochs', values.epochs, '--seed', values.seed, '--threads', values.threads];
  const contestants = names.map((name) => contestant(workload, name, shared));
  const results = new Map<string, Run[]>(names.map((name) => [name, []]));
  // Round by round, so that a slow minute of the machine meets all alike.
  for (let round = 0; round < Number(values.runs); round++) {
    for (const one of contestants) {
      console.error(`round ${round + 1}: ${one.name}`);
      results.get(one.name)?.push(await measure(one));
    }
  }
  printTable(results);
  console.log(`\n${JSON.stringify(Object.fromEntries(results))}`);
  return results.get('torchlayers') ?? [];
}
