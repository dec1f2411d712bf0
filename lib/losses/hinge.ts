import type { Fields } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import * as ops from '../ops/index.js';
import { matchedPair } from './arguments.js';
import { FunctionLoss, nameField } from './loss.js';

/** Labels of 0 and 1 become -1 and 1, when all are; others stay. Decided by a mask, so that it can be recorded. */
function signed(labels: Tensor): Tensor {
  const binary = ops.all(ops.logicalOr(ops.equal(labels, 0), ops.equal(labels, 1)));
  return ops.where(binary, ops.subtract(ops.multiply(labels, 2), 1), labels);
}

function margin(where: string, yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair(where, yTrue, yPred);
  return ops.maximum(ops.subtract(1, ops.multiply(signed(labels), predictions)), 0);
}

/**
 * Hinge loss: `mean(max(1 - yTrue * yPred, 0), axis: -1)`, for labels of -1 and 1; labels of 0 and 1 are turned into those.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `hinge`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await hinge([[-1, 1]], [[0.5, 2]]).array(); // [0.75]
 * ```
 */
export function hinge(yTrue: TensorLike, yPred: TensorLike): Tensor {
  return ops.mean(margin('hinge', yTrue, yPred), { axis: -1 });
}

/**
 * Squared hinge loss: `mean(max(1 - yTrue * yPred, 0)^2, axis: -1)`, for labels of -1 and 1; labels of 0 and 1 are turned into those.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `squared_hinge`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await squaredHinge([[-1, 1]], [[1, 2]]).array(); // [2]
 * ```
 */
export function squaredHinge(yTrue: TensorLike, yPred: TensorLike): Tensor {
  return ops.mean(ops.square(margin('squaredHinge', yTrue, yPred)), { axis: -1 });
}

/**
 * Hinge loss of several classes: `max(max((1 - yTrue) * yPred) - sum(yTrue * yPred) + 1, 0)` over the last axis, for one-hot labels.
 *
 * Shapes: `[batch, ..., classes]` twice, to `[batch, ...]`. Source: Keras' `categorical_hinge`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await categoricalHinge([[0, 1]], [[0.5, 1]]).array(); // [0.5]
 * ```
 */
export function categoricalHinge(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair('categoricalHinge', yTrue, yPred);
  const right = ops.sum(ops.multiply(labels, predictions), { axis: -1 });
  const wrong = ops.max(ops.multiply(ops.subtract(1, labels), predictions), { axis: -1 });
  return ops.maximum(ops.add(ops.subtract(wrong, right), 1), 0);
}

/** {@link hinge} as a loss. Source: Keras' `Hinge`. */
export class Hinge extends FunctionLoss {
  static override readonly className: string = 'Hinge';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('hinge') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return hinge(yTrue, yPred);
  }
}

/** {@link squaredHinge} as a loss. Source: Keras' `SquaredHinge`. */
export class SquaredHinge extends FunctionLoss {
  static override readonly className: string = 'SquaredHinge';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('squared_hinge') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return squaredHinge(yTrue, yPred);
  }
}

/** {@link categoricalHinge} as a loss. Source: Keras' `CategoricalHinge`. */
export class CategoricalHinge extends FunctionLoss {
  static override readonly className: string = 'CategoricalHinge';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('categorical_hinge') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return categoricalHinge(yTrue, yPred);
  }
}
