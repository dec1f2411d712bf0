import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import type { Tree } from '../core/tree.js';
import { isPlainObject } from '../core/tree.js';
import type { Loss, LossFunction } from '../losses/index.js';
import { Mean, type Metric, type MetricFunction } from '../metrics/index.js';
import { get as getOptimizer, LossScaleOptimizer, type Optimizer } from '../optimizers/index.js';
import { CompileLoss } from './compile-loss.js';
import { CompileMetrics } from './compile-metrics.js';

/** A loss: its name ('mse', 'categorical_crossentropy'), an object, a class, or a function of labels and predictions; `null` for an output without one. */
export type LossIdentifier = string | Loss | LossFunction | (new () => Loss) | null;

/** A metric: its name ('accuracy', 'mse'), an object, a class, a loss, or a function of labels and predictions. */
export type MetricIdentifier = string | Metric | Loss | MetricFunction | (new () => Metric) | (new () => Loss);

/** Options of {@link Model.compile}. */
export interface CompileOptions {
  /** What changes the weights. @default 'rmsprop' */
  optimizer?: string | Optimizer | (new () => Optimizer);
  /** What training makes small: one for all outputs, or an array or object by outputs. @default null */
  loss?: Tree<LossIdentifier>;
  /** Factors of the outputs' losses in their sum. @default all 1 */
  lossWeights?: number | readonly number[] | Readonly<Record<string, number>> | null;
  /** What is shown beside the loss. 'accuracy' becomes binary, sparse or categorical by the shapes. @default [] */
  metrics?: Tree<MetricIdentifier | null> | null;
  /** Metrics that take `sampleWeight` and `classWeight` into account. @default [] */
  weightedMetrics?: Tree<MetricIdentifier | null> | null;
  /** Run every step in JavaScript, operator by operator: slow, for finding errors and for steps that can't be recorded. @default false */
  runEagerly?: boolean;
  /** Taken for Keras' sake: an epoch without batch hooks is one native call at any value. @default 1 */
  stepsPerExecution?: number;
  /** Taken for Keras' sake: steps are always recorded, `runEagerly` is what turns that off. @default 'auto' */
  jitCompile?: boolean | 'auto';
  /** Scale the loss under the dtype policy 'mixed_float16', so that small gradients don't vanish. @default true */
  autoScaleLoss?: boolean;
}

/** What `compile` made. @internal */
export interface Compiled {
  readonly optimizer: Optimizer;
  readonly loss: CompileLoss | null;
  readonly metrics: CompileMetrics | null;
  readonly lossTracker: Mean;
  readonly runEagerly: boolean;
  readonly options: CompileOptions;
}

const known = [
  'optimizer',
  'loss',
  'lossWeights',
  'metrics',
  'weightedMetrics',
  'runEagerly',
  'stepsPerExecution',
  'jitCompile',
  'autoScaleLoss',
] as const;

/** Refuses options that nobody knows. @internal */
export function checkOptions(where: string, options: unknown, names: readonly string[]): void {
  if (!isPlainObject(options)) {
    throw new ArgumentError(
      `${where}: expected an object of options, got ${show(options)}.`,
      `Write ${where}(…, { ${names[0]}: … }).`,
    );
  }
  for (const name of Object.keys(options)) {
    if (names.includes(name)) continue;
    const near = nearestName(name, names);
    throw new ArgumentError(
      `${where}: unknown option '${name}'.`,
      near === null ? `Options: ${names.join(', ')}.` : `Did you mean '${near}'?`,
    );
  }
}

/** Checks the options of `compile` and makes what they name. @throws {ArgumentError} with the nearest known name @internal */
export function compile(options: CompileOptions, names: readonly string[] | null, policy: string): Compiled {
  checkOptions('compile', options, known);
  const { optimizer = 'rmsprop', loss = null, lossWeights = null, metrics = null, weightedMetrics = null } = options;
  const { runEagerly = false, stepsPerExecution = 1, jitCompile = 'auto', autoScaleLoss = true } = options;
  for (const [name, value] of Object.entries({ runEagerly, autoScaleLoss })) {
    if (typeof value !== 'boolean')
      throw new ArgumentError(`compile: ${name}: expected true or false, got ${show(value)}.`);
  }
  if (!Number.isSafeInteger(stepsPerExecution) || stepsPerExecution < 1) {
    throw new ArgumentError(
      `compile: stepsPerExecution: expected a whole number of at least 1, got ${show(stepsPerExecution)}.`,
    );
  }
  if (typeof jitCompile !== 'boolean' && jitCompile !== 'auto') {
    throw new ArgumentError(`compile: jitCompile: expected true, false or 'auto', got ${show(jitCompile)}.`);
  }
  const chosen = getOptimizer(optimizer, 'compile: optimizer');
  const compiledLoss = loss === null ? null : new CompileLoss(loss, lossWeights, names);
  return {
    optimizer: autoScaleLoss && policy === 'mixed_float16' ? scaling(chosen) : chosen,
    loss: compiledLoss,
    metrics:
      metrics === null && weightedMetrics === null
        ? null
        : new CompileMetrics(metrics, weightedMetrics, names, compiledLoss),
    lossTracker: new Mean({ name: 'loss' }),
    runEagerly,
    options,
  };
}

function scaling(optimizer: Optimizer): Optimizer {
  return optimizer instanceof LossScaleOptimizer ? optimizer : new LossScaleOptimizer({ innerOptimizer: optimizer });
}
