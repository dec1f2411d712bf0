import type { Callback, Logs } from '../callbacks/callback.js';
import { CallbackList } from '../callbacks/callback-list.js';
import { backupPlan } from '../callbacks/checkpoint-store.js';
import type { History } from '../callbacks/history.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Model } from '../models/model.js';
import type { Checkpoint } from './checkpoint.js';
import { checkOptions } from './compile.js';
import { Cursor } from './cursor.js';
import { type ClassWeight, checkClassWeight } from './data/class-weight.js';
import { addClassWeights, type BatchIterable, IterableSource, isBatchIterable } from './data/iterable.js';
import { checkLabels } from './data/labels.js';
import { countSamples, type DataTree, type FlatData, flatten, type LabelTree, release } from './data/layout.js';
import { ArraySource } from './data/source.js';
import { splitData } from './data/split.js';
import { Execution } from './execution.js';
import { checkInteger, checkOptionalInteger, checkSignal, checkVerbose } from './options.js';
import { buildFor, checkLabelsGiven } from './prepare.js';
import { free, planOf, Resume, type ResumeOptions } from './resume.js';
import { compiledOf } from './steps.js';

/** Data to validate on: `[x, y]`, `[x, y, sampleWeight]`, or batches of those. */
export type ValidationData = readonly [DataTree, LabelTree] | readonly [DataTree, LabelTree, LabelTree] | BatchIterable;

/** Options of {@link Model.fit}. */
export interface FitOptions {
  /** Samples a step; not for data that comes in batches. @default 32 */
  batchSize?: number | null;
  /** Passes over the data, those before `initialEpoch` included. @default 1 */
  epochs?: number;
  /** 0 silent, 1 a progress bar, 2 one line an epoch, 'auto' is 1. @default 'auto' */
  verbose?: 'auto' | 0 | 1 | 2;
  /** What follows training. @default [] */
  callbacks?: Callback | readonly Callback[] | CallbackList | null;
  /** Last fraction of the samples, taken before any shuffling, that is validated on and not trained on. @default 0 */
  validationSplit?: number;
  /** Data to validate on after each epoch. @default null */
  validationData?: ValidationData | null;
  /** Take the samples in a new random order each epoch. @default true */
  shuffle?: boolean;
  /** Weight of each class's samples in the loss. @default null */
  classWeight?: ClassWeight | null;
  /** Weight of each sample in the loss, [samples]. @default null */
  sampleWeight?: LabelTree | null;
  /** First epoch, counted from 0: to go on with training. @default 0 */
  initialEpoch?: number;
  /** Steps an epoch; an epoch goes on where the last one ended. @default all batches */
  stepsPerEpoch?: number | null;
  /** Steps a validation. @default all batches */
  validationSteps?: number | null;
  /** Samples a step of validation. @default `batchSize` */
  validationBatchSize?: number | null;
  /** Epochs between validations, or the numbers (from 1) of the epochs with one. @default 1 */
  validationFreq?: number | readonly number[];
  /**
   * Folder of a checkpoint: training goes on from the one that is there, and keeps its own there after each epoch, so that a run that was killed and
   * started again ends with the same bits as one that was not. Also `{ dir, every }`. @default null
   */
  resume?: string | ResumeOptions | null;
  /** Aborts training: `fit` rejects with its reason, weights as after the last whole step. @default null */
  signal?: AbortSignal | null;
}

const known = [
  'batchSize',
  'epochs',
  'verbose',
  'callbacks',
  'validationSplit',
  'validationData',
  'shuffle',
  'classWeight',
  'sampleWeight',
  'initialEpoch',
  'stepsPerEpoch',
  'validationSteps',
  'validationBatchSize',
  'validationFreq',
  'resume',
  'signal',
];

