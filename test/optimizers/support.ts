import type { Tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';
import type { Optimizer } from '../../lib/optimizers/index.js';
import * as optimizers from '../../lib/optimizers/index.js';
import { asArray, expectValues, load, type Values } from '../losses/support.js';
import { type Golden, type GoldenArray, goldenRow, loadGolden } from '../support/golden.js';

export type Arrays = Record<string, Values>;

export interface OptimizerCase {
  kind: 'steps' | 'assignedRate' | 'excluded' | 'lossScale' | 'config' | 'lossScaleConfig';
  className: string;
  options: Record<string, unknown>;
  schedule?: { className: string; options: object } | null;
  inner: { className: string; options: object };
  weights: Arrays;
  finalized?: Arrays;
  learningRates: GoldenArray;
  iterations: number[];
  variables: { name: string; path: string; shape: number[]; dtype: string; value: Values }[];
  at: number;
  newRate: number;
  varNames: string[];
  dynamicScales: number[];
  scaledLoss: number;
  config: Record<string, unknown>;
  serialized: { config: { name: string } };
}

export const golden: Golden<OptimizerCase> = loadGolden<OptimizerCase>('optimizers');

/** The golden cases of one kind. */
export function casesOf(kind: OptimizerCase['kind']): (OptimizerCase & { name: string })[] {
  return golden.cases.filter((one) => one.kind === kind);
}

const initial = golden.facts.initial as Arrays;
/** Names of the weights that the goldens train. */
export const names: string[] = Object.keys(initial);

/** The weights at the start. */
export function startWeights(): Variable[] {
  return names.map((name) => new Variable(load(initial[name] as GoldenArray), { name }));
}

/** Gradients of each step. */
export function gradientsOf(fact: 'gradients' | 'infiniteGradients'): Tensor[][] {
  const steps = golden.facts[fact] as Arrays | Arrays[];
  if (Array.isArray(steps)) return steps.map((step) => names.map((name) => load(step[name] as GoldenArray)));
  const count = (steps[names[0] as string] as GoldenArray).shape[0] as number;
  return Array.from({ length: count }, (_, i) => names.map((name) => load(goldenRow(steps[name] as GoldenArray, i))));
}

/** An optimizer by its class's name. */
export function make(className: string, options: object, schedule?: OptimizerCase['schedule']): Optimizer {
  const Class = (optimizers as unknown as Record<string, new (options: object) => Optimizer>)[className];
  if (Class === undefined) throw new Error(`no optimizer ${className}`);
  return new Class({ ...options, ...(schedule && { learningRate: makeSchedule(schedule) }) });
}

/** A schedule by its class's name. */
export function makeSchedule({
  className,
  options,
}: {
  className: string;
  options: object;
}): optimizers.schedules.LearningRateSchedule {
  const Class = (
    optimizers.schedules as unknown as Record<
      string,
      new (
        options: object,
      ) => optimizers.schedules.LearningRateSchedule
    >
  )[className];
  if (Class === undefined) throw new Error(`no schedule ${className}`);
  return new Class(options);
}

/** Compares all weights with a step of a golden. */
export function expectWeights(
  weights: readonly Tensor[],
  expected: Arrays,
  step: number | null,
  tolerance: number,
): void {
  for (const [i, name] of names.entries()) {
    const array = asArray(expected[name] as Values);
    const at = step === null ? '' : ` after step ${step}`;
    expectValues(weights[i] as Tensor, step === null ? array : goldenRow(array, step), tolerance, `${name}${at}`);
  }
}
