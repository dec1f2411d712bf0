import { describe, expect, test } from 'vitest';
import { grad } from '../../lib/core/autograd.js';
import { serialized } from '../../lib/core/configurable.js';
import { toSnakeCase } from '../../lib/core/names.js';
import { jit } from '../../lib/core/program.js';
import type { Tensor } from '../../lib/core/tensor.js';
import * as losses from '../../lib/losses/index.js';
import * as ops from '../../lib/ops/index.js';
import { toKerasConfig } from '../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectValues, load } from './support.js';

interface LossCase {
  kind: string;
  fn: string;
  className: string;
  options: Record<string, unknown>;
  yTrue: GoldenArray;
  yPred: GoldenArray;
  y: GoldenArray;
  gradient: { upstream: GoldenArray; dPred: GoldenArray };
  sampleWeight: GoldenArray;
  weighted: number;
  serialized: unknown;
}

const golden = loadGolden<LossCase>('further');
const library = losses as unknown as Record<string, never>;
const tolerance = 5e-6;

describe.each(golden.cases.filter(({ kind }) => kind === 'loss'))('$name', (one) => {
  const fn = library[one.fn] as (yTrue: Tensor, yPred: Tensor, options?: object) => Tensor;
  const compute = (yPred: Tensor): Tensor =>
    Object.keys(one.options).length === 0 ? fn(load(one.yTrue), yPred) : fn(load(one.yTrue), yPred, one.options);

  test('function and gradient', () => {
    expectValues(compute(load(one.yPred)), one.y, tolerance);
    expectValues(jit(compute)(load(one.yPred)), one.y, tolerance);
    const upstream = load(one.gradient.upstream);
    const slope = grad((yPred: Tensor) => ops.sum(ops.multiply(compute(yPred), upstream)));
    expectValues(slope(load(one.yPred)), one.gradient.dPred, tolerance);
  });

  test('class and config', () => {
    const loss = new (library[one.className] as new (options: object) => losses.Loss)(one.options);
    const value = loss.apply(load(one.yTrue), load(one.yPred), { sampleWeight: load(one.sampleWeight) });
    expect(Math.abs(value.item() - one.weighted)).toBeLessThan(tolerance * (1 + Math.abs(one.weighted)));
    expect(toKerasConfig(serialized(loss))).toEqual(one.serialized);
  });
});

test.each(Object.entries(golden.facts.losses as Record<string, string>))('get %s', (name, expected) => {
  expect(toSnakeCase((losses.get(name) as losses.LossFunctionWrapper).fn.name)).toBe(expected);
});
