import type { Shape } from '../core/symbolic.js';
import { SymbolicTensor } from '../core/symbolic.js';
import { Tensor, type TensorLike } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';

/** What a layer is applied to: a tensor, data that becomes one, or arrays and objects of those for several inputs. */
export type LayerInputs =
  | TensorLike
  | SymbolicTensor
  | null
  | readonly LayerInputs[]
  | { readonly [name: string]: LayerInputs };

/** Symbolic tensors, alone or in arrays and objects. */
export type SymbolicInputs = SymbolicTensor | readonly SymbolicInputs[] | { readonly [name: string]: SymbolicInputs };

/** Masks, in the shape of the inputs. */
export type MaskTree = Tensor | null | undefined | readonly MaskTree[] | { readonly [name: string]: MaskTree };

/** A shape, or arrays and objects of shapes for several inputs. */
export type ShapeTree = Shape | readonly ShapeTree[] | { readonly [name: string]: ShapeTree };

/** Options that every layer takes when applied; layers with further ones name them in their own `call`. */
export interface CallOptions {
  /** Whether layers behave as in training (dropout, batch statistics). @default the enclosing call's, at the top false */
  training?: boolean | null;
  /** Which steps count, [batch, steps] of bool. @default the mask that rides on the input */
  mask?: MaskTree;
  /** Masks that ride on the inputs, where there are several; filled in by `apply`. */
  masks?: readonly MaskTree[];
  /** Options of single layers: attentionMask, initialState, … */
  [option: string]: unknown;
}

/** True for an array that holds several inputs rather than the numbers of one tensor. */
function holdsInputs(items: readonly unknown[]): boolean {
  return items.some((item) => (Array.isArray(item) ? holdsInputs(item) : typeof item === 'object' && item !== null));
}

/** True for `{ data, shape }` of a typed array: one tensor, not an object of inputs. */
function isShaped(value: Record<string, unknown>): boolean {
  return ArrayBuffer.isView(value.data) && Array.isArray(value.shape);
}

/** The same arrays and objects with each input replaced by `fn(input)`. A nested array of numbers is one input. @internal */
export function mapInputs(inputs: unknown, fn: (input: unknown) => unknown): unknown {
  if (inputs instanceof Tensor || inputs instanceof SymbolicTensor) return fn(inputs);
  if (Array.isArray(inputs) && holdsInputs(inputs)) return inputs.map((child) => mapInputs(child, fn));
  if (isPlainObject(inputs) && !isShaped(inputs)) {
    return Object.fromEntries(Object.entries(inputs).map(([key, child]) => [key, mapInputs(child, fn)]));
  }
  return fn(inputs);
}

/** All inputs in order. @internal */
export function flattenInputs(inputs: unknown): unknown[] {
  const found: unknown[] = [];
  mapInputs(inputs, (input) => found.push(input));
  return found;
}

/** True when a symbolic tensor is among the inputs. @internal */
export function hasSymbolic(inputs: unknown): boolean {
  if (inputs instanceof SymbolicTensor) return true;
  if (inputs instanceof Tensor || ArrayBuffer.isView(inputs)) return false;
  if (Array.isArray(inputs)) return inputs.some(hasSymbolic);
  return isPlainObject(inputs) && Object.values(inputs).some(hasSymbolic);
}

/** Shapes of the inputs, as `build` takes them. @internal */
export function shapesOf(inputs: unknown, unknownBatch: boolean): ShapeTree {
  return mapInputs(inputs, (input) => {
    if (!(input instanceof Tensor || input instanceof SymbolicTensor)) return null;
    const shape: (number | null)[] = [...input.shape];
    if (unknownBatch && shape.length > 0) shape[0] = null;
    return shape;
  }) as ShapeTree;
}

/** True for one shape, false for arrays or objects of shapes. @internal */
export function isShape(value: unknown): value is Shape {
  return Array.isArray(value) && value.every((size) => size === null || typeof size === 'number');
}

/** The same arrays and objects with each shape replaced by `fn(shape)`. @internal */
export function mapShapes(tree: ShapeTree, fn: (shape: Shape) => unknown): unknown {
  if (isShape(tree)) return fn(tree);
  if (Array.isArray(tree)) return tree.map((child) => mapShapes(child as ShapeTree, fn));
  const keys = Object.keys(tree ?? {}).sort();
  return Object.fromEntries(keys.map((key) => [key, mapShapes((tree as Record<string, ShapeTree>)[key] ?? [], fn)]));
}

/** Masks that ride on inputs, in their arrays and objects; undefined where there is none at all. @internal */
export function ridingMask(inputs: unknown): MaskTree {
  if (inputs instanceof Tensor) return inputs.mask;
  let found = false;
  const masks = mapInputs(inputs, (input) => {
    const mask = input instanceof Tensor ? input.mask : undefined;
    if (mask !== undefined) found = true;
    return mask ?? null;
  });
  return found ? (masks as MaskTree) : undefined;
}
