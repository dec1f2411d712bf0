import { ArgumentError } from '../core/errors.js';
import { is, optional, show } from '../core/fields.js';
import type { Model } from '../models/model.js';
import { Callback, type CallbackParams, type Hook, type HookResult, type Logs, overrides } from './callback.js';
import { History } from './history.js';
import { optionsOf } from './options.js';
import { ProgbarLogger } from './progbar-logger.js';

/** Options of {@link CallbackList}. */
export interface CallbackListOptions extends Partial<CallbackParams> {
  /** Members, called in this order. @default [] */
  callbacks?: Callback | readonly Callback[] | null;
  /** Add a `History` unless there is one. @default false */
  addHistory?: boolean;
  /** Add a `ProgbarLogger` unless there is one. @default false */
  addProgbar?: boolean;
  /** Model that the members follow. */
  model?: Model | null;
}

const fields = {
  callbacks: optional(is.anything, null),
  addHistory: optional(is.boolean, false),
  addProgbar: optional(is.boolean, false),
  model: optional(is.anything, null),
  verbose: optional(is.anything, 0),
  epochs: optional(is.integer({ min: 0 }), 1),
  steps: optional(is.nullable(is.integer({ min: 0 })), null),
};

type EpochHook = 'onEpochBegin' | 'onEpochEnd';
type BatchHook = Extract<Hook, `${string}Batch${string}`>;

/**
 * Several callbacks behind one: each hook calls the members' in turn and waits for them. For loops written by hand; `fit` makes its own.
 *
 * Source: Keras `keras.callbacks.CallbackList`.
 */
export class CallbackList extends Callback {
  readonly callbacks: readonly Callback[];
  /** The `History` among the members, if any. */
  readonly history: History | null;

  /** @throws {ArgumentError} if a member is no `Callback` */
  constructor(options: CallbackListOptions = {}) {
    super();
    const given = optionsOf<CallbackListOptions>('CallbackList', options, fields);
    const { callbacks, addHistory, addProgbar, model, verbose, epochs, steps } = given;
    const members = callbacks === null ? [] : [...checked(callbacks)];
    if (addHistory && !members.some((member) => member instanceof History)) members.push(new History());
    if (addProgbar && !members.some((member) => member instanceof ProgbarLogger)) members.push(new ProgbarLogger());
    this.callbacks = members;
    this.history = members.find((member) => member instanceof History) ?? null;
    if (model !== null) this.setModel(model);
    this.setParams({ verbose, epochs, steps });
  }

  override setParams(params: CallbackParams): void {
    super.setParams(params);
    for (const callback of this.callbacks) callback.setParams(params);
  }

  override setModel(model: Model): void {
    super.setModel(model);
    for (const callback of this.callbacks) callback.setModel(model);
  }

  /** Members that must be awaited after each step at this hook. @internal */
  each(hook: BatchHook): readonly Callback[] {
    return this.callbacks.filter((callback) => callback.batchEvents === 'each' && overrides(callback, hook));
  }

  /** Members that get the newest step at this hook. @internal */
  merged(hook: BatchHook): readonly Callback[] {
    return this.callbacks.filter((callback) => callback.batchEvents === 'merged' && overrides(callback, hook));
  }

  /** True if a member that may use variables does something at this hook. @internal */
  needsVariables(hook: Hook): boolean {
    const watching = (callback: Callback): boolean => hook.includes('Batch') && callback.batchEvents === 'merged';
    return this.callbacks.some(
      (callback) => callback.usesVariablesAt(hook) && !watching(callback) && overrides(callback, hook),
    );
  }

  async #call(hook: Exclude<Hook, EpochHook | BatchHook>, logs: Logs): Promise<void> {
    for (const callback of this.callbacks) await callback[hook](logs);
  }

  async #callAt(hook: EpochHook | BatchHook, index: number, logs: Logs): Promise<void> {
    for (const callback of this.callbacks) await callback[hook](index, logs);
  }

  override onBatchBegin(batch: number, logs: Logs = {}): HookResult {
    return this.#callAt('onTrainBatchBegin', batch, logs);
  }
  override onBatchEnd(batch: number, logs: Logs = {}): HookResult {
    return this.#callAt('onTrainBatchEnd', batch, logs);
  }
  override onEpochBegin(epoch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onEpochBegin', epoch, logs);
  }
  override onEpochEnd(epoch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onEpochEnd', epoch, logs);
  }
  override onTrainBatchBegin(batch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onTrainBatchBegin', batch, logs);
  }
  override onTrainBatchEnd(batch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onTrainBatchEnd', batch, logs);
  }
  override onTestBatchBegin(batch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onTestBatchBegin', batch, logs);
  }
  override onTestBatchEnd(batch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onTestBatchEnd', batch, logs);
  }
  override onPredictBatchBegin(batch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onPredictBatchBegin', batch, logs);
  }
  override onPredictBatchEnd(batch: number, logs: Logs = {}): Promise<void> {
    return this.#callAt('onPredictBatchEnd', batch, logs);
  }
  override onTrainBegin(logs: Logs = {}): Promise<void> {
    return this.#call('onTrainBegin', logs);
  }
  override onTrainEnd(logs: Logs = {}): Promise<void> {
    return this.#call('onTrainEnd', logs);
  }
  override onTestBegin(logs: Logs = {}): Promise<void> {
    return this.#call('onTestBegin', logs);
  }
  override onTestEnd(logs: Logs = {}): Promise<void> {
    return this.#call('onTestEnd', logs);
  }
  override onPredictBegin(logs: Logs = {}): Promise<void> {
    return this.#call('onPredictBegin', logs);
  }
  override onPredictEnd(logs: Logs = {}): Promise<void> {
    return this.#call('onPredictEnd', logs);
  }
}

function checked(callbacks: unknown): readonly Callback[] {
  const list = Array.isArray(callbacks) ? (callbacks as unknown[]).flat(Number.POSITIVE_INFINITY) : [callbacks];
  for (const callback of list) {
    if (callback instanceof Callback) continue;
    throw new ArgumentError(
      `callbacks: expected an array of Callback objects, got ${show(callback)} in it.`,
      'Write callbacks: [new callbacks.LambdaCallback({ onEpochEnd: (epoch, logs) => … })].',
    );
  }
  return list as Callback[];
}
