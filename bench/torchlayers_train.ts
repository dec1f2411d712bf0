// Training in torchlayers; prints one line of JSON. The peers: python/pytorch_train.py, python/keras_train.py, javascript/tfjs_train.mjs.
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Tensor } from '../lib/index.js';
import { build, job, library, lstmWords, report } from './torchlayers_setup.js';
import type { Metrics, TrainPoint } from './workload.js';

const { callbacks, datasets, ops, tensor, tidy, utils } = library;

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

type Pair = [x: Tensor, y: Tensor];

async function digits({ model, steps, batch, testRows = 0 }: TrainPoint): Promise<[Pair, Pair]> {
  const [train, test] = await datasets.mnist.loadData({ path: job.data['mnist'] as string });
  const part = ([x, y]: readonly [Tensor, Tensor], rows: number): Pair => {
    const shape = model === 'cnn' ? [-1, 28, 28, 1] : [-1, 784];
    // As in Python, where what is in between goes as soon as nothing holds it.
    const pixels = tidy(() => x.slice(0, rows).reshape(shape).cast('float32').divide(255));
    return [pixels, utils.toCategorical(y.slice(0, rows), { numClasses: 10 })];
  };
  return [part(train, steps * batch), part(test, testRows)];
}

async function reviews({ model, steps, batch, testRows = 0 }: TrainPoint): Promise<[Pair, Pair]> {
  const { readNpz } = await import('../lib/datasets/npz.js');
  const arrays = await readNpz(job.data['imdb'] as string);
  const part = (name: string, rows: number): Pair => {
    const array = (which: string) => arrays.get(`${which}_${name}`) as { data: Int32Array; shape: readonly number[] };
    const [words, labels] = [array('x'), array('y')];
    const width = words.shape[1] as number;
    const x = tensor(words.data.subarray(0, rows * width), { shape: [rows, width] });
    const y = tensor(Float32Array.from(labels.data.subarray(0, rows)), { shape: [rows, 1] });
    return [model === 'lstm' ? ops.slice(x, [0, width - lstmWords], [rows, lstmWords]) : x, y];
  };
  return [part('train', steps * batch), part('test', testRows)];
}

async function train(point: TrainPoint): Promise<Metrics> {
  const onReviews = point.model === 'imdb' || point.model === 'lstm';
  const [[x, y], [xTest, yTest]] = await (onReviews ? reviews(point) : digits(point));
  const model = build(point);
  const loss = onReviews ? 'binary_crossentropy' : 'categorical_crossentropy';
  model.compile({ optimizer: point.optimizer, loss, metrics: ['accuracy'] });
  const times = new EpochTimes();
  const pauses = monitorEventLoopDelay({ resolution: 1 });
  pauses.enable();
  await model.fit(x, y, { batchSize: point.batch, epochs: 1 + point.epochs, verbose: 0, callbacks: [times] });
  pauses.disable();
  const [first = 0, ...measured] = times.seconds;
  const metrics: Metrics = {
    first_epoch_s: first,
    us_per_step: measured.map((seconds) => (seconds / point.steps) * 1e6),
    event_loop_pause_ms: pauses.max / 1e6,
  };
  if ((point.testRows ?? 0) > 0) {
    const logs = await model.evaluate(xTest, yTest, { batchSize: point.batch, verbose: 0 });
    metrics['test_accuracy'] = logs['accuracy'] as number;
  }
  return metrics;
}

const results: Record<string, Metrics> = {};
for (const [label, point] of Object.entries(job.points ?? {})) results[label] = await train(point);
report(results);
