import { join } from 'node:path';
import type { Model } from '../models/model.js';
import { createFileWriter, type FileWriter, type HyperparameterValues } from '../summary/index.js';
import { Callback, type CallbackState, type Hook, type HookResult, type Logs } from './callback.js';
import { BatchCounter } from './tensorboard/batch-counter.js';
import { EmbeddingFiles } from './tensorboard/embeddings.js';
import { checked } from './tensorboard/options.js';

import { writeWeights } from './tensorboard/weights.js';

/** Options of {@link TensorBoard}. */
export interface TensorBoardOptions {
  /** Folder of the events, in 'train' and 'validation' below it; each run needs one of its own. @default 'logs' */
  logDir?: string;
  /** Epochs between histograms of all weights, 0 for none. @default 0 */
  histogramFreq?: number;
  /** Show the model as a graph. @default true */
  writeGraph?: boolean;
  /** Show weights as images too, whenever histograms are written. @default false */
  writeImages?: boolean;
  /** Write the number of steps a second. @default false */
  writeStepsPerSecond?: boolean;
  /**
   * When losses and metrics are written: after each epoch; also after each step ('batch', 1) or each n-th; or, with 'merged', also after the newest step
   * whenever there is time, which costs training nothing. @default 'epoch'
   */
  updateFreq?: 'epoch' | 'batch' | 'merged' | number;
  /** Steps to profile: there is no profiler, so 0 alone is taken. @default 0 */
  profileBatch?: 0;
  /** Epochs between copies of the rows of `Embedding` layers for the projector, 0 for none. @default 0 */
  embeddingsFreq?: number;
  /** File with the names of an embedding's rows, from the folder 'train': for all `Embedding` layers, or by the layer's name. @default null */
  embeddingsMetadata?: string | Readonly<Record<string, string>> | null;
  /** Hyperparameters of this run, for comparison with others. @default null */
  hparams?: HyperparameterValues | null;
  /** Notes in Markdown, by their names. @default null */
  text?: Readonly<Record<string, string>> | null;
}

/** The folders of a run: 'root' holds hyperparameters. */
type Place = 'root' | 'train' | 'validation';

/**
 * Writes event files that TensorBoard shows: curves of losses and metrics, weights, the model's graph. Look at them with
 * `tensorboard --logdir logs`, while training runs or later.
 *
 * Curves have Keras' names: `epoch_loss`, `epoch_learning_rate`, `batch_loss`, in 'train' and 'validation'; `evaluation_loss_vs_iterations` in 'validation',
 * also when passed to `evaluate`. A kill leaves readable files. If events can't be written, `fit` rejects.
 *
 * With `updateFreq: 'batch'` or a number, a step is awaited before the next begins, about a millisecond each; else an epoch stays one native loop.
 *
 * Source: Keras `keras.callbacks.TensorBoard`. Differences: `hparams`, `text`, `updateFreq: 'merged'` and `batch_…` curves of validation are additions;
 * images of weights are scaled so that 0 is gray; embeddings are written for the projector itself; there is no profiler.
 *
 * @throws {ArgumentError} for options that are unknown or of wrong types
 * @example
 * ```ts
 * const board = new callbacks.TensorBoard({ logDir: 'logs/first', histogramFreq: 1, hparams: { units: 3, optimizer: 'sgd' } });
 * await model.fit(x, y, { epochs: 5, validationSplit: 0.25, callbacks: [board] });
 * ```
 */
export class TensorBoard extends Callback {
  override readonly batchEvents: 'each' | 'merged';
  readonly logDir: string;
  readonly histogramFreq: number;
  readonly writeGraph: boolean;
  readonly writeImages: boolean;
  readonly writeStepsPerSecond: boolean;
  /** Steps between points of the curves of steps; 'epoch' for no such curves. */
  readonly updateFreq: 'epoch' | 'merged' | number;
  readonly embeddingsFreq: number;
  readonly embeddingsMetadata: string | Readonly<Record<string, string>> | null;
  readonly hparams: HyperparameterValues | null;
  readonly text: Readonly<Record<string, string>> | null;
  readonly #writers = new Map<Place, FileWriter>();
  readonly #train = new BatchCounter();
  readonly #test = new BatchCounter();
  #embeddings: EmbeddingFiles | null = null;
  #inFit = false;
  #epochStartMs = 0;
  #epochIterations = 0;

  constructor(options: TensorBoardOptions = {}) {
    super();
    const given = checked(options);
    this.logDir = given.logDir;
    this.histogramFreq = given.histogramFreq;
    this.writeGraph = given.writeGraph;
    this.writeImages = given.writeImages;
    this.writeStepsPerSecond = given.writeStepsPerSecond;
    this.updateFreq = given.updateFreq === 'batch' ? 1 : given.updateFreq;
    this.embeddingsFreq = given.embeddingsFreq;
    this.embeddingsMetadata = given.embeddingsMetadata;
    this.hparams = given.hparams;
    this.text = given.text;
    this.batchEvents = this.updateFreq === 'merged' ? 'merged' : 'each';
    if (this.updateFreq !== 'epoch') return;
    // A batch hook with nothing to do would end the native loop of an epoch.
    for (const hook of ['onTrainBatchEnd', 'onTestBatchEnd'] as const) {
      if (this[hook] === TensorBoard.prototype[hook]) this[hook] = Callback.prototype[hook];
    }
  }

