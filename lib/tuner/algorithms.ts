import { type Fields, is, optional } from '../core/fields.js';
import type { HyperParameters } from './hyperparameters.js';
import type { Parameter, ParameterValue } from './parameter.js';
import type { Suggestion } from './store.js';
import { endOf, type Trial } from './trial.js';
import type { Draw, SearchState } from './tuner.js';
import { Tuner, type TunerOptions } from './tuner.js';

/** Draws that may meet values tried before; then the space is taken for exhausted. */
const maxCollisions = 20;

type Values = Record<string, ParameterValue>;

/** Values drawn from the space, unlike those of all trials; null if there seem to be none left. @internal */
export function drawNew(space: HyperParameters, trials: readonly Trial[], draw: Draw): Values | null {
  const tried = new Set(trials.map((trial) => keyOf(trial.values)));
  for (let i = 0; i < maxCollisions; i++) {
    const values = fill(space, (parameter) => parameter.fromProbability(draw()));
    if (!tried.has(keyOf(values))) return values;
  }
  return null;
}

/** A value for every hyperparameter that counts, parents first. @internal */
export function fill(space: HyperParameters, choose: (parameter: Parameter) => ParameterValue): Values {
  const made = space.withValues({});
  for (const parameter of space.space) {
    if (!made.isActive(parameter)) continue;
    made.values[parameter.name] = parameter.isFixed ? parameter.default : choose(parameter);
  }
  return made.values;
}

/** The same for equal values in any order. @internal */
export function keyOf(values: Readonly<Values>): string {
  return JSON.stringify(Object.entries(values).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Tries values drawn at random.
 *
 * Source: KerasTuner `RandomSearch`.
 *
 * @throws {ArgumentError} for an option of a wrong type
 * @example
 * ```ts
 * const search = new tuner.RandomSearch({ hypermodel: build, objective: 'val_accuracy', maxTrials: 20, projectName: 'mnist' });
 * await search.search(x, y, { epochs: 3, validationSplit: 0.2 });
 * const [best] = await search.getBestHyperparameters();
 * ```
 */
export class RandomSearch extends Tuner {
  static override readonly className: string = 'RandomSearch';

  protected override suggest({ space, trials, draw }: SearchState): Suggestion {
    const values = drawNew(space, trials, draw);
    return values === null ? endOf(trials) : { next: 'run', values };
  }
}

/** Options of {@link GridSearch}. */
export interface GridSearchOptions extends Omit<TunerOptions, 'maxTrials'> {
  /** Trials at most. @default null: the whole grid */
  maxTrials?: number | null;
}

/**
 * Tries every combination, defaults first; the last hyperparameter changes fastest. A range without a step is visited at ten evenly spread values.
 *
 * Source: KerasTuner `GridSearch`.
 *
 * @throws {ArgumentError} for an option of a wrong type
 * @example
 * ```ts
 * new tuner.GridSearch({ hypermodel: build, objective: 'val_loss', projectName: 'grid' });
 * ```
 */
export class GridSearch extends Tuner {
  static override readonly className: string = 'GridSearch';
  static override readonly fields: Fields = { maxTrials: optional(is.nullable(is.integer({ min: 1 })), null) };

  constructor(options: GridSearchOptions) {
    super(options as TunerOptions);
  }

  protected override suggest({ space, trials }: SearchState): Suggestion {
    const tried = new Set(trials.map((trial) => keyOf(trial.values)));
    // Trials that began before a hyperparameter was found stand for its default.
    for (const trial of trials) tried.add(keyOf(fill(space, (one) => trial.values[one.name] ?? one.default)));
    for (
      let values: Values | null = fill(space, (one) => one.default);
      values !== null;
      values = after(space, values)
    ) {
      if (!tried.has(keyOf(values))) return { next: 'run', values };
    }
    return endOf(trials);
  }
}

/** The combination that follows; null after the last. */
function after(space: HyperParameters, values: Readonly<Values>): Values | null {
  const now = space.withValues(values);
  const active = space.space.filter((parameter) => now.isActive(parameter) && !parameter.isFixed);
  for (let i = active.length - 1; i >= 0; i--) {
    const parameter = active[i] as Parameter;
    const { grid } = parameter;
    const next = grid[grid.indexOf(values[parameter.name] as ParameterValue) + 1];
    if (next === undefined) continue;
    // What stands before keeps its value, what follows starts anew: its conditions may have changed.
    const kept = new Map(active.slice(0, i).map((one) => [one.name, values[one.name] as ParameterValue]));
    kept.set(parameter.name, next);
    return fill(space, (one) => kept.get(one.name) ?? one.default);
  }
  return null;
}
