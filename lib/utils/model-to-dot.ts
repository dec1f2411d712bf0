import { serialize } from '../activations.js';
import { classNameOf } from '../core/configurable.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { type Shape, SymbolicTensor } from '../core/symbolic.js';
import { isPlainObject } from '../core/tree.js';
import { InputLayer } from '../layers/core/input-layer.js';
import type { Layer, LayerNode } from '../layers/layer.js';
import { arrangeInputs, inputsOf, originOf } from '../models/graph.js';
import { Model } from '../models/model.js';
import { Sequential } from '../models/sequential.js';
import { checkChoice, checkInteger, checkOptions, none } from '../ops/arguments.js';
import { escapeMarkup, oneLine } from '../reports/text.js';

/** Options of {@link modelToDot}. */
export interface ModelToDotOptions {
  /** Whether boxes show the shapes of inputs and outputs. @default false */
  showShapes?: boolean;
  /** Whether boxes show the dtype of outputs. @default false */
  showDtype?: boolean;
  /** Whether boxes show the layer's name beside its class. @default true */
  showLayerNames?: boolean;
  /** Direction: from the top ('TB'), the left ('LR'), the bottom ('BT') or the right ('RL'). @default 'TB' */
  rankdir?: 'TB' | 'LR' | 'BT' | 'RL';
  /** Whether models inside the model are drawn as clusters of their layers. @default false */
  expandNested?: boolean;
  /** Pixels per inch, at least 1; text is 14 points, or 14/72 inch. @default 200 */
  dpi?: number;
  /** Whether the answer is a subgraph, to be put into another graph. @default false */
  subgraph?: boolean;
  /** Whether boxes show the activation of layers that have one. @default false */
  showLayerActivations?: boolean;
  /** Whether boxes of layers with weights show whether they are trained. @default false */
  showTrainable?: boolean;
  /** How edges run. @default 'ortho' */
  splines?: 'ortho' | 'curved' | 'polyline' | 'spline' | 'line';
}

type Complete = Required<ModelToDotOptions>;

/** Names of the options. @internal */
export const dotOptionNames: readonly (keyof ModelToDotOptions)[] = [
  'showShapes',
  'showDtype',
  'showLayerNames',
  'rankdir',
  'expandNested',
  'dpi',
  'subgraph',
  'showLayerActivations',
  'showTrainable',
  'splines',
];

/**
 * Writes a model's layers and what connects them in DOT, the language of Graphviz.
 *
 * A model with a `call` of its own is one box, as its inside is code. Source: `keras.utils.model_to_dot`; the answer is a string, for there is no pydot here.
 *
 * @throws {ArgumentError} for what is no model, and wrong options
 * @throws {StateError} for a model that isn't built
 * @example
 * ```ts
 * import { utils } from 'torchlayers';
 *
 * utils.modelToDot(model, { showShapes: true, rankdir: 'LR' });
 * ```
 */
export function modelToDot(model: Model, options: ModelToDotOptions = none): string {
  checkOptions('modelToDot', options, dotOptionNames, 'model');
  return dotText('modelToDot', model, options);
}

/** @internal */
export function dotText(where: string, model: Model, options: ModelToDotOptions): string {
  const complete = checkDotOptions(where, options);
  if (!(model instanceof Model)) {
    throw new ArgumentError(`${where}: expected a model, got ${show(model)}.`, 'Give a Sequential or a Model.');
  }
  if (!model.built) {
    throw new StateError(
      `${where}: expected a model that is built, got ${model.title} without weights.`,
      'Build it first: model.build([null, 784]), or apply it to data.',
    );
  }
  return new DotWriter(complete).write(model);
}

function checkDotOptions(where: string, options: ModelToDotOptions): Complete {
  const complete: Complete = {
    showShapes: false,
    showDtype: false,
    showLayerNames: true,
    rankdir: 'TB',
    expandNested: false,
    dpi: 200,
    subgraph: false,
    showLayerActivations: false,
    showTrainable: false,
    splines: 'ortho',
  };
  for (const name of dotOptionNames) {
    const value = options[name];
    if (value === undefined) continue;
    if (typeof complete[name] === 'boolean' && typeof value !== 'boolean') {
      throw new ArgumentError(`${where}: expected ${name} to be true or false, got ${show(value)}.`);
    }
    Object.assign(complete, { [name]: value });
  }
  checkInteger(where, 'dpi', complete.dpi, 1);
  checkChoice(where, 'rankdir', complete.rankdir, ['TB', 'LR', 'BT', 'RL']);
  checkChoice(where, 'splines', complete.splines, ['ortho', 'curved', 'polyline', 'spline', 'line']);
  return complete;
}

