import { describe, expect, test } from 'vitest';
import { serialized } from '../../lib/core/configurable.js';
import { jit } from '../../lib/core/program.js';
import { type Tensor, type TensorLike, tensor } from '../../lib/core/tensor.js';
import * as losses from '../../lib/losses/index.js';
import * as metrics from '../../lib/metrics/index.js';
import * as ops from '../../lib/ops/index.js';
import { toKerasConfig } from '../../lib/saving/config-keys.js';
import { expectValues, load, messageOf, stepsOf, type Values, withoutCount } from '../losses/support.js';
import { type GoldenArray, goldenRow, loadGolden } from '../support/golden.js';

interface Update {
  values?: Values;
  yTrue?: Values;
  yPred?: Values;
  sampleWeight: Values | null;
}

interface MetricCase {
  kind: 'class' | 'wrapper' | 'function' | 'resolve' | 'config';
  className: string;
  fn: string;
  options: Record<string, unknown>;
  metricName: string;
  updates: Update[];
  results: GoldenArray;
  states: Record<string, GoldenArray>;
  afterReset: Values;
  yTrue: GoldenArray;
  yPred: GoldenArray;
  y: GoldenArray;
  dtype: string;
  identifier: string;
  yTrueShape: number[];
  yPredShape: number[];
  config: { name: string };
  serialized: { config: { name: string } };
  variables: { name: string; shape: number[]; dtype: string }[];
}

const golden = loadGolden<MetricCase>('metrics');
const casesOf = (kind: MetricCase['kind']) => golden.cases.filter((one) => one.kind === kind);
const library = { ...losses, ...metrics } as unknown as Record<string, never>;
type MetricClass = new (options: object) => metrics.Metric;

const tolerance = 2e-6;

describe.each(['eager', 'recorded'])('%s', (mode) => {
  test.each([...casesOf('class'), ...casesOf('wrapper')])('$name', (one) => {
    const Class = library[one.className] as MetricClass;
    const wrapped = one.kind === 'wrapper' ? { fn: library[one.fn], name: 'wrapped' } : {};
    const metric = new Class({ ...one.options, ...wrapped });
    expect(withoutCount(metric.name)).toBe(withoutCount(one.metricName));
    const plain = (inputs: Tensor[], weighted: boolean): Tensor => {
      const sampleWeight = weighted ? (inputs.pop() as Tensor) : null;
      metric.updateState(...inputs, { sampleWeight });
      return metric.result();
    };
    const step =
      mode === 'recorded' ? jit((inputs: Tensor[], weighted: boolean) => plain([...inputs], weighted)) : plain;
    const results = stepsOf(one.results);
    for (const [i, update] of one.updates.entries()) {
      const inputs = [update.values, update.yTrue, update.yPred, update.sampleWeight].filter(
        (array) => array !== undefined && array !== null,
      );
      const result = step(inputs.map(load), update.sampleWeight !== null);
      expectValues(result, results[i] as GoldenArray, tolerance);
      for (const variable of metric.variables) {
        expectValues(variable, goldenRow(one.states[variable.name] as GoldenArray, i), tolerance, variable.name);
      }
      expect(metric.variables.map(({ name }) => name)).toEqual(Object.keys(one.states));
    }
    const reset = (): void => metric.resetState();
    if (mode === 'recorded') jit(reset)();
    else reset();
    expectValues(metric.result(), one.afterReset, tolerance);
    for (const variable of metric.variables) expect(ops.sum(variable).item()).toBe(0);
  });
});

test.each(casesOf('function'))('$name', (one) => {
  const fn = library[one.fn] as (yTrue: Tensor, yPred: Tensor, options: object) => Tensor;
  const y = fn(load(one.yTrue), load(one.yPred), one.options);
  expect(y.dtype).toBe(one.dtype);
  expectValues(y, one.y, tolerance);
});

test.each(casesOf('config'))('$name', (one) => {
  const Class = library[one.className] as MetricClass;
  const metric = new Class(one.options);
  const written = toKerasConfig(serialized(metric)) as unknown as MetricCase['serialized'];
  const expected = structuredClone(one.serialized);
  if (one.options.name === undefined) {
    written.config.name = withoutCount(written.config.name);
    expected.config.name = withoutCount(expected.config.name);
  }
  expect(written).toEqual(expected);
  expect(metric.variables.map(({ name, shape, dtype }) => ({ name, shape: [...shape], dtype }))).toEqual(one.variables);
  expect(metrics.get(serialized(metric)).getConfig()).toEqual(metric.getConfig());
});

