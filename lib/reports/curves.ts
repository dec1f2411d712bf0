import { History } from '../callbacks/history.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';

/**
 * Numbers of the epochs by name, as in `History.history`: `{ loss: [0.5, 0.3], val_loss: [0.6, 0.5] }`. `null`, NaN and infinities are gaps.
 */
export type Curves = Readonly<Record<string, readonly (number | null)[]>>;

/** Which data a curve was measured on. @internal */
export type Part = 'train' | 'validation' | 'test';

/** A point of a curve; null where there is no finite number. @internal */
export type Point = readonly [x: number, y: number | null];

/** One curve of one run. @internal */
export interface Curve {
  readonly metric: string;
  readonly part: Part;
  readonly points: readonly Point[];
}

/** What was measured in one run. @internal */
export interface Run {
  readonly curves: readonly Curve[];
  directionOf(metric: string): 'min' | 'max' | null;
}

const prefixes: readonly (readonly [prefix: string, part: Part])[] = [
  ['val_', 'validation'],
  ['test_', 'test'],
];

/** 'val_loss' is the loss on validation data. @internal */
export function splitName(name: string): { metric: string; part: Part } {
  for (const [prefix, part] of prefixes) {
    if (name.startsWith(prefix) && name.length > prefix.length) return { metric: name.slice(prefix.length), part };
  }
  return { metric: name, part: 'train' };
}

/** Checks curves, and gives each value its epoch, counted from 1. @throws {ArgumentError} @internal */
export function readRun(where: string, given: History | Curves, name = ''): Run {
  const of = name === '' ? where : `${where}: ${show(name)}`;
  const recorded = given instanceof History;
  const curves: unknown = recorded ? given.history : given;
  if (!isPlainObject(curves)) {
    throw new ArgumentError(
      `${of}: expected a History or an object of curves, got ${show(given)}.`,
      'Give what await model.fit(…) answers, or { loss: [0.5, 0.3] }.',
    );
  }
  const entries = Object.entries(curves).map(([key, values]) => [key, checked(of, key, values)] as const);
  const filled = entries.filter(([, values]) => values.length > 0);
  if (filled.length === 0) {
    throw new ArgumentError(
      `${of}: expected a history with at least one epoch, got an empty one.`,
      'Train first: const history = await model.fit(x, y).',
    );
  }
  return {
    curves: filled.map(([key, values]) => {
      const epochs = recorded ? numbersOf(given, key, values.length) : null;
      return { ...splitName(key), points: values.map((value, i) => [(epochs?.[i] ?? i) + 1, value]) };
    }),
    directionOf: (metric) => (recorded ? measuredDirection(given, metric) : null) ?? directionByName(metric),
  };
}

/** The epochs of a curve; null where one History saw several runs and they start anew. */
function numbersOf(history: History, key: string, length: number): readonly number[] | null {
  const epochs = history.epochsOf(key);
  const rising = epochs.every((epoch, i) => i === 0 || epoch > (epochs[i - 1] as number));
  return rising && epochs.length === length ? epochs : null;
}

function measuredDirection(history: History, metric: string): 'min' | 'max' | null {
  try {
    return history.model.directionOf(metric);
  } catch (error) {
    // A History made by hand has no model.
    if (error instanceof StateError) return null;
    throw error;
  }
}

function checked(of: string, key: string, values: unknown): (number | null)[] {
  if (!Array.isArray(values) && !(ArrayBuffer.isView(values) && 'length' in values)) {
    throw new ArgumentError(`${of}: expected '${key}' to be an array of numbers, got ${show(values)}.`);
  }
  return Array.from(values as ArrayLike<unknown>, (value, i) => {
    if (typeof value !== 'number' && value !== null) {
      throw new ArgumentError(
        `${of}: expected '${key}' to be an array of numbers, got ${show(value)} at position ${i}.`,
        'One number an epoch; null where there is none.',
      );
    }
    return Number.isFinite(value) ? value : null;
  });
}

/** Whether less or more of it is better; null where its name doesn't tell. @internal */
export function directionByName(metric: string): 'min' | 'max' | null {
  if (
    /(^|_)(loss|error|mse|mae|mape|msle|rmse|crossentropy|entropy|perplexity|divergence|hinge|cosh|poisson)$/.test(
      metric,
    )
  ) {
    return 'min';
  }
  return /(^|_)(acc|accuracy|auc|precision|recall|iou|f1|score|r2|specificity|sensitivity)(_|$)/.test(metric)
    ? 'max'
    : null;
}

/** The best finite point, the first of equals. @internal */
export function bestPoint(points: readonly Point[], direction: 'min' | 'max' | null): Point | null {
  if (direction === null) return null;
  let best: Point | null = null;
  for (const point of points) {
    const [, y] = point;
    if (y === null) continue;
    const reference = best?.[1] ?? null;
    if (reference === null || (direction === 'min' ? y < reference : y > reference)) best = point;
  }
  return best;
}

/** Names of metrics in the order to show them: the loss first. @throws {ArgumentError} for names that no run has @internal */
export function chooseMetrics(where: string, runs: readonly Run[], wanted: readonly string[] | undefined): string[] {
  const found = [...new Set(runs.flatMap((run) => run.curves.map(({ metric }) => metric)))];
  found.sort((a, b) => Number(b === 'loss') - Number(a === 'loss'));
  if (wanted === undefined) return found;
  if (!Array.isArray(wanted) || wanted.length === 0 || !wanted.every((name) => typeof name === 'string')) {
    throw new ArgumentError(
      `${where}: expected metrics to be an array of names, got ${show(wanted)}.`,
      `Names: ${found.join(', ')}.`,
    );
  }
  for (const name of wanted) {
    if (found.includes(name)) continue;
    const { metric } = splitName(name);
    throw new ArgumentError(
      `${where}: expected metrics that were measured, got '${name}'.`,
      found.includes(metric)
        ? `Write '${metric}': its panel shows training and validation.`
        : `Measured: ${found.join(', ')}.`,
    );
  }
  return [...new Set(wanted)];
}

/** What to say of values that can't be drawn. @internal */
export function gapNotes(curves: readonly { readonly name: string; readonly points: readonly Point[] }[]): string[] {
  return curves.flatMap(({ name, points }) => {
    const gaps = points.filter(([, y]) => y === null).length;
    return gaps === 0
      ? []
      : [`${name}: ${gaps} of ${points.length} values ${gaps === 1 ? 'is' : 'are'} not finite: a gap.`];
  });
}
