import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { isInteger } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { asPair, asTensor, matchedPair, toSameRank } from '../losses/arguments.js';
import { checkOptions } from '../ops/arguments.js';
import * as ops from '../ops/index.js';

function asFloat(matches: Tensor): Tensor {
  return ops.cast(matches, config.floatx());
}

/** Index of the largest value of each row, in libtorch's int64: casts to Keras' int32 would be steps of their own. */
function bestClass(x: Tensor): Tensor {
  return call('aten::argmax', x, -1, false);
}

function refuse(where: string, yTrue: Tensor, yPred: Tensor, hint: string): never {
  throw new ShapeError(
    `${where}: expected yTrue and yPred of shapes that fit each other, got ${formatShape(yTrue.shape)} and ${formatShape(yPred.shape)}.`,
    hint,
  );
}

function sameShape(a: Tensor, b: Tensor): boolean {
  return a.ndim === b.ndim && a.shape.every((size, axis) => size === b.shape[axis]);
}

/** 1 where label and prediction are equal, else 0. @throws {ShapeError} if the shapes don't fit each other */
export function accuracy(yTrue: TensorLike, yPred: TensorLike): Tensor {
  return asFloat(ops.equal(...matchedPair('accuracy', yTrue, yPred)));
}

/** Options of {@link binaryAccuracy}. */
export interface BinaryAccuracyFunctionOptions {
  /** Predictions above it count as 1. @default 0.5 */
  threshold?: number;
}

/**
 * 1 where the label (0 or 1) equals `yPred > threshold`, else 0.
 *
 * Shapes: `[batch, ...]` twice, to the same. Source: Keras' `binary_accuracy`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await binaryAccuracy([[1], [0]], [[0.9], [0.6]]).array(); // [[1], [0]]
 * ```
 */
export function binaryAccuracy(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: BinaryAccuracyFunctionOptions = {},
): Tensor {
  checkOptions('binaryAccuracy', options, ['threshold'], 'yTrue, yPred');
  const { threshold = 0.5 } = options;
  const given = asTensor(yTrue);
  matchedPair('binaryAccuracy', given, yPred);
  const [labels, predictions] = toSameRank(given, asTensor(yPred));
  return asFloat(ops.equal(labels, ops.cast(ops.greater(predictions, threshold), labels.dtype)));
}

/**
 * 1 where the largest prediction is that of the true class of one-hot labels, else 0.
 *
 * Shapes: `[batch, ..., classes]` twice, to `[batch, ...]`. Source: Keras' `categorical_accuracy`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await categoricalAccuracy([[0, 1], [1, 0]], [[0.1, 0.9], [0.1, 0.9]]).array(); // [1, 0]
 * ```
 */
export function categoricalAccuracy(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [labels, predictions] = [asTensor(yTrue), asTensor(yPred)];
  const [trueClass, predictedClass] = [bestClass(labels), bestClass(predictions)];
  if (!sameShape(trueClass, predictedClass)) {
    refuse('categoricalAccuracy', labels, predictions, 'For class numbers use sparseCategoricalAccuracy.');
  }
  return asFloat(ops.equal(trueClass, predictedClass));
}

/**
 * 1 where the largest prediction is that of the true class number, else 0.
 *
 * Shapes: `[batch, ...]` (or `[batch, ..., 1]`) and `[batch, ..., classes]`, to `[batch, ...]`. Source: Keras' `sparse_categorical_accuracy`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await sparseCategoricalAccuracy([1, 0], [[0.1, 0.9], [0.1, 0.9]]).array(); // [1, 0]
 * ```
 */
