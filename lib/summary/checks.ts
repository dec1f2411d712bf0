import { ArgumentError } from '../core/errors.js';
import { is, show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';
import { checkOptions } from '../training/compile.js';
import type { GraphNode } from './graph.js';

/** Refuses what is no graph. @internal */
export function checkNodes(where: string, nodes: unknown): readonly GraphNode[] {
  if (!Array.isArray(nodes)) {
    throw new ArgumentError(`${where}: expected a model or an array of nodes, got ${show(nodes)}.`);
  }
  const names = new Set<string>();
  for (const node of nodes as GraphNode[]) {
    if (!isPlainObject(node)) throw new ArgumentError(`${where}: expected nodes { name, op }, got ${show(node)}.`);
    checkOptions(where, node, ['name', 'op', 'inputs', 'shape', 'dtype', 'device', 'attributes']);
    is.string(node.name, `${where}: name`);
    is.string(node.op, `${where}: op`);
    if (node.inputs !== undefined) is.listOf(is.string)(node.inputs, `${where}: inputs`);
    if (node.shape !== undefined) is.shape(node.shape, `${where}: shape`);
    if (names.has(node.name))
      throw new ArgumentError(`${where}: expected nodes of different names, got "${node.name}" twice.`);
    names.add(node.name);
  }
  for (const { name, inputs = [] } of nodes as GraphNode[]) {
    const missing = inputs.find((input) => !names.has(input));
    if (missing === undefined) continue;
    throw new ArgumentError(`${where}: inputs of "${name}": expected names of nodes, got "${missing}".`);
  }
  return nodes as GraphNode[];
}

/** Refuses what is no hyperparameter. @internal */
export function checkHparams(where: string, values: unknown): void {
  if (!isPlainObject(values)) {
    throw new ArgumentError(
      `${where}: expected an object of hyperparameters, got ${show(values)}.`,
      'Write { units: 128 }.',
    );
  }
  for (const [name, value] of Object.entries(values)) {
    const ok = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
    if (ok) continue;
    throw new ArgumentError(`${where}: ${name}: expected a finite number, a string or a boolean, got ${show(value)}.`);
  }
}
