import { describe, expect, test } from 'vitest';
import * as constraints from '../lib/constraints.js';
import { serialized } from '../lib/core/configurable.js';
import { jit } from '../lib/core/program.js';
import { type Tensor, tensor } from '../lib/core/tensor.js';
import * as ops from '../lib/ops/index.js';
import { toKerasConfig } from '../lib/saving/config-keys.js';
import { expectValues, messageOf } from './losses/support.js';
import { type GoldenArray, loadGolden } from './support/golden.js';

interface ConstraintCase {
  kind: string;
  className: string;
  options: object;
  results: { w: GoldenArray; y: GoldenArray }[];
  serialized: unknown;
}

const golden = loadGolden<ConstraintCase>('regularizers');
const library = constraints as unknown as Record<string, new (options: object) => constraints.Constraint>;

test.each(golden.cases.filter(({ kind }) => kind === 'constraint'))('$name', (one) => {
  const Class = library[one.className] as (typeof library)[string];
  const constraint = new Class(one.options);
  const apply = (w: Tensor): Tensor => constraint.apply(w);
  expect(one.results.length).toBeGreaterThan(0);
  for (const { w, y } of one.results) {
    const weight = tensor(w.data, { shape: w.shape });
    expectValues(apply(weight), y, 1e-6);
    expectValues(jit(apply)(weight), y, 1e-6);
  }
  expect(toKerasConfig(serialized(constraint))).toEqual(one.serialized);
  expect(constraints.get(serialized(constraint))?.getConfig()).toEqual(constraint.getConfig());
});

test.each(Object.entries(golden.facts.constraints as Record<string, string>))('get %s', (name, expected) => {
  expect(constraints.get(name)?.type.className).toBe(expected);
});

describe('other ways to name one', () => {
  test('factories', () => {
    const made = [
      constraints.maxNorm({ maxValue: 3 }),
      constraints.nonNeg(),
      constraints.unitNorm({ axis: [0, 1] }),
      constraints.minMaxNorm({ rate: 0.5 }),
    ];
    expect(made.map((constraint) => constraint.getConfig())).toEqual([
      { maxValue: 3, axis: 0 },
      {},
      { axis: [0, 1] },
      { minValue: 0, maxValue: 1, rate: 0.5, axis: 0 },
    ]);
  });

  test('null, a function, the option of a layer', () => {
    expect(constraints.get(null)).toBeNull();
    expectValues(constraints.get((w: Tensor) => ops.clip(w, -1, 1))?.apply([-3, 0.5]) as Tensor, tensor([-1, 0.5]), 0);
    const field = constraints.constraintField('unit_norm');
    expect(field.check(field.default, 'Dense: kernelConstraint')).toBeInstanceOf(constraints.UnitNorm);
    expect(constraints.constraintField().check(null, 'Dense: kernelConstraint')).toBeNull();
  });
});

test.each<[string, () => unknown, string]>([
  [
    'axis',
    () => constraints.maxNorm({ axis: 'a' as never }),
    'MaxNorm: axis: expected a whole number or an array of them, got "a".',
  ],
  [
    'option',
    () => constraints.maxNorm({ max: 1 } as never),
    "MaxNorm: unknown option 'max'.\n  Options: maxValue, axis.",
  ],
  [
    'name',
    () => constraints.get('non_negg'),
    'constraints.get: unknown constraint "non_negg".\n  Did you mean \'non_neg\'?',
  ],
  [
    'function',
    () => constraints.get(() => 1)?.apply([1]),
    'constraint: expected the function to answer a tensor, got 1.',
  ],
])('error: %s', (_, run, message) => {
  expect(messageOf(run)).toBe(message);
});
