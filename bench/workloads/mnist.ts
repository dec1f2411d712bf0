// The book's MNIST classifier, side by side with PyTorch and Keras.
import { existsSync, mkdirSync, renameSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { cacheFolder, packageRoot } from '../../lib/core/libtorch.js';
import { binOf } from '../../scripts/commands.js';
import { type ByteArray, writeNpz } from '../npz.js';
import { type Contestant, measure } from '../process.js';
import { pythonFor } from '../python-environments.js';
import { median, type Run, type Workload } from '../workload.js';

const known = ['torchlayers', 'pytorch', 'keras-tensorflow', 'keras-jax'];

/** The data set as a file that Python reads too: Keras' own, else one written into the cache. */
export async function mnistFile(): Promise<string> {
  const keras = join(process.env['KERAS_HOME'] ?? join(homedir(), '.keras'), 'datasets', 'mnist.npz');
  if (existsSync(keras)) return keras;
  const file = join(cacheFolder(), 'bench', 'mnist.npz');
  if (existsSync(file)) return file;
  const { datasets } = await import('../../lib/index.js');
  const [[xTrain, yTrain], [xTest, yTest]] = await datasets.mnist.loadData();
  const array = (tensor: typeof xTrain): ByteArray => ({ data: tensor.dataSync() as Uint8Array, shape: tensor.shape });
  mkdirSync(dirname(file), { recursive: true });
  writeNpz(`${file}.partial`, {
    x_train: array(xTrain),
    y_train: array(yTrain),
    x_test: array(xTest),
    y_test: array(yTest),
  });
  renameSync(`${file}.partial`, file);
  return file;
}

function contestant(name: string, args: string[]): Contestant {
  const script = (file: string): string => join(packageRoot, 'bench', file);
  switch (name) {
    case 'torchlayers':
      return { name, command: process.execPath, args: [binOf('tsx'), script('torchlayers_mnist.ts'), ...args] };
    case 'pytorch':
      return { name, command: pythonFor('pytorch'), args: [script('python/pytorch_mnist.py'), ...args] };
    default:
      return {
        name,
        command: pythonFor('keras'),
        args: [script('python/keras_mnist.py'), ...args],
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
  if (own === undefined) return;
  const pause = Math.max(...own.map((run) => run.event_loop_pause_ms ?? 0));
  console.log(`\nLongest pause of the event loop during fit: ${pause.toFixed(1)} ms`);
  console.log(
    `One eager op call (ops.add of two small tensors): ${middle(own, (run) => run.eager_call_us).toFixed(2)} us`,
  );
}

export const workload: Workload = {
  description: 'MNIST classifier 784-128-128-10, dropout 0.3, Adam, batch 128',
  async run(args) {
    const { values } = parseArgs({
      args,
      options: {
        only: { type: 'string', default: known.join(',') },
        runs: { type: 'string', default: '1' },
        epochs: { type: 'string', default: '5' },
        seed: { type: 'string', default: '0' },
        threads: { type: 'string', default: '0' },
      },
    });
    const names = values.only.split(',');
    for (const name of names) {
      if (!known.includes(name))
        throw new Error(`bench: expected --only with some of ${known.join(', ')}, got ${JSON.stringify(name)}.`);
    }
    const shared = [await mnistFile(), '--epochs', values.epochs, '--seed', values.seed, '--threads', values.threads];
    const contestants = names.map((name) => contestant(name, shared));
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
  },
};
