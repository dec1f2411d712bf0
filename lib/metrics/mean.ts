import type { DType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import type { Fields } from '../core/fields.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import { asTensor, broadcastable, toSameRank } from '../losses/arguments.js';
import { applyMask } from '../losses/reduction.js';
import { checkOptions } from '../ops/arguments.js';
import * as ops from '../ops/index.js';
import { Metric, nameField, type UpdateOptions } from './metric.js';

function axesFrom(first: number, end: number): number[] {
  return Array.from({ length: Math.max(0, end - first) }, (_, i) => first + i);
}

/** Sum of all elements. */
function total(x: Tensor): Tensor {
  return x.ndim === 0 ? x : ops.sum(x);
}

/** One value (and weight) per sample: axes behind the weights' are reduced, then the weights' own. */
function perSample(
  where: string,
  given: TensorLike,
  sampleWeight: TensorLike | null | undefined,
  reduce: 'sum' | 'mean',
  dtype: DType,
): [Tensor, Tensor | undefined] {
  const reduceOver = (x: Tensor, axis: number[]): Tensor =>
    axis.length === 0 ? x : reduce === 'sum' ? ops.sum(x, { axis }) : ops.mean(x, { axis });
  const original = asTensor(given);
  const values = asTensor(original, dtype);
  if (sampleWeight === undefined || sampleWeight === null) {
    return [reduceOver(values, axesFrom(1, values.ndim)), undefined];
  }
  const masked = applyMask(asTensor(sampleWeight, dtype), original.mask, dtype, 'sum') as Tensor;
  const [ranked, weights] = toSameRank(values, masked);
  const reduced = reduceOver(ranked, axesFrom(weights.ndim, ranked.ndim));
  if (weights.ndim > reduced.ndim || !broadcastable(reduced.shape, weights.shape)) {
    throw new ShapeError(
      `${where}: expected sampleWeight of a shape that fits the values, ${formatShape(original.shape)}, got ${formatShape(asTensor(sampleWeight).shape)}.`,
      'Give one weight per sample, [batch], or one per value.',
    );
  }
  const fits = weights.ndim === reduced.ndim && weights.shape.every((size, axis) => size === reduced.shape[axis]);
  const spread = fits ? weights : ops.broadcastTo(weights, reduced.shape);
  const weighted = ops.multiply(reduced, spread);
  return [reduceOver(weighted, axesFrom(1, weighted.ndim)), reduceOver(spread, axesFrom(1, weights.ndim))];
}

/** What metrics that average share: the state and the result. @internal */
export abstract class Average extends Metric {
  /** Sum of the weighted values so far. */
  readonly total: Variable = this.addVariable({ name: 'total' });
  /** Sum of the weights so far (the number of samples without weights). */
  readonly count: Variable = this.addVariable({ name: 'count' });

  protected accumulate(values: TensorLike, sampleWeight: TensorLike | null | undefined): void {
    const where = `${this.type.className} "${this.name}"`;
    const [samples, weights] = perSample(where, values, sampleWeight, 'mean', this.dtype);
    this.total.assignAdd(total(samples));
    this.count.assignAdd(
      weights === undefined ? (samples.ndim === 0 ? 1 : (samples.shape[0] as number)) : total(weights),
    );
  }

  override result(): Tensor {
    return ops.divideNoNan(this.total, this.count);
  }
}

/**
 * Weighted mean of all values: `sum(values * sampleWeight) / sum(sampleWeight)`; 0 before the first.
 *
 * Values of more axes than the weights are averaged over the further axes first. Source: Keras' `Mean`.
 *
 * @example
 * ```ts
 * const mean = new Mean();
 * mean.apply([1, 3, 5, 7], { sampleWeight: [1, 1, 0, 0] }).item(); // 2
 * ```
 */
export class Mean extends Average {
  static override readonly className: string = 'Mean';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('mean') };

  /** @throws {ShapeError} for weights that don't fit the values */
  override updateState(values: TensorLike, options: UpdateOptions = {}): void {
    checkOptions('metric.updateState', options, ['sampleWeight'], 'values');
    this.accumulate(values, options.sampleWeight);
  }
}

/**
 * Weighted sum of all values: `sum(values * sampleWeight)`. Source: Keras' `Sum`.
 *
 * @example
 * ```ts
 * const sum = new Sum();
 * sum.apply([1, 3, 5, 7]).item(); // 16
 * ```
 */
export class Sum extends Metric {
  static override readonly className: string = 'Sum';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('sum') };
  /** The sum so far. */
  readonly total: Variable = this.addVariable({ name: 'total' });

  /** @throws {ShapeError} for weights that don't fit the values */
  override updateState(values: TensorLike, options: UpdateOptions = {}): void {
    const where = `${this.type.className} "${this.name}"`;
    checkOptions('metric.updateState', options, ['sampleWeight'], 'values');
    const [samples] = perSample(where, values, options.sampleWeight, 'sum', this.dtype);
    this.total.assignAdd(total(samples));
  }

  override result(): Tensor {
    return this.total.value;
  }
}

/** Mean of a function of labels and predictions. @internal */
export abstract class FunctionMetric extends Average {
  /** The function, with this metric's options: one value per sample, or more. */
  protected abstract compute(yTrue: TensorLike, yPred: TensorLike): Tensor;

  /**
   * Takes one batch into the mean. A mask that rides on `yPred` leaves out the masked steps.
   * @throws {ShapeError} if labels, predictions or weights don't fit each other
   */
  override updateState(yTrue: TensorLike, yPred: TensorLike, options: UpdateOptions = {}): void {
    checkOptions('metric.updateState', options, ['sampleWeight'], 'yTrue, yPred');
    const predictions = asTensor(yPred);
    const values = this.compute(yTrue, predictions);
    const { sampleWeight = null } = options;
    const given = sampleWeight === null ? undefined : asTensor(sampleWeight, this.dtype);
    this.accumulate(values, applyMask(given, predictions.mask, this.dtype, 'sum'));
  }
}
