import { StateError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import type { Model } from '../models/model.js';
import type { BackupPlan } from '../training/resume.js';

/** Numbers that training reports: { loss: 0.2, accuracy: 0.9, val_loss: … }. */
export type Logs = Record<string, number>;

/** What a callback keeps between epochs: JSON (NaN and infinities included) and tensors. */
export type CallbackState =
  | null
  | boolean
  | number
  | string
  | Tensor
  | readonly CallbackState[]
  | { readonly [key: string]: CallbackState };

/** What a hook may return; promises are awaited. */
export type HookResult = void | Promise<void>;

/** Facts of the running `fit`, `evaluate` or `predict`. */
export interface CallbackParams {
  /** 0 silent, 1 progress bar, 2 one line an epoch. */
  verbose: number | 'auto';
  /** Epochs that `fit` was asked for; 1 in `evaluate` and `predict`. */
  epochs: number;
  /** Steps an epoch, `null` while unknown (data from a generator). */
  steps: number | null;
}

/**
 * Base of everything that follows training: subclass it and override the hooks that matter.
 *
 * Hooks may be async; `fit` waits for them. While a hook that was overridden runs, the model's variables are free: it may read and assign weights, call
 * `evaluate` or `predict`, change the learning rate. An overridden batch hook is awaited after each step, so the steps no longer run in one native loop;
 * a callback that only watches sets `batchEvents` to `'merged'` and gets the newest step whenever the JavaScript thread can take it, at no cost for training
 * (variables stay with the training thread then). A hook that throws ends `fit`, which rejects with that error.
 *
 * @example
 * ```ts
 * class PrintLoss extends callbacks.Callback {
 *   override onEpochEnd(epoch: number, logs: Logs): void {
 *     console.log(epoch, logs.loss);
 *   }
 * }
 * await model.fit(x, y, { callbacks: [new PrintLoss()] });
 * ```
 * Source: Keras `keras.callbacks.Callback`; `batchEvents` is an addition.
 */
export class Callback {
  /** `'each'`: batch hooks are awaited after every step. `'merged'`: they get the newest step when there is time. @default 'each' */
  readonly batchEvents: 'each' | 'merged' = 'each';
  /** Set before the first hook. */
  params: CallbackParams | null = null;
  #model: Model | null = null;

  /** Whether hooks may use the model's variables, which then leave the training thread for the time of the hook. @internal */
  get usesVariables(): boolean {
    return true;
  }

  /** As {@link usesVariables}, of one hook. @internal */
  usesVariablesAt(_hook: Hook): boolean {
    return this.usesVariables;
  }

  /** The model in training. @throws {StateError} outside `fit`, `evaluate` and `predict` */
  get model(): Model {
    if (this.#model === null) {
      throw new StateError(
        `${this.constructor.name}: expected a model, got none.`,
        'Pass the callback to fit, evaluate or predict: model.fit(x, y, { callbacks: [callback] }).',
      );
    }
    return this.#model;
  }

  /** What a checkpoint should keep of this callback, as it is now: asked after an epoch, and between steps. `null`: nothing. */
  getState(): CallbackState {
    return null;
  }

  /** Takes back what `getState` answered when a checkpoint was written: called by a `fit` that goes on from there, after `onTrainBegin`. */
  setState(_state: CallbackState): void {}

  /** Where and when `fit` should keep a checkpoint for this callback. @internal */
  get backup(): BackupPlan | null {
    return null;
  }

  setParams(params: CallbackParams): void {
    this.params = params;
  }

  setModel(model: Model): void {
    this.#model = model;
  }

  /** Another name of {@link onTrainBatchBegin}. */
  onBatchBegin(_batch: number, _logs: Logs): HookResult {}

  /** Another name of {@link onTrainBatchEnd}. */
  onBatchEnd(_batch: number, _logs: Logs): HookResult {}

  /** Before an epoch of `fit`, counted from 0. */
  onEpochBegin(_epoch: number, _logs: Logs): HookResult {}

  /** After an epoch of `fit` and its validation; `logs` holds both, validation's with the prefix 'val_'. */
  onEpochEnd(_epoch: number, _logs: Logs): HookResult {}

  /** Before a training step, counted from 0 in each epoch. */
  onTrainBatchBegin(batch: number, logs: Logs): HookResult {
    return this.onBatchBegin(batch, logs);
  }

  /** After a training step; `logs` holds the epoch's means so far. */
  onTrainBatchEnd(batch: number, logs: Logs): HookResult {
    return this.onBatchEnd(batch, logs);
  }

  /** Before a step of `evaluate`, also of validation in `fit`. */
  onTestBatchBegin(_batch: number, _logs: Logs): HookResult {}

  /** After a step of `evaluate`, also of validation in `fit`. */
  onTestBatchEnd(_batch: number, _logs: Logs): HookResult {}

  /** Before a step of `predict`. */
  onPredictBatchBegin(_batch: number, _logs: Logs): HookResult {}

  /** After a step of `predict`. */
  onPredictBatchEnd(_batch: number, _logs: Logs): HookResult {}

  /** Once, before the first epoch. */
  onTrainBegin(_logs: Logs): HookResult {}

  /** Once, after the last epoch; `logs` is the last epoch's. Left out when training fails or is aborted. */
  onTrainEnd(_logs: Logs): HookResult {}

  /** Before `evaluate`, also before validation in `fit`. */
  onTestBegin(_logs: Logs): HookResult {}

  /** After `evaluate`, also after validation in `fit`. */
  onTestEnd(_logs: Logs): HookResult {}

  /** Before `predict`. */
  onPredictBegin(_logs: Logs): HookResult {}

  /** After `predict`. */
  onPredictEnd(_logs: Logs): HookResult {}
}

/** Names of all hooks. @internal */
export type Hook = Extract<keyof Callback, `on${string}`>;

const viaAnother: Partial<Record<Hook, Hook>> = { onTrainBatchBegin: 'onBatchBegin', onTrainBatchEnd: 'onBatchEnd' };

/** Whether a callback does anything at a hook. @internal */
export function overrides(callback: Callback, hook: Hook): boolean {
  if (callback[hook] !== Callback.prototype[hook]) return true;
  const other = viaAnother[hook];
  return other !== undefined && overrides(callback, other);
}
