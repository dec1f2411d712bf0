import { setImmediate } from 'node:timers/promises';
import { type Callback, type Hook, type HookResult, type Logs, overrides } from '../callbacks/callback.js';
import type { CallbackList } from '../callbacks/callback-list.js';
import { call } from '../core/call.js';
import { translateError } from '../core/errors.js';
import type { StepJob } from '../core/native.js';
import { Tensor } from '../core/tensor.js';
import { keep, tidy } from '../core/tidy.js';
import { leaves, mapTree } from '../core/tree.js';
import type { Model } from '../models/model.js';
import { IterableSource } from './data/iterable.js';
import { batchSpecs, type FlatData, release, unflatten } from './data/layout.js';
import type { ArraySource } from './data/source.js';
import { breathe, type LogsProgram, type StepKind, Steps } from './steps.js';
import { TrainingThread } from './thread.js';

/** Steps [from, to) of one pass over the data. @internal */
export interface Pass {
  kind: StepKind;
  source: ArraySource | IterableSource;
  from: number;
  /** Infinity: to the end of the data. */
  to: number;
  /** Number of the first step as hooks count. */
  firstStep: number;
  /** [key, offset] of the order of the samples; null: as they come. */
  seed: Tensor | null;
}

/** What a pass did. @internal */
export interface PassResult {
  steps: number;
  /** True if the data ended before `to`. */
  ranOut: boolean;
  logs: Logs;
  /** Leaves of the predictions of all steps, joined along the first axis; of `predict` alone. */
  outputs: unknown;
}

type BatchHook = Extract<Hook, `${string}Batch${string}`>;

const hooksOf: Record<StepKind, readonly [BatchHook, BatchHook]> = {
  train: ['onTrainBatchBegin', 'onTrainBatchEnd'],
  test: ['onTestBatchBegin', 'onTestBatchEnd'],
  predict: ['onPredictBatchBegin', 'onPredictBatchEnd'],
};

/**
 * One run of `fit`, `evaluate` or `predict`: the model's turn, its training thread, its hooks. The thread owns the model's variables while it is open;
 * it is closed for the time of hooks that may use them.
 * @internal
 */
