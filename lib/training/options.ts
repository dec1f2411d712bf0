import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';

/** Refuses a value that is no whole number of at least `min`. @internal */
export function checkInteger(where: string, value: unknown, min: number): void {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= min) return;
  throw new ArgumentError(`${where}: expected a whole number of at least ${min}, got ${show(value)}.`);
}

/** As {@link checkInteger}; `null` and `undefined` pass. @internal */
export function checkOptionalInteger(where: string, value: unknown, min: number): void {
  if (value !== null && value !== undefined) checkInteger(where, value, min);
}

/** Checks `verbose`. @internal */
export function checkVerbose(where: string, value: unknown): void {
  if (value === 'auto' || value === 0 || value === 1 || value === 2) return;
  throw new ArgumentError(`${where}: verbose: expected 'auto', 0, 1 or 2, got ${show(value)}.`);
}

/** Checks `signal`. @internal */
export function checkSignal(where: string, value: unknown): void {
  if (value === null || value === undefined || value instanceof AbortSignal) return;
  throw new ArgumentError(
    `${where}: signal: expected an AbortSignal, got ${show(value)}.`,
    'Write signal: controller.signal.',
  );
}
