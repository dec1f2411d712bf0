import { config } from '../core/config.js';
import type { Fields } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import * as ops from '../ops/index.js';
import { matchedPair } from './arguments.js';
import { FunctionLoss, nameField } from './loss.js';

/**
 * Kullback-Leibler divergence of the predicted from the true distribution: `sum(yTrue * log(yTrue / yPred), axis: -1)`, both clipped to
 * [epsilon, 1].
 *
 * Shapes: `[batch, ..., classes]` twice, to `[batch, ...]`. Source: Keras' `kl_divergence`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await klDivergence([[0.5, 0.5]], [[0.5, 0.5]]).array(); // [0]
 * ```
 */
export function klDivergence(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const pair = matchedPair('klDivergence', yTrue, yPred);
  const labels = ops.clip(pair[0], config.epsilon(), 1);
  const predictions = ops.clip(pair[1], config.epsilon(), 1);
  return ops.sum(ops.multiply(labels, ops.log(ops.divide(labels, predictions))), { axis: -1 });
}

/**
 * Poisson loss for counts: `mean(yPred - yTrue * log(yPred + epsilon), axis: -1)`.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `poisson`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await poisson([[0, 0]], [[1, 3]]).array(); // [2]
 * ```
 */
export function poisson(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair('poisson', yTrue, yPred);
  const logarithm = ops.log(ops.add(predictions, config.epsilon()));
  return ops.mean(ops.subtract(predictions, ops.multiply(labels, logarithm)), { axis: -1 });
}

/** {@link klDivergence} as a loss. Source: Keras' `KLDivergence`. */
export class KLDivergence extends FunctionLoss {
  static override readonly className: string = 'KLDivergence';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('kl_divergence') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return klDivergence(yTrue, yPred);
  }
}

/** {@link poisson} as a loss. Source: Keras' `Poisson`. */
export class Poisson extends FunctionLoss {
  static override readonly className: string = 'Poisson';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('poisson') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return poisson(yTrue, yPred);
  }
}
