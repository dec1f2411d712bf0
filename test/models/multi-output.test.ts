import { beforeEach, describe, expect, test } from 'vitest';
import { resetNames } from '../../lib/core/names.js';
import { type CompileOptions, type FitOptions, type Model, optimizers, type Tensor, tensor } from '../../lib/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectClose } from '../support/layer-suite.js';
import { graphs } from './functional-models.js';

interface TrainingCase {
  kind: string;
  graph: string;
  x: GoldenArray;
  y: GoldenArray[];
  compile: CompileOptions;
  fit: FitOptions & { validationData?: true };
  start: GoldenArray[];
  history: Record<string, number[]>;
  weights: GoldenArray[];
  evaluate: Record<string, number>;
  trainOnBatch: Record<string, number>;
}

const cases = loadGolden<TrainingCase>('functional').cases.filter(({ kind }) => kind === 'training');
const quiet = { verbose: 0 as const };

beforeEach(() => resetNames());

function built(name: string): Model {
  return (graphs[name] as () => Model)();
}

function expectLogs(actual: Record<string, number>, expected: Record<string, number>): void {
  expect(Object.keys(actual)).toEqual(Object.keys(expected));
  for (const [name, value] of Object.entries(expected)) expect(actual[name], name).toBeCloseTo(value, 4);
}

describe('several outputs train as in Keras', () => {
  test.each(
    cases.flatMap((one) => [
      { ...one, runEagerly: false },
      { ...one, runEagerly: true },
    ]),
  )(
    '$name (eager: $runEagerly)',
    async ({ graph, x, y, compile, fit, start, history, weights, runEagerly, ...one }) => {
      const model = built(graph);
      model.setWeights(start);
      model.compile({ ...compile, optimizer: new optimizers.SGD({ learningRate: 0.05 }), runEagerly });
      const { validationData, ...options } = fit;
      const result = await model.fit(x, y, {
        ...quiet,
        ...options,
        ...(validationData !== undefined && { validationData: [x, y] }),
      });
      expect(Object.keys(result.history)).toEqual(Object.keys(history));
      for (const [name, values] of Object.entries(history)) {
        for (const [epoch, value] of values.entries())
          expect(result.history[name]?.[epoch], `${name} ${epoch}`).toBeCloseTo(value, 4);
      }
      for (const [i, weight] of model.weights.entries()) expectClose(weight, weights[i] as GoldenArray, 1e-4);
      expectLogs(await model.evaluate(x, y, { ...quiet, batchSize: 7 }), one.evaluate);
      expectLogs(await model.trainOnBatch(x, y), one.trainOnBatch);
    },
  );
});

describe('labels find their outputs', () => {
  const { x, y, compile, start } = cases.find(({ name }) => name === 'lossesByList') as TrainingCase;
  const [kind, amount] = y as [GoldenArray, GoldenArray];
  const fresh = (options: CompileOptions = compile): Model => {
    const model = built('heads');
    model.setWeights(start);
    model.compile({ optimizer: 'sgd', metrics: [['accuracy'], ['mae']], ...options });
    return model;
  };

  test('by name in any order, for losses and metrics, as by position', async () => {
    const byPosition = await fresh().testOnBatch(x, [kind, amount]);
    expect(await fresh().testOnBatch(x, { out_b: amount, out_a: kind })).toEqual(byPosition);
    expect(await fresh().testOnBatch({ x }, { out_b: amount, out_a: kind })).toEqual(byPosition);
  });

  test('and weights of samples too, one for all or one for each', async () => {
    const sampleWeight = new Float32Array(24).fill(0.5);
    const all = await fresh().testOnBatch(x, y, { sampleWeight });
    expect(await fresh().testOnBatch(x, y, { sampleWeight: [sampleWeight, sampleWeight] })).toEqual(all);
    const named = { out_b: sampleWeight, out_a: sampleWeight };
    expect(await fresh().testOnBatch(x, y, { sampleWeight: named })).toEqual(all);
    expect(all['loss']).toBeCloseTo(0.5 * ((await fresh().testOnBatch(x, y))['loss'] as number), 5);
  });

  test('class numbers are checked against their own output', async () => {
    const classes = Int32Array.from({ length: 24 }, (_, i) => (i === 20 ? 3 : 0));
    const loss = { out_a: 'sparse_categorical_crossentropy', out_b: 'mse' };
    const model = fresh({ loss, metrics: null });
    await expect(model.fit(x, { out_b: amount, out_a: classes }, quiet)).rejects.toThrow(
      /expected labels from 0 to 2 .*, got 3 in y\.out_a at row 20/,
    );
  });

  test.each<[string, object, unknown, RegExp]>([
    [
      'an unknown name',
      {},
      { out_a: kind, out_c: amount },
      /labels: expected the names of the outputs as keys \(out_a, out_b\), got out_a, out_c/,
    ],
    [
      'a missing output',
      {},
      { out_a: kind },
      /labels: expected the names of the outputs as keys \(out_a, out_b\), got out_a/,
    ],
    ['one array for two outputs', {}, amount, /expected labels for 2 outputs of the model, got 1/],
    [
      'a loss for an unknown output',
      { loss: { out_z: 'mse' } },
      y,
      /compile: loss: expected the names of outputs as keys, got "out_z"\.\n {2}Outputs: out_a, out_b\./,
    ],
    [
      'metrics for too many outputs',
      { metrics: [[], [], []] },
      y,
      /compile: metrics: expected one entry for each of the 2 outputs, got 3/,
    ],
    [
      'weights of losses for too few outputs',
      { lossWeights: [1] },
      y,
      /compile: lossWeights: expected one entry for each of the 2 outputs, got 1/,
    ],
  ])('refuses %s', async (_, options, labels, message) => {
    const model = fresh({ ...compile, ...options });
    await expect(model.fit(x, labels as never, quiet)).rejects.toThrow(message);
  });

  test('predictions come in the structure of the outputs', async () => {
    const [a, b] = await fresh().predict<[Tensor, Tensor]>(x, { ...quiet, batchSize: 7 });
    expect([a.shape, b.shape]).toEqual([
      [24, 3],
      [24, 1],
    ]);
    const model = built('namedHeads');
    // The graph is walked from `amount` on, the first of the keys.
    model.setWeights([...start.slice(0, 2), ...start.slice(4), ...start.slice(2, 4)]);
    const named = await model.predict<{ kind: Tensor; amount: Tensor }>({ x }, quiet);
    expectClose(named.kind, a, 1e-6);
    expectClose(named.amount, b, 1e-6);
    expect((await model.predictOnBatch<{ kind: Tensor }>(tensor(x))).kind.shape).toEqual([24, 3]);
  });
});
