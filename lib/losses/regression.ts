import { config } from '../core/config.js';
import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { checkOptions } from '../ops/arguments.js';
import * as ops from '../ops/index.js';
import { asTensor, matchedPair } from './arguments.js';
import { FunctionLoss, type LossOptions, nameField } from './loss.js';

/**
 * Mean of the squared differences: `mean((yTrue - yPred)^2, axis: -1)`.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `mean_squared_error`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await meanSquaredError([[0, 1]], [[2, 1]]).array(); // [2]
 * ```
 */
export function meanSquaredError(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair('meanSquaredError', yTrue, yPred);
  return ops.mean(ops.square(ops.subtract(labels, predictions)), { axis: -1 });
}

/**
 * Mean of the absolute differences: `mean(|yTrue - yPred|, axis: -1)`.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `mean_absolute_error`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await meanAbsoluteError([[0, 1]], [[2, 1]]).array(); // [1]
 * ```
 */
export function meanAbsoluteError(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair('meanAbsoluteError', yTrue, yPred);
  return ops.mean(ops.abs(ops.subtract(labels, predictions)), { axis: -1 });
}

/**
 * Mean of the absolute differences in percent of the labels: `100 * mean(|yTrue - yPred| / max(|yTrue|, epsilon), axis: -1)`.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `mean_absolute_percentage_error`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await meanAbsolutePercentageError([[2, 4]], [[1, 4]]).array(); // [25]
 * ```
 */
export function meanAbsolutePercentageError(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair('meanAbsolutePercentageError', yTrue, yPred);
  const size = ops.maximum(ops.abs(labels), config.epsilon());
  return ops.multiply(ops.mean(ops.abs(ops.divide(ops.subtract(labels, predictions), size)), { axis: -1 }), 100);
}

/**
 * Mean of the squared differences of logarithms: `mean((log(yTrue + 1) - log(yPred + 1))^2, axis: -1)`; negative values count as epsilon.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `mean_squared_logarithmic_error`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await meanSquaredLogarithmicError([[3, 7]], [[3, 7]]).array(); // [0]
 * ```
 */
export function meanSquaredLogarithmicError(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair('meanSquaredLogarithmicError', yTrue, yPred);
  const logarithm = (x: Tensor): Tensor => ops.log(ops.add(ops.maximum(x, config.epsilon()), 1));
  return ops.mean(ops.square(ops.subtract(logarithm(predictions), logarithm(labels))), { axis: -1 });
}

/**
 * Minus the cosine of the angle between labels and predictions: `-sum(l2(yTrue) * l2(yPred), axis)`; -1 for the same direction, 1 for the opposite.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `cosine_similarity`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await cosineSimilarity([[0, 1]], [[0, 5]]).array(); // [-1]
 * ```
 */
export function cosineSimilarity(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: {
    /** Axis of the vectors. @default -1 */
    axis?: number;
  } = {},
): Tensor {
  checkOptions('cosineSimilarity', options, ['axis'], 'yTrue, yPred');
  const { axis = -1 } = options;
  const [labels, predictions] = matchedPair('cosineSimilarity', yTrue, yPred);
  const product = ops.multiply(ops.normalize(labels, { axis }), ops.normalize(predictions, { axis }));
  return ops.negative(ops.sum(product, { axis }));
}

/**
 * Squared for small differences, absolute for large ones, with `d = |yPred - yTrue|`:
 * `mean(d <= delta ? d^2 / 2 : delta * d - delta^2 / 2, axis: -1)`.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Huber (1964); Keras' `huber`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await huber([[0, 0]], [[1, 3]]).array(); // [1.5]
 * ```
 */
export function huber(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: {
    /** Difference at which the loss turns linear. @default 1 */
    delta?: number;
  } = {},
): Tensor {
  checkOptions('huber', options, ['delta'], 'yTrue, yPred');
  const { delta = 1 } = options;
  const [labels, predictions] = matchedPair('huber', yTrue, yPred);
  const error = ops.subtract(predictions, labels);
  const distance = ops.abs(error);
  const near = ops.multiply(ops.square(error), 0.5);
  const far = ops.subtract(ops.multiply(distance, delta), 0.5 * delta * delta);
  return ops.mean(ops.where(ops.lessEqual(distance, delta), near, far), { axis: -1 });
}

