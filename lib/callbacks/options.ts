import { ArgumentError } from '../core/errors.js';
import { type Checker, type Field, type Fields, show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import { isPlainObject } from '../core/tree.js';

/**
 * A callback's options by its table of fields: checked, with defaults.
 * @throws {ArgumentError} for an option that is unknown (with the nearest known name), missing or of a wrong type
 * @internal
 */
export function optionsOf<O>(className: string, options: unknown, fields: Fields): Required<O> {
  if (!isPlainObject(options)) {
    throw new ArgumentError(
      `${className}: expected an object of options, got ${show(options)}.`,
      `Write new ${className}({ … }).`,
    );
  }
  const names = Object.keys(fields);
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = nearestName(name, names);
    const known = names.length === 0 ? 'It takes none.' : `Options: ${names.join(', ')}.`;
    throw new ArgumentError(
      `${className}: unknown option '${name}'.`,
      near === null ? known : `Did you mean '${near}'?`,
    );
  }
  const values = Object.entries(fields).map(([name, field]: [string, Field]) => {
    const value = options[name];
    if (value === undefined && !('default' in field)) {
      throw new ArgumentError(`${className}: option '${name}' is required.`, `Write new ${className}({ ${name}: … }).`);
    }
    return [name, field.check(value === undefined ? field.default : value, `${className}: ${name}`)];
  });
  return Object.fromEntries(values) as Required<O>;
}

/** A checker whose error says what was expected, and what to write. @internal */
export function checker<T>(holds: (value: unknown) => boolean, expected: string, hint?: string): Checker<T> {
  return (value, where) => {
    if (holds(value)) return value as T;
    throw new ArgumentError(`${where}: expected ${expected}, got ${show(value)}.`, hint);
  };
}

/** A number, or null. @internal */
export const numberOrNull: Checker<number | null> = checker(
  (value) => value === null || (typeof value === 'number' && !Number.isNaN(value)),
  'a number or null',
);

/** 0 or 1. @internal */
export const verbosity: Checker<0 | 1> = checker((value) => value === 0 || value === 1, '0 or 1');

/** 'epoch', or a number of steps. @internal */
export const saveFreq: Checker<'epoch' | number> = checker(
  (value) => value === 'epoch' || (Number.isSafeInteger(value) && (value as number) >= 1),
  "'epoch' or a whole number of at least 1",
  "Write saveFreq: 'epoch', or a number of steps.",
);

/** The path of a folder or file. @internal */
export function pathOf(kind: 'folder' | 'file'): Checker<string> {
  return checker(
    (value) => typeof value === 'string' && value !== '' && !value.includes('\0'),
    `the path of a ${kind}`,
  );
}