export class Execution {
  readonly steps: Steps;
  readonly callbacks: CallbackList;
  readonly #model: Model;
  readonly #kind: StepKind;
  readonly #eager: boolean;
  readonly #signal: AbortSignal | null;
  readonly #thread: TrainingThread;
  #release: (() => void) | null = null;
  #stopping = false;
  #finished = 0;
  #failure: { error: unknown } | null = null;
  readonly #onAbort = (): void => {
    this.#stop();
    this.#rejectAborted(this.#signal?.reason);
  };
  #rejectAborted: (reason: unknown) => void = () => {};
  readonly #aborted: Promise<never>;

  constructor(
    model: Model,
    kind: StepKind,
    callbacks: CallbackList,
    options: { eager: boolean; signal: AbortSignal | null },
  ) {
    this.#model = model;
    this.#kind = kind;
    this.callbacks = callbacks;
    this.#eager = options.eager;
    this.#signal = options.signal;
    this.steps = new Steps(model);
    this.#thread = new TrainingThread(() => this.steps.variables(kind));
    this.#aborted = new Promise((_, reject) => {
      this.#rejectAborted = reject;
    });
    this.#aborted.catch(() => {});
  }

  /** Runs `body` in the model's turn; whatever happens, the variables are free and the turn is given on afterwards. */
  async run<T>(body: () => Promise<T>): Promise<T> {
    const { trainingState: state } = this.#model;
    this.#signal?.throwIfAborted();
    this.#release = await state.turns.acquire();
    try {
      this.#signal?.throwIfAborted();
      this.#signal?.addEventListener('abort', this.#onAbort);
      if (this.#kind !== 'predict') state.metricsTouched++;
      return await body();
    } catch (error) {
      throw translateError(error);
    } finally {
      this.#signal?.removeEventListener('abort', this.#onAbort);
      await this.#thread.close();
      this.#release?.();
      this.#release = null;
    }
  }

  /** Records all programs that a pass over arrays needs, with a breath for the event loop between them. */
  async prepare(kind: StepKind, source: ArraySource): Promise<void> {
    if (this.#eager) return;
    const { full, last } = source.specs;
    this.steps.program(kind, source.layout, full);
    if (last !== null) {
      await breathe();
      this.steps.program(kind, source.layout, last);
    }
    if (kind === 'predict') return;
    await breathe();
    this.steps.logs(kind);
    this.steps.reset();
  }

  /** Makes the Variables that training steps make at their first run: metrics, numbers of a user's own step. What is in any Variable is lost. */
  async makeVariables(batch: FlatData): Promise<void> {
    if (this.#eager) tidy(() => void this.steps.run('train', unflatten(batch.layout, batch.tensors) as never));
    else
      this.steps.program(
        'train',
        batch.layout,
        batchSpecs(batch.tensors, (batch.tensors[0] as Tensor).shape[0] as number),
      );
    await breathe();
  }

  /** Calls a hook of all callbacks; those that may use variables find them free. */
  async hook(hook: Exclude<Hook, BatchHook | 'onEpochBegin' | 'onEpochEnd'>, logs: Logs): Promise<void>;
  async hook(hook: 'onEpochBegin' | 'onEpochEnd', logs: Logs, epoch: number): Promise<void>;
  async hook(hook: Exclude<Hook, BatchHook>, logs: Logs, epoch = 0): Promise<void> {
    const { callbacks } = this;
    const run = (): HookResult =>
      hook === 'onEpochBegin' || hook === 'onEpochEnd' ? callbacks[hook](epoch, logs) : callbacks[hook](logs);
    // Others who wait for the model get their turn here too.
    if (callbacks.needsVariables(hook) || this.#model.trainingState.turns.waiting > 0) await this.#free(run);
    else await run();
    this.throwIfEnded();
  }

  /** Sets all metrics back. */
  async resetMetrics(): Promise<void> {
    if (this.#eager || !this.#thread.isOpen) {
      tidy(() => this.#model.resetMetrics());
      return;
    }
    const program = this.steps.reset();
    await this.#thread.run(program, { data: [], samples: 1, batchSize: 1, from: 0, to: 1 });
  }

  /** Ends the running pass after the step at hand. */
  stop(): void {
    this.#stop();
  }

  /** Whether the newest pass was told to end. */
  get stopped(): boolean {
    return this.#stopping;
  }

  /** Steps that the newest pass has finished, also where it was aborted. */
  get finished(): number {
    return this.#finished;
  }

  /** Gives the variables back; the next pass takes them again. */
  idle(): void {
    this.#thread.release();
  }

  /** Runs the steps of a pass: in one native loop where nobody has to be awaited between them, else one by one. */
  async pass(pass: Pass): Promise<PassResult> {
    const [begin, end] = hooksOf[pass.kind];
    this.#stopping = false;
    this.#finished = 0;
    const awaited = this.callbacks.each(begin).length + this.callbacks.each(end).length > 0;
    if (!this.#eager && !awaited && !(pass.source instanceof IterableSource)) return this.#native(pass, pass.source);
    return this.#oneByOne(pass);
  }

  /** Throws what a hook or the abort signal left behind. */
  throwIfEnded(): void {
    if (this.#failure !== null) throw this.#failure.error;
    this.#signal?.throwIfAborted();
  }

  async #native(pass: Pass, source: ArraySource): Promise<PassResult> {
    const { kind, from, to, seed } = pass;
    const { full, last } = source.specs;
    const program = this.steps.program(kind, source.layout, full);
    const lastProgram = last === null ? null : this.steps.program(kind, source.layout, last);
    const logs = kind === 'predict' ? null : this.steps.logs(kind);
    const watch = this.#watcher(pass, logs);
    if (seed !== null) this.#thread.shuffle(source.samples, seed);
    const result = await this.#thread.run(program, {
      lastProgram: lastProgram?.handle ?? null,
      data: source.data.tensors.map((tensor) => tensor.handle),
      samples: source.samples,
      batchSize: source.batchSize,
      from,
      to,
      shuffled: seed !== null,
      collect: kind === 'predict',
      logs: logs?.program.handle ?? null,
      onProgress: watch?.progress ?? null,
    });
    this.#finished = result.steps;
    this.throwIfEnded();
    const values = this.#named(logs, result.logs);
    if (result.steps > 0) watch?.last(pass.firstStep + result.steps - 1, values);
    this.throwIfEnded();
    const outputs = result.outputs?.map((handle) => new Tensor(handle)) ?? [];
    return {
      steps: result.steps,
      ranOut: false,
      logs: values,
      outputs: kind === 'predict' ? program.restore(outputs) : null,
    };
  }

  /** What callbacks with merged events get: at most one step at a time, the newest. */
  #watcher(
    pass: Pass,
    logs: LogsProgram | null,
  ): { progress: StepJob['onProgress']; last: (step: number, logs: Logs) => void } | null {
    const [begin, end] = hooksOf[pass.kind];
    const begins = this.callbacks.merged(begin);
    const ends = this.callbacks.merged(end);
    if (begins.length + ends.length === 0) return null;
    let shown = -1;
    const fail = (error: unknown): void => {
      this.#failure ??= { error };
      this.#stop();
    };
    const deliver = (callbacks: readonly Callback[], hook: BatchHook, step: number, values: Logs): void => {
      for (const callback of callbacks) {
        const result = callback[hook](step, values);
        if (result instanceof Promise) result.catch(fail);
      }
    };
    const show = (step: number, values: Logs): void => {
      if (step === shown || this.#failure !== null) return;
      shown = step;
      try {
        deliver(begins, begin, step, {});
        deliver(ends, end, step, values);
      } catch (error) {
        fail(error);
      }
    };
    return {
      progress: (step, values) => show(step - pass.from + pass.firstStep, this.#named(logs, values)),
      last: show,
    };
  }

  async #oneByOne(pass: Pass): Promise<PassResult> {
    const { kind, source } = pass;
    const [begin, end] = hooksOf[kind];
    const hooked = this.callbacks.callbacks.some((callback) => overrides(callback, end));
    const order = this.#order(pass);
    const collected: Tensor[][] = [];
    let structure: unknown = null;
    let logs: Logs = {};
    let index = pass.from;
    let ranOut = false;
    try {
      for (; index < pass.to && !this.#stopping; index++) {
        const batch = await this.#batch(source, index, order);
        if (batch === null) {
          ranOut = true;
          break;
        }
        const step = pass.firstStep + index - pass.from;
        try {
          await this.#batchHook(begin, step, {});
          const wanted = kind !== 'predict' && hooked;
          const result = await this.#step(kind, batch, wanted);
          if (kind === 'predict') {
            collected.push(result.outputs);
            structure = result.structure;
          }
          if (wanted) logs = result.logs;
        } finally {
          release(batch);
        }
        this.#finished++;
        await this.#batchHook(end, step, logs);
      }
      this.throwIfEnded();
      if (kind !== 'predict' && (!hooked || index === pass.from)) logs = await this.#readLogs(kind);
    } finally {
      order?.dispose();
    }
    const outputs = kind === 'predict' && collected.length > 0 ? joined(structure, collected) : null;
    return { steps: index - pass.from, ranOut, logs, outputs };
  }

  /** The order of the samples that the training thread would take them in. */
  #order(pass: Pass): Tensor | null {
    if (pass.seed === null || pass.source instanceof IterableSource) return null;
    return call('torchlayers::random_permutation', pass.seed, pass.source.samples);
  }

  async #batch(source: ArraySource | IterableSource, index: number, order: Tensor | null): Promise<FlatData | null> {
    if (!(source instanceof IterableSource)) {
      const tensors = tidy(() => source.batch(index, order));
      return { tensors, layout: source.layout, labels: source.data.labels, made: [...tensors] };
    }
    // A generator that never answers must not keep an abort from being heard.
    return Promise.race([source.next(), this.#aborted]);
  }

  async #step(
    kind: StepKind,
    batch: FlatData,
    wanted: boolean,
  ): Promise<{ outputs: Tensor[]; structure: unknown; logs: Logs }> {
    if (this.#eager) {
      const result = tidy(() => {
        const answer = this.steps.run(kind, unflatten(batch.layout, batch.tensors) as never);
        let count = 0;
        return { outputs: leaves(answer) as Tensor[], structure: mapTree(answer, () => count++) };
      });
      const logs = wanted ? await this.#readLogs(kind) : {};
      await setImmediate();
      return { ...result, logs };
    }
    const count = (batch.tensors[0] as Tensor).shape[0] as number;
    const program = this.steps.program(kind, batch.layout, batchSpecs(batch.tensors, count));
    const logs = wanted ? this.steps.logs(kind) : null;
    const result = await this.#thread.run(program, {
      data: batch.tensors.map((tensor) => tensor.handle),
      samples: count,
      batchSize: count,
      from: 0,
      to: 1,
      collect: kind === 'predict',
      logs: logs?.program.handle ?? null,
    });
    const outputs = result.outputs?.map((handle) => new Tensor(handle)) ?? [];
    let next = 0;
    const structure = kind === 'predict' ? mapTree(program.restore([...outputs]), () => next++) : null;
    return { outputs, structure, logs: this.#named(logs, result.logs) };
  }

  async #readLogs(kind: StepKind): Promise<Logs> {
    if (this.#eager) return tidy(() => this.steps.eagerLogs(kind));
    const logs = this.steps.logs(kind);
    const result = await this.#thread.run(logs.program, {
      data: [],
      samples: 1,
      batchSize: 1,
      from: 0,
      to: 0,
      logs: logs.program.handle,
    });
    return this.#named(logs, result.logs);
  }

  async #batchHook(hook: BatchHook, step: number, logs: Logs): Promise<void> {
    const { callbacks } = this;
    if (callbacks.each(hook).length + callbacks.merged(hook).length > 0) {
      const run = (): HookResult => callbacks[hook](step, logs);
      if (callbacks.needsVariables(hook)) await this.#keepingMetrics(() => this.#free(run));
      else await run();
    }
    this.throwIfEnded();
  }

  /** Puts the metrics of the pass at hand back if a hook evaluated the model meanwhile. */
  async #keepingMetrics(fn: () => Promise<void>): Promise<void> {
    const { trainingState: state } = this.#model;
    this.#thread.release();
    const variables = this.#kind === 'train' ? this.#model.metricsVariables : [];
    const before = variables.map((variable) => keep(variable.value));
    const touched = state.metricsTouched;
    try {
      await fn();
      if (state.metricsTouched !== touched) {
        for (const [i, variable] of variables.entries()) variable.assign(before[i] as Tensor);
      }
    } finally {
      for (const value of before) value.dispose();
    }
  }

  /** Runs `fn` while the model is free for anybody. */
  async #free(fn: () => HookResult): Promise<void> {
    const { trainingState: state } = this.#model;
    this.#thread.release();
    this.#release?.();
    const outer = state.hookOpen;
    state.hookOpen = true;
    try {
      await fn();
    } finally {
      state.hookOpen = outer;
      this.#release = await state.turns.acquire();
    }
  }

  #stop(): void {
    this.#stopping = true;
    this.#thread.stop();
  }

  #named(logs: LogsProgram | null, values: Float64Array | null): Logs {
    if (logs === null || values === null) return {};
    return Object.fromEntries(logs.names.map((name, i) => [name, values[i] as number]));
  }
}

/** Outputs of single steps, joined along the first axis, in the structure of one step's. */
function joined(structure: unknown, collected: readonly Tensor[][]): unknown {
  const whole = (collected[0] as Tensor[]).map((_, i) => {
    const pieces = collected.map((outputs) => outputs[i] as Tensor);
    return call('aten::cat', pieces, 0);
  });
  for (const outputs of collected) for (const output of outputs) output.dispose();
  return mapTree(structure, (leaf) => whole[leaf as number]);
}
