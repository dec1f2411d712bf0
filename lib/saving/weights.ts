import { ArgumentError, FileFormatError, StateError } from '../core/errors.js';
import { formatShape, Tensor, type TensorLike, tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import { Variable } from '../core/variable.js';
import { Layer } from '../layers/layer.js';
import type { Model } from '../models/model.js';
import { Optimizer } from '../optimizers/index.js';
import type { Hdf5Reader, Hdf5Writer } from './hdf5/session.js';
import { ownStorage, ownVariables, type Saveable, walkState } from './state.js';
import { blocksOf, fileDType, tensorOf } from './values.js';

/** State as it was when the writing began. */
interface Written {
  path: string;
  /** The layer's name, which files keep beside its state. */
  name: string;
  values: readonly Tensor[];
}

/** Refuses models whose variables a running `fit` owns. @throws {StateError} */
export function checkIdle(model: Model, where: string): void {
  const { fitting, hookOpen } = model.trainingState;
  if (!fitting || hookOpen) return;
  throw new StateError(
    `${where}: expected ${model.title} while no training step runs, got a call while fit runs.`,
    'Await fit first, or call it in a hook of a callback: onEpochEnd.',
  );
}

/** The values of all variables now: steps that run while a file is written don't change them. */
function snapshot(model: Model, skip: readonly object[]): Written[] {
  const written: Written[] = [];
  walkState(
    model,
    (object, path) => {
      const { saveOwnVariables } = ownStorage(object);
      let values: Tensor[];
      if (saveOwnVariables === undefined) values = ownVariables(object).map((variable) => variable.value);
      else {
        const store: Record<string, TensorLike> = {};
        saveOwnVariables.call(object, store);
        values = Object.values(store).map((value) => (value instanceof Variable ? value.value : tensor(value)));
      }
      written.push({ path, name: object.name, values });
      return true;
    },
    skip,
  );
  return written;
}

/** Writes the state of a model and its optimizer in Keras' layout. */
export async function writeWeights(
  model: Model,
  writer: Hdf5Writer,
  { skip = [], signal }: { skip?: readonly object[]; signal?: AbortSignal | null | undefined } = {},
): Promise<void> {
  const parts = snapshot(model, skip);
  const made = new Set<string>();
  const makeGroup = async (path: string): Promise<void> => {
    if (path === '' || made.has(path)) return;
    await makeGroup(path.split('/').slice(0, -1).join('/'));
    made.add(path);
    await writer.group(path);
  };
  try {
    for (const { path, name, values } of parts) {
      const place = path === '' ? 'vars' : `${path}/vars`;
      await makeGroup(place);
      await writer.attribute(place, 'name', name);
      for (const [index, value] of values.entries()) {
        const type = fileDType(value.dtype, `${model.title}: ${path}/${index}`);
        await writer.dataset(`${place}/${index}`, value.shape, type, blocksOf(value), signal);
        value.dispose();
      }
    }
  } finally {
    for (const { values } of parts) for (const value of values) value.dispose();
  }
}

/** What goes into one object. */
interface Assignment {
  object: Saveable;
  group: string;
  /** Keys in the file, in the order of the variables. */
  keys: readonly string[];
  variables: readonly Variable[] | null;
}

/** How weights are read. */
export interface ReadOptions {
  skipMismatch?: boolean;
  skip?: readonly object[];
  signal?: AbortSignal | null | undefined;
}

/**
 * Reads the state of a model and its optimizer. Nothing changes unless all fits.
 * @throws {FileFormatError} that names what doesn't fit; with `skipMismatch` a warning
 */
export async function readWeights(
  model: Model,
  reader: Hdf5Reader,
  path: string,
  { skipMismatch = false, skip = [], signal }: ReadOptions = {},
): Promise<void> {
  const plan: Assignment[] = [];
  const failures = new Map<Saveable, string>();
  walkState(
    model,
    (object, place) => {
      const found = plannedFor(object, place, reader);
      if (typeof found === 'string') {
        failures.set(object, found);
        return false;
      }
      // Nothing to read at another place is no cure for what didn't fit at the first.
      if (found === null) return !failures.has(object);
      failures.delete(object);
      plan.push(found);
      return true;
    },
    skip,
  );
  const [optimizers, layers] = [true, false].map((wanted) =>
    [...failures].filter(([object]) => object instanceof Optimizer === wanted),
  ) as [[Saveable, string][], [Saveable, string][]];
  for (const [, text] of optimizers) {
    process.emitWarning(`"${path}": ${text}. The optimizer starts anew.`, 'SavingWarning');
  }
  if (layers.length > 0) {
    const [[, first]] = layers as [[Saveable, string]];
    const others =
      layers.length === 1
        ? ''
        : ` (and ${layers.length - 1} more: ${layers
            .slice(1, 6)
            .map(([object]) => titleOf(object))
            .join(', ')})`;
    if (!skipMismatch) {
      throw new FileFormatError(
        `"${path}": ${first}${others}.`,
        'The file belongs to another model; skipMismatch: true leaves such layers as they are.',
      );
    }
    process.emitWarning(`"${path}": ${first}${others}. They stay as they are.`, 'SavingWarning');
  }
  await assign(plan, reader, signal);
}

function titleOf(object: Saveable): string {
  return object instanceof Layer ? object.title : `optimizer "${object.name}"`;
}

/** What to read for an object; null for nothing, and a text for what doesn't fit. */
function plannedFor(object: Saveable, path: string, reader: Hdf5Reader): Assignment | null | string {
  const group = groupOf(path, reader);
  const prefix = `${group}/`;
  const keys = [...reader.nodes.keys()]
    .filter((name) => name.startsWith(prefix) && !name.includes('/', prefix.length))
    .map((name) => name.slice(prefix.length))
    .sort((a, b) => Number(a) - Number(b));
  if (ownStorage(object).loadOwnVariables !== undefined) return { object, group, keys, variables: null };
  const variables = matching(object, keys.length);
  const title = titleOf(object);
  if (keys.length !== variables.length) {
    const unbuilt = object instanceof Layer && !object.built ? ' (the layer is not built)' : '';
    return `expected ${variables.length} variables for ${title} at "${group}"${unbuilt}, got ${keys.length}`;
  }
  for (const [index, variable] of variables.entries()) {
    const { shape } = reader.dataset(`${group}/${index}`);
    if (formatShape(shape) !== formatShape(variable.shape)) {
      return `expected shape ${formatShape(variable.shape)} for "${variable.path}" at "${group}/${index}", got ${formatShape(shape)}`;
    }
  }
  return variables.length === 0 ? null : { object, group, keys: variables.map((_, index) => String(index)), variables };
}

/** The variables of an object that a file with so many has. Optimizers of Keras 2 kept their learning rate in the config alone. */
export function matching(object: Saveable, count: number): Variable[] {
  const variables = ownVariables(object);
  const [, rate] = variables;
  const without = object instanceof Optimizer && count === variables.length - 1 && rate?.name === 'learning_rate';
  return without ? variables.filter((variable) => variable !== rate) : variables;
}

/** The group of an object's variables; Keras 2.13 called the layers otherwise. */
function groupOf(path: string, reader: Hdf5Reader): string {
  const group = path === '' ? 'vars' : `${path}/vars`;
  if (reader.nodes.has(group) || !reader.nodes.has('_layer_checkpoint_dependencies')) return group;
  return group.replaceAll('layers', '_layer_checkpoint_dependencies');
}

/** Reads all values, then sets all variables. */
async function assign(
  plan: readonly Assignment[],
  reader: Hdf5Reader,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  const values: Tensor[][] = [];
  try {
    for (const { group, keys } of plan) {
      const own: Tensor[] = [];
      values.push(own);
      for (const key of keys) {
        signal?.throwIfAborted();
        const place = `${group}/${key}`;
        const { shape, dtype } = reader.dataset(place);
        own.push(tensorOf(await reader.read(place), shape, dtype));
      }
    }
    signal?.throwIfAborted();
    for (const [i, { object, keys, variables }] of plan.entries()) {
      const own = values[i] as Tensor[];
      tidy(() => {
        if (variables !== null) for (const [k, variable] of variables.entries()) variable.assign(own[k] as Tensor);
        else ownStorage(object).loadOwnVariables?.(Object.fromEntries(keys.map((key, k) => [key, own[k] as Tensor])));
      });
    }
  } finally {
    for (const tensors of values) for (const value of tensors) value.dispose();
  }
}

/** Checks the `objectsToSkip` of a model. @throws {ArgumentError} for what is no layer and no optimizer */
export function checkSkipped(where: string, objects: readonly object[] | null | undefined): readonly object[] {
  for (const object of objects ?? []) {
    if (object instanceof Layer || object instanceof Optimizer) continue;
    throw new ArgumentError(
      `${where}: objectsToSkip: expected layers and optimizers, got ${object instanceof Tensor ? 'a tensor' : String(object)}.`,
    );
  }
  return objects ?? [];
}
