import { classNameOf } from '../core/configurable.js';
import { itemSize } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Shape } from '../core/symbolic.js';
import type { Variable } from '../core/variable.js';
import { flattenInputs, isShape, mapShapes, type ShapeTree } from '../layers/inputs.js';
import type { Layer, LayerNode } from '../layers/layer.js';
import { type Graph, inputsOf, originOf } from './graph.js';
import { type Alignment, renderTable } from './table.js';

/** Options of `model.summary`. */
export interface SummaryOptions {
  /** Width of the table in characters. @default 88 (108 with connections), or less where the terminal is narrower */
  lineLength?: number | null;
  /** Where each column ends, as a share of the line. @default [0.45, 0.8, 1], with connections [0.3, 0.56, 0.74, 1] */
  positions?: readonly number[] | null;
  /** Takes the whole text, instead of the terminal. */
  printFn?: ((text: string) => void) | null;
  /** Whether layers inside layers are shown. @default false */
  expandNested?: boolean;
  /** Whether a column says which layers are trained. @default false */
  showTrainable?: boolean;
  /** Names (or regular expressions) of the first and the last layer to show. @default all */
  layerRange?: readonly [string, string] | null;
}

/** What a summary needs to know of a model. */
export interface SummarizedModel extends Layer {
  readonly layers: readonly Layer[];
  /** What connects the layers, where they aren't a stack. */
  readonly graph?: Graph | null;
  readonly optimizer?: { readonly built: boolean; readonly variables: readonly Variable[] } | null;
}

const bold = (text: string): string => `\u001b[1m${text}\u001b[0m`;

/** The text of Keras' summary table. `styled` makes headings bold, for terminals. @internal */
export function summaryText(model: SummarizedModel, options: SummaryOptions = {}, styled = false): string {
  const { expandNested = false, showTrainable = false } = options;
  const header = ['Layer (type)', 'Output Shape', 'Param #'];
  const align: Alignment[] = ['left', 'left', 'right'];
  const graph = model.graph ?? null;
  const branches = graph !== null && hasBranches(graph);
  let positions = options.positions ?? (branches ? [0.3, 0.56, 0.74, 1] : [0.45, 0.8, 1]);
  let width = branches ? 108 : 88;
  if (branches) {
    header.push('Connected to');
    align.push('left');
  }
  if (showTrainable) {
    header.push('Trainable');
    align.push('center');
    positions = [...positions.map((position) => position * 0.9), 1];
    width += 12;
  }
  if (positions.length !== header.length) {
    throw new ArgumentError(
      `summary: positions: expected ${showTrainable ? header.length - 1 : header.length} numbers, got ${show(options.positions)}.`,
    );
  }
  const lineLength = options.lineLength ?? Math.min(width, terminalColumns() - 4);
  const widths = columnWidths(positions, lineLength);
  const style = { expandNested, showTrainable, connections: branches ? graph : null };
  const rows = inRange(graph?.operations ?? model.layers, options.layerRange ?? null).flatMap((layer) =>
    rowsOf(layer, 0, style),
  );
  const head = styled ? bold : (text: string): string => text;
  const table = renderTable({
    header,
    rows,
    widths,
    align,
    width: lineLength,
    columns: terminalColumns(),
    styleHeader: head,
  });
  const lines = [head(`Model: "${model.name}"`), ...table];

  const trainable = sizes(model.trainableWeights);
  const others = sizes(model.nonTrainableWeights);
  const { optimizer } = model;
  const slots = optimizer?.built ? sizes(optimizer.variables) : null;
  const total = {
    count: trainable.count + others.count + (slots?.count ?? 0),
    bytes: trainable.bytes + others.bytes + (slots?.bytes ?? 0),
  };
  const line = (label: string, { count, bytes }: Sizes): string =>
    `${head(` ${label}: `)}${count.toLocaleString('en-US')} (${readableSize(bytes)})`;
  lines.push(line('Total params', total), line('Trainable params', trainable), line('Non-trainable params', others));
  if (slots !== null) lines.push(line('Optimizer params', slots));
  return `${lines.join('\n')}\n`;
}

/**
 * Prints a model's layers, output shapes and numbers of parameters, as Keras does. Bold only on a terminal.
 * @throws {ArgumentError} for wrong options
 */
export function printSummary(model: SummarizedModel, options: SummaryOptions = {}): void {
  const { printFn } = options;
  if (printFn != null && typeof printFn !== 'function') {
    throw new ArgumentError(`summary: printFn: expected a function, got ${show(printFn)}.`);
  }
  if (printFn != null) printFn(summaryText(model, options));
  else process.stdout.write(summaryText(model, options, process.stdout.isTTY === true));
}

interface Sizes {
  count: number;
  bytes: number;
}

function sizes(variables: readonly Variable[]): Sizes {
  const result = { count: 0, bytes: 0 };
  for (const variable of new Set(variables)) {
    result.count += variable.size;
    result.bytes += variable.size * itemSize(variable.dtype);
  }
  return result;
}

