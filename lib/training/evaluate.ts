import type { Callback, Logs } from '../callbacks/callback.js';
import type { CallbackList } from '../callbacks/callback-list.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Model } from '../models/model.js';
import { checkOptions } from './compile.js';
import { type BatchIterable, IterableSource, isBatchIterable } from './data/iterable.js';
import { checkLabels } from './data/labels.js';
import { countSamples, type DataTree, type FlatData, flatten, type LabelTree, release } from './data/layout.js';
import { ArraySource } from './data/source.js';
import { Execution } from './execution.js';
import { listOf, testPass } from './fit.js';
import { checkOptionalInteger, checkSignal, checkVerbose } from './options.js';
import { buildFor, checkLabelsGiven } from './prepare.js';
import { compiledOf } from './steps.js';

/** Options of {@link Model.evaluate}. */
export interface EvaluateOptions {
  /** Samples a step. @default 32 */
  batchSize?: number | null;
  /** 0 silent, 1 a progress bar, 2 one line, 'auto' is 1. @default 'auto' */
  verbose?: 'auto' | 0 | 1 | 2;
  /** Weight of each sample in the loss, [samples]. @default null */
  sampleWeight?: LabelTree | null;
  /** Steps. @default all batches */
  steps?: number | null;
  /** What follows the steps. @default [] */
  callbacks?: Callback | readonly Callback[] | CallbackList | null;
  /** Aborts: `evaluate` rejects with its reason. @default null */
  signal?: AbortSignal | null;
}

/** The work behind {@link Model.evaluate}. @internal */
export async function evaluate(
  model: Model,
  x: DataTree | BatchIterable,
  y: LabelTree | null | undefined,
  options: EvaluateOptions,
): Promise<Logs> {
  const { runEagerly, loss } = compiledOf(model, 'evaluate');
  checkOptions('evaluate', options, ['batchSize', 'verbose', 'sampleWeight', 'steps', 'callbacks', 'signal']);
  const { batchSize = null, verbose = 'auto', sampleWeight = null, steps = null, signal = null } = options;
  checkOptionalInteger('evaluate: batchSize', batchSize, 1);
  checkOptionalInteger('evaluate: steps', steps, 1);
  checkVerbose('evaluate', verbose);
  checkSignal('evaluate', signal);
  let data: FlatData | null = null;
  let source: ArraySource | IterableSource;
  if (isBatchIterable(x)) {
    if (y !== undefined && y !== null) {
      throw new ArgumentError(
        `evaluate: expected no y beside data that comes in batches, got ${show(y)}.`,
        'Each batch is [x, y].',
      );
    }
    source = new IterableSource(x, 'evaluate');
  } else {
    data = await flatten({ x, y, sampleWeight }, 'evaluate');
    const samples = countSamples(data, 'evaluate');
    const size = batchSize ?? (steps === null ? 32 : Math.ceil(samples / steps));
    source = new ArraySource(data, samples, { batchSize: size, shuffle: false });
  }
  try {
    if (data !== null) checkLabelsGiven(model, data, 'evaluate');
    const count = source instanceof ArraySource ? Math.min(steps ?? source.batches, source.batches) : steps;
    const params = { verbose: verbose === 'auto' ? 1 : verbose, epochs: 1, steps: count };
    const execution = new Execution(model, 'test', listOf(options.callbacks, model, params, false), {
      eager: runEagerly,
      signal,
    });
    return await execution.run(async () => {
      const first = data ?? (await (source as IterableSource).peek());
      if (first === null)
        throw new ArgumentError('evaluate: expected at least one batch, got none.', 'Does the generator yield?');
      await buildFor(model, first, { optimizer: false });
      if (source instanceof ArraySource) {
        await execution.prepare('test', source);
        await checkLabels(source.data, loss, 'evaluate');
      }
      await execution.hook('onTestBegin', {});
      await execution.resetMetrics();
      const logs = await testPass(execution, source, steps);
      await execution.hook('onTestEnd', logs);
      return logs;
    });
  } finally {
    if (data !== null) release(data);
    if (source instanceof IterableSource) await source.close();
  }
}
