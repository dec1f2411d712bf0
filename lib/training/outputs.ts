import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';

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