/** '407.06 KB'. @internal */
export function readableSize(bytes: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length) {
    value /= 1024;
    unit++;
  }
  // Beyond petabytes Keras divides once more and keeps the unit.
  return `${hundredths(value)} ${units[Math.min(unit, units.length - 1)]}`;
}

/** Two decimals; exact halves go to the even digit, as Python formats them. */
function hundredths(value: number): string {
  const scaled = value * 100;
  const floor = Math.floor(scaled);
  return scaled - floor === 0.5 ? ((floor % 2 === 0 ? floor : floor + 1) / 100).toFixed(2) : value.toFixed(2);
}

function terminalColumns(): number {
  const named = Number(process.env.COLUMNS);
  return Number.isSafeInteger(named) && named > 0 ? named : (process.stdout.columns ?? 80);
}

function columnWidths(positions: readonly number[], lineLength: number): number[] {
  const widths: number[] = [];
  let current = 0;
  for (const position of positions) {
    const width = Math.trunc(position * lineLength) - current;
    if (!(width >= 4)) {
      throw new ArgumentError(
        `summary: expected columns of at least 4 characters, got ${width} with lineLength ${lineLength} and positions ${show(positions)}.`,
        'Give a larger lineLength, or positions that rise from 0 to 1.',
      );
    }
    widths.push(width);
    current += width;
  }
  return widths;
}

interface RowStyle {
  expandNested: boolean;
  showTrainable: boolean;
  /** The graph whose connections have a column. */
  connections: Graph | null;
}

/** Whether the layers are more than a stack: two of them side by side, one with several inputs, or one applied twice. */
function hasBranches({ levels, nodes }: Graph): boolean {
  if (levels.some((level) => level.length > 1 || inputsOf(level[0] as LayerNode).length > 1)) return true;
  return new Set([...nodes].map((node) => node.layer)).size < nodes.size;
}

/** 'dense[0][0], dense_1[0][0]': layer, number of its application and of the output, for each input. */
function connectionsOf(layer: Layer, { nodes }: Graph): string {
  const origins = layer.nodes.filter((node) => nodes.has(node)).flatMap(inputsOf);
  const texts = origins.map((tensor) => {
    const { node, index } = originOf(tensor, 'summary');
    return `${node.layer.name}[${node.layer.nodes.indexOf(node)}][${index}]`;
  });
  return texts.join(', ') || '-';
}

function rowsOf(layer: Layer, depth: number, style: RowStyle): string[][] {
  const prefix = depth === 0 ? '' : `${'   '.repeat(depth)}└ `;
  const row = [`${prefix}${layer.name} (${classNameOf(layer.type)})`, outputShape(layer)];
  row.push(layer.built ? layer.countParams().toLocaleString('en-US') : '0 (unbuilt)');
  if (style.connections !== null) row.push(connectionsOf(layer, style.connections));
  if (style.showTrainable) row.push(layer.weights.length === 0 ? '-' : layer.trainable ? 'Y' : 'N');
  const { layers } = layer as { layers?: unknown };
  const nested = style.expandNested && Array.isArray(layers) ? (layers as Layer[]) : [];
  return [row, ...nested.flatMap((child) => rowsOf(child, depth + 1, style))];
}

function shapeText(shape: Shape): string {
  return `(${shape.map((size) => size ?? 'None').join(', ')})`;
}

function outputShape(layer: Layer): string {
  const node = layer.nodes[layer.nodes.length - 1];
  const texts: string[] = [];
  if (node !== undefined) {
    for (const output of flattenInputs(node.outputs)) texts.push(shapeText((output as { shape: Shape }).shape));
  } else {
    const config = layer.getBuildConfig();
    if (config === null) return '?';
    const shapes = (config.shapes ?? [config.inputShape]) as [ShapeTree];
    if (shapes.some((shape) => isShape(shape) && shape.length === 0)) return '?';
    mapShapes(layer.computeOutputShape(...shapes), (shape) => texts.push(shapeText(shape)));
  }
  return texts.length === 1 ? (texts[0] as string) : `[${texts.join(', ')}]`;
}

function inRange(layers: readonly Layer[], range: SummaryOptions['layerRange']): readonly Layer[] {
  if (range == null) return layers;
  if (!Array.isArray(range) || range.length !== 2 || !range.every((name) => typeof name === 'string')) {
    throw new ArgumentError(
      `summary: layerRange: expected two names, got ${show(range)}.`,
      "Write layerRange: ['first', 'last'].",
    );
  }
  const matching = (pattern: string): number[] => {
    const starts = new RegExp(`^(?:${pattern})`);
    return layers.flatMap((layer, i) => (starts.test(layer.name) ? [i] : []));
  };
  const [first, last] = range.map(matching) as [number[], number[]];
  if (first.length === 0 || last.length === 0) {
    throw new ArgumentError(
      `summary: layerRange: expected names of layers of the model, got ${show(range)}.`,
      `Layers: ${layers.map((layer) => layer.name).join(', ')}.`,
    );
  }
  const start = Math.min(...first);
  const end = Math.max(...last);
  return start > end ? layers.slice(Math.min(...last), Math.max(...first) + 1) : layers.slice(start, end + 1);
}
