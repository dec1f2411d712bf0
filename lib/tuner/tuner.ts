import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Callback } from '../callbacks/callback.js';
import { Configurable } from '../core/configurable.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { type Fields, is, optional, required, show } from '../core/fields.js';
import { resetNames } from '../core/names.js';
import { setRandomSeed } from '../core/random.js';
import { MersenneTwister } from '../datasets/mersenne-twister.js';
import { Model } from '../models/model.js';
import { Optimizer } from '../optimizers/optimizer.js';
import { type CompileOptions, checkOptions } from '../training/compile.js';
import { type BatchIterable, isBatchIterable } from '../training/data/iterable.js';
import type { DataTree } from '../training/data/layout.js';
import { checkFitOptions, type FitOptions } from '../training/fit.js';
import { checkInteger } from '../training/options.js';
import { HyperParameters } from './hyperparameters.js';
import { checkObjective, Goal, type ObjectiveIdentifier, resolveObjectives } from './objective.js';
import type { Parameter, ParameterValue } from './parameter.js';
import { summarize, type TrialResult, TrialWatcher } from './results.js';
import { type Outcome, type Suggestion, TrialStore } from './store.js';
import { Board, resultsTable, spaceTable } from './table.js';
import { endOf, ranked, type Trial } from './trial.js';

/** Makes a compiled model from the values of a trial. */
export type BuildFunction = (hp: HyperParameters) => Model | Promise<Model>;

/** Makes and trains the model of a trial. */
export interface HyperModel {
  build: BuildFunction;
  /** Trains; `search`'s arguments come as they are, with the search's own callbacks among the options. @default model.fit */
  fit?(
    hp: HyperParameters,
    model: Model,
    x: DataTree | BatchIterable,
    y: DataTree | null,
    options: FitOptions,
  ): Promise<TrialResult>;
}

/** Options of every search. */
export interface TunerOptions {
  /** The function that builds the model, or an object that also trains it. */
  hypermodel?: BuildFunction | HyperModel | null;
  /** What is to become small or large. */
  objective: ObjectiveIdentifier;
  /** Trials in all, those of other workers and earlier runs included. @default 10 */
  maxTrials?: number;
  /** Trainings of each trial, each from new weights; their results are averaged. @default 1 */
  executionsPerTrial?: number;
  /** Seeds draws of values, weights and batches; the same seed gives the same search. @default a random one, kept with the trials */
  seed?: number | null;
  /** Hyperparameters given beforehand; they go before what the build function asks for under the same names. @default null */
  hyperparameters?: HyperParameters | null;
  /** Search hyperparameters that `hyperparameters` does not have; else they keep their defaults. @default true */
  tuneNewEntries?: boolean;
  /** Whether the build function may ask for hyperparameters that `hyperparameters` does not have. @default true */
  allowNewEntries?: boolean;
  /** Times that a failed trial is tried again. @default 0 */
  maxRetriesPerTrial?: number;
  /** Failed trials in a row after which the search ends with an error. @default 3 */
  maxConsecutiveFailedTrials?: number;
  /** Weights that a model may have; a larger one fails its trial. @default null */
  maxModelSize?: number | null;
  /** Goes before the optimizer that the build function compiled with. @default null */
  optimizer?: CompileOptions['optimizer'] | null;
  /** Goes before the loss. @default null */
  loss?: CompileOptions['loss'] | null;
  /** Go before the metrics. @default null */
  metrics?: CompileOptions['metrics'] | null;
  /** Folder of all searches. @default '.' */
  directory?: string;
  /** Folder of this search in it. @default 'untitled_project' */
  projectName?: string;
  /** Start anew instead of going on. Not for several workers. @default false */
  overwrite?: boolean;
}

/** Options of {@link Tuner.search}: those of `fit`, but callbacks are made anew for each training, and the search itself goes on where it was. */
export interface SearchOptions extends Omit<FitOptions, 'callbacks' | 'resume'> {
  /** Answers the callbacks of one training. @default none */
  callbacks?: ((trial: Trial) => readonly Callback[]) | null;
}

/** Draws of one trial, the same whenever it is run. @internal */
export type Draw = () => number;

/** What an algorithm knows when it chooses the next trial. @internal */
export interface SearchState {
  /** Id of the trial to choose. */
  id: number;
  /** All trials so far. */
  trials: readonly Trial[];
  /** The space; its values are those given beforehand. */
  space: HyperParameters;
  goal: Goal;
  draw: Draw;
}

