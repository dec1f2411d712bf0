import type { DType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import * as ops from '../ops/index.js';
import { asTensor, broadcastable, toSameRank } from './arguments.js';

/**
 * How the losses of samples become one number: their sum over their count (`'sum_over_batch_size'` and `'mean'`), over the sum of the sample weights
 * (`'mean_with_sample_weight'`), their sum, or nothing (`'none'`, `null`): one loss per sample.
 */
export type Reduction = 'sum_over_batch_size' | 'sum' | 'mean' | 'mean_with_sample_weight' | 'none' | null;

/** All reductions but `null`. @internal */
export const reductions = ['sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight', 'none'] as const;

/**
 * Weights of samples with a mask worked in: masked positions weigh 0. For reductions that divide by the number of all positions, the others weigh
 * all / unmasked, so that the mean is that of the unmasked ones.
 * @internal
 */
export function applyMask(
  sampleWeight: Tensor | undefined,
  mask: Tensor | undefined,
  dtype: DType,
  reduction: Reduction,
): Tensor | undefined {
  if (mask === undefined) return sampleWeight;
  let weights: Tensor;
  if (reduction === 'mean' || reduction === 'sum_over_batch_size') {
    const valid = ops.sum(asTensor(mask, dtype));
    weights = ops.where(asTensor(mask, 'bool'), ops.divideNoNan(ops.fullLike(valid, mask.size), valid), 0);
  } else {
    weights = asTensor(mask, dtype);
  }
  if (sampleWeight === undefined) return weights;
  const [a, b] = toSameRank(weights, asTensor(sampleWeight, dtype));
  return ops.multiply(b, a);
}

/** The losses of samples, weighted and reduced. @throws {ShapeError} for weights that don't fit @internal */
export function reduceWeighted(
  where: string,
  values: Tensor,
  options: { sampleWeight?: TensorLike | null; mask?: Tensor; reduction: Reduction; dtype: DType },
): Tensor {
  const { sampleWeight, mask, reduction, dtype } = options;
  let losses = asTensor(values, dtype);
  const given = sampleWeight === undefined || sampleWeight === null ? undefined : asTensor(sampleWeight, dtype);
  let weights = applyMask(given, mask, dtype, reduction);
  if (weights !== undefined) {
    [losses, weights] = toSameRank(losses, weights);
    if (!broadcastable(losses.shape, weights.shape)) {
      throw new ShapeError(
        `${where}: expected sampleWeight of a shape that fits the losses, ${formatShape(losses.shape)}, got ${formatShape((given ?? weights).shape)}.`,
        'Give one weight per sample, [batch], or one per loss value.',
      );
    }
    losses = ops.multiply(losses, weights);
  }
  if (reduction === null || reduction === 'none' || losses.ndim === 0) return losses;
  if (losses.ndim === 1 && losses.size === 0) return losses;
  if (reduction === 'sum') return ops.sum(losses);
  if (reduction === 'mean_with_sample_weight' && weights !== undefined) {
    return ops.divideNoNan(ops.sum(losses), ops.sum(weights));
  }
  return losses.size === 0 ? ops.sum(losses) : ops.mean(losses);
}
