import { plain, type SerializedObject } from '../core/configurable.js';
import { ArgumentError, FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { SymbolicTensor } from '../core/symbolic.js';
import { Tensor, tensor } from '../core/tensor.js';
import { isPlainObject, leaves, mapTree } from '../core/tree.js';
import { deserialize, type SerializedLayer, serialize } from '../layers/family.js';
import type { Layer, LayerNode } from '../layers/layer.js';
import { applyLayer, type Graph, inputsOf, mapSymbols, originOf, type SymbolicTree } from './graph.js';
import { deserializeOperation, isOperationConfig, Operation } from './operation.js';

/** One application of a layer, as a config holds it; tensors stand as `__keras_tensor__`. */
export interface SerializedNode {
  args: unknown[];
  kwargs: Record<string, unknown>;
}

/** A layer of a functional model's config. */
export interface GraphLayer extends SerializedLayer {
  name: string;
  inboundNodes: SerializedNode[];
}

/** Name of a layer, number of its application, number of the output. */
type Place = [layer: string, node: number, output: number];

/** What a functional model is made of. @internal */
export interface FunctionalParts {
  inputs: SymbolicTree;
  outputs: SymbolicTree;
  name?: string;
  trainable?: boolean;
}

/** True for models that start with a node of their own in Keras' count of places: those with a graph. */
function startsCounted(layer: Layer): boolean {
  return (layer as { graph?: unknown }).graph != null;
}

/** Keras' config of a functional model: layers with their applications, and the places of inputs and outputs. @internal */
export function functionalConfig(model: Layer, graph: Graph): Record<string, unknown> {
  const place = (symbol: SymbolicTensor, forEnds: boolean): Place => {
    const { node, index } = originOf(symbol, model.title);
    const own = node.layer.nodes.filter((one) => graph.nodes.has(one));
    return [node.layer.name, own.indexOf(node) + (forEnds && startsCounted(node.layer) ? 1 : 0), index];
  };
  const argument = (leaf: unknown): unknown => {
    if (leaf instanceof SymbolicTensor) {
      const config = { shape: [...leaf.shape], dtype: leaf.dtype, kerasHistory: place(leaf, false) };
      return { className: '__keras_tensor__', config };
    }
    if (leaf instanceof Tensor) {
      return { className: '__tensor__', config: { value: leaf.arraySync(), dtype: leaf.dtype } };
    }
    return plain(leaf);
  };
  const serializedNode = ({ layer, args, options }: LayerNode): SerializedNode => {
    const { callOptions } = layer.constructor as typeof Layer;
    // Keras notes the masks of all inputs, in their structure; defaults only where no option was given.
    const masks = 'mask' in callOptions && { mask: mapTree(args[0], () => null) };
    const given =
      layer instanceof Operation
        ? layer.splitArguments(args)
        : { args, kwargs: Object.keys(options).length > 0 ? options : { ...callOptions, ...masks } };
    return mapTree(given, argument) as SerializedNode;
  };
  const layers = graph.operations.map((layer): GraphLayer => {
    const own = layer.nodes.filter((node) => graph.nodes.has(node) && inputsOf(node).length > 0);
    return { ...serialize(layer), name: layer.name, inboundNodes: own.map(serializedNode) };
  });
  return {
    name: model.name,
    trainable: model.trainable,
    layers,
    inputLayers: mapSymbols(graph.inputTree, (symbol) => place(symbol, true)),
    outputLayers: mapSymbols(graph.outputTree, (symbol) => place(symbol, true)),
  };
}

/** True for what {@link functionalConfig} answers. @internal */
export function isFunctionalConfig(config: Record<string, unknown>): boolean {
  return ['layers', 'inputLayers', 'outputLayers'].every((key) => key in config);
}

/** How one object of a functional model's config becomes a layer. */
export type LayerReader = (config: SerializedLayer) => Layer;

/**
 * Makes the layers of a config and applies them as it says.
 * @throws {FileFormatError} for places that don't exist and for graphs with loops
 * @internal
 */
export function functionalParts(
  config: Record<string, unknown>,
  read: LayerReader = (one) =>
    isOperationConfig(one) ? deserializeOperation(one) : deserialize(one, 'Model.fromConfig: layers'),
): FunctionalParts {
  const { name, trainable, layers: entries, inputLayers, outputLayers } = config;
  if (!Array.isArray(entries) || !entries.every(isGraphLayer)) {
    throw new ArgumentError(
      `Model.fromConfig: layers: expected an array of layers with name and inboundNodes, got ${show(entries)}.`,
    );
  }
  const made = new Map<string, Layer>();
  const waiting = new Map<string, SerializedNode[]>();
  for (const entry of entries) {
    const { name: layerName, inboundNodes, ...serialized } = entry;
    made.set(layerName, read(serialized));
    if (inboundNodes.length > 0) waiting.set(layerName, [...inboundNodes]);
  }
  const find = (place: unknown, forEnds: boolean): SymbolicTensor | undefined => {
    const [layerName, nodeIndex, index] = place as Place;
    const layer = made.get(layerName);
    if (layer === undefined) {
      throw new FileFormatError(
        `Model.fromConfig: expected places of layers in the config, got "${layerName}".`,
        `Layers: ${[...made.keys()].join(', ')}.`,
      );
    }
    const node = layer.nodes[nodeIndex - (forEnds && startsCounted(layer) ? 1 : 0)];
    return node === undefined ? undefined : (leaves(node.outputs)[index] as SymbolicTensor | undefined);
  };
  applyAll(made, waiting, (place) => find(place, false));
  const end = (tree: unknown): unknown => {
    if (isPlace(tree)) {
      const symbol = find(tree, true);
      if (symbol !== undefined) return symbol;
      throw new FileFormatError(`Model.fromConfig: the config has no tensor at [${tree.join(', ')}].`);
    }
    if (Array.isArray(tree)) return tree.map(end);
    if (isPlainObject(tree)) return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, end(child)]));
    throw new FileFormatError(`Model.fromConfig: expected places [layer, node, output], got ${show(tree)}.`);
  };
  return {
    inputs: end(inputLayers) as SymbolicTree,
    outputs: end(outputLayers) as SymbolicTree,
    ...(typeof name === 'string' && { name }),
    ...(typeof trainable === 'boolean' && { trainable }),
  };
}

