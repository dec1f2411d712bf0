import { describe, expect, test } from 'vitest';
import { ArgumentError } from '../../lib/core/errors.js';
import { tensor } from '../../lib/core/tensor.js';
import { toCategorical } from '../../lib/utils/to-categorical.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

interface CategoricalCase {
  fn: string;
  options: { numClasses?: number };
  x: GoldenArray;
  y: GoldenArray;
}

const cases = loadGolden<CategoricalCase>('utilities').cases.filter(({ fn }) => fn === 'toCategorical');

describe('as Keras', () => {
  test.each(cases)('$name', ({ x, y, options }) => {
    for (const input of [x, tensor(x)]) {
      const result = toCategorical(input, options);
      expect(result.dtype).toBe('float32');
      expect(result.shape).toEqual(y.shape);
      expect(result.dataSync()).toEqual(y.data);
    }
  });

  test('of a nested array', () => {
    expect(toCategorical([[0], [2]]).arraySync()).toEqual(toCategorical(Int32Array.of(0, 2)).arraySync());
  });

  test('of no labels, the number of classes given', () => {
    expect(toCategorical(new Int32Array(0), { numClasses: 3 }).shape).toEqual([0, 3]);
  });
});

describe('what is refused', () => {
  test.each([
    ['a label too large', [0, 3], { numClasses: 3 }, 'expected labels from 0 to 2, got 3 at position 1.'],
    ['a negative label', [1, -1], {}, 'expected labels from 0 to 1, got -1 at position 1.'],
    ['no number', [0, Number.NaN], {}, 'expected labels that are whole numbers, got NaN at position 1.'],
    [
      'no number, classes given',
      [Number.NaN],
      { numClasses: 2 },
      'expected labels from 0 to 1, got NaN at position 0.',
    ],
    ['no labels', [], {}, 'expected at least one label, got shape [0].'],
    ['no classes', [0], { numClasses: 0 }, 'expected numClasses to be a whole number of at least 1, got 0.'],
    ['a position for an option', [0], 3, 'Write toCategorical(x, { numClasses: 3 }).'],
  ])('%s', (_, x, options, message) => {
    const run = () => toCategorical(x, options as { numClasses?: number });
    expect(run).toThrow(ArgumentError);
    expect(run).toThrow(message);
  });
});