  /** Steps of an epoch touch numbers of the logs only. @internal */
  override usesVariablesAt(hook: Hook): boolean {
    return this.constructor !== TensorBoard || !hook.includes('Batch');
  }

  /** Writer of the folder 'train', for summaries of one's own in hooks of a subclass. It is closed after training; the next one is new. */
  get trainWriter(): FileWriter {
    return this.#writer('train');
  }

  /** Writer of the folder 'validation'. */
  get validationWriter(): FileWriter {
    return this.#writer('validation');
  }

  /** Numbers of steps, so that curves go on where a checkpoint was written. */
  override getState(): CallbackState {
    return { train: this.#train.steps, test: this.#test.steps };
  }

  override setState(state: CallbackState): void {
    const { train, test } = state as { train: number; test: number };
    this.#train.reset(train);
    this.#test.reset(test);
  }

  override setModel(model: Model): void {
    super.setModel(model);
    // Writers of a run that was aborted have written what they had; this run gets files of its own.
    this.#writers.clear();
    this.#inFit = false;
    this.#embeddings = null;
  }

  override async onTrainBegin(_logs: Logs): Promise<void> {
    this.#inFit = true;
    this.#train.reset();
    const { model, hparams, text } = this;
    if (this.embeddingsFreq > 0) {
      this.#embeddings = new EmbeddingFiles(model, join(this.logDir, 'train'), this.embeddingsMetadata);
    }
    if (hparams !== null) await this.#writer('root').hparams(hparams);
    if (this.writeGraph) await this.trainWriter.graph(model);
    for (const [name, note] of Object.entries(text ?? {})) await this.trainWriter.text(name, note);
    await this.#flush();
  }

  override onEpochBegin(_epoch: number, _logs: Logs): HookResult {
    this.#train.begin();
    if (!this.writeStepsPerSecond) return;
    this.#epochStartMs = performance.now();
    this.#epochIterations = this.#iterations() ?? 0;
  }

  override onTrainBatchEnd(batch: number, logs: Logs): HookResult {
    return this.#batch(this.#train, 'train', batch, logs);
  }

  override onTestBegin(_logs: Logs): void {
    this.#test.begin();
  }

  override onTestBatchEnd(batch: number, logs: Logs): HookResult {
    return this.#batch(this.#test, 'validation', batch, logs);
  }

  override async onTestEnd(logs: Logs): Promise<void> {
    const step = this.#iterations();
    if (step !== null) {
      for (const [name, value] of Object.entries(logs)) {
        await this.validationWriter.scalar(`evaluation_${name}_vs_iterations`, value, { step });
      }
    }
    if (!this.#inFit) await this.#close();
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    await this.#curves(epoch, logs);
    const { model, writeImages, histogramFreq, embeddingsFreq } = this;
    if (histogramFreq > 0 && epoch % histogramFreq === 0)
      await writeWeights(this.trainWriter, model, epoch, writeImages);
    if (embeddingsFreq > 0 && epoch % embeddingsFreq === 0) await this.#embeddings?.write(epoch);
    await this.#flush();
  }

  override async onTrainEnd(_logs: Logs): Promise<void> {
    this.#inFit = false;
    if (this.hparams !== null) await this.#writer('root').hparamsEnd();
    await this.#close();
  }

  async #curves(epoch: number, logs: Logs): Promise<void> {
    const train: Logs = {};
    const validation: Logs = {};
    for (const [name, value] of Object.entries(logs)) {
      if (name.startsWith('val_')) validation[name.slice(4)] = value;
      else train[name] = value;
    }
    const { optimizer } = this.model;
    if (optimizer !== null) train['learning_rate'] = optimizer.learningRate.item();
    if (this.writeStepsPerSecond) {
      const steps = (this.#iterations() ?? 0) - this.#epochIterations;
      train['steps_per_second'] = (1000 * steps) / (performance.now() - this.#epochStartMs);
    }
    for (const [place, values] of [
      ['train', train],
      ['validation', validation],
    ] as const) {
      for (const [name, value] of Object.entries(values)) {
        await this.#writer(place).scalar(`epoch_${name}`, value, { step: epoch });
      }
    }
  }

  /** Writes the curves of steps. The promise waits for the disk only if much is waiting already. */
  async #batch(counter: BatchCounter, place: Place, batch: number, logs: Logs): Promise<void> {
    const step = counter.at(batch);
    if (typeof this.updateFreq === 'number' && step % this.updateFreq !== 0) return;
    const writer = this.#writer(place);
    for (const [name, value] of Object.entries(logs)) await writer.scalar(`batch_${name}`, value, { step });
    if (!this.writeStepsPerSecond || place !== 'train') return;
    const rate = counter.rate(step);
    if (rate !== null) await writer.scalar('batch_steps_per_second', rate, { step });
  }

  #iterations(): number | null {
    return this.model.optimizer?.iterations.item() ?? null;
  }

  #writer(place: Place): FileWriter {
    let writer = this.#writers.get(place);
    if (writer === undefined) {
      writer = createFileWriter(place === 'root' ? this.logDir : join(this.logDir, place));
      this.#writers.set(place, writer);
    }
    return writer;
  }

  /** What went wrong on the disk is known here at the latest. */
  async #flush(): Promise<void> {
    for (const writer of this.#writers.values()) await writer.flush();
  }

  async #close(): Promise<void> {
    const writers = [...this.#writers.values()];
    this.#writers.clear();
    for (const writer of writers) await writer.close();
  }
}
