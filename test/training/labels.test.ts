import { beforeEach, describe, expect, test } from 'vitest';
import { resetNames } from '../../lib/core/names.js';
import {
  type CompileOptions,
  type DataTree,
  Input,
  type LabelTree,
  layers,
  losses,
  Model,
  ops,
  optimizers,
  Sequential,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { graphs } from '../models/functional-models.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectClose } from '../support/layer-suite.js';
import { type LayerSpec, layerFrom } from '../support/models.js';

interface LabelCase {
  kind: string;
  graph: string;
  x: DataTree;
  y: LabelTree;
  compile: CompileOptions;
  fit: object;
  start: GoldenArray[];
  history: Record<string, number[]>;
  weights: GoldenArray[];
  layer: LayerSpec;
  shape: number[];
  call: { training?: boolean };
  kwargs: Record<string, unknown>;
}

const { cases } = loadGolden<LabelCase>('labels');
const quiet = { verbose: 0 as const };

beforeEach(() => resetNames());

function built(name: string): Model {
  if (name !== 'stack') return (graphs[name] as () => Model)();
  const hidden = new layers.Dense({ units: 5, activation: 'relu' });
  return new Sequential([Input({ shape: [6] }), hidden, new layers.Dense({ units: 3, activation: 'softmax' })]);
}

/** Losses stand in the file as their class and options. */
function objects(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(objects);
  if (typeof value !== 'object' || value === null) return value;
  if ('className' in value) {
    const { className, options } = value as unknown as { className: 'Huber'; options: object };
    return new losses[className](options);
  }
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, objects(item)]));
}

/** The weights of the graph whose outputs stand by their names: it is walked in the order of the names. */
function inOrder<T>(name: string, weights: readonly T[]): T[] {
  const [a, b, c, d, e, f] = weights as [T, T, T, T, T, T];
  return name === 'namedHeads' ? [a, b, e, f, c, d] : [...weights];
}

describe('fit takes what Keras takes', () => {
  const training = cases.filter(({ kind }) => kind === 'training');
  test.each(training.flatMap((one) => [false, true].map((runEagerly) => ({ ...one, runEagerly }))))(
    '$name (eager: $runEagerly)',
    async ({ graph, x, y, compile, fit, start, history, weights, runEagerly }) => {
      const model = built(graph);
      const keras = model.weights.map(({ shape }) => shape.join());
      const order = start.map(({ shape }) => shape.join()).join(' ') === keras.join(' ') ? 'as is' : graph;
      model.setWeights(inOrder(order, start));
      const optimizer = new optimizers.SGD({ learningRate: 0.05 });
      model.compile({ ...(objects(compile) as CompileOptions), optimizer, runEagerly });
      const result = await model.fit(x, y, { ...quiet, ...fit, batchSize: 8, epochs: 2, shuffle: false });
      expect(Object.keys(result.history)).toEqual(Object.keys(history));
      for (const [name, values] of Object.entries(history))
        for (const [epoch, value] of values.entries())
          expect(result.history[name]?.[epoch], `${name} ${epoch}`).toBeCloseTo(value, 5);
      for (const [i, weight] of inOrder(order, weights).entries()) expectClose(model.weights[i] as never, weight, 1e-5);
    },
  );
});

describe('labels for some outputs', () => {
  const { x, y, start } = cases.find(({ name }) => name === 'listOfOne') as LabelCase;
  const [kind] = y as [GoldenArray];
  const fresh = (options: CompileOptions = {}): Model => {
    const model = built('heads');
    model.setWeights(start);
    model.compile({ optimizer: 'sgd', loss: ['categorical_crossentropy', null], ...options });
    return model;
  };

  test('do in validation, evaluate, single batches and iterables too', async () => {
    const { history } = await fresh().fit(x, [kind], { ...quiet, shuffle: false, validationData: [x, kind] });
    expect(Object.keys(history)).toEqual(['loss', 'val_loss']);
    const { loss } = await fresh().evaluate(x, [kind], quiet);
    expect((await fresh().testOnBatch(x, kind))['loss']).toBeCloseTo(loss as number, 5);
    expect((await fresh().trainOnBatch(x, { out_a: kind }))['loss']).toBeCloseTo(loss as number, 5);
    expect((await fresh().evaluate([[x, [kind, null]]][Symbol.iterator]() as never, quiet))['loss']).toBeCloseTo(
      loss as number,
      5,
    );
    const named = fresh({ metrics: { out_a: ['accuracy'] } });
    expect(Object.keys(await named.testOnBatch(x, { out_a: kind }))).toEqual(['loss', 'out_a_accuracy']);
  });

  test('class numbers are checked in the right output', async () => {
    const classes = Int32Array.from({ length: 24 }, (_, i) => (i === 7 ? 5 : 0));
    const model = fresh({ loss: ['sparse_categorical_crossentropy', null] });
    await expect(model.fit(x, [classes], quiet)).rejects.toThrow(
      /expected labels from 0 to 2 .* got 5 in y\[0\] at row 7/,
    );
  });

  test.each<[string, CompileOptions, unknown, string]>([
    [
      'none where one is needed',
      { loss: ['categorical_crossentropy', 'mse'] },
      [kind, null],
      'fit: expected labels for output out_b, which has a loss, got null.\n  Give them, or give compile null as the loss of that output.',
    ],
    [
      'too many',
      {},
      [kind, kind, kind],
      'fit: expected labels for 2 outputs of the model, or for the 1 with a loss, got 3.\n  Give an array with one for each output, or an object by their names.',
    ],
    [
      'those of the output without a loss alone',
      {},
      { out_b: kind },
      'fit: labels: expected the names of the outputs as keys (out_a, out_b), got out_b.\n  Write { out_a: …, out_b: … }.',
    ],
    ['null as input', {}, [null], 'fit: expected labels for output out_a, which has a loss, got null.'],
  ])('%s is refused', async (_, options, labels, message) => {
    await expect(fresh(options).fit(x, labels as never, quiet)).rejects.toThrow(message);
  });

  test('inputs are never left out', async () => {
    await expect(fresh().fit([x, null] as never, [kind], quiet)).rejects.toThrow('fit: expected x[1] to be a tensor');
  });
});

