import { classNameOf } from '../core/configurable.js';
import { ArgumentError, FileFormatError } from '../core/errors.js';
import { toSnakeCase } from '../core/names.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import type { Variable } from '../core/variable.js';
import { Layer } from '../layers/layer.js';
import type { LayerState } from '../layers/layer-state.js';
import type { Model } from '../models/model.js';
import { ownStorage } from './state.js';

/** A weight with its name in files that hold named arrays: its path, 'sequential/dense/kernel'. */
export interface NamedWeight {
  name: string;
  variable: Variable;
}

/** A file of named arrays, opened. */
export interface NamedArrays {
  names: readonly string[];
  /** Gets ready what is going to be read, and nothing else. */
  prepare?(names: readonly string[]): Promise<void>;
  shape(name: string): readonly number[];
  tensor(name: string): Promise<Tensor>;
}

/** How named weights are read. */
export interface NamedReadOptions {
  skipMismatch?: boolean;
  skip?: readonly object[];
  signal?: AbortSignal | null | undefined;
}

/**
 * A model's weights by their paths, in the model's order; two of one path are told apart by '_1'. The optimizer's state is no weight.
 * @throws {ArgumentError} for layers that keep their state in a way of their own, which only Keras' files have a place for
 */
export function namedWeights(model: Model, skip: readonly object[] = []): NamedWeight[] {
  const special = model.layersDeep().find((layer) => {
    const { saveOwnVariables, loadOwnVariables } = ownStorage(layer as Layer);
    return saveOwnVariables !== undefined || loadOwnVariables !== undefined;
  });
  if (special !== undefined && !skip.includes(special)) {
    throw new ArgumentError(
      `${model.title}: expected layers whose state is their weights, got ${special.title} with a storage of its own.`,
      "Use a '.weights.h5' file, or leave the layer out: objectsToSkip.",
    );
  }
  const left = new Set(skip.flatMap((object) => (object instanceof Layer ? object.weights : [])));
  const used = new Set<string>();
  const all = model.weights.map((variable) => {
    let name = variable.path;
    for (let count = 1; used.has(name); count++) name = `${variable.path}_${count}`;
    used.add(name);
    return { name, variable };
  });
  return all.filter(({ variable }) => !left.has(variable));
}

/** The name of each weight in the file, where it has one; and what the file has besides. */
function match(model: Model, wanted: readonly NamedWeight[], names: readonly string[]): Map<NamedWeight, string> {
  const known = new Set(names);
  const exact = new Map(wanted.filter(({ name }) => known.has(name)).map((weight) => [weight, weight.name]));
  if (exact.size === wanted.length) return exact;
  // Automatic names count on through a program's run: 'dense_4' in one is 'dense' in another. Their order is what stays.
  const prefixes = new Set(['functional']);
  for (const layer of [model, ...model.layersDeep()]) prefixes.add(toSnakeCase(classNameOf(layer.type)));
  const own = ranked(
    wanted.map(({ name }) => name),
    prefixes,
  );
  const theirs = ranked(names, prefixes);
  const byRank = new Map(names.map((name) => [theirs(name), name]));
  const found = new Map<NamedWeight, string>();
  for (const weight of wanted) {
    const name = byRank.get(own(weight.name));
    if (name !== undefined) found.set(weight, name);
  }
  return exact.size === 0 || (found.size === wanted.length && names.length === wanted.length) ? found : exact;
}

