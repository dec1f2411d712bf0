import type { History } from '../callbacks/history.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';
import { checkOptions, none } from '../ops/arguments.js';
import type { ReportTable, Section } from './blocks.js';
import { loadCharts } from './charts.js';
import { bestPoint, type Curves, chooseMetrics, gapNotes, type Run, readRun } from './curves.js';
import { checkSize, checkTitle, type ReportOptions } from './options.js';
import { bestOf, type Line, panelBlock } from './panels.js';
import { Report } from './report.js';
import { distinctNames, oneLine } from './text.js';

const optionNames = ['title', 'metrics', 'width', 'height'];

/**
 * Shows several runs beside each other: a panel per metric, a colour per run, training solid and validation dashed, each run's best epoch marked.
 *
 * A metric that only some runs measured shows those. On the page a table has each run's best values, and clicking a name in the legend hides the run
 * in all panels.
 *
 * @param runs what `fit` answered, or curves by name, for each run
 * @throws {ArgumentError} for no runs, empty ones, and metrics that none measured
 * @example
 * ```ts
 * import { reports } from 'torchlayers';
 *
 * const report = await reports.compare({
 *   'SGD': { loss: [0.9, 0.7], val_loss: [0.8, 0.7] },
 *   'Adam': { loss: [0.5, 0.3], val_loss: [0.4, 0.4] },
 * });
 * report.title; // 'Comparison of runs'
 * ```
 */
export async function compare(
  runs: Readonly<Record<string, History | Curves>>,
  options: ReportOptions = none,
): Promise<Report> {
  const where = 'reports.compare';
  checkOptions(where, options, optionNames, 'runs');
  if (!isPlainObject(runs) || Object.keys(runs).length === 0) {
    throw new ArgumentError(
      `${where}: expected an object of at least one run, got ${isPlainObject(runs) ? 'an empty one' : show(runs)}.`,
      'Write reports.compare({ SGD: historyOfSgd, Adam: historyOfAdam }).',
    );
  }
  const title = checkTitle(where, options.title ?? 'Comparison of runs');
  const size = checkSize(where, options);
  const read = Object.entries(runs).map(([name, given]) => readRun(where, given, name));
  const names = distinctNames(Object.keys(runs));
  const metrics = chooseMetrics(where, read, options.metrics);
  await loadCharts();
  const blocks = metrics.map((metric) => {
    const lines = read.flatMap((run, i) => linesOf(run, metric, names[i] as string, i, read.length === 1));
    return panelBlock({ ...size, metric: oneLine(metric), xName: 'epoch', wholeX: true, lines, colours: read.length });
  });
  const notes = read.flatMap((run, i) => {
    const shown = run.curves.filter(({ metric }) => metrics.includes(metric));
    return gapNotes(shown.map(({ metric, part, points }) => ({ name: `${names[i]}: ${metric}, ${part}`, points })));
  });
  const parts = new Set(read.flatMap((run) => run.curves.map(({ part }) => part)));
  if (parts.has('train') && parts.has('validation')) notes.unshift('Training is solid, validation dashed.');
  const section: Section = { title: '', notes, table: bestTable(read, metrics, names), blocks };
  return new Report(title, [section]);
}

function linesOf(run: Run, metric: string, name: string, colour: number, alone: boolean): Line[] {
  const judged = judgedCurve(run, metric);
  return run.curves
    .filter((curve) => curve.metric === metric)
    .map((curve) => ({
      name,
      part: curve.part,
      colour,
      points: curve.points,
      best: curve === judged ? bestOf(curve.points, run.directionOf(metric), alone) : null,
    }));
}

/** The curve that says which epoch was best: on validation data if there is one. */
function judgedCurve(run: Run, metric: string): Run['curves'][number] | undefined {
  const curves = run.curves.filter((curve) => curve.metric === metric);
  return curves.find(({ part }) => part === 'validation') ?? curves[0];
}

/** The best value of each run and metric, and its epoch. */
function bestTable(runs: readonly Run[], metrics: readonly string[], names: readonly string[]): ReportTable {
  const judged = metrics.filter((metric) => runs.some((run) => run.directionOf(metric) !== null));
  const columns = judged.flatMap((metric) => {
    const validated = runs.some((run) => judgedCurve(run, metric)?.part === 'validation');
    return [`best ${validated ? 'validation ' : ''}${oneLine(metric)}`, 'in epoch'];
  });
  const rows = runs.map((run, i) => [
    names[i] as string,
    ...judged.flatMap((metric) => {
      const [epoch, value] = bestPoint(judgedCurve(run, metric)?.points ?? [], run.directionOf(metric)) ?? [null, null];
      return [value, epoch];
    }),
  ]);
  return { columns: ['run', ...columns], rows };
}
