import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, test } from 'vitest';
import { Input, layers, Sequential, tensor, utils } from '../../lib/index.js';

/** Longest time, in ms, that the event loop let a timer of 1 ms wait while `work` ran. */
async function longestPause(work: () => Promise<unknown>): Promise<number> {
  const monitor = monitorEventLoopDelay({ resolution: 1 });
  // Let the loop of the test runner itself come to rest first.
  await new Promise((resolve) => setTimeout(resolve, 50));
  monitor.enable();
  await work();
  await new Promise((resolve) => setTimeout(resolve, 5));
  monitor.disable();
  return monitor.max / 1e6;
}

interface Subject {
  name: string;
  units: number;
  features: number;
  samples: number;
  batchSize: number;
}

const subjects: Subject[] = [
  { name: 'the MNIST model', units: 128, features: 784, samples: 6000, batchSize: 128 },
  // One step takes some hundred milliseconds, and its weights and slots 300 MB.
  { name: 'a model with slow steps', units: 4096, features: 2048, samples: 1500, batchSize: 384 },
];

/** A new model with data: two epochs with validation, the last batch short. */
function fitOf({ units, features, samples, batchSize }: Subject): () => Promise<unknown> {
  const values = new Float32Array(samples * features).map((_, i) => ((i * 7919) % 1009) / 1009);
  const x = tensor(values, { shape: [samples, features] });
  const y = utils.toCategorical(tensor(Int32Array.from({ length: samples }, (_, i) => i % 10)), { numClasses: 10 });
  const model = new Sequential([
    Input({ shape: [features] }),
    new layers.Dense({ units, activation: 'relu' }),
    new layers.Dropout({ rate: 0.3 }),
    new layers.Dense({ units, activation: 'relu' }),
    new layers.Dropout({ rate: 0.3 }),
    new layers.Dense({ units: 10, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
  return () => model.fit(x, y, { batchSize, epochs: 2, verbose: 0, validationSplit: 0.2 });
}

test.each(subjects)('the event loop stays free while fit runs: $name', async (subject) => {
  const first: number[] = [];
  const second: number[] = [];
  // Other programs on the machine only lengthen a pause: the shortest of three is the one that is ours.
  for (let round = 0; round < 3; round++) {
    const fit = fitOf(subject);
    first.push(await longestPause(fit));
    second.push(await longestPause(fit));
  }
  console.log(
    `longest pauses in ms: first fit ${first.map(Math.round).join(', ')}; second ${second.map(Math.round).join(', ')}`,
  );
  expect(Math.min(...first)).toBeLessThan(20);
  expect(Math.min(...second)).toBeLessThan(20);
});