const colours = { head: '#2b3445', line: '#2b3445', cell: '#ffffff', trained: '#1f7a4d', frozen: '#a33b2d' };

/** Writes one graph: each layer is one box, wherever it is met again. */
class DotWriter {
  readonly #options: Complete;
  readonly #ids = new Map<Layer, string>();
  readonly #taken = new Set<string>();

  constructor(options: Complete) {
    this.#options = options;
  }

  write(model: Model): string {
    const { rankdir, dpi, splines, subgraph } = this.#options;
    if (subgraph) return `${this.#cluster(model, '').join('\n')}\n`;
    const lines = [
      `rankdir=${rankdir}; concentrate=true; dpi=${dpi}; splines=${splines}; bgcolor=white;`,
      `node [shape=plain, fontname=Helvetica]; edge [penwidth=2, color="${colours.line}"];`,
      ...this.#body(model),
    ];
    return `digraph ${quoted(model.name)} {\n${lines.map((line) => `  ${line}\n`).join('')}}\n`;
  }

  /** Boxes, then edges. */
  #body(model: Model): string[] {
    const layers = model instanceof Sequential ? model.layers : model.graph?.operations;
    if (layers === undefined) return [this.#box(model)];
    const boxes = layers.flatMap((layer) => (this.#isExpanded(layer) ? this.#cluster(layer, '') : [this.#box(layer)]));
    const edges = model instanceof Sequential ? this.#chain(model) : this.#connections(model);
    return [...boxes, ...new Set(edges)];
  }

  #cluster(model: Model, indent: string): string[] {
    const body = ['style=dashed;', `label=${quoted(model.name)};`, 'labeljust=l;', 'fontname=Helvetica;'];
    return [
      `${indent}subgraph ${quoted(this.#unique(`cluster_${model.name}`))} {`,
      ...[...body, ...this.#body(model)].map((line) => `${indent}  ${line}`),
      `${indent}}`,
    ];
  }

  #chain(model: Sequential): string[] {
    const { layers } = model;
    return layers.slice(1).map((layer, i) => this.#edge(this.#end(layers[i] as Layer, 0), this.#start(layer, 0)));
  }

  #connections({ graph }: Model): string[] {
    if (graph === null) return [];
    return graph.operations.flatMap((layer) =>
      layer.nodes
        .filter((node) => graph.nodes.has(node))
        .flatMap((node) =>
          this.#inputsInOrder(node).map((tensor, i) => {
            const { node: origin, index } = originOf(tensor, 'modelToDot');
            return this.#edge(this.#end(origin.layer, index), this.#start(layer, i));
          }),
        ),
    );
  }

  /** What a layer is applied to; for an expanded model in the order of its inputs, whatever names they were given by. */
  #inputsInOrder(node: LayerNode): SymbolicTensor[] {
    const { layer, args } = node;
    if (!this.#isExpanded(layer) || layer.graph === null || !isPlainObject(args[0])) return inputsOf(node);
    return arrangeInputs(layer.graph, args[0], layer.title).filter((leaf) => leaf instanceof SymbolicTensor);
  }

  #isExpanded(layer: Layer): layer is Model {
    return (
      this.#options.expandNested && (layer instanceof Sequential || (layer instanceof Model && layer.graph !== null))
    );
  }

  /** The box that makes an output of a layer, which may lie deep in models. */
  #end(layer: Layer, index: number): Layer {
    if (!this.#isExpanded(layer)) return layer;
    if (layer instanceof Sequential) return this.#end(layer.layers.at(-1) as Layer, 0);
    const { node, index: inner } = originOf(layer.outputs[index] as SymbolicTensor, 'modelToDot');
    return this.#end(node.layer, inner);
  }

  /** The box that an input of a layer leads to. */
  #start(layer: Layer, index: number): Layer {
    if (!this.#isExpanded(layer)) return layer;
    if (layer instanceof Sequential) return this.#start(layer.layers[0] as Layer, 0);
    return originOf(layer.inputs[index] as SymbolicTensor, 'modelToDot').node.layer;
  }

  #edge(from: Layer, to: Layer): string {
    return `${this.#id(from)} -> ${this.#id(to)};`;
  }

  #id(layer: Layer): string {
    let id = this.#ids.get(layer);
    if (id === undefined) {
      id = quoted(this.#unique(layer.name));
      this.#ids.set(layer, id);
    }
    return id;
  }

  #unique(name: string): string {
    let unique = name;
    for (let i = 2; this.#taken.has(unique); i++) unique = `${name} (${i})`;
    this.#taken.add(unique);
    return unique;
  }

  #box(layer: Layer): string {
    const { showLayerNames, showLayerActivations } = this.#options;
    const className = markup(classNameOf(layer.type));
    const head = showLayerNames ? `<b>${markup(layer.name)}</b> (${className})` : `<b>${className}</b>`;
    const cells = this.#cells(layer);
    const span = Math.max(1, cells.length);
    const rows = [
      `<tr><td colspan="${span}" bgcolor="${colours.head}"><font point-size="16" color="white">${head}</font></td></tr>`,
    ];
    const activation = showLayerActivations ? activationName(layer) : null;
    if (activation !== null) {
      rows.push(
        `<tr><td colspan="${span}" bgcolor="${colours.cell}">Activation: <b>${markup(activation)}</b></td></tr>`,
      );
    }
    if (cells.length > 0) rows.push(`<tr>${cells.join('')}</tr>`);
    const table = `<table border="0" cellborder="1" cellspacing="0" cellpadding="10" color="${colours.line}">${rows.join('')}</table>`;
    return `${this.#id(layer)} [label=<${table}>];`;
  }

  #cells(layer: Layer): string[] {
    const { showShapes, showDtype, showTrainable } = this.#options;
    const [node] = layer.nodes;
    const cell = (label: string, value: string): string =>
      `<td bgcolor="${colours.cell}">${label}: <b>${markup(value)}</b></td>`;
    const cells: string[] = [];
    if (showShapes && !(layer instanceof InputLayer)) {
      cells.push(
        cell(
          'Input shape',
          textOf(node && inputsOf(node), ({ shape }) => shapeText(shape)),
        ),
      );
    }
    if (showShapes)
      cells.push(
        cell(
          'Output shape',
          textOf(node?.outputs, ({ shape }) => shapeText(shape)),
        ),
      );
    if (showDtype)
      cells.push(
        cell(
          'Output dtype',
          textOf(node?.outputs, ({ dtype }) => dtype),
        ),
      );
    if (showTrainable && layer.weights.length > 0) {
      const [colour, words] = layer.trainable ? [colours.trained, 'Trainable'] : [colours.frozen, 'Non-trainable'];
      cells.push(`<td bgcolor="${colour}"><font color="white"><b>${words}</b></font></td>`);
    }
    return cells;
  }
}

