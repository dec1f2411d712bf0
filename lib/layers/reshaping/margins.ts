import type { DataFormat } from '../../core/config.js';
import { ArgumentError } from '../../core/errors.js';
import { type Checker, show } from '../../core/fields.js';
import { InputSpec } from '../input-spec.js';
import { axisNames, spatialAxes } from '../pooling/window.js';

/** What is added to, or cut from, the ends of axes: one number for all, or for each axis a number or [before, after]. */
export type Margins = number | readonly (number | readonly [before: number, after: number])[];

/** Before and after an axis. @internal */
export type Margin = readonly [before: number, after: number];

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;
const isPair = (value: unknown): value is Margin => Array.isArray(value) && value.length === 2 && value.every(isCount);

/** Checks margins; how many there are is checked by {@link marginsOf}. @internal */
export const margins: Checker<Margins> = (value, where) => {
  const ok =
    isCount(value) ||
    (Array.isArray(value) && value.length > 0 && value.every((one: unknown) => isCount(one) || isPair(one)));
  if (ok) return value as Margins;
  throw new ArgumentError(
    `${where}: expected a whole number of at least 0, or for each axis one or [before, after], got ${show(value)}.`,
  );
};

/** Margins of each of `rank` axes; one axis takes a flat `[before, after]` too. @internal */
export function marginsOf(where: string, given: Margins, rank: number): readonly Margin[] {
  if (typeof given === 'number') return new Array<Margin>(rank).fill([given, given]);
  if (rank === 1 && isPair(given)) return [given];
  if (given.length !== rank || (rank === 1 && typeof given[0] === 'number')) {
    throw new ArgumentError(
      rank === 1
        ? `${where}: expected a whole number or [before, after], got ${show(given)}.`
        : `${where}: expected margins of ${rank} axes, got ${show(given)}.`,
    );
  }
  return given.map((one) => (typeof one === 'number' ? [one, one] : one));
}

/** Margins as Keras' configs hold them: flat for one axis. @internal */
export function marginsConfig(pairs: readonly Margin[]): unknown {
  return (pairs.length === 1 ? pairs[0] : pairs) as unknown;
}

/** Margins of all axes of the inputs. @internal */
export function allMargins(pairs: readonly Margin[], dataFormat: DataFormat): Margin[] {
  const axes = spatialAxes(pairs.length, dataFormat);
  return Array.from({ length: pairs.length + 2 }, (_, axis) => pairs[axes.indexOf(axis)] ?? [0, 0]);
}

/** What layers over `rank` spatial axes take. @internal */
export function spatialSpec(rank: 1 | 2 | 3, dataFormat: DataFormat): InputSpec {
  return new InputSpec({ ndim: rank + 2, axisNames: axisNames(rank, dataFormat) });
}
