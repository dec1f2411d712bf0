import { describe, expect, test } from 'vitest';
import { type Tensor, tensor } from '../../lib/index.js';
import type { GoldenArray } from '../support/golden.js';
import { golden, goldenCompiled } from './golden-models.js';

const cases = (kind: string) => golden.cases.filter((one) => one.kind === kind);

// Float32 sums in another order than Keras' on JAX, over up to 288 steps.
const tolerance = { history: 2e-4, weights: 3e-4, predictions: 3e-4 };

function expectNumbers(
  actual: ArrayLike<number | bigint>,
  expected: ArrayLike<number | bigint>,
  within: number,
  what: string,
): void {
  expect(actual.length, what).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < actual.length; i++) {
    const want = Number(expected[i]);
    worst = Math.max(worst, Math.abs(Number(actual[i]) - want) / Math.max(1, Math.abs(want)));
  }
  expect(worst, what).toBeLessThan(within);
}

function expectTensor(actual: Tensor, expected: GoldenArray, within: number, what: string): void {
  expect([...actual.shape], what).toEqual(expected.shape);
  expectNumbers(actual.dataSync(), expected.data, within, what);
}

function expectLogs(actual: Record<string, number>, expected: Record<string, number>, what: string): void {
  expect(Object.keys(actual), what).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected))
    expectNumbers([actual[name] as number], [value], tolerance.history, `${what} ${name}`);
}

describe('fit gives what Keras gives', () => {
  test.each(cases('fit'))(
    '$name',
    async ({ model: name, compile, x, y, fit, history, epochs, weights, iterations, evaluate, predictions }) => {
      const model = goldenCompiled(name, compile);
      const result = await model.fit(x, y, { verbose: 0, ...fit });
      expect(result.epoch).toEqual(epochs);
      expect(Object.keys(result.history)).toEqual(Object.keys(history));
      for (const [key, values] of Object.entries(history))
        expectNumbers(result.history[key] as number[], values, tolerance.history, key);
      for (const [i, weight] of model.weights.entries()) {
        expectTensor(weight, weights[i] as GoldenArray, tolerance.weights, weight.path);
      }
      expect(model.optimizer?.iterations.item()).toBe(iterations);
      const logs = await model.evaluate(evaluate.x, evaluate.y, { batchSize: evaluate.batchSize, verbose: 0 });
      expectLogs(logs, evaluate.logs, 'evaluate');
      expectTensor(
        await model.predict(evaluate.x, { batchSize: 16, verbose: 0 }),
        predictions,
        tolerance.predictions,
        'predict',
      );
    },
  );
});

describe('evaluate and predict give what Keras gives', () => {
  test.each(cases('evaluate'))('$name', async ({ model: name, compile, x, y, options, logs }) => {
    const model = goldenCompiled(name, compile);
    expectLogs(await model.evaluate(x, y, { verbose: 0, ...options }), logs, 'evaluate');
  });

  test.each(cases('predict'))('$name', async ({ model: name, compile, x, y, options }) => {
    const model = goldenCompiled(name, compile);
    expectTensor(await model.predict(x, { verbose: 0, ...options }), y, tolerance.predictions, 'predict');
  });
});

describe('one batch at a time gives what Keras gives', () => {
  test.each(cases('onBatch'))('$name', async (one) => {
    const model = goldenCompiled(one.model, one.compile);
    const [x, y] = [tensor(one.x), tensor(one.y)];
    const { sampleWeight, ...others } = one.arguments as { sampleWeight?: GoldenArray };
    const weights = sampleWeight === undefined ? {} : { sampleWeight };
    const batch = (start: number, end = start + one.batchSize): [Tensor, Tensor] => [
      x.slice(start, end),
      y.slice(start, end),
    ];
    const inOrder = (logs: Record<string, number>): number[] =>
      ['loss', 'accuracy', 'mse'].map((name) => logs[name] as number);
    for (const [i, start] of one.starts.entries()) {
      const logs = await model.trainOnBatch(...batch(start), { ...others, ...weights });
      expectNumbers(inOrder(logs), (one.train as number[][])[i] as number[], tolerance.history, `train ${i}`);
    }
    expectLogs(await model.trainOnBatch(...batch(0), { ...others, ...weights }), one.trainByName, 'train');
    expect(model.metricsNames).toEqual(one.metricsNames);
    model.resetMetrics();
    for (const [i, start] of [0, 32].entries()) {
      const logs = await model.testOnBatch(...batch(start), weights);
      expectNumbers(inOrder(logs), one.test[i] as number[], tolerance.history, `test ${i}`);
    }
    expectLogs(await model.testOnBatch(...batch(64, 96), weights), one.testByName, 'test');
    expectTensor(
      await model.predictOnBatch(x.slice(0, 5)),
      one.predictOnBatch,
      tolerance.predictions,
      'predictOnBatch',
    );
    for (const [i, weight] of model.weights.entries()) {
      expectTensor(weight, one.weights[i] as GoldenArray, tolerance.weights, weight.path);
    }
  });
});
