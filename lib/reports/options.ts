import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { checkInteger } from '../ops/arguments.js';
import { oneLine } from './text.js';

/** Options that every report of curves has. */
export interface ReportOptions {
  /** Heading of the report. */
  title?: string;
  /** Names of the metrics to show, without `val_`. @default all */
  metrics?: readonly string[];
  /** Width of one panel in pixels, at least 200; on a page panels fill the room that there is. @default 480 */
  width?: number;
  /** Height of one panel in pixels, at least 160. @default 300 */
  height?: number;
}

/** A heading: one line. @internal */
export function checkTitle(where: string, title: unknown, name = 'title'): string {
  if (typeof title !== 'string' || title.trim() === '') {
    throw new ArgumentError(`${where}: expected ${name} to be a string with words, got ${show(title)}.`);
  }
  return oneLine(title);
}

/** The size of a panel. @internal */
export function checkSize(
  where: string,
  { width = 480, height = 300 }: { width?: number | undefined; height?: number | undefined },
): { width: number; height: number } {
  return { width: checkInteger(where, 'width', width, 200), height: checkInteger(where, 'height', height, 160) };
}

/** Names, one for each of `count` things. @internal */
export function checkNames(where: string, name: string, names: unknown, count: number | null): string[] {
  const right = Array.isArray(names) && names.every((one) => typeof one === 'string' || typeof one === 'number');
  if (!right) throw new ArgumentError(`${where}: expected ${name} to be an array of names, got ${show(names)}.`);
  if (count !== null && names.length !== count) {
    throw new ArgumentError(`${where}: expected ${count} ${name}, one for each class, got ${names.length}.`);
  }
  return names.map((one) => oneLine(String(one)));
}
