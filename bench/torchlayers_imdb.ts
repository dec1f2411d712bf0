// The IMDb model (200 words, Embedding 256, dropout 0.3, max pooling, 128, dropout 0.5, Adam, batch 500) in torchlayers; prints one line of JSON.
// The peers: bench/python/*_imdb.py.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string', default: '2' },
    seed: { type: 'string', default: '0' },
    threads: { type: 'string', default: '0' },
  },
});
const [file] = positionals;
if (file === undefined) throw new Error('torchlayers_imdb: expected the .npz file that the workload writes.');
const batchSize = 500;
// Twenty steps an epoch: the slowest contestant needs 15 s for them.
const trainRows = 10_000;
const testRows = 5_000;

const start = performance.now();
const { callbacks, Input, layers, Sequential, tensor, utils } = await import('../lib/index.js');
const { native } = await import('../lib/core/native.js');
const { readNpz } = await import('../lib/datasets/npz.js');
const importSeconds = (performance.now() - start) / 1000;

class EpochTimes extends callbacks.Callback {
  readonly seconds: number[] = [];
  #start = 0;
  override get usesVariables(): boolean {
    return false;
  }
  override onEpochBegin(): void {
    this.#start = performance.now();
  }
  override onEpochEnd(): void {
    this.seconds.push((performance.now() - this.#start) / 1000);
  }
}

/** Largest resident memory of this process so far. */
function peakRssMb(): number {
  try {
    const line = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line !== null) return Number(line[1]) / 1024;
  } catch {
    // No such file on this system.
  }
  return process.resourceUsage().maxRSS / 1024;
}

const threads = Number(values.threads);
if (threads > 0) native.setThreads(threads);
utils.setRandomSeed(Number(values.seed));
const arrays = await readNpz(file);
const part = (name: string, rows: number): ReturnType<typeof tensor> => {
  const { data, shape } = arrays.get(name) as { data: Int32Array | Uint8Array; shape: readonly number[] };
  const width = shape[1] as number;
  const numbers = data.subarray(0, rows * width);
  return tensor(width === 1 ? Float32Array.from(numbers) : (numbers as Int32Array), { shape: [rows, width] });
};
const [xTrain, yTrain] = [part('x_train', trainRows), part('y_train', trainRows)];
const [xTest, yTest] = [part('x_test', testRows), part('y_test', testRows)];

const model = new Sequential([
  Input({ shape: [200], dtype: 'int32' }),
  new layers.Embedding({ inputDim: 10_000, outputDim: 256 }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.GlobalMaxPooling1D(),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dropout({ rate: 0.5 }),
  new layers.Dense({ units: 1, activation: 'sigmoid' }),
]);
model.compile({ optimizer: 'adam', loss: 'binary_crossentropy', metrics: ['accuracy'] });

const times = new EpochTimes();
await model.fit(xTrain, yTrain, { batchSize, epochs: 1 + Number(values.epochs), verbose: 0, callbacks: [times] });
const peak = peakRssMb();
const testLogs = await model.evaluate(xTest, yTest, { batchSize, verbose: 0 });

const [first = 0, ...measured] = times.seconds;
const steps = trainRows / batchSize;
const secondsPerEpoch = measured.toSorted((a, b) => a - b)[Math.floor(measured.length / 2)] as number;
console.log(
  JSON.stringify({
    name: 'torchlayers',
    us_per_step: (secondsPerEpoch / steps) * 1e6,
    us_per_step_of_each_epoch: measured.map((seconds) => (seconds / steps) * 1e6),
    s_per_epoch: secondsPerEpoch,
    first_epoch_s: first,
    import_s: importSeconds,
    peak_rss_mb: peak,
    test_accuracy: testLogs['accuracy'],
    threads: native.threads(),
    versions: { node: process.versions.node },
  }),
);
