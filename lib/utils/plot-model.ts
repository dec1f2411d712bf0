import { writeFile } from 'node:fs/promises';
import { extname } from 'node:path';
import type { Viz } from '@viz-js/viz';
import { ArgumentError, NativeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Model } from '../models/model.js';
import { checkOptions, none } from '../ops/arguments.js';
import { writeAtomically } from '../saving/atomic.js';
import { dotOptionNames, dotText, type ModelToDotOptions } from './model-to-dot.js';

/** Options of {@link plotModel}. */
export interface PlotModelOptions extends Omit<ModelToDotOptions, 'subgraph' | 'showLayerNames'> {
  /** The file to write: `.svg`, or `.dot` for the text that Graphviz draws; without extension it is an SVG. null: none. @default 'model.svg' */
  toFile?: string | null;
  /** Whether boxes show the layer's name beside its class. @default false */
  showLayerNames?: boolean;
}

const where = 'plotModel';
const optionNames = ['toFile', ...dotOptionNames.filter((name) => name !== 'subgraph')];

/**
 * Draws a model's layers and what connects them, writes the picture to a file and answers it as SVG.
 *
 * The layout is Graphviz', which comes with this package as WebAssembly. A model with a `call` of its own is one box. Source: `keras.utils.plot_model`;
 * unlike there, it writes SVG (or DOT), as large in pixels as Keras' PNG.
 *
 * @returns the SVG
 * @throws {ArgumentError} for what is no model, another extension than .svg and .dot, and wrong options
 * @throws {StateError} for a model that isn't built
 * @throws a system error that names the file, where it can't be written
 * @example
 * ```ts
 * import { utils } from 'torchlayers';
 *
 * const svg = await utils.plotModel(model, { toFile: null, showShapes: true, showLayerNames: true, dpi: 96 });
 * ```
 */
export async function plotModel(model: Model, options: PlotModelOptions = none): Promise<string> {
  checkOptions(where, options, optionNames, 'model');
  const { toFile = 'model.svg', showLayerNames = false, ...rest } = options;
  const kind = checkFile(toFile);
  const dot = dotText(where, model, { ...rest, showLayerNames });
  const svg = drawn(await graphviz(), dot);
  if (toFile !== null) {
    await writeAtomically(toFile, (temporary) => writeFile(temporary, kind === '.dot' ? dot : svg));
  }
  return svg;
}

function checkFile(toFile: unknown): string {
  if (toFile === null) return '.svg';
  const extension = typeof toFile === 'string' && toFile !== '' ? extname(toFile).toLowerCase() || '.svg' : null;
  if (extension === '.svg' || extension === '.dot') return extension;
  throw new ArgumentError(
    `${where}: expected toFile to be a path that ends in .svg or .dot, got ${show(toFile)}.`,
    extension === null ? "Write { toFile: 'model.svg' }." : 'An SVG is sharp at any size; other programs convert it.',
  );
}

let loaded: Promise<Viz> | null = null;

/** Graphviz, loaded on first use. */
async function graphviz(): Promise<Viz> {
  loaded ??= import('@viz-js/viz').then(({ instance }) => instance());
  return loaded;
}

function drawn(viz: Viz, dot: string): string {
  const result = viz.renderFormats(dot, ['svg', 'json']);
  if (result.status === 'failure') {
    const reasons = result.errors.map(({ message }) => message.trim()).join('; ');
    throw new NativeError(`${where}: Graphviz could not draw the model: ${reasons || 'no reason given'}.`);
  }
  const { svg = '', json = '' } = result.output;
  return (
    fitted(svg, JSON.parse(json) as Drawing)
      // No reference to a document type elsewhere.
      .replace(/^.*?(?=<svg)/s, '')
      // Points at that resolution are pixels.
      .replace(/^<svg width="([\d.]+)pt" height="([\d.]+)pt"/, '<svg width="$1" height="$2" role="img"')
  );
}

/** What Graphviz says of its drawing; an operation of kind 'T' is a text. */
interface Drawing {
  objects?: readonly { _ldraw_?: readonly { op: string; pt?: readonly [number, number]; width?: number }[] }[];
}

const fonts = 'Helvetica,Arial,Liberation Sans,sans-serif';

/**
 * Gives each text the width that the layout left for it: another font, where Helvetica is not installed, would run into the next text. The SVG doesn't hold
 * the widths, so they are found by place; Graphviz' y points up.
 */
function fitted(svg: string, { objects = [] }: Drawing): string {
  const place = (x: number, y: number): string => `${x.toFixed(1)} ${y.toFixed(1)}`;
  const widths = new Map<string, number>();
  for (const { op, pt, width } of objects.flatMap(({ _ldraw_ = [] }) => _ldraw_)) {
    if (op === 'T' && pt !== undefined && width !== undefined) widths.set(place(pt[0], -pt[1]), width);
  }
  const start = /<text xml:space="preserve" text-anchor="(\w+)" x="([-\d.]+)" y="([-\d.]+)" font-family="[^"]*"/g;
  return svg.replace(start, (_, anchor: string, x: string, y: string) => {
    const width = widths.get(place(Number(x), Number(y)));
    const length = width === undefined ? '' : ` textLength="${width}" lengthAdjust="spacingAndGlyphs"`;
    return `<text xml:space="preserve" text-anchor="${anchor}" x="${x}" y="${y}" font-family="${fonts}"${length}`;
  });
}
