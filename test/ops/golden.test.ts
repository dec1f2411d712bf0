import { describe, expect, test } from 'vitest';
import { grad } from '../../lib/core/autograd.js';
import { jit } from '../../lib/core/program.js';
import type { Tensor } from '../../lib/core/tensor.js';
import * as ops from '../../lib/ops/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectValues, isGoldenArray, load, loadAll } from './support.js';

type Result = { y: GoldenArray; dtype: string };

interface OpCase {
  fn: string;
  args: unknown[];
  options: Record<string, unknown>;
  result: Result | Result[];
  gradient?: { argument: number; upstream: GoldenArray; dx: GoldenArray };
}

const golden = loadGolden<OpCase>('ops');
const library = ops as unknown as Record<string, (...args: unknown[]) => Tensor | Tensor[]>;

function op(name: string): (...args: unknown[]) => Tensor | Tensor[] {
  const fn = library[name];
  if (fn === undefined) throw new Error(`ops.${name} is missing`);
  return fn;
}

// Their result's shape depends on the data, so recording them is an error.
const unrecordable = new Set(['nonzero', 'unique', 'bincount', 'histogram']);
// Sums of many products and iterative methods: a few more units in the last place.
const loose: Readonly<Record<string, number>> = {
  norm: 1e-5,
  solve: 2e-5,
  inv: 2e-5,
  svd: 1e-5,
  cholesky: 1e-5,
  det: 1e-5,
  power: 1e-5,
  cdist: 1e-5,
};

function compare(actual: Tensor | readonly Tensor[], expected: Result | Result[], tolerance: number): void {
  if (!Array.isArray(expected)) {
    expectValues(actual, expected.y, expected.dtype === 'float16' ? 1e-3 : tolerance);
    expect((actual as Tensor).dtype).toBe(expected.dtype);
    return;
  }
  expect(actual).toHaveLength(expected.length);
  for (const [i, one] of expected.entries()) compare((actual as Tensor[])[i] as Tensor, one, tolerance);
}

describe('values, eager and recorded', () => {
  test.each(golden.cases)('$name', (one) => {
    const options = loadAll(one.options) as Record<string, unknown>;
    const run = (...args: unknown[]): Tensor | Tensor[] => {
      const fn = op(one.fn);
      return Object.keys(options).length === 0 ? fn(...args) : fn(...args, options);
    };
    const tolerance = loose[one.fn] ?? 3e-6;
    const args = one.args.map(loadAll);
    compare(run(...args), one.result, tolerance);
    if (unrecordable.has(one.fn)) expect(() => jit(run)(...args)).toThrow(/can't be recorded/);
    else compare(jit(run)(...args), one.result, tolerance);
  });
});

describe('gradients', () => {
  const differentiable = golden.cases.filter(({ gradient }) => gradient !== undefined);
  test.each(differentiable)('$name', (one) => {
    const { argument, upstream, dx } = one.gradient as NonNullable<OpCase['gradient']>;
    const options = loadAll(one.options) as Record<string, unknown>;
    const args = one.args.map(loadAll);
    // The first float argument, which may stand in a list.
    const [outer, inner] = isGoldenArray(one.args[argument]) ? [argument, -1] : place(one.args, argument);
    const weight = load(upstream);
    const weighted = (x: Tensor): Tensor => {
      const given = args.map((arg, i) =>
        i !== outer ? arg : inner < 0 ? x : (arg as unknown[]).map((item, j) => (j === inner ? x : item)),
      );
      const fn = op(one.fn) as (...args: unknown[]) => Tensor;
      const y = Object.keys(options).length === 0 ? fn(...given) : fn(...given, options);
      return ops.sum(ops.multiply(ops.cast(y, 'float32'), weight));
    };
    const source = (inner < 0 ? args[outer] : (args[outer] as unknown[])[inner]) as Tensor;
    expectValues(grad(weighted)(source), dx, Math.max(1e-5, loose[one.fn] ?? 0));
  });
});

/** Where in TypeScript's arguments Keras' n-th argument stands, for those that take one array. */
function place(args: readonly unknown[], argument: number): [number, number] {
  let before = 0;
  for (const [i, arg] of args.entries()) {
    if (!Array.isArray(arg)) before++;
    else if (argument - before < arg.length && isGoldenArray(arg[argument - before])) return [i, argument - before];
    else before += arg.length;
  }
  throw new Error('the argument is in no list');
}

describe('dtypes', () => {
  const unary = golden.facts['unaryTypes'] as Record<string, Record<string, string | null>>;
  test.each(Object.keys(unary))('%s', (name) => {
    const got: Record<string, string | null> = {};
    for (const [dtype, expected] of Object.entries(unary[name] as Record<string, string | null>)) {
      if (expected === null) continue;
      got[dtype] = (op(name)(ops.ones([2, 2], { dtype: dtype as 'bool' })) as Tensor).dtype;
    }
    expect(got).toEqual(
      Object.fromEntries(Object.entries(unary[name] ?? {}).filter(([, expected]) => expected !== null)),
    );
  });

  const binary = golden.facts['binaryTypes'] as Record<string, Record<string, Record<string, string | null>>>;
  test.each(Object.keys(binary))('%s of two', (name) => {
    // The goldens come from 32-bit JAX: where Keras' rule says int64, there they say int32.
    const signed = ['int8', 'int16', 'int32'];
    const beyond = (a: string, b: string): boolean => a === 'uint32' && signed.includes(b);
    for (const [first, row] of Object.entries(binary[name] as Record<string, Record<string, string | null>>)) {
      const got: Record<string, string | null> = {};
      for (const [second, expected] of Object.entries(row)) {
        if (expected === null) continue;
        if (expected === 'int32' && (beyond(first, second) || beyond(second, first))) row[second] = 'int64';
        const a = ops.ones([2, 2], { dtype: first as 'bool' });
        const b = ops.ones([2, 2], { dtype: second as 'bool' });
        got[second] =
          name === 'where'
            ? ops.where(ops.ones([2, 2], { dtype: 'bool' }), a, b).dtype
            : (op(name)(a, b) as Tensor).dtype;
      }
      expect(got, first).toEqual(Object.fromEntries(Object.entries(row).filter(([, expected]) => expected !== null)));
    }
  });
});
