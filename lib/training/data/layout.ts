import { ArgumentError, ShapeError } from '../../core/errors.js';
import { show } from '../../core/fields.js';
import type { TensorSpec } from '../../core/program.js';
import { formatShape, Tensor, type TensorLike } from '../../core/tensor.js';
import { isPlainObject, type Tree } from '../../core/tree.js';
import { toTensor } from './copy.js';

/** Data of `fit`, `evaluate` and `predict`: one input or target, or an array or object of several. */
export type DataTree = Tree<TensorLike>;

/** Labels or sample weights: data, with null for outputs that have no loss. */
export type LabelTree = Tree<TensorLike | null>;

/** One batch as a step gets it: tensors in the structure of the data. */
export interface Batch {
  x: Tree<Tensor>;
  y?: Tree<Tensor>;
  sampleWeight?: Tree<Tensor>;
}

/** Names of a batch's parts, in the order in which their tensors are listed. */
export const parts = ['x', 'y', 'sampleWeight'] as const;

/** Where each tensor of a flat list stands in a {@link Batch}: the same trees with indices as leaves. @internal */
export interface Layout {
  x: unknown;
  y?: unknown;
  sampleWeight?: unknown;
}

/** A batch, or a whole data set, as a flat list of tensors and their places. @internal */
export interface FlatData {
  tensors: Tensor[];
  layout: Layout;
  /** 'x', 'y[1]', 'x.image': what errors call each tensor. */
  labels: string[];
  /** Tensors made from the caller's data, to be freed after use. */
  made: Tensor[];
}

/** True for what stands for one tensor: nested arrays of numbers, typed arrays, `{ data, shape }`, tensors. */
function isLeaf(value: unknown): boolean {
  if (value instanceof Tensor || ArrayBuffer.isView(value)) return true;
  if (isPlainObject(value)) return ArrayBuffer.isView(value['data']) && 'shape' in value;
  if (Array.isArray(value)) {
    let first: unknown = value;
    while (Array.isArray(first) && first.length > 0) first = first[0];
    return Array.isArray(first) || ['number', 'boolean', 'bigint'].includes(typeof first);
  }
  return ['number', 'boolean', 'bigint'].includes(typeof value);
}

/** Turns a caller's data into tensors. @throws {ArgumentError} for what is no data @internal */
export async function flatten(
  data: Partial<Record<(typeof parts)[number], unknown>>,
  where: string,
): Promise<FlatData> {
  const flat: FlatData = { tensors: [], layout: { x: null }, labels: [], made: [] };
  const visit = async (value: unknown, label: string, part: (typeof parts)[number]): Promise<unknown> => {
    // An output without a loss needs neither labels nor weights.
    if (value === null && label !== part && part !== 'x') return null;
    if (isLeaf(value)) {
      const made = await toTensor(value as TensorLike, `${where}: ${label}`);
      if (made.ndim === 0) {
        throw new ShapeError(
          `${where}: expected ${label} to have the samples as its first axis, got a single number.`,
          'Wrap it: [value].',
        );
      }
      if (made !== value) flat.made.push(made);
      flat.labels.push(label);
      return flat.tensors.push(made) - 1;
    }
    if (Array.isArray(value)) {
      const result: unknown[] = [];
      for (const [i, child] of value.entries()) result.push(await visit(child, `${label}[${i}]`, part));
      return result;
    }
    if (isPlainObject(value) && Object.keys(value).length > 0) {
      const result: Record<string, unknown> = {};
      for (const key of Object.keys(value).sort()) result[key] = await visit(value[key], `${label}.${key}`, part);
      return result;
    }
    throw new ArgumentError(
      `${where}: expected ${label} to be a tensor, a nested or typed array, or an array or object of those, got ${show(value)}.`,
    );
  };
  try {
    for (const part of parts) {
      if (part !== 'x' && (data[part] === undefined || data[part] === null)) continue;
      flat.layout[part] = await visit(data[part], part, part);
    }
  } catch (error) {
    release(flat);
    throw error;
  }
  return flat;
}

/** Frees what `flatten` made. @internal */
export function release(flat: FlatData): void {
  for (const tensor of flat.made) tensor.dispose();
  flat.made.length = 0;
}

/** Puts a flat list of tensors back into the structure of the data. @internal */
export function unflatten<T>(
  layout: Layout,
  values: readonly T[],
): { x: Tree<T>; y?: Tree<T>; sampleWeight?: Tree<T> } {
  const build = (node: unknown): unknown => {
    if (node === null) return null;
    if (typeof node === 'number') return values[node];
    if (Array.isArray(node)) return node.map(build);
    return Object.fromEntries(Object.entries(node as object).map(([key, child]) => [key, build(child)]));
  };
  return Object.fromEntries(Object.entries(layout).map(([part, node]) => [part, build(node)])) as never;
}

/** Number of samples; all tensors must have as many. @throws {ShapeError} if not, or if there are none @internal */
export function countSamples(flat: FlatData, where: string): number {
  const lengths = flat.tensors.map((tensor) => tensor.shape[0] as number);
  const samples = lengths[0] as number;
  const odd = lengths.findIndex((length) => length !== samples);
  if (odd >= 0) {
    throw new ShapeError(
      `${where}: expected ${flat.labels[0]} and ${flat.labels[odd]} of the same length, got ${samples} samples in ${flat.labels[0]} ${formatShape((flat.tensors[0] as Tensor).shape)} and ${lengths[odd]} in ${flat.labels[odd]} ${formatShape((flat.tensors[odd] as Tensor).shape)}.`,
      Array.isArray(flat.layout.x)
        ? 'An array of tensors or typed arrays is several inputs; one input of many rows is { data, shape } or a nested array.'
        : 'Give one row of each for every sample.',
    );
  }
  if (samples === 0) {
    throw new ShapeError(
      `${where}: expected at least one sample, got none (${flat.labels[0]}: ${formatShape((flat.tensors[0] as Tensor).shape)}).`,
      'Look where the data is read or filtered.',
    );
  }
  return samples;
}

/** Shapes of one batch of `count` samples. @internal */
export function batchSpecs(tensors: readonly Tensor[], count: number): TensorSpec[] {
  return tensors.map((tensor) => ({
    shape: [count, ...tensor.shape.slice(1)],
    dtype: tensor.dtype,
    device: tensor.device,
  }));
}
