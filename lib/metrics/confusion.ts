import { call } from '../core/call.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { type Checker, type Fields, is, optional } from '../core/fields.js';
import { formatShape, type Tensor, type TensorLike, tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import { asTensor, broadcastable, toSameRank } from '../losses/arguments.js';
import { checkOptions } from '../ops/arguments.js';
import * as ops from '../ops/index.js';
import { Metric, type MetricOptions, nameField, type UpdateOptions } from './metric.js';

// What predictions outside the k best become, and the threshold that lets all of those in: Keras' numbers.
const BELOW_ALL = -1e10;

/** Options of {@link Precision}, {@link Recall} and the four counts. */
export interface ConfusionOptions extends MetricOptions {
  /** Predictions above it count as positive: a number from 0 to 1, or several, which give a result each. @default 0.5; with `topK` none */
  thresholds?: number | readonly number[] | null;
  /** Only the k largest predictions of a row count as positive. @default null */
  topK?: number | null;
  /** Only this column of labels and predictions is looked at. @default null */
  classId?: number | null;
}

const threshold = is.number({ min: 0, max: 1 });
const checkThresholds: Checker<number | number[] | null> = (value, where) => {
  if (value === null) return null;
  if (!Array.isArray(value)) return threshold(value, where);
  if (value.length === 0) throw new ArgumentError(`${where}: expected at least one threshold, got [].`);
  return is.listOf(threshold)(value, where);
};

/** Thresholds 0, 1/(n-1), …, 1: predictions are then clipped to [0, 1] first. */
function evenlySpaced(thresholds: readonly number[]): boolean {
  if (thresholds.length < 3) return false;
  const last = thresholds.length - 1;
  return thresholds.every((value, i) => Math.abs(value - i / last) <= 1e-7 + 1e-5 * (i / last));
}

/** Keeps the k largest values of each row; the others fall below every threshold. */
function keepLargest(x: Tensor, k: number): Tensor {
  const width = x.shape[x.ndim - 1] as number;
  const [, best] = ops.topK(x, k) as [Tensor, Tensor];
  const kept = ops.sum(ops.oneHot(best, width, { dtype: x.dtype }), { axis: -2 });
  return ops.add(ops.multiply(x, kept), ops.multiply(ops.subtract(1, kept), BELOW_ALL));
}

/** Counts of one batch for each threshold, as functions so that only those asked for are computed. */
interface Counts {
  truePositives(): Tensor;
  falsePositives(): Tensor;
  trueNegatives(): Tensor;
  falseNegatives(): Tensor;
}

function countBatch(
  where: string,
  given: { yTrue: TensorLike; yPred: TensorLike; sampleWeight: TensorLike | null },
  options: { thresholds: readonly number[]; topK: number | null; classId: number | null; dtype: DType },
): Counts {
  const { thresholds, topK, classId, dtype } = options;
  let [predictions, labels] = toSameRank(asTensor(given.yPred, dtype), asTensor(given.yTrue, dtype));
  if (!broadcastable(predictions.shape, labels.shape) || predictions.size !== labels.size) {
    throw new ShapeError(
      `${where}: expected yTrue of the shape of yPred, ${formatShape(predictions.shape)}, got ${formatShape(labels.shape)}.`,
      'Encode class numbers with utils.toCategorical.',
    );
  }
  let weights: Tensor | undefined;
  if (given.sampleWeight !== null) {
    const column = ops.expandDims(asTensor(given.sampleWeight, dtype), -1);
    weights = toSameRank(labels, column, { expandRank1: false })[1];
  }
  if (topK !== null) {
    const width = predictions.shape[predictions.ndim - 1] ?? 1;
    if (topK > width)
      throw new ShapeError(`${where}: expected at least ${topK} predictions in a row (topK), got ${width}.`);
    predictions = keepLargest(predictions, topK);
  }
  if (classId !== null) {
    const width = predictions.shape[predictions.ndim - 1] ?? 1;
    if (predictions.ndim < 2 || classId >= width) {
      throw new ShapeError(
        `${where}: expected yPred of shape [batch, classes] with more than ${classId} classes (classId), got ${formatShape(predictions.shape)}.`,
      );
    }
    labels = call('aten::narrow', labels, -1, classId, 1);
    predictions = call('aten::narrow', predictions, -1, classId, 1);
  }
  if (weights !== undefined) {
    if (weights.ndim > predictions.ndim || !broadcastable(weights.shape, predictions.shape)) {
      throw new ShapeError(
        `${where}: expected sampleWeight of a shape that fits yPred, ${formatShape(predictions.shape)}, got ${formatShape(asTensor(given.sampleWeight as TensorLike).shape)}.`,
        'Give one weight per sample as a column, [batch, 1], or one per prediction.',
      );
    }
    weights = ops.reshape(ops.broadcastTo(weights, predictions.shape), [-1]);
  }
  if (evenlySpaced(thresholds)) predictions = ops.clip(predictions, 0, 1);
  const flat = ops.reshape(predictions, [1, -1]);
  const bounds = tensor(Float64Array.from(thresholds), { shape: [thresholds.length, 1], dtype });
  const positive = ops.cast(ops.greater(flat, bounds), dtype);
  const isTrue = ops.cast(ops.reshape(ops.cast(labels, 'bool'), [-1]), dtype);
  const weighted = (x: Tensor): Tensor => (weights === undefined ? x : ops.multiply(x, weights));
  const trueLabels = (): Tensor => weighted(isTrue);
  const falseLabels = (): Tensor => weighted(ops.subtract(1, isTrue));
  // [thresholds, n] times [n]: the sum over all predictions, one number per threshold.
  const sum = (selected: Tensor, values: Tensor): Tensor => ops.matmul(selected, values);
  const negative = (): Tensor => ops.subtract(1, positive);
  return {
    truePositives: () => sum(positive, trueLabels()),
    falsePositives: () => sum(positive, falseLabels()),
    trueNegatives: () => sum(negative(), falseLabels()),
    falseNegatives: () => sum(negative(), trueLabels()),
  };
}

/** What metrics over thresholds share. @internal */
export abstract class ThresholdMetric extends Metric {
  static override readonly fields: Fields = {
    name: nameField(null),
    thresholds: optional(checkThresholds, null),
  };

  /** The thresholds as given. */
  declare readonly thresholds: number | number[] | null;
  // Options of subclasses; `declare`, because a property's initial value would overwrite what the constructor has set.
  /** How many of a row's largest predictions count as positive; `null` for all. */
  declare readonly topK?: number | null;
  /** The column looked at; `null` for all. */
  declare readonly classId?: number | null;

  /** The thresholds that are used. */
  get bounds(): number[] {
    if (this.thresholds === null) return [(this.topK ?? null) === null ? 0.5 : BELOW_ALL];
    return Array.isArray(this.thresholds) ? this.thresholds : [this.thresholds];
  }

  /** Adds a batch's counts to the state. */
  protected abstract add(counts: Counts): void;

  /**
   * Takes one batch into the counts.
   * @throws {ShapeError} if labels, predictions or weights don't fit each other
   */
  override updateState(yTrue: TensorLike, yPred: TensorLike, options: UpdateOptions = {}): void {
    const where = `${this.type.className} "${this.name}"`;
    checkOptions('metric.updateState', options, ['sampleWeight'], 'yTrue, yPred');
    const { bounds: thresholds, topK = null, classId = null } = this;
    const { sampleWeight = null } = options;
    const dtype = (this.variables[0] as Variable).dtype;
    this.add(countBatch(where, { yTrue, yPred, sampleWeight }, { thresholds, topK, classId, dtype }));
  }

  /** One number for one threshold, else one per threshold. */
  protected perThreshold(values: Tensor): Tensor {
    return this.bounds.length === 1 ? ops.reshape(values, []) : values;
  }
}

const selectionFields: Fields = {
  topK: optional(is.nullable(is.integer({ min: 1 })), null),
  classId: optional(is.nullable(is.integer({ min: 0 })), null),
};

/**
 * Share of true ones among the positive predictions: `truePositives / (truePositives + falsePositives)`; 0 without positive predictions.
 *
 * Labels are 0 and 1, predictions from 0 to 1. Source: Keras' `Precision`.
 *
 * @example
 * ```ts
 * new Precision().apply([0, 1, 1, 1], [1, 0, 1, 1]).item(); // 0.6666667
 * ```
 */
export class Precision extends ThresholdMetric {
  static override readonly className: string = 'Precision';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = selectionFields;
  override readonly direction = 'up';
  /** Weighted count of true positives, one per threshold. */
  readonly truePositives: Variable;
  /** Weighted count of false positives, one per threshold. */
  readonly falsePositives: Variable;

  constructor(options: ConfusionOptions = {}) {
    super(options);
    const shape = [this.bounds.length];
    this.truePositives = this.addVariable({ shape, name: 'true_positives' });
    this.falsePositives = this.addVariable({ shape, name: 'false_positives' });
  }

  protected override add(counts: Counts): void {
    this.truePositives.assignAdd(counts.truePositives());
    this.falsePositives.assignAdd(counts.falsePositives());
  }

  override result(): Tensor {
    const all = ops.add(this.truePositives, this.falsePositives);
    return this.perThreshold(ops.divideNoNan(this.truePositives, all));
  }
}

/**
 * Share of the true ones that are predicted: `truePositives / (truePositives + falseNegatives)`; 0 without true ones.
 *
 * Labels are 0 and 1, predictions from 0 to 1. Source: Keras' `Recall`.
 *
 * @example
 * ```ts
 * new Recall().apply([0, 1, 1, 1], [1, 0, 1, 1]).item(); // 0.6666667
 * ```
 */
export class Recall extends ThresholdMetric {
  static override readonly className: string = 'Recall';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = selectionFields;
  override readonly direction = 'up';
  /** Weighted count of true positives, one per threshold. */
  readonly truePositives: Variable;
  /** Weighted count of false negatives, one per threshold. */
  readonly falseNegatives: Variable;

  constructor(options: ConfusionOptions = {}) {
    super(options);
    const shape = [this.bounds.length];
    this.truePositives = this.addVariable({ shape, name: 'true_positives' });
    this.falseNegatives = this.addVariable({ shape, name: 'false_negatives' });
  }

  protected override add(counts: Counts): void {
    this.truePositives.assignAdd(counts.truePositives());
    this.falseNegatives.assignAdd(counts.falseNegatives());
  }

  override result(): Tensor {
    const all = ops.add(this.truePositives, this.falseNegatives);
    return this.perThreshold(ops.divideNoNan(this.truePositives, all));
  }
}

/** Options of the four counts. */
export interface ConfusionCountOptions extends MetricOptions {
  /** Predictions above it count as positive: a number from 0 to 1, or several. @default 0.5 */
  thresholds?: number | readonly number[] | null;
}

/** What the four counts share. @internal */
abstract class ConfusionCount extends ThresholdMetric {
  /** Weighted count, one per threshold. */
  readonly accumulator: Variable;

  constructor(options: ConfusionCountOptions = {}) {
    super(options);
    this.accumulator = this.addVariable({ shape: [this.bounds.length], name: 'accumulator' });
  }

  override result(): Tensor {
    return this.perThreshold(this.accumulator.value);
  }
}

/** Weighted count of labels 1 with predictions above the threshold. Source: Keras' `TruePositives`. */
export class TruePositives extends ConfusionCount {
  static override readonly className: string = 'TruePositives';
  static override readonly module: string | null = 'keras.metrics';

  protected override add(counts: Counts): void {
    this.accumulator.assignAdd(counts.truePositives());
  }
}

/** Weighted count of labels 0 with predictions above the threshold. Source: Keras' `FalsePositives`. */
export class FalsePositives extends ConfusionCount {
  static override readonly className: string = 'FalsePositives';
  static override readonly module: string | null = 'keras.metrics';

  protected override add(counts: Counts): void {
    this.accumulator.assignAdd(counts.falsePositives());
  }
}

/** Weighted count of labels 0 with predictions up to the threshold. Source: Keras' `TrueNegatives`. */
export class TrueNegatives extends ConfusionCount {
  static override readonly className: string = 'TrueNegatives';
  static override readonly module: string | null = 'keras.metrics';

  protected override add(counts: Counts): void {
    this.accumulator.assignAdd(counts.trueNegatives());
  }
}

/** Weighted count of labels 1 with predictions up to the threshold. Source: Keras' `FalseNegatives`. */
export class FalseNegatives extends ConfusionCount {
  static override readonly className: string = 'FalseNegatives';
  static override readonly module: string | null = 'keras.metrics';

  protected override add(counts: Counts): void {
    this.accumulator.assignAdd(counts.falseNegatives());
  }
}
