import { ArgumentError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import { formatShape } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';

/** Stands for "no options given", so that calls without options check nothing. @internal */
export const none: Readonly<Record<string, never>> = Object.freeze({});

/**
 * Checks what stands where options belong: a plain object with known keys.
 * @throws {ArgumentError} that shows the right call
 * @internal
 */
export function checkOptions(where: string, options: object, keys: readonly string[], args = 'x'): void {
  if (options === none) return;
  if (!isPlainObject(options)) {
    throw new ArgumentError(
      `${where}: expected options as one object, got ${show(options)}.`,
      `Write ${where}(${args}, { ${keys[0]}: ${show(options)} }).`,
    );
  }
  for (const key in options) {
    if (keys.includes(key)) continue;
    const near = nearestName(key, keys);
    throw new ArgumentError(
      `${where}: unknown option '${key}'.`,
      near === null ? `Options: ${keys.join(', ')}.` : `Did you mean '${near}'?`,
    );
  }
}

/** The axis counted from 0. @throws {ShapeError} if the tensor has no such axis @internal */
export function normalizeAxis(where: string, axis: number, shape: readonly number[]): number {
  const rank = shape.length;
  if (!Number.isInteger(axis)) {
    throw new ArgumentError(`${where}: expected axis to be a whole number, got ${show(axis)}.`);
  }
  if (axis < -rank || axis >= rank) {
    throw new ShapeError(
      rank === 0
        ? `${where}: expected a tensor with axes, got shape [] and axis ${axis}.`
        : `${where}: expected axis from ${-rank} to ${rank - 1} for shape ${formatShape(shape)}, got ${axis}.`,
    );
  }
  return axis < 0 ? axis + rank : axis;
}

/** Axes counted from 0, or null for all. @throws {ArgumentError} if one stands there twice @internal */
export function normalizeAxes(
  where: string,
  axis: number | readonly number[] | null | undefined,
  shape: readonly number[],
): number[] | null {
  if (axis === null || axis === undefined) return null;
  if (typeof axis === 'number') return [normalizeAxis(where, axis, shape)];
  if (!Array.isArray(axis)) {
    throw new ArgumentError(
      `${where}: expected axis to be a whole number, an array of them or null, got ${show(axis)}.`,
    );
  }
  const axes = axis.map((one) => normalizeAxis(where, one, shape));
  if (new Set(axes).size !== axes.length) {
    throw new ArgumentError(`${where}: expected different axes, got ${show(axis)} for shape ${formatShape(shape)}.`);
  }
  return axes;
}

/** A whole number within bounds. @internal */
export function checkInteger(
  where: string,
  name: string,
  value: unknown,
  min: number = Number.MIN_SAFE_INTEGER,
): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < min) {
    const bound = min === Number.MIN_SAFE_INTEGER ? '' : ` of at least ${min}`;
    throw new ArgumentError(`${where}: expected ${name} to be a whole number${bound}, got ${show(value)}.`);
  }
  return value;
}

/** A shape: one size, or an array of sizes. @internal */
export function checkShape(where: string, shape: unknown): number[] {
  const sizes = typeof shape === 'number' ? [shape] : shape;
  if (!Array.isArray(sizes) || !sizes.every((size) => Number.isSafeInteger(size) && size >= 0)) {
    throw new ArgumentError(`${where}: expected a shape: an array of whole numbers of at least 0, got ${show(shape)}.`);
  }
  return sizes as number[];
}

/** An array with at least one item. @internal */
export function checkList<T>(where: string, items: readonly T[], what = 'tensors'): readonly T[] {
  if (!Array.isArray(items) || items.length === 0) {
    throw new ArgumentError(
      `${where}: expected an array of ${what}, got ${Array.isArray(items) ? 'an empty one' : show(items)}.`,
      `Write ${where}([a, b]).`,
    );
  }
  return items;
}

/** One of some words. @internal */
export function checkChoice<T extends string>(where: string, name: string, value: T, choices: readonly T[]): T {
  if (!choices.includes(value)) {
    throw new ArgumentError(
      `${where}: expected ${name} to be one of ${choices.map((choice) => `'${choice}'`).join(', ')}, got ${show(value)}.`,
    );
  }
  return value;
}

/** Product of sizes. @internal */
export function product(sizes: readonly number[]): number {
  let size = 1;
  for (const axis of sizes) size *= axis;
  return size;
}
