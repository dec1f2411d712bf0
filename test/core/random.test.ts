import { describe, expect, it } from 'vitest';
import { drawSeed, SeedGenerator, seedTensor, setRandomSeed } from '../../lib/core/random.js';

describe('seeds', () => {
  it('follow from the global one', () => {
    setRandomSeed(42);
    const first = [drawSeed(), drawSeed(), new SeedGenerator().seed];
    setRandomSeed(42);
    expect([drawSeed(), drawSeed(), new SeedGenerator().seed]).toEqual(first);
    expect(new Set(first).size).toBe(3);
    setRandomSeed(43);
    expect(drawSeed()).not.toBe(first[0]);
    for (const seed of first) expect(Number.isSafeInteger(seed)).toBe(true);
  });

  it('count up in a generator, and a number is always the same', () => {
    const generator = new SeedGenerator({ seed: 7 });
    expect([generator.next(), generator.next()].map((t) => t.arraySync())).toEqual([
      [7, 0],
      [7, 1],
    ]);
    expect(generator.state.arraySync()).toEqual([7, 2]);
    expect(seedTensor(generator).arraySync()).toEqual([7, 2]);
    expect([seedTensor(5), seedTensor(5)].map((t) => t.arraySync())).toEqual([
      [5, 0],
      [5, 0],
    ]);
    setRandomSeed(1);
    expect([seedTensor(null), seedTensor(undefined)].map((t) => t.arraySync())).toEqual([
      [1, 0],
      [1, 1],
    ]);
  });

  it.each([-1, 1.5, Number.NaN, 'x', 2 ** 60])('refuse %s', (seed) => {
    expect(() => setRandomSeed(seed as number)).toThrow(/expected a whole number of at least 0/);
    expect(() => new SeedGenerator({ seed: seed as number })).toThrow(/SeedGenerator: expected seed/);
    expect(() => seedTensor(seed as number)).toThrow(/random: expected seed/);
  });
});
