import { describe, expect, test } from 'vitest';
import { grad } from '../../lib/core/autograd.js';
import { jit } from '../../lib/core/program.js';
import { setRandomSeed } from '../../lib/core/random.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import * as ops from '../../lib/ops/index.js';
import * as random from '../../lib/random/index.js';
import { numbersOf } from './support.js';

const count = 40_000;

function statistics(values: readonly number[]): { mean: number; variance: number; min: number; max: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, variance, min: Math.min(...values), max: Math.max(...values) };
}

describe('distributions', () => {
  test.each(['float16', 'bfloat16', 'float32', 'float64'] as const)('uniform in %s', (dtype) => {
    const drawn = random.uniform([count], { minval: -1, maxval: 3, dtype, seed: 1 });
    expect(drawn.dtype).toBe(dtype);
    const { mean, variance, min, max } = statistics(numbersOf(drawn));
    expect(Math.abs(mean - 1)).toBeLessThan(0.03);
    expect(Math.abs(variance - 16 / 12)).toBeLessThan(0.03);
    expect(min).toBeGreaterThanOrEqual(-1);
    expect(min).toBeLessThan(-0.99);
    expect(max).toBeLessThan(3);
    expect(max).toBeGreaterThan(2.97);
  });

  test('normal', () => {
    const { mean, variance, max } = statistics(numbersOf(random.normal([count], { mean: 2, stddev: 3, seed: 2 })));
    expect(Math.abs(mean - 2)).toBeLessThan(0.075);
    expect(Math.abs(variance / 9 - 1)).toBeLessThan(0.04);
    expect(max).toBeGreaterThan(2 + 3 * 3.3);
  });

  test('truncated normal', () => {
    const { mean, min, max } = statistics(numbersOf(random.truncatedNormal([count], { mean: 2, stddev: 3, seed: 2 })));
    expect(Math.abs(mean - 2)).toBeLessThan(0.075);
    expect(min).toBeGreaterThanOrEqual(-4);
    expect(max).toBeLessThanOrEqual(8);
    expect(max).toBeGreaterThan(7.8);
  });

  test('randint reaches both ends, and each number as often', () => {
    const drawn = random.randint([count], -2, 3, { seed: 3 });
    expect(drawn.dtype).toBe('int32');
    const counts = new Map<number, number>();
    for (const value of numbersOf(drawn)) counts.set(value, (counts.get(value) ?? 0) + 1);
    expect([...counts.keys()].sort((a, b) => a - b)).toEqual([-2, -1, 0, 1, 2]);
    for (const times of counts.values()) expect(Math.abs(times / (count / 5) - 1)).toBeLessThan(0.06);
  });

  test('categorical draws by the softmax of each row', () => {
    const logits = [
      [Math.log(0.1), Math.log(0.2), Math.log(0.7)],
      [0, Number.NEGATIVE_INFINITY, 0],
    ];
    const drawn = random.categorical(logits, count, { seed: 4 });
    expect(drawn.shape).toEqual([2, count]);
    expect(drawn.dtype).toBe('int32');
    const shares = ops.mean(ops.oneHot(drawn, 3), { axis: 1 }).arraySync() as number[][];
    [
      [0.1, 0.2, 0.7],
      [0.5, 0, 0.5],
    ].forEach((row, i) => {
      row.forEach((share, j) => {
        expect(Math.abs(((shares[i] as number[])[j] as number) - share)).toBeLessThan(0.015);
      });
    });
  });

  test('shuffle keeps the rows whole and moves them', () => {
    const x = ops.reshape(ops.arange(60), [20, 3]);
    const rows = (random.shuffle(x, { seed: 5 }).arraySync() as number[][]).map(String);
    const before = (x.arraySync() as number[][]).map(String);
    expect(rows).not.toEqual(before);
    expect([...rows].sort()).toEqual([...before].sort());
    const columns = random.shuffle(ops.transpose(x), { axis: 1, seed: 5 });
    expect((ops.transpose(columns).arraySync() as number[][]).map(String)).toEqual(rows);
  });
});

describe('dropout', () => {
  test('drops that share, scales the rest, and so does its gradient', () => {
    const x = ops.ones([200, 200]);
    const drop = (value: Tensor): Tensor => random.dropout(value, 0.3, { seed: 6 });
    const values = numbersOf(drop(x));
    const kept = values.filter((value) => value !== 0);
    expect(Math.abs(kept.length / values.length - 0.7)).toBeLessThan(0.012);
    expect(new Set(kept)).toEqual(new Set([Math.fround(1 / 0.7)]));
    expect(numbersOf(grad((value: Tensor) => ops.sum(drop(value)))(x))).toEqual(values);
  });

  test('rate 0 and 1', () => {
    const x = tensor([1, 2]);
    expect(random.dropout(x, 0)).toBe(x);
    expect(random.dropout(x, 1).arraySync()).toEqual([0, 0]);
  });

  test('noiseShape repeats the pattern', () => {
    const rows = random.dropout(ops.ones([50, 4]), 0.5, { noiseShape: [null, 1], seed: 1 }).arraySync() as number[][];
    for (const row of rows) expect(new Set(row).size).toBe(1);
    expect(new Set(rows.map(([first]) => first)).size).toBe(2);
  });
});

describe('seeds', () => {
  const draw = (seed?: random.Seed): number[] => numbersOf(random.normal([5], seed === undefined ? {} : { seed }));

  test('a number gives the same at every call, a generator another', () => {
    expect(draw(7)).toEqual(draw(7));
    expect(draw(8)).not.toEqual(draw(7));
    const generator = new random.SeedGenerator({ seed: 7 });
    const first = draw(generator);
    expect(first).toEqual(draw(7));
    expect(draw(generator)).not.toEqual(first);
  });

  test('the global stream starts anew with setRandomSeed', () => {
    setRandomSeed(9);
    const [first, second] = [draw(), draw()];
    expect(second).not.toEqual(first);
    setRandomSeed(9);
    expect([draw(), draw()]).toEqual([first, second]);
  });

  test('a recorded function draws anew in each run, and as the eager one', () => {
    const eager = new random.SeedGenerator({ seed: 10 });
    const recorded = new random.SeedGenerator({ seed: 10 });
    const sample = jit((x: Tensor) => ops.add(x, random.uniform([3], { seed: recorded })));
    const zero = ops.zeros([3]);
    const runs = [sample(zero), sample(zero), sample(zero)].map(numbersOf);
    expect(runs).toEqual([0, 1, 2].map(() => numbersOf(random.uniform([3], { seed: eager }))));
    expect(runs[0]).not.toEqual(runs[1]);
  });
});