/** Takes the name of a folder inside `directory`. */
function checkProjectName(value: unknown, where: string): string {
  const name = is.string(value, where) as string;
  if (name !== '' && name !== '.' && name !== '..') return name;
  throw new ArgumentError(
    `${where}: expected the name of a folder, got ${show(value)}.`,
    "Write projectName: 'mnist'.",
  );
}

function copyOf(optimizer: Optimizer): Optimizer {
  return optimizer.type.fromConfig(optimizer.getConfig()) as Optimizer;
}

/** Why a trial failed, in one line. */
function reasonOf(trial: Trial): string {
  return trial.message?.split('\n')[0] ?? 'its score is no number';
}

/**
 * Base of the searches. A search keeps its trials in `directory/projectName`: run again, it goes on where it was, also after a kill; several processes or
 * worker threads on one folder share the work.
 *
 * A subclass chooses trials in `suggest`; it may override `runTrial` to search anything.
 */
export abstract class Tuner extends Configurable {
  static override readonly fields: Fields = {
    hypermodel: optional(is.anything, null),
    objective: required(checkObjective),
    maxTrials: optional(is.integer({ min: 1 }), 10),
    executionsPerTrial: optional(is.integer({ min: 1 }), 1),
    seed: optional(is.nullable(is.integer({ min: 0 })), null),
    hyperparameters: optional(is.nullable(is.instance(HyperParameters, 'HyperParameters')), null),
    tuneNewEntries: optional(is.boolean, true),
    allowNewEntries: optional(is.boolean, true),
    maxRetriesPerTrial: optional(is.integer({ min: 0 }), 0),
    maxConsecutiveFailedTrials: optional(is.integer({ min: 1 }), 3),
    maxModelSize: optional(is.nullable(is.integer({ min: 1 })), null),
    optimizer: optional(is.anything, null),
    loss: optional(is.anything, null),
    metrics: optional(is.anything, null),
    directory: optional(is.string, '.'),
    projectName: optional(checkProjectName, 'untitled_project'),
    overwrite: optional(is.boolean, false),
  };
  declare readonly hypermodel: BuildFunction | HyperModel | null;
  declare readonly objective: ReturnType<typeof checkObjective>;
  declare readonly maxTrials: number | null;
  declare readonly executionsPerTrial: number;
  declare readonly seed: number | null;
  declare readonly hyperparameters: HyperParameters | null;
  declare readonly tuneNewEntries: boolean;
  declare readonly allowNewEntries: boolean;
  declare readonly maxRetriesPerTrial: number;
  declare readonly maxConsecutiveFailedTrials: number;
  declare readonly maxModelSize: number | null;
  declare readonly optimizer: CompileOptions['optimizer'] | null;
  declare readonly loss: CompileOptions['loss'] | null;
  declare readonly metrics: CompileOptions['metrics'] | null;
  declare readonly directory: string;
  declare readonly projectName: string;
  declare readonly overwrite: boolean;
  #store: Promise<TrialStore> | null = null;
  #goal: Goal | null = null;
  #searching = false;
  /** `overwrite` holds for the first time the folder is opened. */
  #cleared = false;
  /** Watches the training at hand for `runTrial`. */
  #watcher: TrialWatcher | null = null;

  constructor(options: TunerOptions) {
    super(options);
    const { hypermodel } = this;
    const builds = typeof hypermodel === 'function' || typeof hypermodel?.build === 'function';
    if (hypermodel === null ? this.runTrial === Tuner.prototype.runTrial : !builds) {
      throw new ArgumentError(
        `${this.constructor.name}: hypermodel: expected a function that builds a model, or an object with build, got ${show(hypermodel)}.`,
        `Write new ${this.constructor.name}({ hypermodel: (hp) => { …; return model; }, objective: 'val_accuracy' }).`,
      );
    }
  }

  /** Folder of the search. */
  get projectDir(): string {
    return join(this.directory, this.projectName);
  }

  /** Chooses the next trial. */
  protected abstract suggest(state: SearchState): Suggestion;

