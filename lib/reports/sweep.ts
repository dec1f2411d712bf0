import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';
import { checkOptions } from '../ops/arguments.js';
import type { Section } from './blocks.js';
import { loadCharts } from './charts.js';
import { type Point, splitName } from './curves.js';
import { checkSize, checkTitle, type ReportOptions } from './options.js';
import { type Line, panelBlock } from './panels.js';
import { Report } from './report.js';
import { distinctNames, formatNumber, oneLine } from './text.js';

/** What {@link sweep} shows. */
export interface SweepOptions extends Omit<ReportOptions, 'metrics'> {
  /** What was changed from run to run: 'dropout rate'. */
  xLabel: string;
  /** Its values, one a run. Numbers are points of an axis, words are categories. */
  values: readonly (number | string)[];
  /** What was measured, one number a run: `{ accuracy: [0.97, 0.98], seconds: [12, 11] }`. */
  series: Readonly<Record<string, readonly (number | null)[]>>;
  /** Whether the axis is logarithmic; all values are above 0 then. @default false */
  logX?: boolean;
}

const optionNames = ['title', 'xLabel', 'values', 'series', 'logX', 'width', 'height'];
const where = 'reports.sweep';

/**
 * Shows what a hyperparameter changes: a panel per series over the values that were tried.
 *
 * `val_accuracy` and `test_accuracy` are drawn in the panel of `accuracy`, dashed and dotted. Values are drawn in rising order, words in the given one.
 *
 * @throws {ArgumentError} for series of other lengths than `values`, and a logarithmic axis over values that aren't above 0
 * @example
 * ```ts
 * import { reports } from 'torchlayers';
 *
 * const report = await reports.sweep({
 *   title: 'Hidden neurons',
 *   xLabel: 'neurons',
 *   values: [32, 64, 128],
 *   series: { accuracy: [0.95, 0.96, 0.97], seconds: [3, 4, 6] },
 *   logX: true,
 * });
 * ```
 */
export async function sweep(options: SweepOptions): Promise<Report> {
  checkOptions(where, options, optionNames, '');
  const title = checkTitle(where, options.title ?? 'Sweep');
  const xName = checkTitle(where, options.xLabel, 'xLabel');
  const size = checkSize(where, options);
  const { values, series, logX = false } = options;
  checkValues(values, logX);
  checkSeries(series, values.length);
  const numeric = values.every((value) => typeof value === 'number');
  const categories = numeric ? undefined : distinctNames(values.map(String));
  const points = (ys: readonly (number | null)[]): Point[] => {
    const pairs = ys.map((y, i): Point => [numeric ? Number(values[i]) : i, Number.isFinite(y) ? y : null]);
    return numeric ? pairs.sort(([a], [b]) => a - b) : pairs;
  };
  await loadCharts();
  const entries = Object.entries(series).map(([name, ys]) => ({ ...splitName(name), points: points(ys) }));
  const metrics = [...new Set(entries.map(({ metric }) => metric))];
  const blocks = metrics.map((metric) => {
    const own = entries.filter((entry) => entry.metric === metric);
    const lines = own.map(({ part, points: drawn }, i): Line => {
      const alone = own.length === 1;
      const name = alone ? oneLine(metric) : part === 'train' ? 'training' : part;
      return {
        name,
        part: alone ? 'train' : part,
        colour: alone ? metrics.indexOf(metric) : i,
        points: drawn,
        best: null,
      };
    });
    const one = lines.length === 1;
    return panelBlock({
      ...size,
      metric: oneLine(metric),
      xName,
      logX,
      lines,
      colours: one ? metrics.length : lines.length,
      numbered: one && values.length <= 12,
      ...(categories !== undefined && { categories }),
    });
  });
  const rows = values.map((value, i) => [
    typeof value === 'number' ? formatNumber(value) : oneLine(value),
    ...Object.values(series).map((ys) => (Number.isFinite(ys[i]) ? (ys[i] as number) : null)),
  ]);
  const table = { columns: [xName, ...Object.keys(series).map(oneLine)], rows };
  const section: Section = { title: '', notes: [], table, blocks };
  return new Report(title, [section]);
}

function checkValues(values: unknown, logX: unknown): void {
  const right = Array.isArray(values) && values.length > 0;
  if (!right) {
    throw new ArgumentError(`${where}: expected values to be an array of at least one value, got ${show(values)}.`);
  }
  for (const value of values as unknown[]) {
    if (typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))) continue;
    throw new ArgumentError(`${where}: expected values to be finite numbers or words, got ${show(value)}.`);
  }
  if (typeof logX !== 'boolean') {
    throw new ArgumentError(`${where}: expected logX to be true or false, got ${show(logX)}.`);
  }
  const wrong = logX ? (values as unknown[]).find((value) => !(typeof value === 'number' && value > 0)) : undefined;
  if (wrong !== undefined) {
    throw new ArgumentError(
      `${where}: expected values above 0 for a logarithmic axis, got ${show(wrong)}.`,
      'Leave logX out.',
    );
  }
}

function checkSeries(series: unknown, count: number): void {
  if (!isPlainObject(series) || Object.keys(series).length === 0) {
    throw new ArgumentError(
      `${where}: expected series to be an object of at least one series, got ${isPlainObject(series) ? 'an empty one' : show(series)}.`,
      'Write series: { accuracy: [0.97, 0.98] }.',
    );
  }
  for (const [name, ys] of Object.entries(series)) {
    if (!Array.isArray(ys) || ys.length !== count) {
      throw new ArgumentError(
        `${where}: expected '${name}' to have one number for each of ${count} values, got ${Array.isArray(ys) ? ys.length : show(ys)}.`,
      );
    }
    const wrong = ys.find((y) => typeof y !== 'number' && y !== null);
    if (wrong !== undefined) {
      throw new ArgumentError(`${where}: expected '${name}' to be an array of numbers, got ${show(wrong)}.`);
    }
  }
}
