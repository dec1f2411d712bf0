// The floor: the matrix products and convolutions of a step (or of an answer) alone, by libtorch's own operators, recorded and run on the thread
// that `fit` and `predict` run on; prints one line of JSON.
import { record } from '../lib/core/program.js';
import type { Tensor } from '../lib/index.js';
import { TrainingThread } from '../lib/training/thread.js';
import { job, library, middleMs, report } from './torchlayers_setup.js';
import { type Metrics, median, type TrainPoint } from './workload.js';

const { call, callList, random } = library;

interface Product {
  a: Tensor;
  b: Tensor;
}

/** Operands of [m, k] x [k, n]; `transposed` ones are views, as a backward pass has them. */
function product(m: number, k: number, n: number, transposed: 'a' | 'b' | null = null): Product {
  const matrix = (rows: number, columns: number, flip: boolean): Tensor =>
    flip ? call('aten::t', random.uniform([columns, rows])) : random.uniform([rows, columns]);
  return { a: matrix(m, k, transposed === 'a'), b: matrix(k, n, transposed === 'b') };
}

/** Of dense layers of these sizes: forward, and for training the gradients of weights and of all inputs but the first. */
function denseProducts(batch: number, sizes: readonly number[], training: boolean): Product[] {
  return sizes.slice(1).flatMap((outputs, i) => {
    const inputs = sizes[i] as number;
    const products = [product(batch, inputs, outputs)];
    if (training) products.push(product(inputs, batch, outputs, 'a'));
    if (training && i > 0) products.push(product(batch, outputs, inputs, 'b'));
    return products;
  });
}

const multiply = (products: readonly Product[]): Tensor[] => products.map(({ a, b }) => call('aten::mm', a, b));

/** Forward and backward of a 3 x 3 convolution in one of libtorch's two orders of memory. */
function convolution(
  x: [number, number, number, number],
  filters: number,
  first: boolean,
  last: boolean,
): () => Tensor[] {
  const [batch, channels, height, width] = x;
  const ordered = (shape: number[]): Tensor => {
    const data = random.uniform(shape);
    // 2 is libtorch's number for channels last, 0 for channels first.
    return call('aten::contiguous', data, last ? 'channels_last' : 'contiguous_format');
  };
  const input = ordered(x);
  const kernel = ordered([filters, channels, 3, 3]);
  const gradient = ordered([batch, filters, height - 2, width - 2]);
  const window = [[1, 1], [0, 0], [1, 1], false, [0, 0], 1] as const;
  return () => {
    const output = call('aten::convolution', input, kernel, null, ...window);
    const gradients = callList('aten::convolution_backward', gradient, input, kernel, null, ...window, [
      !first,
      true,
      false,
    ]);
    // What is not asked for comes back undefined.
    return [output, ...gradients.slice(first ? 1 : 0, 2)];
  };
}

function stepOf({ model, batch, width = 128, depth = 2 }: TrainPoint, last: boolean): () => Tensor[] {
  if (model === 'mlp') {
    const products = denseProducts(batch, [784, ...Array<number>(depth).fill(width), 10], true);
    return () => multiply(products);
  }
  if (model !== 'cnn') throw new Error(`torchlayers_floor: expected 'mlp' or 'cnn', got ${model}.`);
  const convolutions = [
    convolution([batch, 1, 28, 28], 32, true, last),
    convolution([batch, 32, 13, 13], 64, false, last),
  ];
  // The layer before it is a convolution, so its inputs have a gradient too.
  const products = [...denseProducts(batch, [1600, 10], true), product(batch, 10, 1600, 'b')];
  return () => [...convolutions.flatMap((run) => run()), ...multiply(products)];
}

/** Microseconds of a step's products: recorded, then run for the job's seconds in five parts, of which the middle one counts. */
async function timeUs(products: () => Tensor[]): Promise<number> {
  const program = record([], products);
  const thread = new TrainingThread(() => []);
  const run = async (steps: number): Promise<number> => {
    const { seconds } = await thread.run(program, { data: [], samples: steps, batchSize: 1, from: 0, to: steps });
    return (seconds * 1e6) / steps;
  };
  try {
    // The thread tries how many others it shall work with.
    const guess = await run(64);
    const steps = Math.max(4, Math.round(((job.seconds ?? 1) * 1e6) / 5 / guess));
    const times: number[] = [];
    for (let part = 0; part < 5; part++) times.push(await run(steps));
    return median(times);
  } finally {
    await thread.close();
  }
}

/** The least of several ways to do the same, each recorded and, on one thread, eagerly. */
async function leastUs(ways: readonly (() => Tensor[])[]): Promise<number> {
  const times: number[] = [];
  for (const way of ways) {
    const eager = await middleMs(() => {
      for (const each of way()) each.dispose();
    });
    times.push(await timeUs(way), eager * 1000);
  }
  return Math.min(...times);
}

async function answers(): Promise<Metrics> {
  const sizes = [784, 128, 128, 10];
  const [whole, part] = [10_000, 128].map((rows) => denseProducts(rows, sizes, false)) as [Product[], Product[]];
  const batches = 10_000 / 128;
  const us = Math.min(await leastUs([() => multiply(whole)]), (await leastUs([() => multiply(part)])) * batches);
  return { rows_ms: us / 1000 };
}

const results: Record<string, Metrics> = {};
if (job.kind === 'inference') results['answers'] = await answers();
for (const [label, point] of Object.entries(job.points ?? {})) {
  const orders = point.model === 'cnn' ? [false, true] : [false];
  results[label] = { us_per_step: await leastUs(orders.map((last) => stepOf(point, last))) };
}
report(results);
