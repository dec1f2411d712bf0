// The page of an experiment: curves of all its runs, what each value gave, and the table.
import * as reports from '../lib/reports/index.js';
import { type ExperimentResult, resultTable, summaries } from './result.js';

/** Curves over the epochs, a colour a run; of all metrics unless some are named. */
export function curvesOf(result: ExperimentResult, metrics?: readonly string[]): Promise<reports.Report> {
  const runs = Object.fromEntries(summaries(result).map(({ label, history }) => [label, history]));
  return reports.compare(runs, { title: `${result.title}: over the epochs`, ...(metrics && { metrics }) });
}

/** What each value gave at the end; time and parameters only where they are part of the answer. Without `times` the same result draws the same anywhere. */
export function sweepOf(result: ExperimentResult, { times = true }: { times?: boolean } = {}): Promise<reports.Report> {
  const { title, xLabel, logX, timed } = result;
  const all = summaries(result);
  const values = all.map(({ value }) => value);
  const series: Record<string, number[]> = {
    accuracy: all.map(({ train }) => train),
    val_accuracy: all.map(({ validation }) => validation),
    test_accuracy: all.map(({ test }) => test),
  };
  if (timed && times) series['time of fit in s'] = all.map(({ seconds }) => Number(seconds.toFixed(1)));
  const parameters = all.map((summary) => summary.parameters);
  if (timed && new Set(parameters).size > 1) series['parameters'] = parameters;
  // Words below an axis need room.
  const width = values.some((value) => typeof value === 'string') ? 720 : 480;
  return reports.sweep({ title: `${title}: at the end`, xLabel, values, series, logX, width });
}

/** Everything about one result. */
export async function pageOf(result: ExperimentResult): Promise<reports.Report> {
  const { images, seeds, complete, question } = result;
  return reports.page([await curvesOf(result), await sweepOf(result)], {
    title: result.title,
    notes: [
      question,
      `MNIST, ${images.toLocaleString('en-US')} images, a fifth of them for validation; ${seeds === 1 ? 'seed 1' : `means over seeds 1 to ${seeds}; time is the shortest of them`}.`,
      'Train accuracy is the mean over the last epoch, dropout at work; the others are taken without dropout.',
      ...(complete ? [] : ['Interrupted: what was finished is shown.']),
    ],
    table: resultTable(result),
  });
}
