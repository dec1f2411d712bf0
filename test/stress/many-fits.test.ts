import { expect, test } from 'vitest';
import { expectClose, smallData, smallModel } from '../training/small-model.js';

declare const gc: () => void;

const { x, y } = smallData(200);
const quiet = { verbose: 0 as const };

test('eight models train at once, each as if alone', async () => {
  const seeds = Array.from({ length: 8 }, (_, i) => i);
  const options = { ...quiet, epochs: 5, validationSplit: 0.2 };
  const alone: number[][] = [];
  for (const seed of seeds)
    alone.push(
      (await smallModel({ seed, dropout: 0 }).fit(x, y, { ...options, shuffle: false })).history['loss'] as number[],
    );
  const models = seeds.map((seed) => smallModel({ seed, dropout: 0 }));
  const together = await Promise.all(models.map((model) => model.fit(x, y, { ...options, shuffle: false })));
  for (const [i, { history }] of together.entries()) expectClose(history['loss'], alone[i] as number[]);
});

test('garbage collection while fit runs', async () => {
  const model = smallModel();
  let running = true;
  const collecting = (async () => {
    while (running) {
      gc();
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  const { history } = await model.fit(x, y, { ...quiet, epochs: 30 });
  running = false;
  await collecting;
  expect(history['loss']?.length).toBe(30);
  expect(history['loss']?.every(Number.isFinite)).toBe(true);
});

test('aborting at any moment leaves a model that goes on', async () => {
  const model = smallModel();
  for (let delayMs = 0; delayMs < 30; delayMs++) {
    const signal = AbortSignal.timeout(delayMs);
    await model.fit(x, y, { ...quiet, epochs: 100_000, batchSize: 8, signal }).then(
      () => expect.unreachable('fit ended by itself'),
      (error: Error) => expect(error.name).toBe('TimeoutError'),
    );
  }
  const { history } = await model.fit(x, y, quiet);
  expect(Number.isFinite(history['loss']?.[0])).toBe(true);
});

test('a hundred evaluations and predictions in the queue of a running fit', async () => {
  const model = smallModel();
  const running = model.fit(x, y, { ...quiet, epochs: 5 });
  const evaluations = Array.from({ length: 50 }, () => model.evaluate(x, y, quiet));
  const predictions = Array.from({ length: 50 }, () => model.predict(x, quiet));
  const [logs, tensors] = await Promise.all([Promise.all(evaluations), Promise.all(predictions)]);
  await running;
  for (const { loss } of logs) expect(Number.isFinite(loss)).toBe(true);
  for (const { shape } of tensors) expect(shape).toEqual([200, 3]);
});
