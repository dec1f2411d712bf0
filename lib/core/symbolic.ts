import { config } from './config.js';
import { defaultDevice } from './device.js';
import type { DType } from './dtype.js';
import { dtypeCode } from './dtype.js';
import { StateError, translateError } from './errors.js';
import { native } from './native.js';
import { beginSites, endSites } from './recording.js';
import { formatShape, Tensor } from './tensor.js';
import { mapTree } from './tree.js';

/** Sizes of the axes, `null` where a size is not known before data comes. */
export type Shape = readonly (number | null)[];

/** Shape and dtype of a tensor that doesn't exist yet. */
export interface SymbolicSpec {
  /** Sizes of the axes; `null` where unknown. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
}

/** How unknown dimensions are tried: with two sizes each, distinct by dimension, by axis, or not at all. */
interface Probe {
  readonly sizes: (index: number) => readonly [number, number];
  readonly distinct: 'dimension' | 'axis' | 'none';
}

const divisible = (i: number): [number, number] => [64 * (2 * i + 2), 64 * (2 * i + 3)];
const odd = (i: number): [number, number] => [7 + 4 * i, 9 + 4 * i];

// Highly divisible sizes first, so that reshapes and strides fit. Distinct for each dimension, so that none passes for another; where this fails, equal
// along an axis, as the sum of two tensors of an unknown number of steps needs it, then equal everywhere, for products of sequences.
const probes: readonly Probe[] = [
  { sizes: divisible, distinct: 'dimension' },
  { sizes: divisible, distinct: 'axis' },
  { sizes: divisible, distinct: 'none' },
  { sizes: odd, distinct: 'dimension' },
  { sizes: odd, distinct: 'none' },
  { sizes: (i) => [1 + 2 * i, 2 + 2 * i], distinct: 'dimension' },
];

/**
 * Runs `fn` on stand-ins on libtorch's meta device and answers shape and dtype of the tensors that it returns: shape inference without a second
 * implementation. Each unknown dimension is tried with two sizes; a dimension of the result that differs between them is unknown.
 *
 * Leaves of `inputs` that are specs become stand-ins. Variables made by `fn` are real.
 * @internal
 */
export function inferSpecs(inputs: unknown, fn: (inputs: unknown) => unknown): unknown {
  let failure: unknown;
  for (const probe of probes) {
    let first: unknown;
    let second: unknown;
    try {
      first = runOnMeta(inputs, fn, probe, 0);
      second = hasUnknown(inputs) ? runOnMeta(inputs, fn, probe, 1) : first;
    } catch (error) {
      failure ??= error;
      if (!hasUnknown(inputs)) throw error;
      continue;
    }
    return merge(first, second);
  }
  throw failure;
}

function isSpec(leaf: unknown): leaf is SymbolicSpec {
  return typeof leaf === 'object' && leaf !== null && 'shape' in leaf && 'dtype' in leaf;
}

/** Applies `fn` to the specs of a tree; arrays and objects that are no specs are descended. */
function mapSpecs(tree: unknown, fn: (spec: SymbolicSpec) => unknown): unknown {
  if (isSpec(tree)) return fn(tree);
  if (Array.isArray(tree)) return tree.map((child) => mapSpecs(child, fn));
  if (typeof tree === 'object' && tree !== null && Object.getPrototypeOf(tree) === Object.prototype) {
    return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, mapSpecs(child, fn)]));
  }
  return tree;
}

function hasUnknown(inputs: unknown): boolean {
  let unknown = false;
  mapSpecs(inputs, (spec) => {
    if (spec.shape.includes(null)) unknown = true;
    return spec;
  });
  return unknown;
}

function runOnMeta(inputs: unknown, fn: (inputs: unknown) => unknown, probe: Probe, side: 0 | 1): unknown {
  // The first axis of every input is the batch: all share its probe, or merging layers would see different batches.
  let unknowns = 0;
  const sizes = (shape: Shape): number[] =>
    shape.map((size, axis) => {
      if (size !== null) return size;
      const index = probe.distinct === 'dimension' && axis > 0 ? ++unknowns : axis;
      return probe.sizes(probe.distinct === 'none' ? Math.min(axis, 1) : index)[side];
    });
  native.recordBegin();
  beginSites();
  try {
    const device = defaultDevice();
    const standIns = mapSpecs(
      inputs,
      (spec) => new Tensor(native.recordInput(sizes(spec.shape), dtypeCode(spec.dtype), device)),
    );
    return mapTree(fn(standIns), (leaf) => {
      if (!(leaf instanceof Tensor)) return leaf;
      return { shape: [...leaf.shape], dtype: leaf.dtype } satisfies SymbolicSpec;
    });
  } catch (error) {
    throw translateError(error);
  } finally {
    native.recordAbort();
    endSites();
  }
}

function merge(first: unknown, second: unknown): unknown {
  if (Array.isArray(first)) return first.map((child, i) => merge(child, (second as unknown[])[i]));
  if (isSpec(first)) {
    const other = second as SymbolicSpec;
    if (first.shape.length !== other.shape.length) {
      throw new StateError(
        `The rank of a result depends on an unknown dimension: ${formatShape(first.shape)} beside ${formatShape(other.shape)}.`,
        'Give the full shape.',
      );
    }
    return { shape: first.shape.map((size, axis) => (size === other.shape[axis] ? size : null)), dtype: first.dtype };
  }
  if (typeof first === 'object' && first !== null && Object.getPrototypeOf(first) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(first).map(([key, child]) => [key, merge(child, (second as Record<string, unknown>)[key])]),
    );
  }
  return first;
}

/**
 * A tensor without values: what `Input` answers and what layers make of it. `shape` shows `null` for dimensions that aren't known.
 *
 * @example
 * ```ts
 * Input({ shape: [28, 28] }).shape; // [null, 28, 28]
 * ```
 */
export class SymbolicTensor {
  /** Sizes of the axes; `null` where unknown. */
  readonly shape: Shape;
  /** Element type. */
  readonly dtype: DType;
  /** Name of the input, or of the layer's output. */
  readonly name: string;
  /** The layer call that made this tensor, if a layer did. @internal */
  history: { layer: object; inputs: unknown; index: number } | undefined;

  constructor(options: { shape: Shape; dtype?: DType; name?: string }) {
    this.shape = Object.freeze([...options.shape]);
    this.dtype = options.dtype ?? config.floatx();
    this.name = options.name ?? 'keras_tensor';
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** 'SymbolicTensor(name: float32[null, 4])'. */
  toString(): string {
    return `SymbolicTensor(${this.name}: ${this.dtype}${formatShape(this.shape)})`;
  }
}
