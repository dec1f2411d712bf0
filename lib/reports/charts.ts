import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { EChartsOption } from 'echarts';
import { StateError } from '../core/errors.js';

/** Without quotation marks, so that it can stand in any attribute. @internal */
export const fontFamily = 'system-ui,-apple-system,Segoe UI,Roboto,Helvetica,Arial,sans-serif';

type ECharts = typeof import('echarts');

let loaded: ECharts | null = null;

/** Loads the charting library, as one file: its modules one by one take five times as long. Only who draws waits. @internal */
export async function loadCharts(): Promise<void> {
  loaded ??= (await import(pathToFileURL(fileOf('echarts.esm.min.mjs')).href)) as ECharts;
}

function fileOf(name: string): string {
  return join(dirname(createRequire(import.meta.url).resolve('echarts')), name);
}

/** Draws a chart: the inside of an SVG of that size, identifiers starting with `prefix`. @internal */
export function drawChart(option: EChartsOption, width: number, height: number, prefix: string): string {
  if (loaded === null) throw new StateError('reports: expected the charting library to be loaded, it is not.');
  const chart = loaded.init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption(option);
    return tidied(chart.renderToSVGString(), prefix);
  } finally {
    // Else its timer keeps the process alive.
    chart.dispose();
  }
}

/** Without the outer element, which names the font, and without what only a pointer would use. Texts are escaped, so none of these patterns can stand in one. */
function tidied(svg: string, prefix: string): string {
  return svg
    .replace(/^<svg[^>]*>/, '')
    .replace(/<\/svg>\s*$/, '')
    .replace(/<style ?>.*?<\/style>/gs, '')
    .replace(/<defs ?>\s*<\/defs>/g, '')
    .replace(/ (?:class="zr\d+-cls-\d+"|ecmeta_\w+="[^"]*"|pointer-events="visible"|xml:space="preserve")/g, '')
    .replaceAll(`font-family:${fontFamily};`, '')
    .replace(/\bzr\d+-/g, `${prefix}-`)
    .trim();
}

const scripts = new Map<string, string>();

/** The charting library for a page, minified; with `full`, heat maps too. @internal */
export function chartScript(full: boolean): string {
  const file = full ? 'echarts.min.js' : 'echarts.common.min.js';
  let script = scripts.get(file);
  if (script === undefined) {
    // Nothing in it may end the element that it stands in.
    script = readFileSync(fileOf(file), 'utf8').replace(/<(?=\/script|script|!--)/gi, '\\x3c');
    scripts.set(file, script);
  }
  return script;
}