/**
 * Logarithm of the hyperbolic cosine of the differences: `mean(log(cosh(yPred - yTrue)), axis: -1)`. Near 0 it is half the square, far away the
 * absolute value less log 2.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `log_cosh`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await logCosh([[0, 0]], [[0, 0]]).array(); // [0]
 * ```
 */
export function logCosh(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = matchedPair('logCosh', yTrue, yPred);
  const error = ops.subtract(predictions, labels);
  // log(cosh(x)) = x + softplus(-2x) - log(2), which doesn't overflow.
  const terms = ops.subtract(ops.add(error, ops.softplus(ops.multiply(error, -2))), Math.LN2);
  return ops.mean(asTensor(terms, predictions.dtype), { axis: -1 });
}

/** {@link meanSquaredError} as a loss. Source: Keras' `MeanSquaredError`. */
export class MeanSquaredError extends FunctionLoss {
  static override readonly className: string = 'MeanSquaredError';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('mean_squared_error') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return meanSquaredError(yTrue, yPred);
  }
}

/** {@link meanAbsoluteError} as a loss. Source: Keras' `MeanAbsoluteError`. */
export class MeanAbsoluteError extends FunctionLoss {
  static override readonly className: string = 'MeanAbsoluteError';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('mean_absolute_error') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return meanAbsoluteError(yTrue, yPred);
  }
}

/** {@link meanAbsolutePercentageError} as a loss. Source: Keras' `MeanAbsolutePercentageError`. */
export class MeanAbsolutePercentageError extends FunctionLoss {
  static override readonly className: string = 'MeanAbsolutePercentageError';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('mean_absolute_percentage_error') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return meanAbsolutePercentageError(yTrue, yPred);
  }
}

/** {@link meanSquaredLogarithmicError} as a loss. Source: Keras' `MeanSquaredLogarithmicError`. */
export class MeanSquaredLogarithmicError extends FunctionLoss {
  static override readonly className: string = 'MeanSquaredLogarithmicError';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('mean_squared_logarithmic_error') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return meanSquaredLogarithmicError(yTrue, yPred);
  }
}

/** Options of {@link CosineSimilarity}. */
export interface CosineSimilarityOptions extends LossOptions {
  /** Axis of the vectors. @default -1 */
  axis?: number;
}

/** {@link cosineSimilarity} as a loss. Source: Keras' `CosineSimilarity` (whose config doesn't hold `axis` either). */
export class CosineSimilarity extends FunctionLoss {
  static override readonly className: string = 'CosineSimilarity';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = {
    name: nameField('cosine_similarity'),
    axis: optional(is.integer(), -1, { writes: false }),
  };
  declare readonly axis: number;

  constructor(options: CosineSimilarityOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return cosineSimilarity(yTrue, yPred, { axis: this.axis });
  }
}

/** Options of {@link Huber}. */
export interface HuberOptions extends LossOptions {
  /** Difference at which the loss turns linear. @default 1 */
  delta?: number;
}

/** {@link huber} as a loss. Source: Keras' `Huber` (whose config doesn't hold `delta` either). */
export class Huber extends FunctionLoss {
  static override readonly className: string = 'Huber';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = {
    name: nameField('huber_loss'),
    delta: optional(is.number(), 1, { writes: false }),
  };
  declare readonly delta: number;

  constructor(options: HuberOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return huber(yTrue, yPred, { delta: this.delta });
  }
}

/** {@link logCosh} as a loss. Source: Keras' `LogCosh`. */
export class LogCosh extends FunctionLoss {
  static override readonly className: string = 'LogCosh';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = { name: nameField('log_cosh') };

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    return logCosh(yTrue, yPred);
  }
}
