import { classNameOf } from '../core/configurable.js';
import type { DType } from '../core/dtype.js';
import type { SymbolicTensor } from '../core/symbolic.js';
import { InputLayer } from '../layers/core/input-layer.js';
import type { Layer } from '../layers/layer.js';
import { inputsOf, outputsOf } from '../models/graph.js';
import { Model } from '../models/model.js';
import { Sequential } from '../models/sequential.js';

/** A node of a graph to look at in TensorBoard; slashes in names make boxes that open. */
export interface GraphNode {
  /** Its name, unlike every other's: 'encoder/dense/MatMul'. */
  name: string;
  /** What it does: 'MatMul'. */
  op: string;
  /** Names of the nodes that it takes, in order. @default [] */
  inputs?: readonly string[];
  /** Shape of what it answers, written on the edges; `null` where a size is unknown. */
  shape?: readonly (number | null)[];
  /** Element type of what it answers. */
  dtype?: DType;
  /** Where it runs; nodes can be coloured by it. @default '' */
  device?: string;
  /** Whatever else should be read there. @default {} */
  attributes?: Readonly<Record<string, number | string | boolean>>;
}

/** A model's layers with their weights, as nodes: nested models and layers with weights are boxes. @internal */
export function modelNodes(model: Model): GraphNode[] {
  const builder = new Builder();
  builder.model(model, '', null);
  return builder.nodes;
}

class Builder {
  readonly nodes: GraphNode[] = [];
  readonly #used = new Set<string>();
  readonly #weights = new Map<Layer, string[]>();

  /** Adds a model's layers in the box `inside` ('' for none); answers the nodes of its outputs. `given`: nodes of its inputs, null for a model of its own. */
  model(model: Model, inside: string, given: readonly string[] | null): string[] {
    if (model.graph !== null) return this.#functional(model, inside, given);
    // A call of its own: nobody knows what it does with its layers.
    if (!(model instanceof Sequential)) {
      const inner = model.layers.map((layer) => this.#apply(layer, inside, [], []));
      return inner.length === 0 ? [this.#layer(model, inside, given ?? [], null)] : inner.flat();
    }
    let symbol = model.built ? (model.inputs[0] as SymbolicTensor) : null;
    let inputs = given ?? [this.#input('input', inside, symbol)];
    for (const layer of model.layers) {
      const node = layer.nodes.find((one) => symbol !== null && inputsOf(one)[0] === symbol);
      const outputs: SymbolicTensor[] = node === undefined ? [] : outputsOf(node);
      inputs = this.#apply(layer, inside, inputs, outputs);
      symbol = outputs[0] ?? null;
    }
    return [...inputs];
  }

  #functional(model: Model, inside: string, given: readonly string[] | null): string[] {
    const graph = model.graph as NonNullable<Model['graph']>;
    const names = new Map<SymbolicTensor, string>();
    for (const [i, symbol] of graph.inputs.entries()) {
      const maker = (symbol.history?.inputs as { layer: Layer } | undefined)?.layer;
      names.set(symbol, given?.[i] ?? this.#input(maker?.name ?? symbol.name, inside, symbol));
    }
    for (const node of graph.levels.flat()) {
      const inputs = inputsOf(node);
      if (inputs.length === 0) continue;
      const outputs = outputsOf(node);
      const made = this.#apply(
        node.layer,
        inside,
        inputs.map((input) => names.get(input) as string),
        outputs,
      );
      for (const [i, output] of outputs.entries()) names.set(output, made[i] ?? (made.at(-1) as string));
    }
    return graph.outputs.map((output) => names.get(output) as string);
  }

  #apply(layer: Layer, scope: string, inputs: readonly string[], outputs: readonly SymbolicTensor[]): string[] {
    if (layer instanceof Model) return this.model(layer, `${scope}${layer.name}/`, inputs);
    return [this.#layer(layer, scope, inputs, outputs[0] ?? null)];
  }

  #layer(layer: Layer, scope: string, inputs: readonly string[], output: SymbolicTensor | null): string {
    if (layer instanceof InputLayer) return this.#input(layer.name, scope, output);
    const className = classNameOf(layer.type);
    const weights = this.#weightsOf(layer, scope);
    const name = weights.length === 0 ? `${scope}${layer.name}` : `${scope}${layer.name}/${className}`;
    const facts = output === null ? {} : { shape: output.shape, dtype: output.dtype };
    return this.#add({ name, op: className, inputs: [...inputs, ...weights], ...facts, attributes: settingsOf(layer) });
  }

  #weightsOf(layer: Layer, scope: string): string[] {
    let names = this.#weights.get(layer);
    if (names === undefined) {
      names = layer.weights.map(({ path, name, shape, dtype, trainable }) => {
        const at = path.lastIndexOf(`${layer.name}/`);
        const inside = at < 0 ? name : path.slice(at + layer.name.length + 1);
        const place = `${scope}${layer.name}/${inside}`;
        return this.#add({ name: place, op: 'Variable', shape, dtype, attributes: { trainable } });
      });
      this.#weights.set(layer, names);
    }
    return names;
  }

  #input(name: string, scope: string, symbol: SymbolicTensor | null): string {
    const facts = symbol === null ? {} : { shape: symbol.shape, dtype: symbol.dtype };
    return this.#add({ name: `${scope}${name}`, op: 'Placeholder', ...facts });
  }

  #add(node: GraphNode): string {
    let { name } = node;
    for (let i = 1; this.#used.has(name); i++) name = `${node.name}_${i}`;
    this.#used.add(name);
    this.nodes.push({ ...node, name });
    return name;
  }
}

/** Options of a layer that are numbers, strings or booleans. */
function settingsOf(layer: Layer): Record<string, number | string | boolean> {
  let config: Record<string, unknown>;
  try {
    config = layer.getConfig();
  } catch {
    // A user's layer may refuse; the graph is worth having without its options.
    return {};
  }
  const plain = Object.entries(config).filter(
    ([name, value]) => name !== 'name' && ['number', 'string', 'boolean'].includes(typeof value),
  );
  return Object.fromEntries(plain) as Record<string, number | string | boolean>;
}
