import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { serialized } from '../lib/core/configurable.js';
import type { DType } from '../lib/core/dtype.js';
import { SeedGenerator, setRandomSeed } from '../lib/core/random.js';
import { type Tensor, tensor } from '../lib/core/tensor.js';
import * as initializers from '../lib/initializers/index.js';
import { computeFans } from '../lib/initializers/random.js';
import * as ops from '../lib/ops/index.js';
import { toKerasConfig } from '../lib/saving/config-keys.js';
import { expectValues, messageOf, numbersOf } from './ops/support.js';
import { type GoldenArray, loadGolden } from './support/golden.js';

type Parameters =
  | { distribution: 'uniform'; minval: number; maxval: number }
  | { distribution: 'normal' | 'truncatedNormal'; mean: number; stddev: number };

interface InitializerCase {
  kind: 'value' | 'random' | 'fans' | 'config';
  className: string;
  options: Record<string, unknown>;
  shape: number[];
  dtype: DType;
  y: GoldenArray;
  parameters: Parameters;
  fanIn: number;
  fanOut: number;
  config: Record<string, unknown>;
  serialized: unknown;
}

const golden = loadGolden<InitializerCase>('initializers');
const casesOf = (kind: InitializerCase['kind']) => golden.cases.filter((one) => one.kind === kind);
type InitializerClass = new (options?: object) => initializers.Initializer;
const library = initializers as unknown as Record<string, InitializerClass>;

function make(className: string, options: object): initializers.Initializer {
  return new (library[className] as InitializerClass)(options);
}

test.each(casesOf('value'))('$name', ({ className, options, shape, dtype, y }) => {
  const values = make(className, options).apply(shape, { dtype });
  expect(values.dtype).toBe(dtype);
  // Keras multiplies the angles in float32: near a multiple of pi the sine keeps their error.
  expectValues(values, y, className === 'STFT' ? 1e-5 : 1e-6);
});

/** Share of the standard normal distribution within two deviations, and the deviation left there. */
const { cut, remainingStddev } = golden.facts['truncatedNormal'] as { cut: number; remainingStddev: number };

function moments(values: number[]): { mean: number; stddev: number; min: number; max: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, stddev: Math.sqrt(variance), min: Math.min(...values), max: Math.max(...values) };
}

describe('random values follow the distribution that Keras asks for', () => {
  test.each(casesOf('random'))('$name', ({ className, options, shape, parameters }) => {
    const initializer = make(className, { ...options, seed: 11 });
    const values = initializer.apply(shape);
    expect(values.shape).toEqual(shape);
    // Few numbers say nothing of a distribution: their parameters are checked on the larger shapes.
    const numbers = numbersOf(values);
    if (numbers.length < 100) return;
    const { mean, stddev, min, max } = moments(numbers);
    const { distribution } = parameters;
    const [centre, width] =
      distribution === 'uniform'
        ? [(parameters.minval + parameters.maxval) / 2, (parameters.maxval - parameters.minval) / Math.sqrt(12)]
        : [parameters.mean, parameters.stddev * (distribution === 'normal' ? 1 : remainingStddev)];
    // Five standard errors: a wrong formula is off by more, a right one never with this seed.
    expect(Math.abs(mean - centre)).toBeLessThan((5 * width) / Math.sqrt(numbers.length));
    expect(Math.abs(stddev / width - 1)).toBeLessThan(5 / Math.sqrt(2 * numbers.length));
    if (distribution === 'uniform') {
      expect(min).toBeGreaterThanOrEqual(Math.fround(parameters.minval));
      expect(max).toBeLessThanOrEqual(Math.fround(parameters.maxval));
    } else if (distribution === 'truncatedNormal') {
      const limit = cut * parameters.stddev * 1.0001;
      expect(min - centre).toBeGreaterThan(-limit);
      expect(max - centre).toBeLessThan(limit);
      if (numbers.length > 5000) expect(max - centre).toBeGreaterThan(0.9 * limit);
    } else if (numbers.length > 5000) {
      expect(max - centre).toBeGreaterThan(2.5 * parameters.stddev);
    }
  });
});