export function sparseCategoricalAccuracy(yTrue: TensorLike, yPred: TensorLike): Tensor {
  const [given, predictions] = [asTensor(yTrue), asTensor(yPred)];
  const column = given.ndim === predictions.ndim && given.shape[given.ndim - 1] === 1;
  const labels = column ? ops.squeeze(given, { axis: -1 }) : given;
  const classes = bestClass(predictions);
  if (!sameShape(labels, classes)) {
    refuse('sparseCategoricalAccuracy', given, predictions, 'For one-hot labels use categoricalAccuracy.');
  }
  const matches = isInteger(labels.dtype)
    ? asFloat(ops.equal(ops.cast(labels, 'int64'), classes))
    : asFloat(ops.equal(labels, ops.cast(classes, labels.dtype)));
  return matches.ndim > 1 && matches.shape[matches.ndim - 1] === 1 ? ops.squeeze(matches, { axis: -1 }) : matches;
}

/** Whether the true class is among the k best, for labels [batch, ...] and predictions [batch, ..., classes]. */
function amongBest(where: string, labels: Tensor, predictions: Tensor, k: number): Tensor {
  if (labels.ndim !== predictions.ndim - 1 || labels.shape.some((size, axis) => size !== predictions.shape[axis])) {
    // [batch, 1] labels beside [batch, classes] are one class per row, as in Keras.
    if (labels.size !== predictions.size / (predictions.shape[predictions.ndim - 1] as number)) {
      refuse(where, labels, predictions, 'Give one class per prediction.');
    }
  }
  const rows = ops.reshape(predictions, [-1, predictions.shape[predictions.ndim - 1] as number]);
  const matches = ops.inTopK(ops.cast(ops.reshape(labels, [-1]), 'int32'), rows, k);
  return ops.reshape(asFloat(matches), labels.shape);
}

/** Options of {@link topKCategoricalAccuracy}. */
export interface TopKFunctionOptions {
  /** How many of the best predictions are looked at. @default 5 */
  k?: number;
}

/**
 * 1 where the true class of one-hot labels is among the k largest predictions, else 0.
 *
 * Shapes: `[batch, ..., classes]` twice, to `[batch, ...]`. Source: Keras' `top_k_categorical_accuracy`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await topKCategoricalAccuracy([[0, 0, 1]], [[0.6, 0.1, 0.3]], { k: 2 }).array(); // [1]
 * ```
 */
export function topKCategoricalAccuracy(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: TopKFunctionOptions = {},
): Tensor {
  checkOptions('topKCategoricalAccuracy', options, ['k'], 'yTrue, yPred');
  const [labels, predictions] = asPair(yTrue, yPred);
  return amongBest('topKCategoricalAccuracy', bestClass(labels), predictions, options.k ?? 5);
}

/** Options of {@link sparseTopKCategoricalAccuracy}. */
export interface SparseTopKFunctionOptions extends TopKFunctionOptions {
  /** `yPred` holds class numbers, the best first, instead of scores. @default false */
  fromSortedIds?: boolean;
}

/**
 * 1 where the true class number is among the k largest predictions, else 0.
 *
 * Shapes: `[batch, ...]` and `[batch, ..., classes]`, to `[batch, ...]`. Source: Keras' `sparse_top_k_categorical_accuracy`.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @example
 * ```ts
 * await sparseTopKCategoricalAccuracy([2], [[0.6, 0.1, 0.3]], { k: 2 }).array(); // [1]
 * ```
 */
export function sparseTopKCategoricalAccuracy(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: SparseTopKFunctionOptions = {},
): Tensor {
  checkOptions('sparseTopKCategoricalAccuracy', options, ['k', 'fromSortedIds'], 'yTrue, yPred');
  const { k = 5, fromSortedIds = false } = options;
  const predictions = asTensor(yPred);
  if (!fromSortedIds) return amongBest('sparseTopKCategoricalAccuracy', asTensor(yTrue, 'int32'), predictions, k);
  const labels = asTensor(yTrue, predictions.dtype);
  const width = predictions.shape[predictions.ndim - 1] as number;
  const best = call('aten::narrow', ops.reshape(predictions, [-1, width]), 1, 0, Math.min(k, width));
  const found = ops.any(ops.equal(ops.reshape(labels, [-1, 1]), best), { axis: 1 });
  return ops.reshape(asFloat(found), labels.shape);
}
