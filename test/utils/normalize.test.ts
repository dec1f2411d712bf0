import { describe, expect, test } from 'vitest';
import { ArgumentError, DTypeError, ShapeError } from '../../lib/core/errors.js';
import { tensor } from '../../lib/core/tensor.js';
import { normalize } from '../../lib/utils/normalize.js';
import { type GoldenArray, goldenNumber, loadGolden } from '../support/golden.js';

interface NormalizeCase {
  fn: string;
  options: { axis?: number; order?: number | 'Infinity' };
  x: GoldenArray;
  y: GoldenArray;
}

const cases = loadGolden<NormalizeCase>('utilities').cases.filter(({ fn }) => fn === 'normalize');

describe('as Keras', () => {
  test.each(cases)('$name', ({ x, y, options }) => {
    const { order, ...rest } = options;
    const result = normalize(x, { ...rest, ...(order !== undefined && { order: goldenNumber(order) }) });
    expect(result.dtype).toBe('float32');
    expect(result.shape).toEqual(y.shape);
    const values = result.dataSync() as Float32Array;
    y.data.forEach((expected, i) => {
      expect(values[i]).toBeCloseTo(Number(expected), 6);
    });
  });

  test('float64 stays float64', () => {
    expect(normalize(Float64Array.of(3, 4)).dtype).toBe('float64');
  });
});

describe('what is refused', () => {
  test.each([
    ['an order below 1', { order: 0.5 }, ArgumentError, 'expected order to be a number of at least 1, got 0.5.'],
    [
      'an order that is no number',
      { order: '2' },
      ArgumentError,
      'expected order to be a number of at least 1, got "2".',
    ],
    ['an axis that is not there', { axis: 2 }, ShapeError, 'expected axis from -2 to 1 for shape [1, 2], got 2.'],
    ['an unknown option', { axes: 1 }, ArgumentError, "Did you mean 'axis'?"],
  ])('%s', (_, options, ErrorClass, message) => {
    const run = () => normalize([[1, 2]], options as { axis?: number });
    expect(run).toThrow(ErrorClass);
    expect(run).toThrow(message);
  });

  test('complex numbers', () => {
    const x = tensor(Float32Array.of(1, 2), { shape: [1], dtype: 'complex64' });
    expect(() => normalize(x)).toThrow(DTypeError);
  });
});
