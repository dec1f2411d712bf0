import { ArgumentError } from './errors.js';
import { Tensor } from './tensor.js';
import { isPlainObject, mapTree } from './tree.js';
import { Variable } from './variable.js';

/** Stands in the tree of a recorded function's results where a tensor goes. */
class OutputSlot {
  readonly output: number;
  readonly mask: number | undefined;

  constructor(output: number, mask?: number) {
    this.output = output;
    this.mask = mask;
  }
}

/** What a recorded function answered: its tensors, masks included, and the tree around them. @internal */
export interface Outputs {
  tensors: Tensor[];
  tree: unknown;
}

/** Takes the tensors out of a tree of results. @internal */
export function takeOutputs(result: unknown): Outputs {
  const tensors: Tensor[] = [];
  const tree = mapTree(result, (leaf) => {
    if (!(leaf instanceof Tensor)) return leaf;
    tensors.push(leaf);
    if (leaf.mask === undefined) return new OutputSlot(tensors.length - 1);
    tensors.push(leaf.mask);
    return new OutputSlot(tensors.length - 2, tensors.length - 1);
  });
  return { tensors, tree };
}

/** The same results with the values that Variables among them have now: what a recorded function answers. @internal */
export function readVariables<T>(result: T): T {
  return mapTree(result, (leaf) => (leaf instanceof Variable ? leaf.value : leaf)) as T;
}

/** Puts the tensors of a run into the tree. @internal */
export function putOutputs(tree: unknown, tensors: readonly Tensor[]): unknown {
  return mapTree(tree, (leaf) => {
    if (!(leaf instanceof OutputSlot)) return leaf;
    const tensor = tensors[leaf.output] as Tensor;
    if (leaf.mask !== undefined) tensor.mask = tensors[leaf.mask];
    return tensor;
  });
}

/**
 * Checks that two branches answered the same structure and the same constants: a recording can only choose between tensors.
 * @throws {ArgumentError} if not
 * @internal
 */
export function checkSameTree(where: string, first: unknown, second: unknown): void {
  if (Array.isArray(first) && Array.isArray(second) && first.length === second.length) {
    for (const [i, child] of first.entries()) checkSameTree(where, child, second[i]);
    return;
  }
  if (isPlainObject(first) && isPlainObject(second)) {
    const keys = Object.keys(first).sort();
    if (keys.join('\0') === Object.keys(second).sort().join('\0')) {
      for (const key of keys) checkSameTree(where, first[key], second[key]);
      return;
    }
  }
  if (first instanceof OutputSlot && second instanceof OutputSlot) {
    if (first.output === second.output && first.mask === second.mask) return;
  }
  if (Object.is(first, second)) return;
  throw new ArgumentError(
    `${where}: expected both branches to return the same structure and the same constants, got ${show(first)} and ${show(second)}.`,
    'Only tensors can differ between branches of a recorded function: wrap numbers, tensor(3).',
  );
}

function show(part: unknown): string {
  if (part instanceof OutputSlot) return part.mask === undefined ? 'a tensor' : 'a tensor with a mask';
  if (Array.isArray(part)) return `an array of ${part.length}`;
  if (isPlainObject(part)) return `{ ${Object.keys(part).join(', ')} }`;
  return typeof part === 'function' ? 'a function' : String(part);
}
