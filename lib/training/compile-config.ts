import { Configurable, plain, type SerializedObject } from '../core/configurable.js';
import { ArgumentError } from '../core/errors.js';
import { toSnakeCase } from '../core/names.js';
import { findObject } from '../core/registry.js';
import { isPlainObject } from '../core/tree.js';
import { get as getLoss } from '../losses/index.js';
import { get as getMetric } from '../metrics/index.js';
import { get as getOptimizer, LossScaleOptimizer } from '../optimizers/index.js';
import type { Compiled, CompileOptions } from './compile.js';

/**
 * How a model was compiled: plain JSON. null, with a warning, where a function has no name that leads back to it: weights are worth more than that, so
 * it is no error. @internal
 */
export function compileConfig(title: string, { optimizer, options }: Compiled): Record<string, unknown> | null {
  const { loss = null, lossWeights = null, metrics = null, weightedMetrics = null } = options;
  const { runEagerly = false, stepsPerExecution = 1, jitCompile = 'auto' } = options;
  // A scale that `compile` added by itself is added again.
  const added = optimizer instanceof LossScaleOptimizer && !(options.optimizer instanceof LossScaleOptimizer);
  try {
    return {
      optimizer: plain(added ? optimizer.innerOptimizer : optimizer),
      loss: written(loss, getLoss),
      lossWeights: plain(lossWeights),
      metrics: written(metrics, getMetric),
      weightedMetrics: written(weightedMetrics, getMetric),
      runEagerly,
      stepsPerExecution,
      jitCompile,
    };
  } catch (error) {
    if (!(error instanceof ArgumentError)) throw error;
    process.emitWarning(
      `${title} is written without its compile state and the optimizer's: ${error.message}`,
      'SavingWarning',
    );
    return null;
  }
}

function written(tree: unknown, get: (identifier: unknown, where: string) => Configurable): unknown {
  if (Array.isArray(tree)) return tree.map((child) => written(child, get));
  if (isPlainObject(tree)) {
    return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, written(child, get)]));
  }
  if (typeof tree !== 'function') return plain(tree);
  // A class stands for an object with its defaults.
  if (tree.prototype instanceof Configurable) return plain(get(tree, 'compile'));
  const name = [toSnakeCase(tree.name), tree.name].find((one) => leadsBack(one, tree, get));
  if (name === undefined) {
    throw new ArgumentError(
      `expected functions with registered names, got ${tree.name || 'a function without a name'}.`,
      'Make it known first: saving.registerKerasSerializable()(fn).',
    );
  }
  return { module: 'builtins', className: 'function', config: name, registeredName: 'function' };
}

function leadsBack(name: string, fn: unknown, get: (identifier: unknown, where: string) => unknown): boolean {
  if (name === '') return false;
  if (findObject(name) === fn) return true;
  try {
    return (get(name, 'compile') as { fn?: unknown }).fn === fn;
  } catch {
    return false;
  }
}

/** The options of `compile` that {@link compileConfig} wrote; keys that nobody knows are left out, as other versions write some. @internal */
export function compileOptions(config: Record<string, unknown>): CompileOptions {
  const { optimizer = 'rmsprop', loss, lossWeights, metrics, weightedMetrics } = config;
  const { runEagerly, stepsPerExecution, jitCompile } = config;
  return {
    optimizer: getOptimizer(optimizer, 'compileFromConfig: optimizer'),
    loss: made(loss ?? null, (one) => getLoss(one, 'compileFromConfig: loss')) as NonNullable<CompileOptions['loss']>,
    lossWeights: (lossWeights ?? null) as NonNullable<CompileOptions['lossWeights']>,
    metrics: made(metrics ?? null, (one) => metricOrLoss(one)) as NonNullable<CompileOptions['metrics']>,
    weightedMetrics: made(weightedMetrics ?? null, metricOrLoss) as NonNullable<CompileOptions['weightedMetrics']>,
    ...(typeof runEagerly === 'boolean' && { runEagerly }),
    ...(typeof stepsPerExecution === 'number' && { stepsPerExecution }),
    ...((typeof jitCompile === 'boolean' || jitCompile === 'auto') && { jitCompile }),
  };
}

function metricOrLoss(config: SerializedObject): unknown {
  const where = 'compileFromConfig: metrics';
  return config.module === 'keras.losses' && config.className !== 'function'
    ? getLoss(config, where)
    : getMetric(config, where);
}

function made(tree: unknown, make: (config: SerializedObject) => unknown): unknown {
  if (Array.isArray(tree)) return tree.map((child) => made(child, make));
  if (!isPlainObject(tree)) return tree;
  if (typeof tree.className === 'string' && 'config' in tree) {
    const object = tree as unknown as SerializedObject;
    // A function keeps the name that logs have it under.
    const { className, config } = object as { className: string; config: unknown };
    if (className === 'function' && typeof config === 'string' && findObject(config) === undefined) return config;
    return make(object);
  }
  return Object.fromEntries(Object.entries(tree).map(([key, child]) => [key, made(child, make)]));
}