test('a class of losses among the metrics', async () => {
  const one = cases.find(({ name }) => name === 'lossAsMetric') as LabelCase;
  const model = built('stack');
  model.setWeights(one.start);
  const optimizer = new optimizers.SGD({ learningRate: 0.05 });
  model.compile({ optimizer, loss: 'categorical_crossentropy', metrics: [losses.MeanSquaredError] });
  const { history } = await model.fit(one.x, one.y, { ...quiet, batchSize: 8, epochs: 2, shuffle: false });
  for (const [epoch, value] of (one.history['mean_squared_error'] as number[]).entries())
    expect(history['mean_squared_error']?.[epoch]).toBeCloseTo(value, 5);
});

describe('configs of graphs note the options of calls as Keras does', () => {
  test.each(cases.filter(({ kind }) => kind === 'call'))('$name', ({ layer, shape, call, kwargs }) => {
    const input = Input({ shape });
    const made = layerFrom(layer) as layers.Layer;
    const model = new Model({ inputs: input, outputs: made.apply(input, call) });
    const { layers: entries } = model.getConfig() as { layers: { inboundNodes: { kwargs: unknown }[] }[] };
    expect(entries[1]?.inboundNodes[0]?.kwargs).toEqual(kwargs);
    const twin = Model.fromConfig(model.getConfig()) as Model;
    expect(twin.getConfig()).toEqual(model.getConfig());
  });
});

test.each([1, 2, 5])('evaluate takes every batch of a generator of %i', async (count) => {
  const { x, start } = cases.find(({ name }) => name === 'oneWeight') as unknown as LabelCase & { x: GoldenArray };
  const model = built('stack');
  model.setWeights(start);
  model.compile({ optimizer: 'sgd', loss: 'mse', metrics: ['mae'] });
  const rows = tensor(x).slice(0, 4 * count);
  const labels = ops.zeros([4 * count, 3]);
  function* batches(): Generator<unknown> {
    for (let i = 0; i < count; i++) yield [rows.slice(4 * i, 4 * i + 4), labels.slice(4 * i, 4 * i + 4)];
  }
  const whole = await model.evaluate(rows, labels, { ...quiet, batchSize: 4 });
  const streamed = await model.evaluate(batches(), quiet);
  expect(streamed['loss']).toBeCloseTo(whole['loss'] as number, 6);
  expect(streamed['mae']).toBeCloseTo(whole['mae'] as number, 6);
});

describe('several inputs', () => {
  const rows = (seed: number, width: number): Tensor =>
    ops.reshape(ops.sin(ops.multiply(ops.arange(seed, seed + 20 * width), 1.7)), [20, width]);
  const [left, right, target] = [rows(1, 3), rows(2, 3), rows(3, 1)];
  /** A shared layer inside a nested model, applied to both inputs. */
  const twoInputs = (runEagerly: boolean): Model => {
    const point = Input({ shape: [3] });
    const inner = new Model({
      inputs: point,
      outputs: new layers.Dense({ units: 4, activation: 'tanh' }).apply(point),
    });
    const [a, b] = [Input({ shape: [3], name: 'right' }), Input({ shape: [3], name: 'left' })];
    const joined = layers.concatenate([inner.apply(b), inner.apply(a)]);
    const model = new Model({ inputs: [a, b], outputs: new layers.Dense({ units: 1 }).apply(joined) });
    model.setWeights(
      model.weights.map(({ shape }, i) =>
        ops.reshape(
          rows(10 + i, 4)
            .slice(0, 5)
            .reshape([-1])
            .slice(
              0,
              shape.reduce((m, n) => m * n, 1),
            ),
          shape,
        ),
      ),
    );
    model.compile({ optimizer: 'sgd', loss: 'mse', runEagerly });
    return model;
  };

  test.each([false, true])('come as arrays and as objects, with layers shared (eager: %s)', async (runEagerly) => {
    const options = { ...quiet, epochs: 3, batchSize: 8, shuffle: false, validationSplit: 0.2 };
    const asArray = twoInputs(runEagerly);
    const { history } = await asArray.fit([right, left], target, options);
    const asObject = twoInputs(runEagerly);
    expect((await asObject.fit({ left, right }, target, options)).history).toEqual(history);
    // The shared layer has one kernel, which both inputs moved.
    expect(asArray.trainableWeights).toHaveLength(4);
    expect(history['loss']?.at(-1)).toBeLessThan(history['loss']?.[0] as number);
    expect(await asArray.evaluate([right, left], [target], quiet)).toEqual(
      await asObject.evaluate({ right, left }, target, quiet),
    );
    const [a, b] = [await asArray.predict([right, left], quiet), await asObject.predict({ left, right }, quiet)];
    expect(a.arraySync()).toEqual(b.arraySync());
  });

  test.each<[string, unknown, RegExp]>([
    ['too few', [left], /expected .*2 inputs|right/],
    ['an unknown name', { left, centre: right }, /right|centre/],
    ['of another width', [left, target], /expected input of shape|expected input/],
  ])('%s are refused', async (_, x, message) => {
    await expect(twoInputs(false).fit(x as never, target, quiet)).rejects.toThrow(message);
  });
});
