import { describe, expect, test } from 'vitest';
import { serialized } from '../../lib/core/configurable.js';
import { jit } from '../../lib/core/program.js';
import type { Tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';
import * as optimizers from '../../lib/optimizers/index.js';
import { toKerasConfig } from '../../lib/saving/config-keys.js';
import { expectValues, load, withoutCount } from '../losses/support.js';
import { type GoldenArray, goldenRow, loadGolden } from '../support/golden.js';
import { type Arrays, make, type OptimizerCase } from './support.js';

const golden = loadGolden<OptimizerCase & { kind: string }>('further');
const initial = golden.facts.initial as Arrays;
const gradients = golden.facts.gradients as Arrays;
const names = Object.keys(initial);
const count = (gradients[names[0] as string] as GoldenArray).shape[0] as number;

describe.each(golden.cases.filter(({ kind }) => (kind as string) === 'optimizer'))('$name', (one) => {
  test.each(['eager', 'recorded'])('%s', (mode) => {
    const optimizer = make(one.className, one.options);
    const weights = names.map((name) => new Variable(load(initial[name] as GoldenArray), { name }));
    const eager = (grads: Tensor[]): void => optimizer.apply(grads, weights);
    const step = mode === 'eager' ? eager : jit(eager);
    for (let i = 0; i < count; i++) {
      step(names.map((name) => load(goldenRow(gradients[name] as GoldenArray, i))));
      for (const [at, name] of names.entries()) {
        expectValues(
          weights[at] as Variable,
          goldenRow(one.weights[name] as GoldenArray, i),
          1e-5,
          `${name} after step ${i}`,
        );
      }
    }
    const described = (list: { name: string; path: string; dtype: string; shape: readonly number[] }[]): unknown =>
      list.map(({ name, path, dtype, shape }) => ({
        name: withoutCount(name),
        path: withoutCount(path),
        dtype,
        shape: [...shape],
      }));
    expect(described(optimizer.variables)).toEqual(described(one.variables));
    for (const [i, { name, value }] of one.variables.entries()) {
      expectValues(optimizer.variables[i] as Variable, value, 1e-5, name);
    }
  });

  test('config', () => {
    const optimizer = make(one.className, one.options);
    const written = toKerasConfig(serialized(optimizer)) as unknown as OptimizerCase['serialized'];
    const expected = structuredClone(one.serialized);
    for (const side of [written, expected]) side.config.name = withoutCount(side.config.name);
    expect(written).toEqual(expected);
    expect(optimizers.get(serialized(optimizer)).getConfig()).toEqual(optimizer.getConfig());
  });
});
