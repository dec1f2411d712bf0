import { describe, expect, test } from 'vitest';
import { MersenneTwister } from '../../lib/datasets/mersenne-twister.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

interface ShuffleCase {
  kind: string;
  seed: number;
  orders: GoldenArray[];
}

describe("NumPy's RandomState", () => {
  const cases = loadGolden<ShuffleCase>('sequences').cases.filter(({ kind }) => kind === 'shuffle');

  test.each(cases)('seed $seed: shuffles, one after another', ({ seed, orders }) => {
    const generator = new MersenneTwister(seed);
    for (const { data, shape } of orders) {
      expect(Array.from(generator.permutation(shape[0] as number))).toEqual(Array.from(data as Int32Array));
    }
  });
});