  /**
   * Runs trials until `maxTrials` are done or the space is exhausted, together with other workers on the same folder.
   *
   * @param x as `fit` takes it; `y` too
   * @throws {ArgumentError} for an option that `fit` doesn't take
   * @throws {StateError} if the folder holds another search, too many trials in a row failed, or all did
   * @throws the signal's reason when it is aborted; the trial at hand is given back
   * @example
   * ```ts
   * await search.search(x, y, { epochs: 5, validationSplit: 0.2 });
   * ```
   */
  async search(x?: DataTree | BatchIterable, y?: DataTree | null, options: SearchOptions = {}): Promise<void> {
    this.#checkSearchOptions(options);
    if (options.callbacks != null && typeof options.callbacks !== 'function') {
      throw new ArgumentError(
        `${this.constructor.name}: search: callbacks: expected a function that makes them, got ${show(options.callbacks)}.`,
        'Each trial needs callbacks of its own: callbacks: () => [new callbacks.EarlyStopping({ patience: 2 })].',
      );
    }
    if (this.#searching) {
      throw new StateError(`${this.constructor.name}: expected no search while another one of it runs.`, 'Await it.');
    }
    this.#searching = true;
    try {
      await this.#searchIn(await this.#open(), x, y ?? null, options);
    } finally {
      this.#searching = false;
    }
  }

