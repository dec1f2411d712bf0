import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { type Fields, is, optional, required } from '../core/fields.js';
import type { CallbackState, Logs } from './callback.js';
import { MonitorCallback, type MonitorOptions, monitorFields } from './monitor-callback.js';
import { checker, numberOrNull, optionsOf, pathOf, saveFreq, verbosity } from './options.js';
import { type FormatValue, formatPython } from './python-text.js';

/** Options of {@link ModelCheckpoint}. */
export interface ModelCheckpointOptions extends Omit<MonitorOptions, 'minDelta'> {
  /**
   * The file, ending in '.keras' or Keras' older '.h5' (a whole model), or '.weights.h5' (with `saveWeightsOnly`). Fields in braces are filled in as Python does: `{epoch}` (from 1),
   * `{batch}` (from 1, with a number as `saveFreq`) and names in the logs, `{val_loss:.2f}`. Folders are made.
   */
  filepath: string;
  /** 1 prints what is saved and why. @default 0 */
  verbose?: 0 | 1;
  /** Save only when the monitored number has improved. @default false */
  saveBestOnly?: boolean;
  /** Save weights and the optimizer's state without the architecture. @default false */
  saveWeightsOnly?: boolean;
  /** 'epoch': after each epoch; a number: after so many steps, which are then awaited one by one. @default 'epoch' */
  saveFreq?: 'epoch' | number;
  /** Number that must be beaten by the first model saved. @default null */
  initialValueThreshold?: number | null;
}

const fields: Fields = {
  ...monitorFields,
  filepath: required(pathOf('file')),
  verbose: optional(verbosity, 0),
  saveBestOnly: optional(is.boolean, false),
  saveWeightsOnly: optional(is.boolean, false),
  saveFreq: optional(saveFreq, 'epoch'),
  initialValueThreshold: optional(numberOrNull, null),
};

/**
 * Saves the model while it trains: after each epoch, or only when it is the best so far. A file is replaced wholly or not at all.
 *
 * Source: Keras `keras.callbacks.ModelCheckpoint`. Training goes on from such a file as from any model; `fit({ resume })` also keeps the place in the epoch.
 *
 * @throws {ArgumentError} for a wrong option; in training for a field in `filepath` that the logs don't have
 * @example
 * ```ts
 * new callbacks.ModelCheckpoint({ filepath: 'best/{epoch:02d}-{val_loss:.2f}.keras', saveBestOnly: true });
 * ```
 */
export class ModelCheckpoint extends MonitorCallback {
  readonly filepath: string;
  readonly verbose: 0 | 1;
  readonly saveBestOnly: boolean;
  readonly saveWeightsOnly: boolean;
  readonly saveFreq: 'epoch' | number;
  /** Best number so far, or null. */
  best: number | null;
  #epoch = 0;
  #sinceSaving = 0;
  #lastBatch: number | null = null;

  constructor(options: ModelCheckpointOptions) {
    const given = optionsOf<ModelCheckpointOptions>('ModelCheckpoint', options, fields);
    super({ ...given, minDelta: 0 });
    const endings = given.saveWeightsOnly ? ['.weights.h5'] : ['.keras', '.h5'];
    checker(
      (path) => endings.some((ending) => String(path).endsWith(ending)),
      `a path that ends in ${endings.map((ending) => `'${ending}'`).join(' or ')}`,
      given.saveWeightsOnly
        ? 'With saveWeightsOnly the file holds weights.'
        : "A whole model is a '.keras' file; weights alone are saved with saveWeightsOnly: true.",
    )(given.filepath, 'ModelCheckpoint: filepath');
    this.filepath = given.filepath;
    this.verbose = given.verbose;
    this.saveBestOnly = given.saveBestOnly;
    this.saveWeightsOnly = given.saveWeightsOnly;
    this.saveFreq = given.saveFreq;
    this.best = given.initialValueThreshold;
    // Only there if it has something to do: steps are awaited for a callback with a batch hook.
    if (this.saveFreq !== 'epoch') {
      Object.defineProperty(this, 'onTrainBatchEnd', { value: this.#afterStep, configurable: true, writable: true });
    }
  }

  override onEpochBegin(epoch: number, _logs: Logs): void {
    this.#epoch = epoch;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.saveBestOnly) void this.direction;
    if (this.saveFreq === 'epoch') await this.#save(epoch, null, logs);
  }

  async #afterStep(batch: number, logs: Logs): Promise<void> {
    const newEpoch = this.#lastBatch === null || batch <= this.#lastBatch;
    this.#sinceSaving += newEpoch ? batch + 1 : batch - (this.#lastBatch as number);
    this.#lastBatch = batch;
    if (this.#sinceSaving < (this.saveFreq as number)) return;
    this.#sinceSaving = 0;
    await this.#save(this.#epoch, batch, logs);
  }

  async #save(epoch: number, batch: number | null, logs: Logs): Promise<void> {
    const path = this.#path(epoch, batch, logs);
    if (!this.#wanted(epoch, logs, path)) return;
    await mkdir(dirname(path), { recursive: true });
    if (this.saveWeightsOnly) await this.model.saveWeights(path);
    else await this.model.save(path);
    this.#say(`Epoch ${epoch + 1}: saved to ${path}.`);
  }

  #path(epoch: number, batch: number | null, logs: Logs): string {
    const values: Record<string, FormatValue> = { epoch: { int: epoch + 1 } };
    if (batch !== null) values['batch'] = { int: batch + 1 };
    for (const [name, value] of Object.entries(logs)) values[name] = { float: value };
    return formatPython(this.filepath, values, 'ModelCheckpoint: filepath');
  }

  #wanted(epoch: number, logs: Logs, path: string): boolean {
    if (!this.saveBestOnly) {
      this.#say(`Epoch ${epoch + 1}: saving to ${path}.`);
      return true;
    }
    const current = this.current(logs, 'know the best model');
    if (current === undefined) return true;
    const before = this.best === null ? 'none' : this.best.toFixed(5);
    if (!this.isImprovement(current, this.best)) {
      this.#say(`Epoch ${epoch + 1}: ${this.monitor} did not improve from ${before}.`);
      return false;
    }
    this.#say(
      `Epoch ${epoch + 1}: ${this.monitor} improved from ${before} to ${current.toFixed(5)}, saving to ${path}.`,
    );
    this.best = current;
    return true;
  }

  #say(text: string): void {
    if (this.verbose > 0) process.stdout.write(`\n${text}\n`);
  }

  override getState(): CallbackState {
    return { best: this.best, epoch: this.#epoch, sinceSaving: this.#sinceSaving, lastBatch: this.#lastBatch };
  }

  override setState(state: CallbackState): void {
    const { best, epoch, sinceSaving, lastBatch } = state as Record<string, number | null>;
    this.best = best ?? null;
    this.#epoch = epoch ?? 0;
    this.#sinceSaving = sinceSaving ?? 0;
    this.#lastBatch = lastBatch ?? null;
  }
}
