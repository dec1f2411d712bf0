import { Configurable } from '../core/configurable.js';
import { SeedGenerator } from '../core/random.js';
import { isPlainObject } from '../core/tree.js';
import { Variable } from '../core/variable.js';

/** What of a metric a layer needs to know; the classes live above. */
export interface MetricLike {
  readonly name: string;
  readonly variables: readonly Variable[];
}

/** State found in an object's own properties. @internal */
export interface OwnState<L> {
  variables: Variable[];
  layers: L[];
  metrics: MetricLike[];
  generators: SeedGenerator[];
}

function isMetric(value: object): value is MetricLike & object {
  return value instanceof Configurable && 'updateState' in value && 'resetState' in value && 'result' in value;
}

/**
 * Variables, sub-layers, metrics and seed generators among an object's own properties, also inside arrays, maps and plain objects, in the order
 * in which the properties were set. Looked up when asked for, so that nothing has to watch assignments.
 * @internal
 */
export function ownState<L extends object>(owner: object, isLayer: (value: object) => value is L): OwnState<L> {
  const found: OwnState<L> = { variables: [], layers: [], metrics: [], generators: [] };
  const seen = new Set<object>([owner]);
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || seen.has(value)) return;
    if (value instanceof Variable) found.variables.push(value);
    else if (isLayer(value)) found.layers.push(value);
    else if (value instanceof SeedGenerator) found.generators.push(value);
    else if (isMetric(value)) found.metrics.push(value);
    else if (Array.isArray(value)) {
      seen.add(value);
      // Long arrays of numbers are data, never state.
      if (typeof value[0] !== 'number') for (const child of value) visit(child);
      return;
    } else if (value instanceof Map || value instanceof Set) {
      seen.add(value);
      for (const child of value.values()) visit(child);
      return;
    } else if (isPlainObject(value)) {
      seen.add(value);
      for (const child of Object.values(value)) visit(child);
      return;
    } else return;
    seen.add(value);
  };
  for (const value of Object.values(owner)) visit(value);
  return found;
}
