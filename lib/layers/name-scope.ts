import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';

const scopes: { name: string; owner: object | null }[] = [];

/** Place of what is being built: 'sequential/dense', or '' at the top. @internal */
export function currentPath(): string {
  return scopes.map((scope) => scope.name).join('/');
}

/** Runs a layer's code inside its own scope; a layer that calls itself (apply -> build) opens one scope only. @internal */
export function withLayerScope<T>(name: string, owner: object, fn: () => T): T {
  if (scopes[scopes.length - 1]?.owner === owner) return fn();
  return withScope(name, owner, fn);
}

function withScope<T>(name: string, owner: object | null, fn: () => T): T {
  scopes.push({ name, owner });
  try {
    return fn();
  } finally {
    scopes.pop();
  }
}

/**
 * Puts a name before the paths of weights that are made inside a synchronous function: `keras.name_scope`.
 *
 * @throws {ArgumentError} for a name that is no string, is empty or holds '/'
 * @example
 * ```ts
 * const layer = new layers.Dense({ units: 2, name: 'last' });
 * nameScope('head', () => layer.build([null, 4]));
 * layer.weights[0]?.path; // 'head/last/kernel'
 * ```
 */
export function nameScope<T>(name: string, fn: () => T): T {
  if (typeof name !== 'string' || name === '' || name.includes('/')) {
    throw new ArgumentError(`nameScope: expected a name without '/', got ${show(name)}.`);
  }
  return withScope(name, null, fn);
}
