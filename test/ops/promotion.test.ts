import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { config } from '../../lib/core/config.js';
import type { DType } from '../../lib/core/dtype.js';
import { jit } from '../../lib/core/program.js';
import { SymbolicTensor } from '../../lib/core/symbolic.js';
import { tensor } from '../../lib/core/tensor.js';
import { tidy } from '../../lib/core/tidy.js';
import * as ops from '../../lib/ops/index.js';
import { constant } from '../../lib/ops/promote.js';
import { loadGolden } from '../support/golden.js';
import { messageOf, numbersOf } from './support.js';

const { pairs, withNumber } = loadGolden('utilities').facts['resultType'] as {
  pairs: Record<string, Record<string, string | null>>;
  withNumber: Record<string, { int: string | null; float: string | null }>;
};
const storageOnly = (dtype: string): boolean => dtype.startsWith('float8');

describe('two tensors meet in the dtype that Keras says', () => {
  test.each(Object.keys(pairs).filter((dtype) => !storageOnly(dtype)))('%s', (first) => {
    for (const [second, expected] of Object.entries(pairs[first] as Record<string, string | null>)) {
      if (storageOnly(second)) continue;
      const a = ops.ones([2], { dtype: first as DType });
      const b = ops.ones([2], { dtype: second as DType });
      if (expected === null) expect(() => ops.multiply(a, b)).toThrow();
      else {
        expect(ops.multiply(a, b).dtype, `${first} * ${second}`).toBe(expected);
        expect(numbersOf(ops.cast(ops.real(ops.multiply(a, b)), 'float32')), `${first} * ${second}`).toEqual([1, 1]);
      }
    }
  });
});

describe('a lone number is weak', () => {
  test.each(Object.entries(withNumber).filter(([dtype]) => !storageOnly(dtype)))('%s', (dtype, { int, float }) => {
    const x = ops.ones([2], { dtype: dtype as DType });
    for (const [number, expected] of [
      [2, int],
      [0.5, float],
    ] as const) {
      if (expected === null) continue;
      expect(ops.multiply(x, number).dtype, `${dtype} * ${number}`).toBe(expected);
      expect(ops.multiply(number, x).dtype, `${number} * ${dtype}`).toBe(expected);
      expect(numbersOf(ops.cast(ops.real(ops.multiply(x, number)), 'float32'))).toEqual([number, number]);
    }
  });

  test('a recorded function promotes as the eager one', () => {
    const x = tensor(new Int32Array([1, 2, 3]));
    for (const number of [2, 0.5]) {
      const run = (value: typeof x) => ops.multiply(value, number);
      expect(jit(run)(x).dtype).toBe(run(x).dtype);
      expect(jit(run)(x).arraySync()).toEqual(run(x).arraySync());
    }
  });

  test('floatx decides what a fraction makes of integers', () => {
    config.setFloatx('float64');
    try {
      expect(ops.multiply(tensor(new Int32Array([1])), 0.5).dtype).toBe('float64');
      expect(ops.divide(tensor(new Int32Array([1])), 2).dtype).toBe('float64');
      expect(ops.add([1, 2], 1).dtype).toBe('float64');
    } finally {
      config.setFloatx('float32');
    }
  });
});

test('addition is what JavaScript says, for any shapes that broadcast', () => {
  const number = fc.float({ noNaN: true, noDefaultInfinity: true, min: -1000, max: 1000 });
  fc.assert(
    fc.property(
      fc.array(number, { minLength: 1, maxLength: 6 }),
      fc.array(number, { minLength: 1, maxLength: 6 }),
      (a, b) => {
        const sum = ops.add(ops.expandDims(a, 1), b);
        expect(sum.shape).toEqual([a.length, b.length]);
        expect(numbersOf(sum)).toEqual(a.flatMap((x) => b.map((y) => Math.fround(x + y))));
      },
    ),
    { numRuns: 50 },
  );
});

test('wide unsigned integers compute without overflow into the sign', () => {
  const big = tensor(new Uint32Array([4_000_000_000, 3]));
  expect(ops.greater(big, tensor(new Uint32Array([3, 4_000_000_000]))).arraySync()).toEqual([true, false]);
  expect(ops.add(big, tensor(new Uint32Array([200_000_000, 1]))).arraySync()).toEqual([4_200_000_000, 4]);
  expect(ops.max(big).item()).toBe(4_000_000_000);
  expect(ops.floorDivide(big, 7).dtype).toBe('uint32');
});

describe('constants', () => {
  test('equal numbers share one tensor, -0 apart from 0', () => {
    expect(constant(3, 'float32', 'cpu')).toBe(constant(3, 'float32', 'cpu'));
    expect(constant(3, 'float64', 'cpu')).not.toBe(constant(3, 'float32', 'cpu'));
    expect(numbersOf(ops.divide([1], -0))).toEqual([Number.NEGATIVE_INFINITY]);
    expect(numbersOf(ops.divide([1], 0))).toEqual([Number.POSITIVE_INFINITY]);
  });

  test('outlive the tidy that made them', () => {
    const value = 123.4375;
    tidy(() => {
      ops.add(tensor([1]), value);
    });
    expect(ops.add(tensor([1]), value).arraySync()).toEqual([124.4375]);
  });

  test('a program captures them and makes none', () => {
    const program = jit((x: ReturnType<typeof tensor>) => ops.add(ops.multiply(x, 2), 2)).programFor(tensor([1]));
    expect(program.size).toBe(2);
  });

  test('many different numbers do not pile up', () => {
    const first = constant(0.125, 'float64', 'cpu');
    for (let i = 1; i <= 600; i++) constant(i / 1024, 'float64', 'cpu');
    expect(constant(0.125, 'float64', 'cpu')).not.toBe(first);
    expect(first.item()).toBe(0.125);
  });
});

describe('what is no tensor', () => {
  test.each([
    [undefined, 'ops.add: expected a tensor, number or array, got undefined.'],
    [null, 'ops.add: expected a tensor, number or array, got null.'],
    ['1', 'ops.add: expected a tensor, number or array, got "1".'],
    [
      new SymbolicTensor({ shape: [null, 3] }),
      /^ops\.add: expected a tensor, number or array, got a symbolic tensor of shape \[null, 3\]\./,
    ],
  ])('%s', (wrong, message) => {
    expect(messageOf(() => ops.add([1], wrong as never))).toMatch(message);
  });
});
