// The network with each of its knobs, and one short training.
import { beforeAll, describe, expect, test } from 'vitest';
import { classes, type Digits, loadDigits, pixels } from '../../experiments/digits.js';
import { buildNetwork, chapterSettings, type Settings, trainNetwork } from '../../experiments/network.js';

const classesOf = (settings: Partial<Settings>): string[] =>
  buildNetwork({ ...chapterSettings, ...settings }).layers.map((layer) => layer.constructor.name);

describe('the network', () => {
  test.each([
    [{}, ['Dense', 'Dropout', 'Dense', 'Dropout', 'Dense']],
    [{ dropout: 0 }, ['Dense', 'Dense', 'Dense']],
    [{ hidden: [] }, ['Dense']],
    [{ hidden: [8], batchNormalization: true }, ['Dense', 'BatchNormalization', 'ReLU', 'Dropout', 'Dense']],
  ] as [Partial<Settings>, string[]][])('%j', (settings, names) => {
    expect(classesOf(settings)).toEqual(names);
  });

  test.each(['kernel', 'bias', 'activity'] as const)('a penalty of the %s', (of) => {
    const model = buildNetwork({ ...chapterSettings, hidden: [8], penalty: { of, l1: 0.5, l2: 0.25 } });
    const config = model.layers[0]?.getConfig() ?? {};
    for (const name of ['kernel', 'bias', 'activity']) {
      const wanted = name === of ? { className: 'L1L2', config: { l1: 0.5, l2: 0.25 } } : null;
      const found = config[`${name}Regularizer`] ?? null;
      if (wanted === null) expect(found).toBeNull();
      else expect(found).toMatchObject(wanted);
    }
  });

  test.each([
    ['sgd', null, 'SGD', 0.01],
    ['rmsprop', null, 'RMSprop', 0.001],
    ['adam', 0.25, 'Adam', 0.25],
  ] as const)('%s with learning rate %s', async (optimizer, learningRate, name, rate) => {
    const model = buildNetwork({ ...chapterSettings, optimizer, learningRate });
    expect(model.optimizer?.constructor.name).toBe(name);
    expect(model.optimizer?.learningRate.item()).toBeCloseTo(rate);
  });
});

describe('training', () => {
  let digits: Digits;
  beforeAll(async () => {
    digits = await loadDigits(500);
  });
  const settings: Settings = { ...chapterSettings, hidden: [16], epochs: 3, batchSize: 50 };

  test('data are rows from 0 to 1 and one-hot labels', async () => {
    expect(digits.x.shape).toEqual([500, pixels]);
    expect(digits.yTest.shape).toEqual([500, classes]);
    const values = (await digits.x.data()) as Float32Array;
    expect([Math.min(...values.subarray(0, 50_000)), Math.max(...values.subarray(0, 50_000))]).toEqual([0, 1]);
    const rows = (await digits.y.array()) as number[][];
    expect(rows.every((row) => row.reduce((sum, value) => sum + value, 0) === 1)).toBe(true);
  });

  test('gives curves, accuracies and the number of parameters, and the same for the same seed', async () => {
    const { outcome } = await trainNetwork(settings, digits, { seed: 7 });
    const parameters = pixels * 16 + 16 + 16 * classes + classes;
    expect(outcome).toMatchObject({ seed: 7, parameters });
    expect(Object.keys(outcome.history).sort()).toEqual(['accuracy', 'loss', 'val_accuracy', 'val_loss']);
    const { loss, accuracy, val_accuracy } = outcome.history as Record<string, number[]>;
    expect(loss).toHaveLength(3);
    expect(loss?.[2]).toBeLessThan(loss?.[0] as number);
    expect([outcome.train, outcome.validation]).toEqual([accuracy?.[2], val_accuracy?.[2]]);
    expect(outcome.test).toBeGreaterThan(0.2);
    const { outcome: again } = await trainNetwork(settings, digits, { seed: 7 });
    expect({ ...again, seconds: 0 }).toEqual({ ...outcome, seconds: 0 });
    const { outcome: other } = await trainNetwork(settings, digits, { seed: 8 });
    expect(other.history.loss).not.toEqual(outcome.history.loss);
  });

  test('ends when aborted', async () => {
    const reason = new Error('enough');
    await expect(trainNetwork(settings, digits, { seed: 1, signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  });
});
