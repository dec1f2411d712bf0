import type { Logs } from '../callbacks/callback.js';
import { CallbackList } from '../callbacks/callback-list.js';
import { StateError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import type { Tree } from '../core/tree.js';
import type { Model } from '../models/model.js';
import { checkOptions } from './compile.js';
import { type ClassWeight, checkClassWeight } from './data/class-weight.js';
import { addClassWeights } from './data/iterable.js';
import { checkLabels } from './data/labels.js';
import { countSamples, type DataTree, flatten, type LabelTree, release } from './data/layout.js';
import { ArraySource } from './data/source.js';
import { Execution, type PassResult } from './execution.js';
import { buildFor, checkLabelsGiven } from './prepare.js';
import { compiledOf, type StepKind } from './steps.js';

/** Options of {@link Model.trainOnBatch}. */
export interface TrainOnBatchOptions {
  /** Weight of each sample in the loss, [samples]. @default null */
  sampleWeight?: LabelTree | null;
  /** Weight of each class's samples in the loss. @default null */
  classWeight?: ClassWeight | null;
}

/** Options of {@link Model.testOnBatch}. */
export interface TestOnBatchOptions {
  /** Weight of each sample in the loss, [samples]. @default null */
  sampleWeight?: LabelTree | null;
}

const methods: Record<StepKind, string> = { train: 'trainOnBatch', test: 'testOnBatch', predict: 'predictOnBatch' };

/** One step on one batch. @internal */
export async function onBatch(
  model: Model,
  kind: StepKind,
  given: {
    x: DataTree;
    y?: LabelTree | null | undefined;
    sampleWeight?: LabelTree | null;
    classWeight?: ClassWeight | null;
  },
): Promise<PassResult> {
  const where = methods[kind];
  const { trainingState: state } = model;
  if (kind !== 'predict') compiledOf(model, where);
  if (kind === 'train' && state.fitting && !state.hookOpen) {
    throw new StateError(`Model "${model.name}": expected no trainOnBatch while fit runs.`, 'Await fit first.');
  }
  const { classWeight = null, ...parts } = given;
  const data = await flatten(parts, where);
  try {
    const samples = countSamples(data, where);
    if (kind !== 'predict') checkLabelsGiven(model, data, where);
    if (classWeight !== null) addClassWeights(data, checkClassWeight(classWeight, where), where);
    const source = new ArraySource(data, samples, { batchSize: samples, shuffle: false });
    const eager = state.compiled?.runEagerly ?? false;
    const execution = new Execution(model, kind, new CallbackList({ model }), { eager, signal: null });
    return await execution.run(async () => {
      await buildFor(model, data, { optimizer: kind === 'train' });
      await execution.prepare(kind, source);
      if (kind !== 'predict') await checkLabels(data, state.compiled?.loss ?? null, where);
      if (kind !== 'predict') await execution.resetMetrics();
      return execution.pass({ kind, source, from: 0, to: 1, firstStep: 0, seed: null });
    });
  } finally {
    release(data);
  }
}

/** The work behind {@link Model.trainOnBatch} and {@link Model.testOnBatch}. @internal */
export async function logsOnBatch(
  model: Model,
  kind: 'train' | 'test',
  x: DataTree,
  y: LabelTree | null | undefined,
  options: TrainOnBatchOptions,
): Promise<Logs> {
  checkOptions(methods[kind], options, kind === 'train' ? ['sampleWeight', 'classWeight'] : ['sampleWeight']);
  const result = await onBatch(model, kind, { x, y, ...options });
  return result.logs;
}

/** The work behind {@link Model.predictOnBatch}. @internal */
export async function predictOnBatch(model: Model, x: DataTree): Promise<Tree<Tensor>> {
  return (await onBatch(model, 'predict', { x })).outputs as Tree<Tensor>;
}
