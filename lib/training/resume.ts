import type { Callback, Logs } from '../callbacks/callback.js';
import type { CallbackList } from '../callbacks/callback-list.js';
import { ArgumentError, FileFormatError, ShapeError } from '../core/errors.js';
import { randomState, setRandomState } from '../core/random.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import type { Model } from '../models/model.js';
import {
  type Checkpoint,
  type CheckpointFacts,
  checkpointVersion,
  damaged,
  type Place,
  packState,
  unpackState,
  type VariableFacts,
} from './checkpoint.js';

/** Options of `fit({ resume })`. */
export interface ResumeOptions {
  /** Folder of the checkpoint; made if it isn't there. */
  dir: string;
  /** Steps between checkpoints inside an epoch, beside the one at each epoch's end; 'epoch': that one alone. @default 'epoch' */
  every?: 'epoch' | number;
}

/** Where checkpoints are kept. @internal */
export interface CheckpointStore {
  /** What errors call it. */
  readonly where: string;
  /** The newest checkpoint, or null. @throws {FileFormatError} for a file that is none */
  load(signal: AbortSignal | null): Promise<Checkpoint | null>;
  /** Replaces it, wholly or not at all. */
  save(checkpoint: Checkpoint): Promise<void>;
  /** Deletes it. */
  remove(): Promise<void>;
}

/** Where and when a run keeps checkpoints. @internal */
export interface BackupPlan {
  store: CheckpointStore;
  /** Steps between two checkpoints; null: none inside an epoch. */
  every: number | null;
  /** Whether each epoch ends with one. */
  epochs: boolean;
  /** Whether a run that reaches its end deletes it. */
  remove: boolean;
}

type Group = 'model' | 'optimizer' | 'metrics' | 'reported';

/**
 * Keeps the checkpoint of one `fit`. A checkpoint is taken between two steps as a list of the Variables' values, which costs no copy, and written while
 * training goes on; if the disk is slower than training, the newest one waits and those before it are left out.
 * @internal
 */
export class Resume {
  readonly #model: Model;
  readonly #plan: BackupPlan;
  readonly #callbacks: CallbackList;
  #stepsSince = 0;
  #writing: Promise<void> | null = null;
  #waiting: Checkpoint | null = null;
  #failure: { error: unknown } | null = null;

  constructor(model: Model, plan: BackupPlan, callbacks: CallbackList) {
    this.#model = model;
    this.#plan = plan;
    this.#callbacks = callbacks;
  }

  /** Steps until the next checkpoint is due. */
  get stepsLeft(): number {
    const { every } = this.#plan;
    return every === null ? Number.POSITIVE_INFINITY : Math.max(1, every - this.#stepsSince);
  }

  /** Notes steps that were done; true if a checkpoint is due. */
  count(steps: number): boolean {
    this.#stepsSince += steps;
    const { every } = this.#plan;
    return every !== null && this.#stepsSince >= every;
  }

  /** Whether the end of an epoch is a moment for a checkpoint. */
  get dueAtEpochEnd(): boolean {
    return this.#plan.epochs || this.count(0);
  }

  load(signal: AbortSignal | null): Promise<Checkpoint | null> {
    return this.#plan.store.load(signal);
  }

  /** Takes a checkpoint of the run as it stands: the Variables must be free. Throws what an earlier one failed with. */
  save(run: CheckpointFacts['run'], place: Place, logs: Logs): void {
    this.#throwFailure();
    this.#stepsSince = 0;
    const tensors = new Map<string, Tensor>();
    const variables: Record<string, VariableFacts[]> = {};
    for (const [group, list] of this.#groups(place)) {
      variables[group] = list.map((variable, i) => {
        tensors.set(`${group}/${i}`, variable.value);
        return { name: nameIn(group, variable), dtype: variable.dtype, shape: variable.shape };
      });
    }
    const callbacks = this.#callbacks.callbacks.flatMap((callback, i) => {
      const state = callback.getState();
      return state === null
        ? []
        : [{ name: callback.constructor.name, state: packState(state, `callbacks/${i}`, tensors) }];
    });
    const facts: CheckpointFacts = {
      version: checkpointVersion,
      run,
      place,
      logs: packState(logs, 'logs', tensors),
      random: randomState(),
      variables,
      callbacks,
    };
    if (this.#waiting !== null) free(this.#waiting);
    this.#waiting = { facts, tensors };
    this.#writing ??= this.#write();
  }

