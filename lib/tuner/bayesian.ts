import { type Fields, is, optional } from '../core/fields.js';
import { drawNew, fill, keyOf } from './algorithms.js';
import { GaussianProcess } from './gaussian-process.js';
import type { HyperParameters } from './hyperparameters.js';
import type { Parameter, ParameterValue } from './parameter.js';
import type { Suggestion } from './store.js';
import { endOf, type Trial } from './trial.js';
import { type Draw, type SearchState, Tuner, type TunerOptions } from './tuner.js';

/** Options of {@link BayesianOptimization}. */
export interface BayesianOptimizationOptions extends TunerOptions {
  /** Trials drawn at random before the first prediction. @default 3 for each hyperparameter, at least 3 */
  numInitialPoints?: number | null;
  /** Variance of the noise in scores that were standardized. @default 1e-4 */
  alpha?: number;
  /** Standard deviations that a guess may be off and still be tried: more explores more. @default 2.6 */
  beta?: number;
}

/**
 * Predicts scores from the trials so far by a Gaussian process (Matérn 5/2) and tries where the score may be best: mean less `beta` standard deviations.
 * Running trials count as scored a standard deviation worse than predicted, so that several workers don't try the same.
 *
 * Source: Srinivas et al. 2010 (upper confidence bound); KerasTuner `BayesianOptimization`.
 *
 * @throws {ArgumentError} for an option of a wrong type
 * @example
 * ```ts
 * new tuner.BayesianOptimization({ hypermodel: build, objective: 'val_accuracy', maxTrials: 30, projectName: 'bayesian' });
 * ```
 */
export class BayesianOptimization extends Tuner {
  static override readonly className: string = 'BayesianOptimization';
  static override readonly fields: Fields = {
    numInitialPoints: optional(is.nullable(is.integer({ min: 1 })), null),
    alpha: optional(is.number({ min: 0 }), 1e-4),
    beta: optional(is.number({ min: 0 }), 2.6),
  };
  declare readonly numInitialPoints: number | null;
  declare readonly alpha: number;
  declare readonly beta: number;

  constructor(options: BayesianOptimizationOptions) {
    super(options);
  }

  protected override suggest({ space, trials, goal, draw }: SearchState): Suggestion {
    const open = space.space.filter((parameter) => !parameter.isFixed);
    const done = trials.filter((trial) => trial.status === 'completed');
    const initial = this.numInitialPoints ?? Math.max(3, 3 * space.space.length);
    if (done.length < initial || open.length === 0) return randomly(space, trials, draw);

    const sign = goal.direction === 'min' ? 1 : -1;
    const process = new GaussianProcess(this.alpha);
    const points = done.map((trial) => vectorOf(open, space, trial));
    const scores = done.map((trial) => sign * (trial.score as number));
    process.fit(points, scores);
    const running = trials.filter((trial) => trial.status === 'running').map((trial) => vectorOf(open, space, trial));
    if (running.length > 0) {
      const { mean, deviation } = process.predict(running);
      process.fit(
        [...points, ...running],
        [...scores, ...Array.from(mean, (value, i) => value + (deviation[i] as number))],
      );
    }
    const bound = (vectors: readonly Float64Array[]): number[] => {
      const { mean, deviation } = process.predict(vectors);
      return Array.from(mean, (value, i) => value - this.beta * (deviation[i] as number));
    };
    const tried = new Set(trials.map((trial) => keyOf(trial.values)));
    const wanted = toValues(open, space, lowest(bound, open.length, draw));
    return tried.has(keyOf(wanted)) ? randomly(space, trials, draw) : { next: 'run', values: wanted };
  }
}

function randomly(space: HyperParameters, trials: readonly Trial[], draw: Draw): Suggestion {
  const values = drawNew(space, trials, draw);
  return values === null ? endOf(trials) : { next: 'run', values };
}

/** A trial as a point of the unit cube; hyperparameters that did not count stand at their defaults. */
function vectorOf(open: readonly Parameter[], space: HyperParameters, trial: Trial): Float64Array {
  const values = space.withValues(trial.values);
  return Float64Array.from(open, (parameter) => {
    const value = values.isActive(parameter) ? trial.values[parameter.name] : undefined;
    return parameter.toProbability(value ?? parameter.default);
  });
}

function toValues(
  open: readonly Parameter[],
  space: HyperParameters,
  vector: Float64Array,
): Record<string, ParameterValue> {
  return fill(space, (parameter) => parameter.fromProbability(vector[open.indexOf(parameter)] as number));
}

/** A point of the unit cube where a function is low: random points, then ever smaller steps around the best ones. */
function lowest(fn: (points: readonly Float64Array[]) => number[], dimensions: number, draw: Draw): Float64Array {
  const random = (): Float64Array => Float64Array.from({ length: dimensions }, draw);
  const best = (points: Float64Array[], count: number): Float64Array[] => {
    const values = fn(points);
    const order = points.map((_, i) => i).sort((a, b) => (values[a] as number) - (values[b] as number));
    return order.slice(0, count).map((i) => points[i] as Float64Array);
  };
  let leaders = best(Array.from({ length: 1000 }, random), 10);
  for (let reach = 0.1; reach > 1e-3; reach /= 2) {
    const around = leaders.flatMap((leader) =>
      Array.from({ length: 20 }, () => leader.map((x) => Math.min(1, Math.max(0, x + reach * (2 * draw() - 1))))),
    );
    leaders = best([...leaders, ...around], 10);
  }
  return leaders[0] as Float64Array;
}