describe('names', () => {
  const known = new Set(metrics.names().map((name) => name.replaceAll('_', '')));
  const listed = Object.entries(golden.facts.get as Record<string, string | null>).filter(
    ([, expected]) => expected !== null && known.has(expected.toLowerCase()),
  );

  test.each(listed)('%s', (name, expected) => {
    expect(metrics.get(name).type.className).toBe(expected);
  });

  test.each(casesOf('resolve'))('$name', (one) => {
    const metric = metrics.metricFor(one.identifier, one.yTrueShape, one.yPredShape);
    expect(metric.type.className).toBe(one.className);
    expect(metric.name).toBe(one.metricName);
  });

  test('every name makes a metric', () => {
    for (const name of metrics.names().filter((name) => name !== 'mean_metric_wrapper')) {
      expect(metrics.get(name)).toBeInstanceOf(metrics.Metric);
    }
  });

  test("a user's function and a loss are averaged", () => {
    const largest = (_: Tensor, yPred: Tensor): Tensor => ops.max(yPred, { axis: -1 });
    const metric = metrics.metricFor(largest, [2, 1], [2, 2]);
    expect(metric.name).toBe('largest');
    expect(
      metric
        .apply(
          [[0], [0]],
          [
            [1, 2],
            [4, 3],
          ],
        )
        .item(),
    ).toBe(3);
    const loss = metrics.metricFor(new losses.MeanSquaredError({ name: 'own' }), [1, 1], [1, 1]);
    expect(loss.name).toBe('own');
    expect(loss.apply([[0]], [[2]]).item()).toBe(4);
  });
});

describe('masks', () => {
  test('on predictions leave out masked steps', () => {
    const yPred = tensor([
      [[1], [5]],
      [[3], [5]],
    ]);
    yPred.mask = tensor([
      [true, false],
      [true, false],
    ]);
    const metric = new metrics.MeanSquaredError();
    metric.updateState(
      [
        [[0], [0]],
        [[0], [0]],
      ],
      yPred,
    );
    expect(metric.result().item()).toBe(5);
  });
});

describe('subclasses', () => {
  class Largest extends metrics.Metric {
    readonly largest = this.addVariable({ name: 'largest' });
    readonly inner = new metrics.Mean();

    override updateState(_: TensorLike, yPred: TensorLike): void {
      this.largest.assign(ops.maximum(this.largest, ops.max(yPred)));
      this.inner.updateState(yPred);
    }

    override result(): Tensor {
      return this.largest.value;
    }
  }

  test('hold their variables and those of inner metrics, and reset both', () => {
    const metric = new Largest({ name: 'big' });
    expect(metric.apply([1], [1, 7, 3]).item()).toBe(7);
    expect(metric.variables.map(({ path }) => path)).toEqual(['big/largest', 'mean/total', 'mean/count']);
    metric.resetState();
    expect(metric.result().item()).toBe(0);
    expect(metric.inner.result().item()).toBe(0);
    expect(metric.getConfig()).toEqual({ name: 'big', dtype: 'float32' });
  });
});

test.each<[string, () => unknown, string]>([
  [
    'weights',
    () => new metrics.Mean().updateState([1, 2], { sampleWeight: [1, 2, 3] }),
    'Mean "mean": expected sampleWeight of a shape that fits the values, [2], got [3].\n  Give one weight per sample, [batch], or one per value.',
  ],
  [
    'weights in the place of options',
    () => new metrics.Mean().updateState([1, 2], [1, 2] as never),
    'metric.updateState: expected options as one object, got [1, 2].\n  Write metric.updateState(values, { sampleWeight: [1, 2] }).',
  ],
  [
    'classes',
    () =>
      metrics.categoricalAccuracy(
        [1, 2],
        [
          [1, 2],
          [1, 2],
        ],
      ),
    'categoricalAccuracy: expected yTrue and yPred of shapes that fit each other, got [2] and [2, 2].\n  For class numbers use sparseCategoricalAccuracy.',
  ],
  [
    'thresholds',
    () => new metrics.Precision({ thresholds: [0.5, 2] }),
    'Precision: thresholds[1]: expected a number from 0 to 1, got 2.',
  ],
  [
    'no thresholds',
    () => new metrics.Recall({ thresholds: [] }),
    'Recall: thresholds: expected at least one threshold, got [].',
  ],
  [
    'k',
    () => new metrics.TopKCategoricalAccuracy({ k: 0 }),
    'TopKCategoricalAccuracy: k: expected a whole number of at least 1, got 0.',
  ],
  [
    'classId',
    () => new metrics.Precision({ classId: 3, name: 'p' }).updateState([[0, 1]], [[0, 1]]),
    'Precision "p": expected yPred of shape [batch, classes] with more than 3 classes (classId), got [1, 2].',
  ],
  [
    'topK',
    () => new metrics.Recall({ topK: 3, name: 'r' }).updateState([[0, 1]], [[0, 1]]),
    'Recall "r": expected at least 3 predictions in a row (topK), got 2.',
  ],
  [
    'labels',
    () => new metrics.Recall({ name: 'r' }).updateState([0, 1, 2], [[0, 1]]),
    'Recall "r": expected yTrue of the shape of yPred, [1, 2], got [3].\n  Encode class numbers with utils.toCategorical.',
  ],
  ['name', () => metrics.get('precison'), 'metrics.get: unknown metric "precison".\n  Did you mean \'precision\'?'],
])('error: %s', (_, run, message) => {
  expect(messageOf(run)).toBe(message);
});
