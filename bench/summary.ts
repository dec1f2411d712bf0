// What the runs come to: the middle of each number, and how torchlayers stands.
import { floorName, isBaseline } from './contestants.js';
import type { Outcome } from './rounds.js';
import { type Goal, median, type Run } from './workload.js';

/** The middle of a number over the rounds, with its range over all repetitions. */
export interface Figure {
  middle: number;
  least: number;
  most: number;
}

/** How a goal was met. */
export interface Standing {
  metric: string;
  ours: number;
  /** The fastest of the Python baselines, and how many times as fast torchlayers is. */
  fastest: { name: string; speedup: number; asked: number | undefined } | null;
  /** How many times the products alone. */
  floor: { ratio: number; asked: number } | null;
}

const ofProcess = ['process_s', 'import_s', 'peak_rss_mb'] as const;

function valuesOf(run: Run, label: string, metric: string): number[] {
  const own = ofProcess.find((name) => name === metric);
  const value = own === undefined ? run.results[label]?.[metric] : run[own];
  return value === undefined ? [] : [value].flat();
}

/** A number of a contestant; null where it does not measure that. */
export function figure(runs: readonly Run[], label: string, metric: string): Figure | null {
  const each = runs.map((run) => valuesOf(run, label, metric)).filter((values) => values.length > 0);
  if (each.length === 0) return null;
  const all = each.flat();
  return { middle: median(each.map(median)), least: Math.min(...all), most: Math.max(...all) };
}

/** Labels of a workload's results, in their order. */
export function labelsOf({ runs }: Outcome): string[] {
  return [...new Set([...runs.values()].flat().flatMap(({ results }) => Object.keys(results)))];
}

/** How torchlayers stands to the goals of a workload; nothing where it did not run. */
export function standings(outcome: Outcome): Standing[] {
  const [label] = labelsOf(outcome);
  if (label === undefined) return [];
  return outcome.workload.goals.flatMap((goal) => standing(outcome, label, goal) ?? []);
}

function standing({ runs }: Outcome, label: string, { metric, speedup, floor }: Goal): Standing | null {
  const middle = (name: string): number | undefined => figure(runs.get(name) ?? [], label, metric)?.middle;
  const ours = middle('torchlayers');
  if (ours === undefined) return null;
  const [fastest] = [...runs.keys()]
    .filter(isBaseline)
    .flatMap((name) => ({ name, value: middle(name) ?? Number.POSITIVE_INFINITY }))
    .filter(({ value }) => Number.isFinite(value))
    .toSorted((a, b) => a.value - b.value);
  const least = middle(floorName);
  return {
    metric,
    ours,
    fastest: fastest === undefined ? null : { name: fastest.name, speedup: fastest.value / ours, asked: speedup },
    floor: floor === undefined || least === undefined ? null : { ratio: ours / least, asked: floor },
  };
}
