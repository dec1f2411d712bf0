import { ArgumentError } from '../core/errors.js';
import { type Checker, show } from '../core/fields.js';

/** Checks one whole number for all spatial axes, or one for each; {@link spreadSizes} makes the list whole. @internal */
export function sizes(min = 1): Checker<readonly number[]> {
  return (value, where) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0 || !list.every((size) => Number.isSafeInteger(size) && (size as number) >= min)) {
      throw new ArgumentError(
        `${where}: expected a whole number of at least ${min}, or one for each axis, got ${show(value)}.`,
      );
    }
    return list as readonly number[];
  };
}

/** One number for each of `rank` axes. @throws {ArgumentError} for another count @internal */
export function spreadSizes(where: string, given: readonly number[], rank: number): readonly number[] {
  if (given.length === rank) return given;
  if (given.length === 1) return new Array<number>(rank).fill(given[0] as number);
  throw new ArgumentError(
    `${where}: expected ${rank} whole number${rank === 1 ? '' : 's'}, got ${show(given)}.`,
    'A single number counts for all axes.',
  );
}
