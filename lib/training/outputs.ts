import { ArgumentError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject, leaves } from '../core/tree.js';

/**
 * Spreads a `compile` option (losses, weights, metrics) over a model's outputs: one entry for each leaf of the predictions, in the order of the leaves.
 * An array goes by position, an object by the outputs' names.
 * @internal
 */
export function perOutput(option: unknown, names: readonly (string | null)[], where: string): unknown[] {
  const count = names.length;
  if (Array.isArray(option)) {
    if (option.length === count) return option;
    throw new ArgumentError(
      `${where}: expected one entry for each of the ${count} outputs, got ${option.length}.`,
      'Write null for an output without one.',
    );
  }
  if (isPlainObject(option)) {
    const known = names.filter((name) => name !== null);
    for (const key of Object.keys(option)) {
      if (known.includes(key)) continue;
      throw new ArgumentError(
        `${where}: expected the names of outputs as keys, got ${show(key)}.`,
        known.length > 0 ? `Outputs: ${known.join(', ')}.` : 'The outputs have no names: give an array.',
      );
    }
    return names.map((name) => (name === null ? null : (option[name] ?? null)));
  }
  return names.map(() => option);
}

/** Names of a model's outputs: the keys of an object of predictions, else what the model calls them. @internal */
export function outputNames(predictions: unknown, given: readonly string[] | null): (string | null)[] {
  const names: (string | null)[] = [];
  const visit = (node: unknown, name: string | null): void => {
    if (Array.isArray(node)) for (const child of node) visit(child, name);
    else if (isPlainObject(node))
      for (const key of Object.keys(node).sort()) visit(node[key], name === null ? key : `${name}/${key}`);
    else names.push(name);
  };
  visit(predictions, null);
  return given !== null && given.length === names.length && names.every((name) => name === null) ? [...given] : names;
}

/**
 * Labels or weights, one for each output in the order of the outputs: an object goes by their names, arrays by position. Outputs that aren't `wanted`
 * (those without a loss) need none: they may be left out, or null.
 * @throws {ArgumentError} for keys that are no outputs' names
 * @throws {ShapeError} if there are more or fewer than outputs
 * @internal
 */
export function byOutput<T>(
  given: unknown,
  names: readonly (string | null)[],
  what: string,
  wanted: readonly boolean[] = names.map(() => true),
): (T | null)[] {
  const flat = spread<T>(given, names, what, wanted);
  flat.forEach((value, i) => {
    if (value !== null || !wanted[i]) return;
    throw new ArgumentError(
      `fit: expected ${what} for output ${names[i] ?? i}, which has a loss, got null.`,
      'Give them, or give compile null as the loss of that output.',
    );
  });
  return flat;
}

function spread<T>(
  given: unknown,
  names: readonly (string | null)[],
  what: string,
  wanted: readonly boolean[],
): (T | null)[] {
  const count = names.length;
  const known = names.filter((name): name is string => name !== null);
  if (isPlainObject(given) && known.length === count && new Set(known).size === count) {
    const keys = Object.keys(given);
    const wrong = keys.find((key) => !known.includes(key)) ?? known.find((name, i) => wanted[i] && !(name in given));
    // One input's labels may be called anything.
    if (wrong === undefined) return known.map((name) => (given[name] ?? null) as T | null);
    if (count > 1 && !known.some((name) => name.includes('/'))) {
      throw new ArgumentError(
        `fit: ${what}: expected the names of the outputs as keys (${known.join(', ')}), got ${keys.join(', ')}.`,
        `Write { ${known.map((name) => `${name}: …`).join(', ')} }.`,
      );
    }
  }
  const flat = leaves(given) as (T | null)[];
  if (flat.length === count) return flat;
  const needed = wanted.filter(Boolean).length;
  if (flat.length === needed) return wanted.map((one) => (one ? (flat.shift() as T) : null));
  throw new ShapeError(
    `fit: expected ${what} for ${count} output${count === 1 ? '' : 's'} of the model${needed < count ? `, or for the ${needed} with a loss` : ''}, got ${flat.length}.`,
    count === 1
      ? 'Give one tensor, nested array or { data, shape }.'
      : 'Give an array with one for each output, or an object by their names.',
  );
}

/** Weights for each output; one alone stands for all outputs. @internal */
export function weightsByOutput<T>(
  given: unknown,
  names: readonly (string | null)[],
  wanted?: readonly boolean[],
): (T | null)[] {
  const [only, ...others] = leaves(given) as T[];
  if (others.length === 0 && !isPlainObject(given)) return names.map(() => only as T);
  return byOutput(given, names, 'sampleWeight', wanted);
}