  /** Takes a checkpoint of a run that is being aborted: what an earlier one failed with is kept for {@link close}. */
  saveLast(save: () => void): void {
    if (this.#failure === null) save();
  }

  /** Waits until everything is written. Throws what failed. */
  async flush(): Promise<void> {
    await this.#writing;
    this.#throwFailure();
  }

  /** At the end of a run that came to its end. */
  async finish(): Promise<void> {
    await this.flush();
    if (this.#plan.remove) await this.#plan.store.remove();
  }

  /** Waits for what is being written, at the end of a run of any kind. */
  async close(): Promise<void> {
    await this.#writing;
    // The run has failed or was aborted, which its promise says; that its place is lost must be said too.
    if (this.#failure !== null) process.emitWarning(`fit: resume: ${(this.#failure.error as Error).message}`);
  }

  /** Holds a checkpoint against this run's data and options. @throws {ArgumentError} for others */
  checkRun(found: Checkpoint, run: CheckpointFacts['run']): void {
    const { where } = this.#plan.store;
    const { facts } = found;
    for (const [key, value] of Object.entries(run)) {
      if (JSON.stringify(value) === JSON.stringify(facts.run[key])) continue;
      throw new ArgumentError(
        `fit: resume: expected ${key} ${JSON.stringify(facts.run[key] ?? null)}, as in the checkpoint ${where}, got ${JSON.stringify(value)}.`,
        startAnew,
      );
    }
  }

  /** Holds a checkpoint against this run's Variables. @throws {ArgumentError} {@link ShapeError} for those of another model */
  checkVariables(found: Checkpoint): void {
    for (const [group, list] of this.#groups(found.facts.place)) this.#checkGroup(group, list, found);
  }

  #checkGroup(group: Group, variables: readonly Variable[], { facts, tensors }: Checkpoint): void {
    const { where } = this.#plan.store;
    const kept = facts.variables[group] ?? [];
    const name = `the ${group === 'reported' ? "step's numbers" : group === 'metrics' ? 'metrics' : group}`;
    if (kept.length !== variables.length) {
      throw new ArgumentError(
        `fit: resume: expected ${kept.length} variables in ${name}, as in the checkpoint ${where}, got ${variables.length}.`,
        startAnew,
      );
    }
    for (const [i, variable] of variables.entries()) {
      const { name: keptName, shape, dtype } = kept[i] as VariableFacts;
      const describe = (label: string, type: string, sizes: readonly number[]): string =>
        `${label}: ${type}${formatShape(sizes)}`;
      const expected = describe(keptName, dtype, shape);
      if (describe(nameIn(group, variable), variable.dtype, variable.shape) !== expected) {
        throw new ShapeError(
          `fit: resume: expected a variable ${expected} in ${name}, as in the checkpoint ${where}, got ${describe(variable.path, variable.dtype, variable.shape)}.`,
          startAnew,
        );
      }
      const tensor = tensors.get(`${group}/${i}`);
      if (tensor === undefined || formatShape(tensor.shape) !== formatShape(shape)) {
        throw new FileFormatError(`${where}: expected the values of ${expected}, got others or none.`, damaged);
      }
    }
  }

  /** Puts everything back that was checked, and answers the last whole epoch's logs. The Variables must be free. */
  restore({ facts, tensors }: Checkpoint): Logs {
    const { where } = this.#plan.store;
    for (const [group, list] of this.#groups(facts.place)) {
      for (const [i, variable] of list.entries()) variable.assign(tensors.get(`${group}/${i}`) as Tensor);
    }
    setRandomState(facts.random);
    const waiting = [...this.#callbacks.callbacks];
    const missing: string[] = [];
    for (const { name, state } of facts.callbacks) {
      const at = waiting.findIndex((callback) => callback.constructor.name === name);
      const [callback] = at < 0 ? [] : waiting.splice(at, 1);
      if (callback === undefined) missing.push(name);
      else callback.setState(unpackState(state, tensors, where));
    }
    if (missing.length > 0) {
      process.emitWarning(
        `fit: resume: the checkpoint ${where} holds the state of ${missing.join(', ')}, which this fit has no callback for.`,
      );
    }
    return unpackState(facts.logs, tensors, where) as Logs;
  }

  /** The Variables that a checkpoint at this place holds: what metrics have gathered matters only inside an epoch. */
  #groups(place: Place): [Group, readonly Variable[]][] {
    const { compiled, reported } = this.#model.trainingState;
    const groups: [Group, readonly Variable[]][] = [
      ['model', unique(this.#model.variables)],
      ['optimizer', compiled?.optimizer.variables ?? []],
    ];
    if (place.step > 0) {
      const before = new Set(groups.flatMap(([, list]) => list));
      groups.push(
        ['metrics', unique(this.#model.metricsVariables).filter((variable) => !before.has(variable))],
        ['reported', [...(reported.get('train')?.values() ?? [])]],
      );
    }
    return groups;
  }

  async #write(): Promise<void> {
    while (this.#waiting !== null) {
      const checkpoint: Checkpoint = this.#waiting;
      this.#waiting = null;
      try {
        await this.#plan.store.save(checkpoint);
      } catch (error) {
        this.#failure ??= { error };
      } finally {
        free(checkpoint);
      }
    }
    this.#writing = null;
  }

  #throwFailure(): void {
    const failure = this.#failure;
    this.#failure = null;
    if (failure !== null) throw failure.error;
  }
}

const startAnew = 'Go on with the same model, data and options, or delete the checkpoint to start anew.';

/** A variable's name without its place: automatic names of layers (dense_3) count on from run to run, and optimizers' variables are named after them. */
function nameIn(group: Group, { name }: Variable): string {
  return group === 'optimizer' ? name.slice(name.lastIndexOf('_') + 1) : name;
}

function unique(variables: readonly Variable[]): Variable[] {
  return [...new Set(variables)];
}

/** Frees a checkpoint's tensors, but those of a part that others have taken. @internal */
export function free({ tensors }: Checkpoint, taken: string | null = null): void {
  for (const [name, tensor] of tensors) if (taken === null || !name.startsWith(`${taken}/`)) tensor.dispose();
}

/** The one plan among a fit's options and callbacks. @throws {ArgumentError} for several @internal */
export function planOf(option: BackupPlan | null, callbacks: readonly Callback[]): BackupPlan | null {
  const plans = [option, ...callbacks.map((callback) => callback.backup)].filter((plan) => plan !== null);
  if (plans.length < 2) return plans[0] ?? null;
  throw new ArgumentError(
    `fit: expected one of resume and BackupAndRestore, got ${plans.length} of them.`,
    'Both keep the same checkpoint: leave one out.',
  );
}
