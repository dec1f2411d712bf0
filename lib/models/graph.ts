import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { SymbolicTensor } from '../core/symbolic.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import { isPlainObject, leaves, mapTree } from '../core/tree.js';
import { InputLayer } from '../layers/core/input-layer.js';
import type { CallOptions } from '../layers/inputs.js';
import type { Layer, LayerNode } from '../layers/layer.js';

/** Arrays and objects of symbolic tensors, as a user wrote them. */
export type SymbolicTree = SymbolicTensor | readonly SymbolicTree[] | { readonly [name: string]: SymbolicTree };

/** Everything between a model's inputs and outputs. @internal */
export interface Graph {
  readonly inputTree: SymbolicTree;
  readonly outputTree: SymbolicTree;
  /** Leaves of the trees, keys of objects in sorted order. */
  readonly inputs: readonly SymbolicTensor[];
  readonly outputs: readonly SymbolicTensor[];
  /** Applications of layers in an order in which they can be computed; by their distance from the outputs, farthest first. */
  readonly levels: readonly (readonly LayerNode[])[];
  readonly nodes: ReadonlySet<LayerNode>;
  /** Layers and operations, each once: by distance from the outputs, then as met from the first output on. */
  readonly operations: readonly Layer[];
}

/** The same tree with other leaves, keys in the user's order. @internal */
export function mapSymbols<T>(tree: SymbolicTree, fn: (tensor: SymbolicTensor) => T): unknown {
  if (Array.isArray(tree)) return tree.map((child) => mapSymbols(child as SymbolicTree, fn));
  if (isPlainObject(tree)) {
    const entries = Object.entries(tree as Record<string, SymbolicTree>);
    return Object.fromEntries(entries.map(([key, child]) => [key, mapSymbols(child, fn)]));
  }
  return fn(tree as SymbolicTensor);
}

/** Symbolic tensors that a layer was applied to, in the order of its arguments. @internal */
export function inputsOf(node: LayerNode): SymbolicTensor[] {
  return leaves([node.args, node.options]).filter((leaf): leaf is SymbolicTensor => leaf instanceof SymbolicTensor);
}

/** Symbolic tensors that a layer answered. @internal */
export function outputsOf(node: LayerNode): SymbolicTensor[] {
  return leaves(node.outputs) as SymbolicTensor[];
}

/** Where a symbolic tensor comes from. @throws {ArgumentError} if no layer made it @internal */
export function originOf(tensor: SymbolicTensor, where: string): { node: LayerNode; index: number } {
  const { history } = tensor;
  if (history === undefined) {
    throw new ArgumentError(
      `${where}: expected tensors made by Input or by layers, got ${tensor.toString()}, which no layer made.`,
      'Write Input({ shape }), and apply layers to what it answers.',
    );
  }
  return { node: history.inputs as LayerNode, index: history.index };
}

/** The layer that made a symbolic tensor of a graph. @internal */
export function makerOf(tensor: SymbolicTensor): Layer {
  return originOf(tensor, 'graph').node.layer;
}

/** Finds everything between inputs and outputs. @throws {ArgumentError} if a model can't be made from them @internal */
export function buildGraph(inputs: unknown, outputs: unknown, title: string): Graph {
  const inputTree = checked(inputs, 'inputs', title);
  const outputTree = checked(outputs, 'outputs', title);
  const ends = fromInputs(inputTree, outputTree, title);
  const graph = traverse(ends.inputTree, ends.outputTree, title);
  checkConnected(graph, title);
  checkNames(graph.operations, title);
  return graph;
}

function checked(tree: unknown, what: string, title: string): SymbolicTree {
  const flat = leaves(tree);
  if (flat.length === 0) {
    throw new ArgumentError(`${title}: expected at least one symbolic tensor as ${what}, got none.`);
  }
  for (const leaf of flat) {
    if (leaf instanceof SymbolicTensor) continue;
    throw new ArgumentError(
      `${title}: ${what}: expected symbolic tensors, got ${show(leaf)}.`,
      what === 'inputs' ? 'Write Input({ shape }).' : 'Give what layers answer: layer.apply(Input({ shape })).',
    );
  }
  if (what === 'inputs' && new Set(flat).size !== flat.length) {
    const twice = flat.find((leaf, i) => flat.indexOf(leaf) !== i) as SymbolicTensor;
    throw new ArgumentError(
      `${title}: inputs: expected each tensor once, got "${twice.name}" twice.`,
      'One Input can be used in several places of the graph.',
    );
  }
  return tree as SymbolicTree;
}