test.each(casesOf('fans'))('$name', ({ shape, options, fanIn, fanOut }) => {
  expect(computeFans(shape, options)).toEqual([fanIn, fanOut]);
});

describe('orthogonal', () => {
  const { shapes, gains } = golden.facts['orthogonal'] as { shapes: number[][]; gains: number[] };
  const cases = shapes.flatMap((shape) => gains.map((gain) => ({ shape, gain })));
  test.each(cases)('$shape, gain $gain', ({ shape, gain }) => {
    const matrix = ops.reshape(new initializers.Orthogonal({ gain, seed: 2 }).apply(shape), [
      -1,
      shape.at(-1) as number,
    ]);
    const [rows, columns] = matrix.shape as [number, number];
    const product =
      rows < columns ? ops.matmul(matrix, ops.transpose(matrix)) : ops.matmul(ops.transpose(matrix), matrix);
    const expected = ops.multiply(ops.eye(Math.min(rows, columns)), gain * gain);
    expect(ops.max(ops.abs(ops.subtract(product, expected))).item()).toBeLessThan(1e-5);
  });

  test('every sign is as likely', () => {
    const corners = Array.from({ length: 64 }, (_, seed) =>
      Math.sign(numbersOf(new initializers.Orthogonal({ seed }).apply([3, 3]))[0] as number),
    );
    const positive = corners.filter((sign) => sign > 0).length;
    expect(positive).toBeGreaterThan(16);
    expect(positive).toBeLessThan(48);
  });

  test('half precision is computed in float32', () => {
    expect(new initializers.Orthogonal({ seed: 1 }).apply([4, 4], { dtype: 'float16' }).dtype).toBe('float16');
  });
});

describe('configs', () => {
  test.each(casesOf('config'))('$name', ({ className, options, config, serialized: expected }) => {
    const initializer = make(className, options);
    const written = toKerasConfig(serialized(initializer)) as { config: Record<string, unknown> };
    expect(written).toEqual(expected);
    expect(written.config).toEqual(config);
    const again = initializers.deserialize(initializers.serialize(initializer));
    expect(again.getConfig()).toEqual(initializer.getConfig());
    expect(again.constructor).toBe(initializer.constructor);
  });

  const names = golden.facts['get'] as Record<string, string | null>;
  test.each(Object.entries(names).filter(([, name]) => name !== null))('get(%s)', (text, name) => {
    expect((initializers.get(text).constructor as { className?: string }).className).toBe(name);
  });
});

describe('seeds', () => {
  const random = [
    'GlorotUniform',
    'HeNormal',
    'RandomNormal',
    'RandomUniform',
    'TruncatedNormal',
    'Orthogonal',
    'VarianceScaling',
  ];
  const values = (initializer: initializers.Initializer): number[] => numbersOf(initializer.apply([3, 4]));

  test.each(random)('%s: a whole number gives the same values at every call', (className) => {
    const initializer = make(className, { seed: 5 });
    expect(values(initializer)).toEqual(values(initializer));
    expect(values(make(className, { seed: 5 }))).toEqual(values(initializer));
    expect(values(make(className, { seed: 6 }))).not.toEqual(values(initializer));
  });

  test.each(random)('%s: without a seed each initializer draws its own, which setRandomSeed repeats', (className) => {
    setRandomSeed(3);
    const first = make(className, {});
    const [one, other] = [values(first), values(make(className, {}))];
    expect(values(first)).toEqual(one);
    expect(other).not.toEqual(one);
    expect(values(first.clone())).not.toEqual(one);
    expect(first.getConfig()['seed']).toBeNull();
    setRandomSeed(3);
    expect(values(make(className, {}))).toEqual(one);
  });

  test('a SeedGenerator gives other values at every call', () => {
    const initializer = new initializers.GlorotUniform({ seed: new SeedGenerator({ seed: 5 }) });
    const first = values(initializer);
    expect(values(initializer)).not.toEqual(first);
    expect(values(new initializers.GlorotUniform({ seed: new SeedGenerator({ seed: 5 }) }))).toEqual(first);
  });

  test('a larger weight starts with other numbers only where its variance differs', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 0, max: 2 ** 40 }), (size, seed) => {
        const small = numbersOf(new initializers.RandomUniform({ seed }).apply([size]));
        const large = numbersOf(new initializers.RandomUniform({ seed }).apply([size + 5]));
        expect(large.slice(0, size)).toEqual(small);
      }),
      { numRuns: 30 },
    );
  });
});

