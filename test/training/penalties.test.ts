import { describe, expect, test } from 'vitest';
import { optimizers, type Sequential } from '../../lib/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectClose } from '../support/layer-suite.js';
import { type LayerSpec, sequentialFrom } from '../support/models.js';

interface PenaltyCase {
  model: LayerSpec;
  start: GoldenArray[];
  history: Record<string, number[]>;
  weights: GoldenArray[];
  evaluate: Record<string, number>;
  testOnBatch: Record<string, number>;
  trainOnBatch: Record<string, number>;
  losses: number[];
  lossesAfterCall: number[];
}

const { cases, facts } = loadGolden<PenaltyCase>('penalties');
const { x, y, batchSize } = facts as { x: GoldenArray; y: GoldenArray; batchSize: number };

function compiled({ model: spec, start }: PenaltyCase, runEagerly: boolean): Sequential {
  const model = sequentialFrom(spec);
  model.setWeights(start);
  model.compile({
    optimizer: new optimizers.SGD({ learningRate: 0.1 }),
    loss: 'categorical_crossentropy',
    metrics: ['categorical_crossentropy', 'accuracy'],
    runEagerly,
  });
  return model;
}

function expectLogs(actual: Record<string, number>, expected: Record<string, number>, what: string): void {
  expect(Object.keys(actual), what).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) expect(actual[name], `${what} ${name}`).toBeCloseTo(value, 5);
}

describe.each([
  ['recorded', false],
  ['eagerly', true],
])('regularizers are in the loss that logs show, constraints hold after each update: %s', (_, runEagerly) => {
  test.each(cases)('$name', async (one) => {
    const model = compiled(one, runEagerly);
    const options = { epochs: 3, batchSize, shuffle: false, validationSplit: 0.3, verbose: 0 as const };
    const { history } = await model.fit(x, y, options);
    expect(Object.keys(history)).toEqual(Object.keys(one.history));
    for (const [name, values] of Object.entries(one.history)) {
      for (const [epoch, value] of values.entries())
        expect(history[name]?.[epoch], `${name} of epoch ${epoch}`).toBeCloseTo(value, 5);
    }
    for (const [i, weight] of model.weights.entries()) expectClose(weight, one.weights[i] as GoldenArray, 1e-5);
    expectLogs(await model.evaluate(x, y, { batchSize, verbose: 0 }), one.evaluate, 'evaluate');
    expectLogs(await model.testOnBatch(x, y), one.testOnBatch, 'testOnBatch');
    expectLogs(await model.trainOnBatch(x, y), one.trainOnBatch, 'trainOnBatch');
  });
});

test('a penalty makes the loss larger than the compiled loss alone', async () => {
  for (const one of cases.filter(({ name }) => name !== 'constraints')) {
    const logs = await compiled(one, false).testOnBatch(x, y);
    expect(logs['loss'], one.name).toBeGreaterThan((logs['categorical_crossentropy'] as number) + 1e-4);
  }
});