/**
 * A model may begin at tensors in the middle of a graph. Then these become inputs of their own, and the layers behind them get further nodes, which hold
 * no weights.
 */
function fromInputs(
  inputTree: SymbolicTree,
  outputTree: SymbolicTree,
  title: string,
): { inputTree: SymbolicTree; outputTree: SymbolicTree } {
  const inputs = leaves(inputTree) as SymbolicTensor[];
  if (inputs.every((input) => inputsOf(originOf(input, title).node).length === 0)) return { inputTree, outputTree };
  const twins = new Map<SymbolicTensor, SymbolicTensor>();
  for (const input of inputs) {
    const given = inputsOf(originOf(input, title).node).length === 0;
    const { shape, dtype } = input;
    twins.set(input, given ? input : new InputLayer({ batchShape: shape, dtype, name: `${input.name}_input` }).output);
  }
  const swap = (leaf: unknown): unknown => (leaf instanceof SymbolicTensor ? (twins.get(leaf) ?? leaf) : leaf);
  for (const node of walk(inputs, leaves(outputTree) as SymbolicTensor[], title).nodes) {
    if (inputsOf(node).length === 0) continue;
    const copies = mapTree(node.outputs, (leaf) => {
      const { shape, dtype, name } = leaf as SymbolicTensor;
      const copy = new SymbolicTensor({ shape, dtype, name });
      twins.set(leaf as SymbolicTensor, copy);
      return copy;
    });
    node.layer.addNode(
      node.args.map((arg) => mapTree(arg, swap)),
      mapTree(node.options, swap) as CallOptions,
      copies,
    );
  }
  return {
    inputTree: mapSymbols(inputTree, swap) as SymbolicTree,
    outputTree: mapSymbols(outputTree, swap) as SymbolicTree,
  };
}

interface Walk {
  /** Producers before consumers. */
  nodes: LayerNode[];
  /** When each layer was met first. */
  met: Map<Layer, number>;
}

/** Goes back from the outputs, depth first; ends at the inputs. */
function walk(inputs: readonly SymbolicTensor[], outputs: readonly SymbolicTensor[], title: string): Walk {
  const starts = new Set(inputs);
  const seen = new Set<LayerNode>();
  const found: Walk = { nodes: [], met: new Map() };
  // A stack of its own: graphs may be deeper than JavaScript's.
  const stack: { node: LayerNode; parents: SymbolicTensor[] }[] = [];
  const enter = (tensor: SymbolicTensor): void => {
    const { node } = originOf(tensor, title);
    if (seen.has(node)) return;
    seen.add(node);
    const parents = inputsOf(node);
    if (parents.length > 0 && starts.has(tensor)) return;
    if (!found.met.has(node.layer)) found.met.set(node.layer, found.met.size);
    stack.push({ node, parents: parents.reverse() });
  };
  for (const output of outputs) {
    enter(output);
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const next = top.parents.pop();
      if (next !== undefined) {
        enter(next);
        continue;
      }
      found.nodes.push(top.node);
      stack.pop();
    }
  }
  return found;
}

function traverse(inputTree: SymbolicTree, outputTree: SymbolicTree, title: string): Graph {
  const inputs = leaves(inputTree) as SymbolicTensor[];
  const outputs = leaves(outputTree) as SymbolicTensor[];
  const { nodes, met } = walk(inputs, outputs, title);
  const reached = new Set(nodes);
  const depthOfNode = new Map<LayerNode, number>();
  const depthOfLayer = new Map<Layer, number>();
  for (const node of [...nodes].reverse()) {
    // A shared layer stands where its application farthest from the outputs does.
    const depth = Math.max(depthOfNode.get(node) ?? 0, depthOfLayer.get(node.layer) ?? 0);
    depthOfNode.set(node, depth);
    depthOfLayer.set(node.layer, depth);
    for (const parent of inputsOf(node)) {
      const { node: origin } = originOf(parent, title);
      if (reached.has(origin)) depthOfNode.set(origin, Math.max(depth + 1, depthOfNode.get(origin) ?? 0));
    }
  }
  for (const input of inputs) {
    // Inputs that no output needs stay inputs: losses may need them.
    const { node } = originOf(input, title);
    if (depthOfLayer.has(node.layer)) continue;
    depthOfNode.set(node, 0);
    depthOfLayer.set(node.layer, 0);
    met.set(node.layer, -1);
  }
  const levels: LayerNode[][] = [];
  for (const [node, depth] of depthOfNode) {
    levels[depth] ??= [];
    levels[depth].push(node);
  }
  const operations = [...depthOfLayer.keys()].sort(
    (a, b) =>
      (depthOfLayer.get(b) as number) - (depthOfLayer.get(a) as number) ||
      (met.get(a) as number) - (met.get(b) as number),
  );
  return {
    inputTree,
    outputTree,
    inputs,
    outputs,
    levels: levels.filter((level) => level !== undefined).reverse(),
    nodes: new Set(depthOfNode.keys()),
    operations,
  };
}

