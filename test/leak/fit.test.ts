import { expect, test } from 'vitest';
import { memory, tensor } from '../../lib/index.js';
import { smallData, smallModel } from '../training/small-model.js';

declare const gc: () => void;

/** Resident memory in MB, after garbage collections that also let finalizers run. */
async function residentMb(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().rss / 2 ** 20;
}

const { x, y } = smallData(1000);

test.each([
  ['one native loop', false, 20],
  ['hooks after every step', true, 20],
] as const)('5,000 further steps add less than 20 MB: %s', async (_, hooked, warmUp) => {
  const { callbacks } = await import('../../lib/index.js');
  const watch = hooked ? [new callbacks.LambdaCallback({ onTrainBatchEnd: () => {} })] : [];
  const model = smallModel();
  const options = { batchSize: 16, verbose: 0 as const, callbacks: watch, validationSplit: 0.2 };
  // 50 steps an epoch.
  await model.fit(x, y, { ...options, epochs: warmUp });
  const before = await residentMb();
  const { tensors } = memory();
  await model.fit(x, y, { ...options, epochs: 100 });
  const added = (await residentMb()) - before;
  console.log(`added ${added.toFixed(1)} MB in 5,000 steps`);
  expect(added).toBeLessThan(20);
  expect(memory().tensors).toBeLessThanOrEqual(tensors + 1);
});

test('evaluate, predict and batches one by one leave no tensor behind', async () => {
  const model = smallModel();
  const round = async (): Promise<void> => {
    await model.evaluate(x, y, { verbose: 0 });
    (await model.predict(x, { verbose: 0 })).dispose();
    await model.trainOnBatch(x, y);
    await model.testOnBatch(x, y);
    (await model.predictOnBatch(x)).dispose();
  };
  await round();
  await residentMb();
  const { tensors } = memory();
  for (let i = 0; i < 20; i++) await round();
  await residentMb();
  expect(memory().tensors).toBe(tensors);
});

test('what fit makes of arrays is freed, what it is given is not', async () => {
  const model = smallModel();
  const rows = Array.from({ length: 40 }, (_, i) => Array.from({ length: 6 }, (_, j) => i * j));
  const labels = rows.map((_, i) => [0, 1, 2].map((label) => Number(i % 3 === label)));
  const given = tensor(rows);
  const round = (): Promise<unknown> => model.fit(given, labels, { verbose: 0, validationSplit: 0.25 });
  await round();
  await residentMb();
  const { tensors } = memory();
  for (let i = 0; i < 5; i++) await round();
  await residentMb();
  expect(memory().tensors).toBe(tensors);
  expect(given.isDisposed).toBe(false);
});

test('models that are dropped are freed', async () => {
  const use = async (): Promise<void> => {
    const model = smallModel();
    await model.fit(x, y, { epochs: 1, verbose: 0 });
  };
  for (let i = 0; i < 3; i++) await use();
  await residentMb();
  const { tensors } = memory();
  for (let i = 0; i < 10; i++) await use();
  await residentMb();
  // The last model may still be held by a stack frame that has not been overwritten.
  expect(memory().tensors).toBeLessThanOrEqual(tensors + 30);
});
