import { expect } from 'vitest';
import type { DType } from '../../lib/core/dtype.js';
import { Tensor, tensor } from '../../lib/core/tensor.js';
import * as ops from '../../lib/ops/index.js';
import type { GoldenArray } from '../support/golden.js';

/** A golden array as a tensor of its own dtype. */
export function load({ data, shape, dtype }: GoldenArray): Tensor {
  const loaded = tensor(data, { shape });
  return loaded.dtype === dtype ? loaded : ops.cast(loaded, dtype as DType);
}

export function isGoldenArray(value: unknown): value is GoldenArray {
  return typeof value === 'object' && value !== null && 'data' in value && 'shape' in value && 'dtype' in value;
}

/** The same tree with golden arrays as tensors. */
export function loadAll(value: unknown): unknown {
  if (isGoldenArray(value)) return load(value);
  if (Array.isArray(value)) return value.map(loadAll);
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, loadAll(item)]));
  }
  return value;
}

/** The numbers of a tensor, whatever its dtype. */
export function numbersOf(value: Tensor): number[] {
  return Array.from(value.dataSync(), Number);
}

/** Checks shape and values: relative to the larger of 1 and the expected number. */
export function expectValues(actual: unknown, expected: GoldenArray, tolerance = 2e-6): void {
  expect(actual).toBeInstanceOf(Tensor);
  const result = actual as Tensor;
  expect(result.shape).toEqual(expected.shape);
  const got = numbersOf(result);
  const wanted = Array.from(expected.data as Float32Array, Number);
  wanted.forEach((value, i) => {
    const found = got[i] as number;
    const same =
      Object.is(found, value) || found === value || Math.abs(found - value) <= tolerance * Math.max(1, Math.abs(value));
    if (!same) expect.fail(`element ${i}: expected ${value}, got ${found}; all: ${got.slice(0, 20).join(', ')}`);
  });
}

/** The message of the error that a function throws. */
export function messageOf(fn: () => unknown): string {
  try {
    fn();
  } catch (error) {
    return (error as Error).message;
  }
  return expect.fail('expected an error');
}
