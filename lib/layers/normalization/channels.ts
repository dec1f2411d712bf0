import { call, callList } from '../../core/call.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';

/** What {@link normalizeChannels} scales and shifts by: a number per channel, or null. */
export interface ChannelScale {
  gamma: Tensor | null;
  beta: Tensor | null;
  epsilon: number;
}

/** A normalized batch with the statistics that it was normalized by, a number per channel. */
export interface NormalizedBatch {
  outputs: Tensor;
  mean: Tensor;
  /** Mean of the squared distances from the mean: not corrected for the size of the sample. */
  variance: Tensor;
}

/**
 * `(x - mean) / sqrt(variance + epsilon) * gamma + beta` with the statistics of the batch, as one operator with its gradient.
 * @internal
 */
export function normalizeByBatch(x: Tensor, axis: number, scale: ChannelScale): NormalizedBatch {
  const { gamma, beta, epsilon } = scale;
  const [y, mean, invStd] = callList(
    'aten::native_batch_norm',
    toKernel(x, axis),
    gamma,
    beta,
    null,
    null,
    true,
    0,
    epsilon,
  ) as [Tensor, Tensor, Tensor];
  // The operator answers 1 / sqrt(variance + epsilon); rounding may take a variance of 0 below it.
  const variance = ops.relu(ops.subtract(ops.reciprocal(ops.square(invStd)), epsilon));
  return { outputs: fromKernel(y, x, axis), mean, variance };
}

/** The same with given statistics. @internal */
export function normalizeByStatistics(
  x: Tensor,
  axis: number,
  { mean, variance }: { mean: Tensor; variance: Tensor },
  { gamma, beta, epsilon }: ChannelScale,
): Tensor {
  const [y] = callList(
    'aten::native_batch_norm',
    toKernel(x, axis),
    gamma,
    beta,
    mean,
    variance,
    false,
    0,
    epsilon,
  ) as [Tensor];
  return fromKernel(y, x, axis);
}

const count = (sizes: readonly number[]): number => sizes.reduce((product, size) => product * size, 1);

/**
 * Channels as axis 1. Where they come last, as [1, channels, n, 1] over the same memory: libtorch's kernel for that layout adds up whole rows, which
 * its kernel for [n, channels] does not.
 */
function toKernel(x: Tensor, axis: number): Tensor {
  const channels = x.shape[axis] as number;
  const [outer, inner] = [count(x.shape.slice(0, axis)), count(x.shape.slice(axis + 1))];
  if (inner !== 1) return call('aten::reshape', x, [outer, channels, inner]);
  return call('aten::permute', call('aten::reshape', x, [1, outer, 1, channels]), [0, 3, 1, 2]);
}

function fromKernel(y: Tensor, x: Tensor, axis: number): Tensor {
  const last = count(x.shape.slice(axis + 1)) === 1;
  return call('aten::reshape', last ? call('aten::permute', y, [0, 2, 3, 1]) : y, x.shape);
}