describe('what else stands for an initializer', () => {
  test('a function', () => {
    const initializer = initializers.get((shape: readonly number[], { dtype }: { dtype: DType }) =>
      ops.full(shape, 3, { dtype }),
    );
    expect(initializer.apply([2], { dtype: 'int32' }).arraySync()).toEqual([3, 3]);
  });

  test('a function that answers another shape is an error', () => {
    const wrong = initializers.get(function five(): Tensor {
      return ops.zeros([5]);
    });
    expect(messageOf(() => wrong.apply([2]))).toBe('initializer five: expected values of shape [2], got [5].');
  });

  test('a tensor', () => {
    const initializer = initializers.get(tensor([1, 2]));
    expect(initializer.apply([2]).arraySync()).toEqual([1, 2]);
    expect(messageOf(() => initializer.apply([3]))).toMatch(/shape \[2\], got \[3\]/);
  });

  test('a class, a factory', () => {
    expect(initializers.get(initializers.HeNormal)).toBeInstanceOf(initializers.HeNormal);
    expect(initializers.glorotUniform({ seed: 1 }).getConfig()['seed']).toBe(1);
  });
});

test.each([
  [
    () => initializers.get('glorot_unifrom', 'Dense: kernelInitializer'),
    /^Dense: kernelInitializer: unknown initializer "glorot_unifrom"\.\n {2}Did you mean 'glorot_uniform'\?$/,
  ],
  [() => initializers.get(3), /^initializers\.get: expected the name of an initializer/],
  [
    () => new initializers.VarianceScaling({ scale: 0 }),
    /^VarianceScaling: scale: expected a number above 0, got 0\.$/,
  ],
  [
    () => new initializers.VarianceScaling({ mode: 'fan' as never }),
    /^VarianceScaling: mode: expected one of 'fan_in'/,
  ],
  [
    () => new initializers.VarianceScaling({ distribution: 'poisson' as never }),
    /^VarianceScaling: distribution: expected one of/,
  ],
  [
    () => new initializers.RandomNormal({ seed: 1.5 }),
    /^RandomNormal: seed: expected a whole number of at least 0, a SeedGenerator or null, got 1\.5\.$/,
  ],
  [
    () => new initializers.RandomNormal({ stdev: 1 } as never),
    /^RandomNormal: unknown option 'stdev'\.\n {2}Did you mean 'stddev'\?$/,
  ],
  [
    () => new initializers.RandomUniform({ minval: 1, maxval: 0 }),
    /^RandomUniform: expected minval of at most maxval, got 1 and 0\.$/,
  ],
  [() => new initializers.Identity().apply([2, 2, 2]), /^Identity: expected the shape of a matrix, got \[2, 2, 2\]\./],
  [() => new initializers.Orthogonal().apply([2]), /^Orthogonal: expected a shape of rank 2 or more, got \[2\]\./],
  [
    () => new initializers.STFT({ window: 'han' as never }),
    /^STFT: window: unknown window "han"\.\n {2}Did you mean 'hann'\?$/,
  ],
  [
    () => new initializers.STFT().apply([4, 2, 3]),
    /^STFT: expected a shape \[frameLength, 1, frequencies\], got \[4, 2, 3\]\.$/,
  ],
  [
    () => new initializers.Constant({ value: 'x' as never }),
    /^Constant: value: expected a number, an array or a tensor, got "x"\.$/,
  ],
  [() => new initializers.Zeros().apply(-1 as never), /^Zeros\.apply: expected a shape/],
  [
    () => new initializers.Zeros().apply([2], 'float32' as never),
    /^Zeros\.apply: expected options as one object, got "float32"\.\n {2}Write Zeros\.apply\(shape, \{ dtype: "float32" \}\)\.$/,
  ],
])('wrong arguments %#', (fn, message) => {
  expect(messageOf(fn)).toMatch(message);
});