/** Throws for options that `fit` doesn't take. @internal */
export function checkFitOptions(options: FitOptions): void {
  checkOptions('fit', options, known);
  const {
    epochs = 1,
    initialEpoch = 0,
    verbose = 'auto',
    shuffle = true,
    validationSplit = 0,
    validationFreq = 1,
  } = options;
  for (const name of ['batchSize', 'stepsPerEpoch', 'validationSteps', 'validationBatchSize'] as const) {
    checkOptionalInteger(`fit: ${name}`, options[name], 1);
  }
  checkInteger('fit: epochs', epochs, 0);
  checkInteger('fit: initialEpoch', initialEpoch, 0);
  checkVerbose('fit', verbose);
  checkSignal('fit', options.signal);
  if (typeof shuffle !== 'boolean')
    throw new ArgumentError(`fit: shuffle: expected true or false, got ${show(shuffle)}.`);
  if (typeof validationSplit !== 'number' || !(validationSplit >= 0 && validationSplit < 1)) {
    throw new ArgumentError(`fit: validationSplit: expected a number from 0 to below 1, got ${show(validationSplit)}.`);
  }
  if (Array.isArray(validationFreq)) {
    for (const epoch of validationFreq as unknown[]) checkInteger('fit: validationFreq', epoch, 1);
  } else checkInteger('fit: validationFreq', validationFreq, 1);
}

type Source = ArraySource | IterableSource;

/** The work behind {@link Model.fit}. @internal */
export async function fit(
  model: Model,
  x: DataTree | BatchIterable,
  y: LabelTree | null | undefined,
  options: FitOptions,
): Promise<History> {
  compiledOf(model, 'fit');
  checkFitOptions(options);
  const { trainingState: state } = model;
  if (state.fitting) {
    throw new StateError(
      `Model "${model.name}": expected no fit while another fit of the same model runs.`,
      'Await the first one, or clone the model.',
    );
  }
  state.fitting = true;
  const kept: FlatData[] = [];
  try {
    return await new Fit(model, options, kept).run(x, y);
  } finally {
    for (const data of kept) release(data);
    state.fitting = false;
    state.onStop = null;
  }
}

class Fit {
  readonly #model: Model;
  readonly #options: FitOptions;
  readonly #kept: FlatData[];
  #resume: Resume | null = null;
  #warned = false;

  constructor(model: Model, options: FitOptions, kept: FlatData[]) {
    this.#model = model;
    this.#options = options;
    this.#kept = kept;
  }

  async run(x: DataTree | BatchIterable, y: LabelTree | null | undefined): Promise<History> {
    const { stepsPerEpoch = null, verbose = 'auto', epochs = 1, signal = null } = this.#options;
    const plan = backupPlan(this.#options.resume ?? null);
    const { source, validation } = isBatchIterable(x) ? await this.#batches(x, y) : await this.#arrays(x, y);
    const callbacks = listOf(this.#options.callbacks ?? null, this.#model, {
      verbose: verbose === 'auto' ? 1 : verbose,
      epochs,
      steps: stepsPerEpoch ?? (source instanceof ArraySource ? source.batches : null),
    });
    const chosen = planOf(plan, callbacks.callbacks);
    if (chosen !== null) this.#resume = new Resume(this.#model, chosen, callbacks);
    const { runEagerly } = compiledOf(this.#model, 'fit');
    const execution = new Execution(this.#model, 'train', callbacks, { eager: runEagerly, signal });
    try {
      return await execution.run(() => this.#train(execution, source, validation));
    } finally {
      for (const one of [source, validation]) if (one instanceof IterableSource) await one.close();
      await this.#resume?.close();
    }
  }

  async #arrays(x: DataTree, y: LabelTree | null | undefined): Promise<{ source: Source; validation: Source | null }> {
    const {
      sampleWeight = null,
      classWeight = null,
      validationSplit = 0,
      validationData = null,
      shuffle = true,
    } = this.#options;
    let data = await this.#keep(flatten({ x, y, sampleWeight }, 'fit'));
    let samples = countSamples(data, 'fit');
    checkLabelsGiven(this.#model, data, 'fit');
    let validation: Source | null = null;
    if (validationData !== null) validation = await this.#validation(validationData);
    else if (validationSplit > 0) {
      const split = splitData(data, samples, validationSplit);
      this.#kept.push(split.train, split.validation);
      validation = this.#validationSource(split.validation, samples - split.count);
      data = split.train;
      samples = split.count;
    }
    if (classWeight !== null) addClassWeights(data, checkClassWeight(classWeight, 'fit'), 'fit');
    const { stepsPerEpoch = null } = this.#options;
    const batchSize = this.#options.batchSize ?? (stepsPerEpoch === null ? 32 : Math.ceil(samples / stepsPerEpoch));
    return { source: new ArraySource(data, samples, { batchSize, shuffle }), validation };
  }

  async #batches(x: BatchIterable, y: unknown): Promise<{ source: Source; validation: Source | null }> {
    const { validationSplit = 0, sampleWeight, batchSize, classWeight = null, validationData = null } = this.#options;
    const refused = {
      y,
      sampleWeight,
      batchSize,
      validationSplit: validationSplit === 0 ? undefined : validationSplit,
    };
    for (const [name, value] of Object.entries(refused)) {
      if (value === undefined || value === null) continue;
      throw new ArgumentError(
        `fit: expected no ${name} beside data that comes in batches, got ${show(value)}.`,
        'Each batch is [x, y] or [x, y, sampleWeight]; validate with validationData.',
      );
    }
    const weights = classWeight === null ? null : checkClassWeight(classWeight, 'fit');
    const validation = validationData === null ? null : await this.#validation(validationData);
    return { source: new IterableSource(x, 'fit', { classWeight: weights }), validation };
  }

  async #validation(given: ValidationData): Promise<Source> {
    if (isBatchIterable(given)) return new IterableSource(given, 'fit: validationData');
    const parts: unknown = given;
    if (!Array.isArray(parts) || parts.length < 2 || parts.length > 3) {
      throw new ArgumentError(
        `fit: validationData: expected [x, y] or [x, y, sampleWeight], got ${Array.isArray(parts) ? `an array of ${parts.length}` : show(parts)}.`,
        'Write validationData: [xVal, yVal].',
      );
    }
    const [x, y, sampleWeight] = parts as unknown[];
    const data = await this.#keep(flatten({ x, y, sampleWeight }, 'fit: validationData'));
    return this.#validationSource(data, countSamples(data, 'fit: validationData'));
  }

  #validationSource(data: FlatData, samples: number): Source {
    const { validationBatchSize, batchSize, validationSteps = null } = this.#options;
    const size =
      validationBatchSize ?? batchSize ?? (validationSteps === null ? 32 : Math.ceil(samples / validationSteps));
    return new ArraySource(data, samples, { batchSize: size, shuffle: false });
  }

