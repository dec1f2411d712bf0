import { access, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Callback, type Logs } from '../callbacks/callback.js';
import { History } from '../callbacks/history.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';
import type { Model } from '../models/model.js';
import type { Goal } from './objective.js';
import type { Outcome, TrialStore } from './store.js';

/** What a training came to: its history, numbers by name (the objective among them), or the objective alone. */
export type TrialResult = History | Readonly<Record<string, number>> | number;

const weightsFile = 'best.weights.h5';
const shapesFile = 'build.json';

/** Follows the trainings of one trial: notes every epoch, and keeps the weights of the best one. @internal */
export class TrialWatcher {
  readonly #folder: string;
  readonly #trial: number;
  readonly #store: TrialStore;
  readonly #onEpoch: () => void;
  #best: number | null = null;

  constructor(folder: string, trial: number, store: TrialStore, onEpoch: () => void) {
    this.#folder = folder;
    this.#trial = trial;
    this.#store = store;
    this.#onEpoch = onEpoch;
  }

  /** The callback of one training. */
  of(execution: number, goal: Goal): Callback {
    return new EpochWatcher(async (model, epoch, logs) => {
      this.#store.report(this.#trial, execution, epoch, logs);
      const score = goal.valueOf(logs);
      if (score !== null && Number.isFinite(score) && goal.isBetter(score, this.#best)) {
        this.#best = score;
        await mkdir(this.#folder, { recursive: true });
        await model.saveWeights(join(this.#folder, weightsFile));
        await writeFile(join(this.#folder, shapesFile), JSON.stringify(model.getBuildConfig()));
      }
      this.#onEpoch();
    });
  }

  /** Gives a model the weights of a trial's best epoch. */
  static async load(model: Model, folder: string): Promise<void> {
    try {
      await access(join(folder, weightsFile));
    } catch (cause) {
      throw new StateError(
        `Tuner: expected the weights of a trial in ${join(folder, weightsFile)}, got none.`,
        "They are kept by the search's own callback: pass the options that the hypermodel's fit is given on to model.fit.",
        { cause },
      );
    }
    if (!model.built) {
      const shapes = JSON.parse(await readFile(join(folder, shapesFile), 'utf8'));
      if (shapes !== null) model.buildFromConfig(shapes);
    }
    // The optimizer's state is in the file too.
    if (model.optimizer !== null && !model.optimizer.built) model.optimizer.build(model.trainableWeights);
    await model.loadWeights(join(folder, weightsFile));
  }
}

class EpochWatcher extends Callback {
  readonly #onEpoch: (model: Model, epoch: number, logs: Logs) => Promise<void>;

  constructor(onEpoch: (model: Model, epoch: number, logs: Logs) => Promise<void>) {
    super();
    this.#onEpoch = onEpoch;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    await this.#onEpoch(this.model, epoch, logs);
  }
}

/** What a trial's trainings came to: each at its best epoch, averaged. @internal */
export function summarize(results: TrialResult | readonly TrialResult[], goal: Goal, where: string): Outcome {
  const list = Array.isArray(results) ? (results as readonly TrialResult[]) : [results as TrialResult];
  if (list.length === 0) throw wrong(where, results, goal);
  const runs = list.map((result) => bestOf(result, goal, where));
  const names = Object.keys(runs[0]?.logs ?? {});
  const metrics = Object.fromEntries(
    names
      .filter((name) => runs.every((run) => run.logs[name] !== undefined))
      .map((name) => [name, runs.reduce((sum, run) => sum + (run.logs[name] as number), 0) / runs.length]),
  );
  const score = runs.reduce((sum, run) => sum + run.score, 0) / runs.length;
  if (!Number.isFinite(score)) {
    return { status: 'invalid', score: null, metrics: {}, bestEpoch: null, message: `${goal.name} is ${score}` };
  }
  const best = runs.reduce((a, b) => (goal.isBetter(b.score, a.score) ? b : a));
  return { status: 'completed', score, metrics, bestEpoch: best.epoch, message: null };
}

interface Run {
  logs: Readonly<Record<string, number>>;
  score: number;
  epoch: number | null;
}

function bestOf(result: TrialResult, goal: Goal, where: string): Run {
  if (typeof result === 'number') return { logs: { [goal.name]: result }, score: result, epoch: null };
  if (result instanceof History) {
    let best: Run | null = null;
    for (const [i, epoch] of result.epoch.entries()) {
      const logs = Object.fromEntries(
        Object.entries(result.history).map(([name, values]) => [name, values[i] as number]),
      );
      const score = goal.valueOf(logs);
      if (score === null) throw missing(where, goal, Object.keys(logs));
      const wins = best === null || Number.isNaN(best.score) || goal.isBetter(score, best.score);
      if (wins && !(best !== null && Number.isNaN(score))) best = { logs, score, epoch };
    }
    if (best === null) throw missing(where, goal, []);
    return best;
  }
  if (!isPlainObject(result)) throw wrong(where, result, goal);
  const logs = result as Readonly<Record<string, number>>;
  const score = goal.valueOf(logs);
  if (score === null) throw missing(where, goal, Object.keys(logs));
  return { logs, score, epoch: null };
}

function missing(where: string, goal: Goal, names: readonly string[]): ArgumentError {
  return new ArgumentError(
    `${where}: expected the objective ${goal.name} among the results, got ${names.join(', ') || 'no epoch'}.`,
    'Objectives that begin with val_ need validationData or validationSplit.',
  );
}

function wrong(where: string, results: unknown, goal: Goal): ArgumentError {
  return new ArgumentError(
    `${where}: expected a History, numbers by name, or a number, got ${show(results)}.`,
    `Answer what model.fit answers, or { '${goal.name}': 0.9 }.`,
  );
}
