import type { History } from '../callbacks/history.js';
import { checkOptions, none } from '../ops/arguments.js';
import type { Section } from './blocks.js';
import { loadCharts } from './charts.js';
import { type Curves, chooseMetrics, gapNotes, readRun } from './curves.js';
import { checkSize, checkTitle, type ReportOptions } from './options.js';
import { bestOf, type Line, panelBlock } from './panels.js';
import { Report } from './report.js';
import { oneLine } from './text.js';

const optionNames = ['title', 'metrics', 'width', 'height'];

/**
 * Shows how training went: a panel per metric, training and validation over the epochs, the best epoch marked.
 *
 * Epochs count from 1. The best one is that of the validation curve, where there is one, and of a metric that is known to be better low or high. NaN
 * and infinities are gaps, and a note says how many there are. Curves that are no History start at epoch 1.
 *
 * @param history what `fit` answered, or curves by name
 * @throws {ArgumentError} for an empty history, what is no history, and metrics that weren't measured
 * @example
 * ```ts
 * import { reports } from 'torchlayers';
 *
 * const history = await model.fit(x, y, { epochs: 3, validationSplit: 0.25, verbose: 0 });
 * const report = await reports.history(history, { title: 'A first model' });
 * report.svg({ theme: 'dark' });
 * ```
 */
export async function history(history: History | Curves, options: ReportOptions = none): Promise<Report> {
  const where = 'reports.history';
  checkOptions(where, options, optionNames, 'history');
  const title = checkTitle(where, options.title ?? 'Training history');
  const size = checkSize(where, options);
  const run = readRun(where, history);
  const metrics = chooseMetrics(where, [run], options.metrics);
  await loadCharts();
  const order = ['train', 'validation', 'test'];
  const blocks = metrics.map((metric) => {
    const curves = run.curves.filter((curve) => curve.metric === metric);
    const judged = curves.find(({ part }) => part === 'validation') ?? curves[0];
    const lines = curves.map(({ part, points }): Line => {
      const best = judged?.part === part ? bestOf(points, run.directionOf(metric), true) : null;
      return { name: part === 'train' ? 'training' : part, part, points, colour: order.indexOf(part), best };
    });
    return panelBlock({ ...size, metric: oneLine(metric), xName: 'epoch', wholeX: true, lines, colours: order.length });
  });
  const shown = run.curves.filter(({ metric }) => metrics.includes(metric));
  const notes = gapNotes(shown.map(({ metric, part, points }) => ({ name: `${metric}, ${part}`, points })));
  const section: Section = { title: '', notes, table: null, blocks };
  return new Report(title, [section]);
}