/** Applies layers as soon as their inputs exist: a shared layer may need what comes from its own earlier application. */
function applyAll(
  made: ReadonlyMap<string, Layer>,
  waiting: Map<string, SerializedNode[]>,
  find: (place: unknown) => SymbolicTensor | undefined,
): void {
  while (waiting.size > 0) {
    let progress = false;
    for (const [name, nodes] of waiting) {
      const layer = made.get(name) as Layer;
      while (nodes.length > 0) {
        const { args, kwargs } = nodes[0] as SerializedNode;
        const resolved = resolve([args, kwargs], find) as [unknown[], Record<string, unknown>] | null;
        if (resolved === null) break;
        const [positionals, named] = resolved;
        const positional = layer instanceof Operation ? layer.joinArguments(positionals, named) : positionals;
        const options = layer instanceof Operation ? {} : named;
        const given = Object.fromEntries(Object.entries(options).filter(([, value]) => !isNothing(value)));
        applyLayer(layer, positional, given);
        nodes.shift();
        progress = true;
      }
      if (nodes.length === 0) waiting.delete(name);
    }
    if (!progress) {
      throw new FileFormatError(
        `Model.fromConfig: the config's graph has a loop or misses tensors, at ${[...waiting.keys()].map((name) => `"${name}"`).join(', ')}.`,
      );
    }
  }
}

/** Arguments with tensors in the places of their descriptions; null while one of them doesn't exist yet. */
function resolve(value: unknown, find: (place: unknown) => SymbolicTensor | undefined): unknown {
  let missing = false;
  const visit = (child: unknown): unknown => {
    if (Array.isArray(child)) return child.map(visit);
    if (!isPlainObject(child)) return child;
    const { className, config } = child as Partial<SerializedObject>;
    if (className === '__keras_tensor__' && isPlainObject(config)) {
      const symbol = find(config.kerasHistory);
      if (symbol === undefined) missing = true;
      return symbol;
    }
    if (className === '__tensor__' && isPlainObject(config)) {
      return tensor(config.value as number[], { dtype: config.dtype as Tensor['dtype'] });
    }
    return Object.fromEntries(Object.entries(child).map(([key, inner]) => [key, visit(inner)]));
  };
  const resolved = visit(value);
  return missing ? null : resolved;
}

/** True for null, and for arrays and objects of nothing else. */
function isNothing(value: unknown): boolean {
  return leaves(value).every((leaf) => leaf === null);
}

function isGraphLayer(value: unknown): value is GraphLayer {
  return isPlainObject(value) && typeof value.name === 'string' && Array.isArray(value.inboundNodes);
}

function isPlace(value: unknown): value is Place {
  return Array.isArray(value) && value.length === 3 && typeof value[0] === 'string' && typeof value[1] === 'number';
}