  async #searchIn(
    store: TrialStore,
    x: DataTree | BatchIterable | undefined,
    y: DataTree | null,
    options: SearchOptions,
  ): Promise<void> {
    const { signal = null, verbose = 'auto' } = options;
    const seed = store.settle('seed', this.seed ?? Math.floor(Math.random() * 2 ** 31));
    const board = new Board(verbose === 'auto' ? 1 : verbose, this.maxTrials);
    store.beat();
    try {
      await this.#explore(store);
      // A wrong objective shows before the first trial.
      store.settle('goal', (await this.#resolved(store)).parts);
      for (;;) {
        signal?.throwIfAborted();
        this.#checkFailures(store.trials());
        const claimed = store.claim((trials, id) => this.#suggest(store, trials, id, seed));
        if (claimed === 'stop') break;
        if (claimed === 'wait') await sleep(200, undefined, signal === null ? {} : { signal });
        else await this.#run(store, claimed, seed, board, [x, y, options]);
      }
    } finally {
      store.rest();
    }
    this.#checkSuccess(store.trials());
    board.end(store.trials(), await this.#resolved(store));
  }

  /**
   * Trains one trial and answers what came of it: a History, numbers by name, or one number (the objective); a list is averaged.
   * Override it to search without a model.
   */
  async runTrial(
    trial: Trial,
    hp: HyperParameters,
    x: DataTree | BatchIterable | undefined,
    y: DataTree | null,
    options: SearchOptions,
  ): Promise<TrialResult | readonly TrialResult[]> {
    const results: TrialResult[] = [];
    const seed = (await this.#open()).setting<number>('seed') ?? 0;
    for (let execution = 0; execution < this.executionsPerTrial; execution++) {
      setRandomSeed((seed + trial.id * 1009 + execution) % 2 ** 31);
      resetNames();
      const model = await this.#build(hp);
      this.#goal ??= new Goal(resolveObjectives(this.objective, model));
      const watcher = this.#watcher as TrialWatcher;
      const { callbacks = null, ...rest } = options;
      const { bracket } = trial;
      const fitOptions: FitOptions = {
        ...rest,
        verbose: 0,
        ...(bracket !== null && { epochs: bracket.epochs, initialEpoch: bracket.initialEpoch }),
        callbacks: [...this.#callbacksOf(callbacks?.(trial)), watcher.of(execution, this.#goal)],
      };
      if (bracket !== null && bracket.from !== null) await TrialWatcher.load(model, this.#trialDir(bracket.from));
      const { hypermodel } = this;
      if (typeof hypermodel === 'object' && hypermodel?.fit !== undefined) {
        results.push(await hypermodel.fit(hp, model, x as DataTree, y, fitOptions));
      } else {
        results.push(
          isBatchIterable(x)
            ? await model.fit(x, fitOptions)
            : await model.fit(x as DataTree, y as DataTree, fitOptions),
        );
      }
    }
    return results;
  }

  /** Trials of the folder, in order. */
  async trials(): Promise<Trial[]> {
    return (await this.#open()).trials();
  }

  /** Trials that ended with a score, the best first. */
  async getBestTrials(options: { numTrials?: number } = {}): Promise<Trial[]> {
    checkOptions(`${this.constructor.name}: getBestTrials`, options, ['numTrials']);
    checkInteger(`${this.constructor.name}: numTrials`, options.numTrials ?? 1, 1);
    const store = await this.#open();
    return ranked(store.trials(), (await this.#resolved(store)).direction).slice(0, options.numTrials ?? 1);
  }

  /** Values of the best trials, to build and train a model anew with. */
  async getBestHyperparameters(options: { numTrials?: number } = {}): Promise<HyperParameters[]> {
    const space = this.#space(await this.#open());
    return (await this.getBestTrials(options)).map((trial) => space.withValues(trial.values));
  }

  /** Models of the best trials with the weights of their best epochs. @param options.numModels 1 */
  async getBestModels(options: { numModels?: number } = {}): Promise<Model[]> {
    checkOptions(`${this.constructor.name}: getBestModels`, options, ['numModels']);
    checkInteger(`${this.constructor.name}: numModels`, options.numModels ?? 1, 1);
    const space = this.#space(await this.#open());
    const trials = await this.getBestTrials({ numTrials: options.numModels ?? 1 });
    const models: Model[] = [];
    for (const trial of trials) {
      const model = await this.#build(space.withValues(trial.values));
      await TrialWatcher.load(model, this.#trialDir(trial.id));
      models.push(model);
    }
    return models;
  }

  /** Prints the best trials; answers the text. @param options.numTrials 10 */
  async resultsSummary(options: { numTrials?: number; printFn?: (text: string) => void } = {}): Promise<string> {
    checkOptions(`${this.constructor.name}: resultsSummary`, options, ['numTrials', 'printFn']);
    checkInteger(`${this.constructor.name}: numTrials`, options.numTrials ?? 10, 1);
    const { numTrials = 10, printFn = console.log } = options;
    const store = await this.#open();
    const goal = await this.#resolved(store);
    const text = resultsTable(ranked(store.trials(), goal.direction).slice(0, numTrials), goal);
    printFn(text);
    return text;
  }

  /** Prints the search space; answers the text. */
  async searchSpaceSummary(options: { printFn?: (text: string) => void } = {}): Promise<string> {
    checkOptions(`${this.constructor.name}: searchSpaceSummary`, options, ['printFn']);
    const store = await this.#open();
    if (this.hypermodel !== null) await this.#explore(store);
    const text = spaceTable(this.#space(store).space);
    (options.printFn ?? console.log)(text);
    return text;
  }

  /** The numbers of a trial's epochs, by execution. */
  async getCurves(trial: number): Promise<Record<string, number>[][]> {
    return (await this.#open()).curves(trial);
  }

  /** The hyperparameters of the search, with their ranges. */
  async getSpace(): Promise<readonly Parameter[]> {
    return this.#space(await this.#open()).space;
  }

  /** What scores mean: name and direction. */
  async getObjective(): Promise<{ name: string; direction: 'min' | 'max' }> {
    const { name, direction } = await this.#resolved(await this.#open());
    return { name, direction };
  }

  /** Trials that are left, null without a limit. */
  async getRemainingTrials(): Promise<number | null> {
    return this.maxTrials === null ? null : Math.max(0, this.maxTrials - (await this.trials()).length);
  }

  /** Closes the search's file; it opens again when it is needed. */
  async close(): Promise<void> {
    const store = this.#store;
    this.#store = null;
    (await store)?.close();
  }

  async #open(): Promise<TrialStore> {
    this.#store ??= this.#create().catch((error: unknown) => {
      // What was in the way may be gone the next time.
      this.#store = null;
      throw error;
    });
    return this.#store;
  }

  async #create(): Promise<TrialStore> {
    if (this.overwrite && !this.#cleared) await this.#clear();
    this.#cleared = true;
    await mkdir(this.projectDir, { recursive: true });
    const store = new TrialStore(join(this.projectDir, 'trials.db'));
    const kind = this.constructor.name;
    const mine = JSON.stringify([kind, this.objective]);
    const there = store.settle('search', mine);
    if (there !== mine) {
      store.close();
      const [otherKind, objective] = JSON.parse(there) as [string, unknown];
      throw new StateError(
        `${kind}: expected the folder ${this.projectDir} to hold this search, got a ${otherKind} with objective ${JSON.stringify(objective)}.`,
        'Give another projectName, or overwrite: true to drop what is there.',
      );
    }
    const seed = store.setting<number>('seed');
    if (this.seed !== null && seed !== undefined && seed !== this.seed) {
      store.close();
      throw new StateError(
        `${kind}: expected seed ${seed}, with which the search in ${this.projectDir} began, got ${this.seed}.`,
        'Give the same seed or none, another projectName, or overwrite: true.',
      );
    }
    return store;
  }

  /** Deletes an earlier search; a folder with anything else in it stays. */
  async #clear(): Promise<void> {
    const found = await readdir(this.projectDir).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const foreign = found.find((name) => !/^(trials\.db(-\w+)?|trial_\d{4,})$/.test(name));
    if (foreign !== undefined) {
      throw new StateError(
        `${this.constructor.name}: overwrite: expected ${this.projectDir} to hold a search alone, got ${show(foreign)} in it.`,
        'Give another projectName, or delete the folder yourself.',
      );
    }
    await rm(this.projectDir, { recursive: true, force: true });
  }

  /** The space known so far, with the values given beforehand. */
  #space(store: TrialStore): HyperParameters {
    const given = this.hyperparameters;
    const space = HyperParameters.fromConfig({ space: store.setting('space') ?? [], values: {} });
    if (given === null) return space;
    const merged = given.withValues({});
    if (this.tuneNewEntries) merged.merge(space.space.filter((parameter) => !given.has(parameter.name)));
    return merged.withValues({});
  }

  /** Learns the space: builds with defaults, then once for each conditional scope that did not run. */
  async #explore(store: TrialStore): Promise<void> {
    if (this.hypermodel === null || store.setting('explored') === true) return;
    const seen = new Set<string>();
    const queue: Record<string, ParameterValue>[] = [{}];
    let known = this.#space(store);
    for (let values = queue.shift(); values !== undefined; values = queue.shift()) {
      const hp = known.withValues(values);
      await this.#build(hp);
      for (const scope of hp.unvisited) {
        const key = JSON.stringify(scope);
        if (seen.has(key)) continue;
        seen.add(key);
        queue.push(
          Object.fromEntries(scope.map((condition) => [condition.name, condition.values[0] as ParameterValue])),
        );
      }
      known = HyperParameters.fromConfig({ space: store.growSpace(hp.getConfig().space), values: {} });
    }
    store.settle('explored', true);
  }

  #suggest(store: TrialStore, trials: readonly Trial[], id: number, seed: number): Suggestion {
    if (this.maxTrials !== null && trials.length >= this.maxTrials) return endOf(trials);
    const twister = new MersenneTwister((seed + Math.imul(id + 1, 0x9e3779b1)) >>> 0);
    const goal = this.#goal ?? new Goal(store.setting('goal') ?? [{ name: '', direction: 'min' }]);
    return this.suggest({ id, trials, space: this.#space(store), goal, draw: () => twister.next() / 2 ** 32 });
  }

  async #run(
    store: TrialStore,
    claimed: { trial: Trial; attempt: number },
    seed: number,
    board: Board,
    [x, y, options]: [DataTree | BatchIterable | undefined, DataTree | null, SearchOptions],
  ): Promise<void> {
    const { trial } = claimed;
    const hp = this.#space(store).withValues(trial.values);
    const before = hp.space.length;
    for (let attempt = claimed.attempt; ; attempt++) {
      this.#watcher = new TrialWatcher(this.#trialDir(trial.id), trial.id, store, () =>
        board.show(store.trials(), this.#goal),
      );
      board.show(store.trials(), this.#goal);
      let outcome: Outcome;
      try {
        setRandomSeed((seed + trial.id * 1009) % 2 ** 31);
        const results = await this.runTrial(trial, hp, x, y, options);
        const goal = await this.#resolved(store);
        outcome = summarize(results, goal, `${this.constructor.name}: runTrial`);
      } catch (error) {
        if (options.signal?.aborted) {
          store.release(trial.id);
          throw error;
        }
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error);
        if (attempt < this.maxRetriesPerTrial) {
          store.retry(trial.id);
          continue;
        }
        process.emitWarning(`Trial ${trial.id} of ${this.constructor.name} failed: ${message}`);
        outcome = { status: 'failed', score: null, metrics: {}, bestEpoch: null, message };
      }
      if (outcome.status === 'invalid' && attempt < this.maxRetriesPerTrial) {
        store.retry(trial.id);
        continue;
      }
      if (this.#goal !== null) store.settle('goal', this.#goal.parts);
      if (hp.space.length > before) store.growSpace(hp.getConfig().space);
      store.setValues(trial.id, hp.values);
      store.finish(trial.id, outcome);
      board.finished(store.trials(), trial.id, this.#goal);
      return;
    }
  }

  async #build(hp: HyperParameters): Promise<Model> {
    const { hypermodel } = this;
    const before = new Set(hp.space.map((parameter) => parameter.name));
    const model = await (typeof hypermodel === 'function' ? hypermodel(hp) : (hypermodel as HyperModel).build(hp));
    if (!this.allowNewEntries) {
      const added = hp.space.find((parameter) => !before.has(parameter.name));
      if (added !== undefined) {
        throw new StateError(
          `${this.constructor.name}: expected no hyperparameter but those given, got "${added.name}".`,
          'Add it to hyperparameters, or allow new ones: allowNewEntries: true.',
        );
      }
    }
    if (!(model instanceof Model)) {
      throw new ArgumentError(
        `${this.constructor.name}: hypermodel: expected it to answer a model, got ${show(model)}.`,
        'End the function with return model.',
      );
    }
    if (this.maxModelSize !== null && model.built && model.countParams() > this.maxModelSize) {
      throw new StateError(
        `${this.constructor.name}: expected a model of at most ${this.maxModelSize} weights, got ${model.countParams()}.`,
      );
    }
    const { optimizer, loss, metrics } = this;
    if (optimizer !== null || loss !== null || metrics !== null) {
      const own = model.trainingState.compiled?.options ?? {};
      model.compile({
        ...own,
        // An optimizer belongs to one model's weights.
        ...(optimizer !== null && { optimizer: optimizer instanceof Optimizer ? copyOf(optimizer) : optimizer }),
        ...(loss !== null && { loss }),
        ...(metrics !== null && { metrics }),
      } as CompileOptions);
    }
    return model;
  }

  #trialDir(id: number): string {
    return join(this.projectDir, `trial_${String(id).padStart(4, '0')}`);
  }

  /** The objective with its direction, which the first trial's model tells. */
  async #resolved(store: TrialStore): Promise<Goal> {
    if (this.#goal !== null) return this.#goal;
    const kept = store.setting<ConstructorParameters<typeof Goal>[0]>('goal');
    if (kept !== undefined) this.#goal = new Goal(kept);
    else {
      const space = this.#space(store);
      const model = this.hypermodel === null ? null : await this.#build(space.withValues({}));
      this.#goal = new Goal(resolveObjectives(this.objective, model));
    }
    return this.#goal;
  }

  #checkSearchOptions(options: SearchOptions): void {
    const where = `${this.constructor.name}: search`;
    checkFitOptions(options as FitOptions);
    if ('resume' in options) {
      throw new ArgumentError(
        `${where}: resume: expected none, since trials don't share a checkpoint.`,
        'Leave it out: a search goes on where it was by itself.',
      );
    }
  }

  /** The user's callbacks for one training. */
  #callbacksOf(made: unknown): readonly Callback[] {
    if (made === undefined || Array.isArray(made)) return made ?? [];
    throw new ArgumentError(
      `${this.constructor.name}: search: callbacks: expected a function that answers an array, got ${show(made)}.`,
      'Write callbacks: () => [new callbacks.EarlyStopping({ patience: 2 })].',
    );
  }

  /** A search none of whose trials came to a score has failed, however few they are. */
  #checkSuccess(trials: readonly Trial[]): void {
    if (trials.length === 0 || trials.some((trial) => trial.status === 'completed' || trial.status === 'running'))
      return;
    throw new StateError(
      `${this.constructor.name}: expected a trial that succeeds, got ${trials.length} failed ones; the last: ${reasonOf(trials.at(-1) as Trial)}`,
      'Mend the build function and start anew with overwrite: true.',
    );
  }

  #checkFailures(trials: readonly Trial[]): void {
    const ended = trials.filter((trial) => trial.status !== 'running');
    const last = ended.slice(-this.maxConsecutiveFailedTrials);
    if (last.length < this.maxConsecutiveFailedTrials || last.some((trial) => trial.status === 'completed')) return;
    throw new StateError(
      `${this.constructor.name}: expected trials that succeed, got ${last.length} failed ones in a row; the last: ${reasonOf(last.at(-1) as Trial)}`,
      'Mend the build function and start anew with overwrite: true, or raise maxConsecutiveFailedTrials.',
    );
  }
}
