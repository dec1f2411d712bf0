import { type DType, standardizeDType } from './dtype.js';
import { ArgumentError } from './errors.js';

/** Checks an option and answers its value, converted where several spellings are taken. `where` is 'Dense: units'. */
export type Checker<T = unknown> = (value: unknown, where: string) => T;

/** One row of a class's table of fields. */
export interface Field<T = unknown> {
  /** Checks a given value and answers the one to keep. */
  readonly check: Checker<T>;
  /** Value when the option is left out; a function makes a new one each time. Absent: the option is required. */
  readonly default?: unknown;
  /** Keras' key in configs. @default the name in snake_case */
  readonly key?: string;
  /** Whether the constructor takes it. @default true */
  readonly takes?: boolean;
  /** Whether the config writes it. @default true */
  readonly writes?: boolean;
  /** The value as it stands in a config: plain JSON. @default the value; objects with a config are serialized */
  readonly toConfig?: (value: never) => unknown;
}

/** A class's table of fields, by option name in camelCase. */
export type Fields = Readonly<Record<string, Field>>;

/**
 * A field that must be given.
 *
 * @example
 * ```ts
 * class Scale extends Layer {
 *   static override readonly fields = { factor: required(is.number({ above: 0 })) };
 * }
 * ```
 */
export function required<T>(check: Checker<T>, extra: Omit<Field<T>, 'check' | 'default'> = {}): Field<T> {
  return { check, ...extra };
}

/** A field with a default (checked and converted like a given value). */
export function optional<T>(
  check: Checker<T>,
  value: unknown,
  extra: Omit<Field<T>, 'check' | 'default'> = {},
): Field<T> {
  return { check, default: value, ...extra };
}

/** How a wrong value is shown in an error. */
export function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'function') return value.name ? `function ${value.name}` : 'a function';
  if (Array.isArray(value)) return `[${value.map(show).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const prototype = Object.getPrototypeOf(value);
    return prototype === Object.prototype || prototype === null ? 'an object' : String(prototype.constructor?.name);
  }
  return String(value);
}

function fail(where: string, expected: string, value: unknown, hint?: string): never {
  throw new ArgumentError(`${where}: expected ${expected}, got ${show(value)}.`, hint);
}

// Checkers of fractions: files of Keras tell 1.0 from 1.
const fractions = new WeakSet<Checker<never>>();

/** Whether a checker takes fractions, as those of {@link is}.number do. @internal */
export function takesFractions(check: Checker<never>): boolean {
  return fractions.has(check);
}

function range(min: number | undefined, max: number | undefined): string {
  if (min !== undefined && max !== undefined) return ` from ${min} to ${max}`;
  if (min !== undefined) return ` of at least ${min}`;
  return max === undefined ? '' : ` of at most ${max}`;
}

/**
 * Checkers for tables of fields: each answers the value, or throws an ArgumentError that says what was expected.
 *
 * @example
 * ```ts
 * is.integer({ min: 1 })(3, 'Pool: size'); // 3
 * ```
 */
export const is = {
  /** `true` or `false`. */
  boolean: ((value, where) =>
    typeof value === 'boolean' ? value : fail(where, 'true or false', value)) as Checker<boolean>,

  /** A string. */
  string: ((value, where) => (typeof value === 'string' ? value : fail(where, 'a string', value))) as Checker<string>,

  /** A number but NaN: `min` and `max` included, `above` and `below` not. */
  number(options: { min?: number; max?: number; above?: number; below?: number } = {}): Checker<number> {
    const { min, max, above, below } = options;
    const check: Checker<number> = (value, where) => {
      const text =
        above !== undefined || below !== undefined
          ? `a number${above !== undefined ? ` above ${above}` : ''}${below !== undefined ? ` below ${below}` : ''}${range(min, max)}`
          : `a number${range(min, max)}`;
      if (typeof value !== 'number' || Number.isNaN(value)) fail(where, text, value);
      if ((min !== undefined && value < min) || (max !== undefined && value > max)) fail(where, text, value);
      if ((above !== undefined && value <= above) || (below !== undefined && value >= below)) fail(where, text, value);
      return value;
    };
    fractions.add(check as Checker<never>);
    return check;
  },

  /** A whole number of at most 2^53 - 1 either way; `min` and `max` included. */
  integer(options: { min?: number; max?: number } = {}): Checker<number> {
    const { min, max } = options;
    return (value, where) => {
      const ok = typeof value === 'number' && Number.isSafeInteger(value);
      if (!ok || (min !== undefined && value < min) || (max !== undefined && value > max)) {
        fail(where, `a whole number${range(min, max)}`, value);
      }
      return value;
    };
  },

  /** One of some strings. */
  oneOf<T extends string>(...choices: readonly T[]): Checker<T> {
    return (value, where) => {
      if (!choices.includes(value as T))
        fail(where, `one of ${choices.map((choice) => `'${choice}'`).join(', ')}`, value);
      return value as T;
    };
  },

  /** The value or `null`. */
  nullable<T>(check: Checker<T>): Checker<T | null> {
    const nullable: Checker<T | null> = (value, where) => (value === null ? null : check(value, where));
    if (takesFractions(check as Checker<never>)) fractions.add(nullable as Checker<never>);
    return nullable;
  },

  /** The first checker that accepts; the error is the last one's with all expectations. */
  either<A, B>(first: Checker<A>, second: Checker<B>, expected: string): Checker<A | B> {
    return (value, where) => {
      for (const check of [first, second]) {
        try {
          return check(value, where);
        } catch (error) {
          if (!(error instanceof ArgumentError)) throw error;
        }
      }
      return fail(where, expected, value);
    };
  },

  /** An array, each item checked. */
  listOf<T>(check: Checker<T>): Checker<T[]> {
    return (value, where) => {
      if (!Array.isArray(value)) fail(where, 'an array', value);
      return (value as unknown[]).map((item, i) => check(item, `${where}[${i}]`));
    };
  },

  /** A shape with whole numbers; `null` where a size is unknown. */
  shape: ((value, where) => {
    const ok =
      Array.isArray(value) && value.every((size) => size === null || (Number.isSafeInteger(size) && size >= 0));
    if (!ok) fail(where, 'a shape: an array of whole numbers of at least 0 (or null)', value);
    return value as (number | null)[];
  }) as Checker<(number | null)[]>,

  /** A dtype's name. */
  dtype: ((value, where) => {
    if (typeof value !== 'string') fail(where, 'a dtype', value);
    return standardizeDType(value);
  }) as Checker<DType>,

  /** An instance of a class. */
  instance<T>(type: abstract new (...args: never[]) => T, expected: string): Checker<T> {
    return (value, where) => (value instanceof type ? value : fail(where, expected, value));
  },

  /** A function. */
  function: ((value, where) => (typeof value === 'function' ? value : fail(where, 'a function', value))) as Checker<
    (...args: never[]) => unknown
  >,

  /** Whatever comes: for values that the class checks itself. */
  anything: ((value) => value) as Checker<unknown>,
};