/** Names with the numbers of automatic parts replaced by their ranks: of 'dense_3' and 'dense_7', 'dense:0' and 'dense:1'. */
function ranked(names: readonly string[], prefixes: ReadonlySet<string>): (name: string) => string {
  const split = (part: string): [prefix: string, number: number] | null => {
    const [, prefix = '', digits = '0'] = /^(.*?)(?:_(\d{1,9}))?$/s.exec(part) ?? [];
    return prefixes.has(prefix) ? [prefix, Number(digits)] : null;
  };
  const numbers = new Map<string, Set<number>>();
  for (const part of names.flatMap((name) => name.split('/').slice(0, -1))) {
    const [prefix, number] = split(part) ?? [];
    if (prefix === undefined || number === undefined) continue;
    numbers.set(prefix, (numbers.get(prefix) ?? new Set()).add(number));
  }
  const ranks = new Map<string, Map<number, number>>();
  for (const [prefix, found] of numbers) {
    ranks.set(prefix, new Map([...found].sort((a, b) => a - b).map((number, rank) => [number, rank])));
  }
  const rankedPart = (part: string): string => {
    const [prefix, number] = split(part) ?? [];
    return prefix === undefined ? part : `${prefix}:${ranks.get(prefix)?.get(number as number)}`;
  };
  return (name) => {
    const parts = name.split('/');
    return [...parts.slice(0, -1).map(rankedPart), parts[parts.length - 1]].join('/');
  };
}

/** The layer that each weight stands in: the innermost. */
function owners(model: Model): Map<Variable, LayerState> {
  const found = new Map<Variable, LayerState>();
  for (const layer of [model, ...model.layersDeep()]) {
    for (const weight of layer.weights) found.set(weight, layer);
  }
  return found;
}

const someNames = (names: readonly string[]): string =>
  `${names
    .slice(0, 5)
    .map((name) => JSON.stringify(name.slice(0, 80)))
    .join(', ')}${names.length > 5 ? ` and ${names.length - 5} more` : ''}`;

/**
 * Reads a file's arrays into the weights of their names. Nothing changes unless all fit.
 * @throws {FileFormatError} that names what doesn't fit; with `skipMismatch` a warning, and the layer stays as it is
 */
export async function readNamedWeights(
  model: Model,
  file: NamedArrays,
  path: string,
  { skipMismatch = false, skip = [], signal }: NamedReadOptions = {},
): Promise<void> {
  const wanted = namedWeights(model, skip);
  const found = match(model, wanted, file.names);
  const ownerOf = owners(model);
  const problems = new Map<LayerState, string>();
  const note = (weight: NamedWeight, text: string): void => {
    const owner = ownerOf.get(weight.variable) ?? model;
    if (!problems.has(owner)) problems.set(owner, text);
  };
  const taken = new Set(found.values());
  const rest = file.names.filter((name) => !taken.has(name));
  for (const weight of wanted) {
    if (found.has(weight)) continue;
    note(weight, `expected an array "${weight.name}", got ${rest.length === 0 ? 'no other' : someNames(rest)}`);
  }
  if (problems.size === 0 && rest.length > 0 && skip.length === 0 && !skipMismatch) {
    throw refused(path, `expected the ${wanted.length} weights of ${model.title}, got also ${someNames(rest)}`);
  }
  await file.prepare?.([...taken]);
  for (const [weight, name] of found) {
    const shape = file.shape(name);
    if (formatShape(shape) === formatShape(weight.variable.shape)) continue;
    note(
      weight,
      `expected shape ${formatShape(weight.variable.shape)} for "${weight.name}", got ${formatShape(shape)}`,
    );
  }
  for (const text of problems.values()) {
    if (!skipMismatch) throw refused(path, text);
    process.emitWarning(`"${path}": ${text}. The layer stays as it is.`, 'SavingWarning');
  }
  const values: [Variable, Tensor][] = [];
  try {
    for (const [weight, name] of found) {
      if (problems.has(ownerOf.get(weight.variable) ?? model)) continue;
      signal?.throwIfAborted();
      values.push([weight.variable, await file.tensor(name)]);
    }
    signal?.throwIfAborted();
    tidy(() => {
      for (const [variable, value] of values) variable.assign(value);
    });
  } finally {
    for (const [, value] of values) value.dispose();
  }
}

function refused(path: string, problem: string): FileFormatError {
  return new FileFormatError(
    `"${path}": ${problem}.`,
    'The file belongs to another model; skipMismatch: true leaves layers as they are that it has nothing for.',
  );
}
