import { type SerializedObject, serialized } from '../core/configurable.js';
import { ArgumentError } from '../core/errors.js';
import { defineFamily, type Family } from '../core/family.js';
import { show } from '../core/fields.js';
import { toSnakeCase } from '../core/names.js';
import { labelKind } from '../losses/family.js';
import { Loss } from '../losses/loss.js';
import * as accuracies from './accuracy-metrics.js';
import * as confusion from './confusion.js';
import * as lossMetrics from './loss-metrics.js';
import { Mean, Sum } from './mean.js';
import { Metric } from './metric.js';
import { MeanMetricWrapper, type MetricFunction } from './wrapper.js';

const abstractBases = ['ThresholdMetric'];

const family: Family<Metric> = defineFamily<Metric>({
  kind: 'metric',
  members: () => {
    const all = { Mean, Sum, MeanMetricWrapper, ...accuracies, ...confusion, ...lossMetrics };
    return Object.fromEntries(Object.entries(all).filter(([name]) => !abstractBases.includes(name)));
  },
  aliases: {
    bce: 'BinaryCrossentropy',
    BCE: 'BinaryCrossentropy',
    mse: 'MeanSquaredError',
    MSE: 'MeanSquaredError',
    mae: 'MeanAbsoluteError',
    MAE: 'MeanAbsoluteError',
    mape: 'MeanAbsolutePercentageError',
    MAPE: 'MeanAbsolutePercentageError',
    msle: 'MeanSquaredLogarithmicError',
    MSLE: 'MeanSquaredLogarithmicError',
  },
  accepts: (value) => value instanceof Metric,
  wrap: (fn) => new MeanMetricWrapper({ fn: fn as MetricFunction, name: fn.name === '' ? null : toSnakeCase(fn.name) }),
});

/**
 * The metric that a name ('mse', 'precision', 'BinaryAccuracy'), a config, a class, a function `(yTrue, yPred) => Tensor` or a metric stands for.
 * `where` starts the error's text.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 */
export function get(identifier: unknown, where = 'metrics.get'): Metric {
  return family.get(identifier, where);
}

/** What a config holds for a metric: its class and options. */
export function serialize(object: Metric): SerializedObject {
  if (!(object instanceof Metric)) {
    throw new ArgumentError(`metrics.serialize: expected a metric, got ${show(object)}.`);
  }
  return serialized(object);
}

/** The metric that {@link serialize} wrote. */
export function deserialize(config: SerializedObject): Metric {
  return get(config, 'metrics.deserialize');
}

/** Names of all built-in metrics. */
export function names(): string[] {
  return family.names();
}

/**
 * The accuracy that fits labels and predictions of these shapes: binary for one unit, sparse for class numbers, else categorical.
 * `null` stands for a size that isn't known.
 */
export function accuracyFor(
  yTrueShape: readonly (number | null)[],
  yPredShape: readonly (number | null)[],
  name = 'accuracy',
): Metric {
  const { BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy } = accuracies;
  const classes = {
    binary: BinaryAccuracy,
    sparse: SparseCategoricalAccuracy,
    categorical: CategoricalAccuracy,
  };
  return new classes[labelKind(yTrueShape, yPredShape)]({ name });
}

/** Refuses what {@link metricFor} can't take. @throws {ArgumentError} for an unknown name, with the nearest known one @internal */
export function checkMetric(identifier: unknown, where: string): void {
  if (lossOf(identifier) !== null || (typeof identifier === 'string' && accuracy.test(identifier))) return;
  get(identifier, where);
}

const accuracy = /^acc(uracy)?$/i;

/** The loss that stands among metrics, as an object or a class; else null. */
function lossOf(identifier: unknown): Loss | null {
  if (identifier instanceof Loss) return identifier;
  const isClass = typeof identifier === 'function' && identifier.prototype instanceof Loss;
  return isClass ? new (identifier as new () => Loss)() : null;
}

/**
 * The metric that `compile({ metrics })` means: as {@link get}; 'accuracy' or 'acc' becomes the one that fits the shapes ({@link accuracyFor}), a
 * loss the mean of its values over batches. A metric made from a name has that name in logs and history, as in Keras.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 */
export function metricFor(
  identifier: unknown,
  yTrueShape: readonly (number | null)[],
  yPredShape: readonly (number | null)[],
  where = 'compile: metrics',
): Metric {
  const loss = lossOf(identifier);
  if (loss !== null) {
    const fn: MetricFunction = (yTrue, yPred) => loss.apply(yTrue, yPred);
    return Object.assign(new MeanMetricWrapper({ fn, name: loss.name }), { direction: 'down' as const });
  }
  if (typeof identifier !== 'string') return get(identifier, where);
  if (accuracy.test(identifier)) return accuracyFor(yTrueShape, yPredShape, identifier);
  const metric = get(identifier, where);
  metric.name = identifier;
  return metric;
}
