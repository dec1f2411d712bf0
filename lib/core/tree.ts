/** A value, or arrays and plain objects of values, nested to any depth. */
export type Tree<T> = T | readonly Tree<T>[] | { readonly [key: string]: Tree<T> };

/** True for `{…}` literals; instances of classes (tensors, layers, typed arrays) are leaves. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false;
  const prototype = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The leaves of a tree, depth first; keys of objects in sorted order, as Keras' `tree` does. */
export function leaves(tree: unknown): unknown[] {
  const result: unknown[] = [];
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const child of node) visit(child);
    else if (isPlainObject(node)) for (const key of Object.keys(node).sort()) visit(node[key]);
    else result.push(node);
  };
  visit(tree);
  return result;
}

/** The same tree with each leaf replaced by `fn(leaf)`. */
export function mapTree(tree: unknown, fn: (leaf: unknown) => unknown): unknown {
  if (Array.isArray(tree)) return tree.map((child) => mapTree(child, fn));
  if (isPlainObject(tree)) {
    const result: Record<string, unknown> = {};
    for (const key of Object.keys(tree).sort()) result[key] = mapTree(tree[key], fn);
    return result;
  }
  return fn(tree);
}
