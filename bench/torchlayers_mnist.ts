// The MNIST classifier (784-128-128-10, dropout 0.3, Adam, batch 128) in torchlayers; prints one line of JSON. The peers: bench/python/*_mnist.py.
import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    epochs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '0' },
    threads: { type: 'string', default: '0' },
  },
});
const [file] = positionals;
const batchSize = 128;
// The last fifth of the 60,000 is for validation, as with validationSplit 0.2; the peers take as many.
const trainRows = 48_000;

const start = performance.now();
const { callbacks, datasets, Input, layers, ops, Sequential, tensor, utils } = await import('../lib/index.js');
const { native } = await import('../lib/core/native.js');
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

/** Microseconds for `ops.add` of two small tensors, from TypeScript to the tensor that comes back. */
function eagerCall(): number {
  const [a, b] = [tensor([1, 2]), tensor([3, 4])];
  const runs: number[] = [];
  for (let run = 0; run < 7; run++) {
    const from = performance.now();
    for (let i = 0; i < 20_000; i++) ops.add(a, b);
    runs.push(((performance.now() - from) * 1000) / 20_000);
  }
  return runs.toSorted((x, y) => x - y)[3] as number;
}

const threads = Number(values.threads);
if (threads > 0) native.setThreads(threads);
utils.setRandomSeed(Number(values.seed));
const [[xAll, yAll], [xTest, yTest]] = await datasets.mnist.loadData(file === undefined ? {} : { path: file });
const scale = (images: typeof xAll): typeof xAll => images.reshape([-1, 784]).cast('float32').divide(255);
const x = scale(xAll.slice(0, trainRows));
const y = utils.toCategorical(yAll.slice(0, trainRows), { numClasses: 10 });

const model = new Sequential([
  Input({ shape: [784] }),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: 10, activation: 'softmax' }),
]);
model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });

const times = new EpochTimes();
const pauses = monitorEventLoopDelay({ resolution: 1 });
pauses.enable();
await model.fit(x, y, { batchSize, epochs: 1 + Number(values.epochs), verbose: 0, callbacks: [times] });
pauses.disable();
const peak = peakRssMb();
const testLogs = await model.evaluate(scale(xTest), utils.toCategorical(yTest, { numClasses: 10 }), {
  batchSize,
  verbose: 0,
});

const [first = 0, ...measured] = times.seconds;
const steps = Math.ceil(trainRows / batchSize);
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
    event_loop_pause_ms: pauses.max / 1e6,
    eager_call_us: eagerCall(),
  }),
);
