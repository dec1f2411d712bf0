import type { Callback } from '../callbacks/callback.js';
import type { CallbackList } from '../callbacks/callback-list.js';
import { ArgumentError } from '../core/errors.js';
import type { Tensor } from '../core/tensor.js';
import type { Tree } from '../core/tree.js';
import type { Model } from '../models/model.js';
import { checkOptions } from './compile.js';
import { type BatchIterable, IterableSource, isBatchIterable } from './data/iterable.js';
import { countSamples, type DataTree, type FlatData, flatten, release } from './data/layout.js';
import { ArraySource } from './data/source.js';
import { Execution } from './execution.js';
import { listOf } from './fit.js';
import { checkOptionalInteger, checkSignal, checkVerbose } from './options.js';
import { buildFor } from './prepare.js';

/** Options of {@link Model.predict}. */
export interface PredictOptions {
  /** Samples a step. @default 32 */
  batchSize?: number | null;
  /** 0 silent, 1 a progress bar, 2 one line, 'auto' is 1. @default 'auto' */
  verbose?: 'auto' | 0 | 1 | 2;
  /** Steps. @default all batches */
  steps?: number | null;
  /** What follows the steps. @default [] */
  callbacks?: Callback | readonly Callback[] | CallbackList | null;
  /** Aborts: `predict` rejects with its reason. @default null */
  signal?: AbortSignal | null;
}

/** The work behind {@link Model.predict}. @internal */
export async function predict(
  model: Model,
  x: DataTree | BatchIterable,
  options: PredictOptions,
): Promise<Tree<Tensor>> {
  checkOptions('predict', options, ['batchSize', 'verbose', 'steps', 'callbacks', 'signal']);
  const { batchSize = null, verbose = 'auto', steps = null, signal = null } = options;
  checkOptionalInteger('predict: batchSize', batchSize, 1);
  checkOptionalInteger('predict: steps', steps, 1);
  checkVerbose('predict', verbose);
  checkSignal('predict', signal);
  let data: FlatData | null = null;
  let source: ArraySource | IterableSource;
  if (isBatchIterable(x)) source = new IterableSource(x, 'predict', { xOnly: true });
  else {
    data = await flatten({ x }, 'predict');
    const samples = countSamples(data, 'predict');
    const size = batchSize ?? (steps === null ? 32 : Math.ceil(samples / steps));
    source = new ArraySource(data, samples, { batchSize: size, shuffle: false });
  }
  try {
    const to =
      source instanceof ArraySource
        ? Math.min(steps ?? source.batches, source.batches)
        : (steps ?? Number.POSITIVE_INFINITY);
    const params = { verbose: verbose === 'auto' ? 1 : verbose, epochs: 1, steps: Number.isFinite(to) ? to : null };
    const eager = model.trainingState.compiled?.runEagerly ?? false;
    const execution = new Execution(model, 'predict', listOf(options.callbacks, model, params, false), {
      eager,
      signal,
    });
    return await execution.run(async () => {
      const first = data ?? (await (source as IterableSource).peek());
      if (first === null)
        throw new ArgumentError('predict: expected at least one batch, got none.', 'Does the generator yield?');
      await buildFor(model, first, { optimizer: false });
      if (source instanceof ArraySource) await execution.prepare('predict', source);
      await execution.hook('onPredictBegin', {});
      const { outputs } = await execution.pass({ kind: 'predict', source, from: 0, to, firstStep: 0, seed: null });
      await execution.hook('onPredictEnd', {});
      return outputs as Tree<Tensor>;
    });
  } finally {
    if (data !== null) release(data);
    if (source instanceof IterableSource) await source.close();
  }
}