  async #keep(data: Promise<FlatData>): Promise<FlatData> {
    const flat = await data;
    this.#kept.push(flat);
    return flat;
  }

  /** Makes weights and programs, and looks at the labels: whatever is wrong is said before the first step. */
  async #prepare(execution: Execution, source: Source, validation: Source | null): Promise<void> {
    const first = source instanceof ArraySource ? source.data : await source.peek();
    if (first === null) {
      throw new ArgumentError(
        'fit: expected at least one batch, got none.',
        'Does the generator yield? A generator can be used once only.',
      );
    }
    await buildFor(this.#model, first, { optimizer: true });
    const { loss } = compiledOf(this.#model, 'fit');
    if (source instanceof ArraySource) {
      await execution.prepare('train', source);
      await checkLabels(source.data, loss, 'fit');
    }
    if (validation instanceof ArraySource) {
      await execution.prepare('test', validation);
      await checkLabels(validation.data, loss, 'fit: validationData');
    }
  }

  async #train(execution: Execution, source: Source, validation: Source | null): Promise<History> {
    const { epochs = 1, initialEpoch = 0, stepsPerEpoch = null, signal = null } = this.#options;
    const { trainingState: state } = this.#model;
    const { callbacks } = execution;
    const resume = this.#resume;
    let found = (await resume?.load(signal)) ?? null;
    await this.#prepare(execution, source, validation);
    if (found !== null) await this.#check(execution, source, found);
    const cursor = new Cursor(source, stepsPerEpoch);
    const { place = null } = found?.facts ?? {};
    state.stopTraining = false;
    let logs: Logs = {};
    const goOn = (): void => {
      if (resume === null || found === null) return;
      execution.idle();
      logs = resume.restore(found);
      cursor.restore(found.facts.place);
      state.stopTraining = found.facts.place.stopped;
      free(found, 'callbacks');
      found = null;
    };
    const save = (epoch: number): void => {
      execution.idle();
      resume?.save(this.#facts(source), { epoch, stopped: state.stopTraining, ...cursor.place }, logs);
    };
    await execution.hook('onTrainBegin', {});
    if (place?.step === 0) goOn();
    for (let epoch = place?.epoch ?? initialEpoch; epoch < epochs && !state.stopTraining; epoch++) {
      await execution.hook('onEpochBegin', {}, epoch);
      // Inside an epoch, what its begin has changed (a learning rate) is as the checkpoint says.
      if (found === null) await execution.resetMetrics();
      else goOn();
      state.onStop = () => execution.stop();
      const result = await cursor
        .epoch(execution, resume ?? undefined, async () => save(epoch))
        .catch((error: unknown) => {
          if (signal?.aborted && cursor.step > 0) resume?.saveLast(() => save(epoch));
          throw error;
        });
      state.onStop = null;
      if (result.steps === 0 && result.ranOut) break;
      logs = { ...result.logs };
      this.#lookAtLoss(logs, epoch);
      if (validation !== null && this.#validates(epoch)) {
        for (const [name, value] of Object.entries(await this.#validate(execution, validation)))
          logs[`val_${name}`] = value;
      }
      await execution.hook('onEpochEnd', logs, epoch);
      if (resume?.dueAtEpochEnd) save(epoch + 1);
    }
    execution.idle();
    compiledOf(this.#model, 'fit').optimizer.finalizeVariableValues(this.#model.trainableWeights);
    await execution.hook('onTrainEnd', logs);
    await resume?.finish();
    return callbacks.history as History;
  }

  /** What must be the same in a run that goes on from a checkpoint. */
  #facts(source: Source): Record<string, unknown> {
    const { optimizer } = compiledOf(this.#model, 'fit');
    const { stepsPerEpoch = null } = this.#options;
    const run = { optimizer: optimizer.type.className, stepsPerEpoch };
    if (source instanceof IterableSource) return { data: 'an iterable', ...run };
    const { samples, batchSize, shuffle, data } = source;
    const inputs = data.tensors.map(({ dtype, shape }) => `${dtype}[${shape.slice(1).join(', ')}]`);
    return { data: inputs, samples, batchSize, shuffle, ...run };
  }

  async #check(execution: Execution, source: Source, found: Checkpoint): Promise<void> {
    this.#resume?.checkRun(found, this.#facts(source));
    if (found.facts.place.step > 0) {
      const first = source instanceof ArraySource ? source.first() : ((await source.peek()) as FlatData);
      await execution.makeVariables(first);
      if (source instanceof ArraySource) release(first);
    }
    this.#resume?.checkVariables(found);
  }

  async #validate(execution: Execution, validation: Source): Promise<Logs> {
    await execution.hook('onTestBegin', {});
    await execution.resetMetrics();
    const { validationSteps } = this.#options;
    const logs = await testPass(execution, validation, validationSteps ?? null);
    await execution.hook('onTestEnd', logs);
    return logs;
  }

  #validates(epoch: number): boolean {
    const { validationFreq = 1 } = this.#options;
    return typeof validationFreq === 'number' ? (epoch + 1) % validationFreq === 0 : validationFreq.includes(epoch + 1);
  }

  #lookAtLoss(logs: Logs, epoch: number): void {
    const { loss } = logs;
    if (this.#warned || loss === undefined || Number.isFinite(loss)) return;
    this.#warned = true;
    process.emitWarning(
      `fit: expected a finite loss, got ${loss} in epoch ${epoch + 1} of model "${this.#model.name}".\n  Lower the learning rate, clip gradients (clipnorm), or look for NaN and extreme values in the data; callbacks.TerminateOnNaN ends training then.`,
      { code: 'TORCHLAYERS_LOSS_NOT_FINITE' },
    );
  }
}

/** The steps of `evaluate`, without hooks at its ends. @internal */
export async function testPass(execution: Execution, source: Source, steps: number | null): Promise<Logs> {
  if (source instanceof IterableSource) source.restart();
  const batches = source instanceof ArraySource ? source.batches : Number.POSITIVE_INFINITY;
  const to = Math.min(steps ?? batches, batches);
  return (await execution.pass({ kind: 'test', source, from: 0, to, firstStep: 0, seed: null })).logs;
}

/** The list that a `callbacks` option stands for. @internal */
export function listOf(
  callbacks: FitOptions['callbacks'] | null,
  model: Model,
  params: { verbose: number; epochs: number; steps: number | null },
  addHistory = true,
): CallbackList {
  if (callbacks instanceof CallbackList) {
    callbacks.setModel(model);
    return callbacks;
  }
  return new CallbackList({
    callbacks: callbacks ?? [],
    addHistory,
    addProgbar: params.verbose !== 0,
    model,
    ...params,
  });
}
