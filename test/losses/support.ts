import { expect } from 'vitest';
import { Tensor, tensor } from '../../lib/core/tensor.js';
import * as ops from '../../lib/ops/index.js';
import { type GoldenArray, goldenRow } from '../support/golden.js';

/** A golden file holds a number without axes as a plain number. */
export type Values = GoldenArray | number;

/** Values of a golden file as an array. */
export function asArray(values: Values): GoldenArray {
  return typeof values === 'number' ? { data: Float32Array.of(values), shape: [], dtype: 'float32' } : values;
}

/** Values of a golden file as a tensor. */
export function load(values: Values): Tensor {
  const { data, shape, dtype } = asArray(values);
  const loaded = tensor(data, { shape });
  return dtype === 'bool' ? ops.cast(loaded, 'bool') : loaded;
}

/** What belongs to successive steps: a list, or stacked in one array. */
export function stepsOf<T>(values: readonly T[] | GoldenArray): (T | GoldenArray)[] {
  if (Array.isArray(values)) return values as T[];
  const stacked = values as GoldenArray;
  return Array.from({ length: stacked.shape[0] as number }, (_, i) => goldenRow(stacked, i));
}

/** Compares shapes and values, by `|a - b| <= tolerance * (1 + |b|)`; what isn't finite must be the same. */
export function expectValues(actual: Tensor, expected: Values | Tensor, tolerance: number, what = ''): void {
  const { data, shape } =
    expected instanceof Tensor
      ? { data: ops.cast(expected, 'float64').dataSync(), shape: [...expected.shape] }
      : asArray(expected);
  expect([...actual.shape], what).toEqual(shape);
  const values = ops.cast(actual, 'float64').dataSync();
  for (let i = 0; i < data.length; i++) {
    const [a, b] = [Number(values[i]), Number(data[i])];
    const label = `${what}[${i}]: ${a} instead of ${b}`;
    if (Number.isFinite(b)) expect(Math.abs(a - b), label).toBeLessThanOrEqual(tolerance * (1 + Math.abs(b)));
    else expect(a, label).toBe(b);
  }
}

/** A name or path without the numbers that automatic names end in: they count the objects made before. */
export function withoutCount(name: string): string {
  return name.replace(/_\d+(?=\/|$)/g, '');
}

/** The message of the error that `run` throws. */
export function messageOf(run: () => unknown): string | undefined {
  try {
    run();
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}
