import type { Shape, SymbolicSpec } from '../core/symbolic.js';
import { isPlainObject } from '../core/tree.js';
import type { ShapeTree } from './inputs.js';

/** Shape and dtype of one output, or arrays and objects of those. */
export type SpecTree = SymbolicSpec | readonly SpecTree[] | { readonly [name: string]: SpecTree };

function isSpec(value: unknown): value is SymbolicSpec {
  return typeof value === 'object' && value !== null && 'shape' in value && 'dtype' in value;
}

/** The same arrays and objects with each spec replaced by `fn(spec)`. @internal */
export function mapSpecs(tree: SpecTree, fn: (spec: SymbolicSpec) => unknown): unknown {
  if (isSpec(tree)) return fn(tree);
  if (Array.isArray(tree)) return tree.map((child) => mapSpecs(child as SpecTree, fn));
  if (isPlainObject(tree)) {
    return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, mapSpecs(child as SpecTree, fn)]));
  }
  return tree;
}

/** Shapes of specs, in their arrays and objects. @internal */
export function specShapes(tree: unknown): ShapeTree | null {
  return tree === null ? null : (mapSpecs(tree as SpecTree, ({ shape }) => [...(shape as Shape)]) as ShapeTree);
}