/** What stands for a tensor, or for arrays and objects of them; '?' where the layer was applied to none. */
function textOf(tree: unknown, text: (tensor: SymbolicTensor) => string): string {
  if (tree instanceof SymbolicTensor) return text(tree);
  if (Array.isArray(tree)) {
    const texts = tree.map((one) => textOf(one, text));
    return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
  }
  if (!isPlainObject(tree)) return '?';
  return Object.entries(tree)
    .map(([key, one]) => `${key}: ${textOf(one, text)}`)
    .join(', ');
}

function shapeText(shape: Shape): string {
  return `(${shape.map((size) => size ?? 'None').join(', ')}${shape.length === 1 ? ',' : ''})`;
}

function activationName(layer: Layer): string | null {
  const { activation } = layer as { activation?: unknown };
  if (activation === null || activation === undefined) return null;
  try {
    const name = serialize(activation);
    if (typeof name === 'string') return name;
    return typeof name.config === 'string' ? name.config : name.className;
  } catch (error) {
    // A function without a name can't be serialized, but drawn.
    if (error instanceof ArgumentError) return '?';
    throw error;
  }
}

/** Text in a label, which Graphviz reads as markup. */
function markup(text: string): string {
  return escapeMarkup(oneLine(text));
}

/** A name in DOT: only quotation marks are special there, and a backslash before one. */
function quoted(name: string): string {
  return `"${oneLine(name).replaceAll('\\', '/').replaceAll('"', '\\"')}"`;
}
