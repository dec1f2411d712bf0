// What an experiment gave, as it is kept in JSON, and its means over the seeds.
import type { Experiment, Setting } from './catalog.js';
import type { Outcome } from './network.js';
import { mean, percent } from './table.js';

/** A point with one outcome for each seed so far. */
export interface Point extends Setting {
  outcomes: Outcome[];
}

/** The file `<name>.json`. */
export interface ExperimentResult {
  name: string;
  title: string;
  question: string;
  xLabel: string;
  logX: boolean;
  timed: boolean;
  /** Images used, the validated fifth included. */
  images: number;
  seeds: number;
  /** False when it was interrupted. */
  complete: boolean;
  points: Point[];
}

/** A result without outcomes. */
export function emptyResult(
  experiment: Experiment,
  { images, seeds, epochs }: { images: number; seeds: number; epochs: number | null },
): ExperimentResult {
  const { name, title, question, xLabel, logX, timed } = experiment;
  const points = experiment.settings(epochs ?? experiment.epochs).map((setting) => ({ ...setting, outcomes: [] }));
  return { name, title, question, xLabel, logX, timed, images, seeds, complete: false, points };
}

/** Means over the seeds, and the shortest time. */
export interface Summary {
  label: string;
  value: number | string;
  parameters: number;
  seconds: number;
  train: number;
  validation: number;
  test: number;
  /** Mean curve of each name in the logs. */
  history: Record<string, number[]>;
}

/** The points that were trained, each as its means. */
export function summaries({ points }: ExperimentResult): Summary[] {
  return points
    .filter(({ outcomes }) => outcomes.length > 0)
    .map(({ label, value, outcomes }) => {
      const [first] = outcomes as [Outcome];
      const of = (name: 'train' | 'validation' | 'test'): number => mean(outcomes.map((outcome) => outcome[name]));
      const history = Object.fromEntries(
        Object.entries(first.history).map(([name, curve]) => [
          name,
          curve.map((_, epoch) => mean(outcomes.map((outcome) => outcome.history[name]?.[epoch] as number))),
        ]),
      );
      const { parameters } = first;
      return {
        label,
        value,
        parameters,
        // What else the machine does can only lengthen it.
        seconds: Math.min(...outcomes.map(({ seconds }) => seconds)),
        train: of('train'),
        validation: of('validation'),
        test: of('test'),
        history,
      };
    });
}

/** The table of a result, for the terminal and the page. */
export function resultTable(result: ExperimentResult): { columns: string[]; rows: string[][] } {
  return {
    columns: [result.xLabel, 'parameters', 'seconds', 'train %', 'validation %', 'test %'],
    rows: summaries(result).map(({ label, parameters, seconds, train, validation, test }) => [
      label,
      parameters.toLocaleString('en-US'),
      seconds.toFixed(1),
      percent(train),
      percent(validation),
      percent(test),
    ]),
  };
}
