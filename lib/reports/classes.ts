import { ArgumentError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, Tensor, type TensorLike, tensor } from '../core/tensor.js';

/** Numbers of a tensor, read without blocking. @internal */
export interface Values {
  readonly shape: readonly number[];
  readonly dtype: string;
  readonly data: ArrayLike<number | bigint>;
}

/** @internal */
export async function readValues(where: string, name: string, given: TensorLike): Promise<Values> {
  if (given === null || given === undefined || typeof given === 'string' || typeof given === 'function') {
    throw new ArgumentError(`${where}: expected ${name} to be a tensor or numbers, got ${show(given)}.`);
  }
  const x = given instanceof Tensor ? given : tensor(given);
  return { shape: x.shape, dtype: x.dtype, data: await x.data() };
}

/** Class numbers, and how many classes there are at least. @internal */
export interface Classes {
  readonly numbers: Int32Array;
  readonly count: number;
}

/**
 * Class numbers from class numbers `[n]` or `[n, 1]`, or from one-hot rows or probabilities `[n, classes]`: their largest.
 * @throws {ShapeError} for other shapes
 * @throws {ArgumentError} for numbers that are no classes
 * @internal
 */
export function classesOf(where: string, name: string, { shape, data }: Values): Classes {
  const [rows = 0, columns = 1] = shape;
  if (shape.length === 0 || shape.length > 2 || columns === 0) {
    throw new ShapeError(
      `${where}: expected ${name} of shape [samples] or [samples, classes], got ${formatShape(shape)}.`,
      'Give class numbers, or one row of probabilities for each sample.',
    );
  }
  const numbers = new Int32Array(rows);
  let count = columns === 1 ? 0 : columns;
  for (let row = 0; row < rows; row++) {
    numbers[row] = columns === 1 ? classNumber(where, name, data[row], row) : largestAt(data, row * columns, columns);
    count = Math.max(count, (numbers[row] as number) + 1);
  }
  return { numbers, count };
}

// A matrix of more classes than this would be no picture.
const mostClasses = 1000;

function classNumber(where: string, name: string, given: unknown, row: number): number {
  const value = Number(given);
  if (Number.isInteger(value) && value >= 0 && value < mostClasses) return value;
  throw new ArgumentError(
    `${where}: expected ${name} to hold class numbers from 0 to ${mostClasses - 1}, got ${show(given)} at position ${row}.`,
    Number.isInteger(value)
      ? 'Number the classes from 0.'
      : 'Of probabilities give a row for each sample, or round them: ops.round(probabilities).',
  );
}

/** Place of the largest number, the first of equals; NaN is no number. @internal */
export function largestAt(data: ArrayLike<number | bigint>, from: number, count: number): number {
  let best = 0;
  let largest = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < count; i++) {
    const value = Number(data[from + i]);
    if (value > largest) {
      largest = value;
      best = i;
    }
  }
  return best;
}

/** @throws {ShapeError} unless there are as many of both, and at least one @internal */
export function checkSameLength(where: string, name: string, count: number, other: string, otherCount: number): void {
  if (count === otherCount && count > 0) return;
  throw new ShapeError(
    count === otherCount
      ? `${where}: expected at least one sample, got none.`
      : `${where}: expected as many samples in ${name} as in ${other}, got ${count} and ${otherCount}.`,
  );
}
