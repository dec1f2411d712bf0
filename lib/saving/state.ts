import { classNameOf } from '../core/configurable.js';
import { toSnakeCase } from '../core/names.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import type { Variable } from '../core/variable.js';
import { Layer } from '../layers/layer.js';
import { Model } from '../models/model.js';
import { Sequential } from '../models/sequential.js';
import { Optimizer } from '../optimizers/index.js';

/** What has state of its own in Keras' files. */
export type Saveable = Layer | Optimizer;

/** A layer that writes and reads its own state: Keras' `save_own_variables` and `load_own_variables`. */
interface OwnStorage {
  saveOwnVariables?(store: Record<string, TensorLike>): void;
  loadOwnVariables?(store: Readonly<Record<string, Tensor>>): void;
}

/** How a layer's own methods for its state are reached, if its class has such. @internal */
export function ownStorage(object: Saveable): OwnStorage {
  return object as OwnStorage;
}

// Where models keep layers that they show as `layers`.
const hidden = new Set(['stack', 'operations']);

function isSaveable(value: unknown): value is Saveable {
  return value instanceof Layer || value instanceof Optimizer;
}

/** Variables of an object itself, in the order of files: of a layer the trainable ones first, without those of layers inside it. */
export function ownVariables(object: Saveable): Variable[] {
  if (object instanceof Optimizer) return object.variables;
  const inner = new Set(childrenOf(object).flatMap(([, child]) => innerWeights(child)));
  return object.weights.filter((weight) => !inner.has(weight));
}

function innerWeights(value: unknown): Variable[] {
  if (value instanceof Layer) return value.weights;
  return itemsOf(value)?.flatMap(innerWeights) ?? [];
}

/** The items of an array, map, set or plain object; null for everything else. */
function itemsOf(value: unknown): unknown[] | null {
  if (Array.isArray(value)) return typeof value[0] === 'number' ? null : value;
  if (value instanceof Map || value instanceof Set) return [...value.values()];
  return isPlainObject(value) ? Object.values(value) : null;
}

/** Properties in which Keras looks for state, in its order: by their names in snake_case, those with an underscore in front last. */
function childrenOf(object: Saveable): [name: string, value: unknown][] {
  const children: [string, unknown][] = Object.entries(object)
    .filter(([name]) => !hidden.has(name))
    .map(([name, value]) => [toFileName(name), value]);
  const graph = object instanceof Model && (object instanceof Sequential || object.graph !== null);
  if (object instanceof Model) {
    children.push(['optimizer', object.optimizer]);
    if (!graph) children.push(['layers', object.layers]);
  }
  const key = (name: string): string => (name.startsWith('_') ? `~${name}` : name);
  children.sort(([a], [b]) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
  return graph ? [['layers', (object as Model).layers], ...children] : children;
}

function toFileName(name: string): string {
  const bare = name.replace(/^_+/, '');
  return name.slice(0, name.length - bare.length) + toSnakeCase(bare);
}

/**
 * Visits a model and everything with state in it, as Keras orders and names it in files: the model itself at '', then 'layers/dense', 'optimizer', ….
 * What `visit` answers false for is visited again where it stands in another place.
 */
export function walkState(
  model: Saveable,
  visit: (object: Saveable, path: string) => boolean,
  skip: readonly object[] = [],
): void {
  const done = new Set<object>(skip);
  const active = new Set<object>();
  const enter = (object: Saveable, path: string): void => {
    if (done.has(object) || active.has(object)) return;
    active.add(object);
    if (visit(object, path)) done.add(object);
    for (const [name, value] of childrenOf(object)) {
      const place = path === '' ? name : `${path}/${name}`;
      if (isSaveable(value)) enter(value, place);
      else if (itemsOf(value) !== null) enterItems(value, place, new Set());
    }
    active.delete(object);
  };
  const enterItems = (container: unknown, path: string, seen: Set<unknown>): void => {
    if (seen.has(container)) return;
    seen.add(container);
    const used = new Map<string, number>();
    const unique = (name: string): string => {
      const count = used.get(name);
      used.set(name, (count ?? -1) + 1);
      return count === undefined ? name : `${name}_${count + 1}`;
    };
    for (const item of itemsOf(container) ?? []) {
      if (isSaveable(item)) enter(item, `${path}/${unique(toSnakeCase(classNameOf(item.type)))}`);
      else if (itemsOf(item) !== null) enterItems(item, `${path}/${unique('container')}`, seen);
    }
  };
  enter(model, '');
}