function checkConnected({ inputs, levels }: Graph, title: string): void {
  const known = new Set(inputs);
  for (const node of levels.flat()) {
    const parents = inputsOf(node);
    const missing = parents.length === 0 ? outputsOf(node).find((tensor) => !known.has(tensor)) : undefined;
    if (missing !== undefined) {
      const user = levels.flat().find((other) => inputsOf(other).includes(missing));
      const what = `${missing.name} ${formatShape(missing.shape)}`;
      throw new ArgumentError(
        `${title}: the graph is disconnected: ${user === undefined ? `the output "${what}"` : `${user.layer.title} needs "${what}", which`} is not among the inputs.`,
        `Add it: inputs: [${[...inputs.map((input) => input.name), missing.name].join(', ')}].`,
      );
    }
    for (const output of outputsOf(node)) known.add(output);
  }
}

function checkNames(operations: readonly Layer[], title: string): void {
  const names = new Map<string, Layer>();
  for (const operation of operations) {
    const other = names.get(operation.name);
    if (other !== undefined) {
      throw new ArgumentError(
        `${title}: expected layers of different names, got ${other.title} and ${operation.title}.`,
        "Give one of them another: { name: '…' }.",
      );
    }
    names.set(operation.name, operation);
  }
}

/** Computes a graph's outputs from tensors for its inputs: applies its layers again, in order. @internal */
export function runGraph(
  graph: Graph,
  inputs: readonly unknown[],
  apply: (layer: Layer, args: readonly unknown[], options: CallOptions) => unknown = applyLayer,
): unknown {
  const values = new Map<unknown, unknown>(graph.inputs.map((symbol, i) => [symbol, inputs[i]]));
  const fill = (leaf: unknown): unknown => (leaf instanceof SymbolicTensor ? values.get(leaf) : leaf);
  for (const node of graph.levels.flat()) {
    if (inputsOf(node).length === 0) continue;
    const args = node.args.map((arg) => mapTree(arg, fill));
    const results = leaves(apply(node.layer, args, mapTree(node.options, fill) as CallOptions));
    for (const [i, symbol] of outputsOf(node).entries()) values.set(symbol, results[i]);
  }
  const outputs = mapSymbols(graph.outputTree, (symbol) => values.get(symbol));
  return Array.isArray(outputs) && outputs.length === 1 ? outputs[0] : outputs;
}

/** Applies a layer as a node says. @internal */
export function applyLayer(layer: Layer, args: readonly unknown[], options: CallOptions): unknown {
  const rest = Object.keys(options).length === 0 ? [] : [options];
  return layer.apply<unknown>(args[0] as Tensor, ...(args.slice(1) as Tensor[]), ...rest);
}

/**
 * Brings what a model is applied to into the order of its inputs: by structure, by the names of the inputs, or by position.
 * @throws {ArgumentError} if there are other inputs than the model's
 * @internal
 */
export function arrangeInputs(graph: Graph, given: unknown, title: string): unknown[] {
  const { inputs, inputTree } = graph;
  const names = inputNames(graph);
  if (isPlainObject(given) && !isPlainObject(inputTree)) {
    if (names.every((name) => name in given)) return names.map((name) => given[name]);
    throw new ArgumentError(
      `${title}: expected inputs named ${quoted(names)}, got ${quoted(Object.keys(given))}.`,
      `Write { ${names.map((name) => `${name}: …`).join(', ')} }.`,
    );
  }
  const flat = leaves(given);
  if (flat.length !== inputs.length) {
    throw new ArgumentError(
      `${title}: expected ${inputs.length} input${inputs.length === 1 ? '' : 's'} (${names.join(', ')}), got ${flat.length}.`,
      inputs.length === 1 ? 'Give one tensor.' : `Write [${names.join(', ')}], or an object with these names.`,
    );
  }
  return flat;
}

/** What the inputs are called: keys of an object of inputs, else the names of their layers. @internal */
export function inputNames({ inputs, inputTree }: Graph): string[] {
  if (isPlainObject(inputTree)) {
    const keys = Object.keys(inputTree).sort();
    if (keys.length === inputs.length) return keys;
  }
  return inputs.map((input) => makerOf(input).name);
}

function quoted(names: readonly string[]): string {
  return names.map((name) => `'${name}'`).join(', ');
}
