import { expect, test } from 'vitest';
import { serialized } from '../../lib/core/configurable.js';
import type { Tensor } from '../../lib/core/tensor.js';
import * as metrics from '../../lib/metrics/index.js';
import { toKerasConfig } from '../../lib/saving/config-keys.js';
import { expectValues, load, stepsOf, withoutCount } from '../losses/support.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

interface MetricCase {
  kind: string;
  className: string;
  options: Record<string, unknown>;
  yTrue: GoldenArray;
  yPreds: GoldenArray[] | GoldenArray;
  sampleWeight: GoldenArray | null;
  results: (GoldenArray | number)[] | GoldenArray;
  variables: { name: string; value: GoldenArray | number }[];
  serialized: { config: { name: string } };
}

const golden = loadGolden<MetricCase>('further');
const library = metrics as unknown as Record<string, never>;
test.each(golden.cases.filter(({ kind }) => kind === 'metric'))('$name', (one) => {
  const metric = new (library[one.className] as new (options: object) => metrics.Metric)(one.options);
  const sampleWeight = one.sampleWeight === null ? null : load(one.sampleWeight);
  const results = stepsOf(one.results);
  for (const [i, yPred] of stepsOf(one.yPreds).entries()) {
    metric.updateState(load(one.yTrue), load(yPred as GoldenArray), { sampleWeight });
    expectValues(metric.result(), results[i] as GoldenArray, 5e-6);
  }
  expect(metric.variables.map(({ name }) => name)).toEqual(one.variables.map(({ name }) => name));
  for (const [i, { name, value }] of one.variables.entries()) {
    expectValues(metric.variables[i] as Tensor, value as GoldenArray, 5e-6, name);
  }
  const written = toKerasConfig(serialized(metric)) as unknown as MetricCase['serialized'];
  const expected = structuredClone(one.serialized);
  for (const side of [written, expected]) side.config.name = withoutCount(side.config.name);
  expect(written).toEqual(expected);
});
