import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { isInteger } from '../core/dtype.js';
import { ArgumentError, NativeError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkOptions } from '../ops/arguments.js';
import * as ops from '../ops/index.js';
import { asTensor, equalPair } from './arguments.js';
import { markClassNumbers } from './wrapper.js';

// libtorch leaves out one class number by itself; no label has this one, so that every wrong label is an error.
const NO_CLASS = Number.MIN_SAFE_INTEGER;

/** Options of {@link binaryCrossentropy} and {@link categoricalCrossentropy}. */
export interface CrossentropyOptions {
  /** `yPred` holds scores before the sigmoid or softmax, instead of probabilities. @default false */
  fromLogits?: boolean;
  /** Share of certainty taken off the labels and spread over all classes, from 0 to 1. @default 0 */
  labelSmoothing?: number;
  /** Axis of the classes; for {@link binaryCrossentropy} the axis of the mean. @default -1 */
  axis?: number;
}

/** Options of {@link sparseCategoricalCrossentropy}. */
export interface SparseCrossentropyOptions {
  /** `yPred` holds scores before the softmax, instead of probabilities. @default false */
  fromLogits?: boolean;
  /** Class whose positions count for nothing: often -1 or 255, for pixels or steps without a label. @default null */
  ignoreClass?: number | null;
  /** Axis of the classes in `yPred`. @default -1 */
  axis?: number;
}

/**
 * Cross-entropy of labels between 0 and 1: `-mean(y log(p) + (1 - y) log(1 - p), axis)`, with `y = yTrue * (1 - labelSmoothing) + labelSmoothing / 2`
 * and p clipped to [epsilon, 1 - epsilon]; from logits p is `sigmoid(yPred)`, computed without overflow.
 *
 * Shapes: `[batch, ..., units]` twice, to `[batch, ...]`. Source: Keras' `binary_crossentropy`.
 *
 * @throws {ShapeError} if the shapes differ
 * @example
 * ```ts
 * await binaryCrossentropy([[1, 0]], [[0, 0]], { fromLogits: true }).array(); // [0.6931472]
 * ```
 */
export function binaryCrossentropy(yTrue: TensorLike, yPred: TensorLike, options: CrossentropyOptions = {}): Tensor {
  checkOptions('binaryCrossentropy', options, ['fromLogits', 'labelSmoothing', 'axis'], 'yTrue, yPred');
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  checkSmoothing('binaryCrossentropy', labelSmoothing);
  const [labels, predictions] = equalPair(
    'binaryCrossentropy',
    yTrue,
    yPred,
    'Give one label per output unit; for class numbers use sparseCategoricalCrossentropy.',
  );
  const target =
    labelSmoothing === 0 ? labels : ops.add(ops.multiply(labels, 1 - labelSmoothing), 0.5 * labelSmoothing);
  return ops.mean(ops.binaryCrossentropy(target, predictions, { fromLogits }), { axis });
}

/**
 * Cross-entropy of one-hot labels (or of any distribution over classes): `-sum(y log(p), axis)`, with
 * `y = yTrue * (1 - labelSmoothing) + labelSmoothing / classes` and `p = yPred / sum(yPred)` clipped to [epsilon, 1 - epsilon]; from logits log(p) is
 * `logSoftmax(yPred)`.
 *
 * Shapes: `[batch, ..., classes]` twice, to `[batch, ...]`. Source: Keras' `categorical_crossentropy`.
 *
 * @throws {ShapeError} if the shapes differ
 * @example
 * ```ts
 * await categoricalCrossentropy([[0, 1]], [[0.5, 0.5]]).array(); // [0.6931472]
 * ```
 */
export function categoricalCrossentropy(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: CrossentropyOptions = {},
): Tensor {
  checkOptions('categoricalCrossentropy', options, ['fromLogits', 'labelSmoothing', 'axis'], 'yTrue, yPred');
  const { fromLogits = false, labelSmoothing = 0, axis = -1 } = options;
  checkSmoothing('categoricalCrossentropy', labelSmoothing);
  const [labels, predictions] = equalPair(
    'categoricalCrossentropy',
    yTrue,
    yPred,
    'Encode class numbers with utils.toCategorical, or use sparseCategoricalCrossentropy.',
  );
  if (fromLogits && predictions.ndim === 2 && (axis === -1 || axis === 1)) {
    return call('aten::cross_entropy_loss', predictions, labels, null, 0, NO_CLASS, labelSmoothing);
  }
  const classes = labels.shape[labels.ndim - 1] as number;
  const target =
    labelSmoothing === 0 ? labels : ops.add(ops.multiply(labels, 1 - labelSmoothing), labelSmoothing / classes);
  return ops.categoricalCrossentropy(target, predictions, { fromLogits, axis });
}

function checkSmoothing(where: string, labelSmoothing: unknown): void {
  if (typeof labelSmoothing === 'number' && labelSmoothing >= 0 && labelSmoothing <= 1) return;
  throw new ArgumentError(`${where}: expected labelSmoothing to be a number from 0 to 1, got ${show(labelSmoothing)}.`);
}

/** Class numbers as int64, without the axis of size 1 that they may have in the place of the classes. */
function classNumbers(labels: Tensor, predictions: Tensor, axis: number): Tensor {
  let numbers = labels;
  if (numbers.ndim === predictions.ndim) {
    if (numbers.shape[axis] === 1) numbers = ops.squeeze(numbers, { axis });
    else if (numbers.shape[numbers.ndim - 1] === 1) numbers = ops.squeeze(numbers, { axis: -1 });
  }
  const expected = predictions.shape.filter((_, position) => position !== axis);
  if (numbers.ndim !== expected.length || numbers.shape.some((size, position) => size !== expected[position])) {
    throw new ShapeError(
      `sparseCategoricalCrossentropy: expected yTrue of shape ${formatShape(expected)} for yPred of shape ${formatShape(predictions.shape)}, got ${formatShape(labels.shape)}.`,
      'Give one class number per prediction; for one-hot labels use categoricalCrossentropy.',
    );
  }
  return asTensor(numbers, 'int64');
}

/** -log(probability of the class), rows first: [n, classes] and [n]. An operator that refuses classes out of range. */
function negativeLogLikelihood(scores: Tensor, classes: Tensor, fromLogits: boolean): Tensor {
  try {
    return fromLogits
      ? call('aten::cross_entropy_loss', scores, classes, null, 0, NO_CLASS, 0)
      : call('aten::nll_loss', scores, classes, null, 0, NO_CLASS);
  } catch (error) {
    if (!(error instanceof NativeError) || !/out of bounds/i.test(error.message)) throw error;
    throw new ArgumentError(
      `sparseCategoricalCrossentropy: expected class numbers from 0 to ${(scores.shape[1] as number) - 1}, got one out of range: ${error.message.split('\n')[0]}`,
      'Give the last layer one unit per class, count classes from 0, or name a class to leave out with ignoreClass.',
      { cause: error },
    );
  }
}

/**
 * Cross-entropy of class numbers: `-log(p[yTrue])`, with `p = yPred / sum(yPred)` clipped to [epsilon, 1 - epsilon]; from logits log(p) is
 * `logSoftmax(yPred)`. Positions of `ignoreClass` have loss 0, and a mask on the result leaves them out of the mean.
 *
 * Shapes: `[batch, ...]` (or with an axis of size 1 for the classes) and `[batch, ..., classes]`, to `[batch, ...]`.
 * Source: Keras' `sparse_categorical_crossentropy`; class numbers out of range are errors here, not zeros or NaN.
 *
 * @throws {ShapeError} if the shapes don't fit each other
 * @throws {ArgumentError} for a class number that is not below the number of classes
 * @example
 * ```ts
 * await sparseCategoricalCrossentropy([1], [[0.5, 0.5]]).array(); // [0.6931472]
 * ```
 */
export function sparseCategoricalCrossentropy(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: SparseCrossentropyOptions = {},
): Tensor {
  checkOptions('sparseCategoricalCrossentropy', options, ['fromLogits', 'ignoreClass', 'axis'], 'yTrue, yPred');
  const { fromLogits = false, ignoreClass = null } = options;
  let predictions = asTensor(yPred);
  if (isInteger(predictions.dtype) || predictions.dtype === 'bool') predictions = asTensor(yPred, config.floatx());
  const { ndim } = predictions;
  const axis = options.axis === undefined ? ndim - 1 : options.axis < 0 ? options.axis + ndim : options.axis;
  if (!(axis >= 0 && axis < ndim)) {
    throw new ShapeError(
      `sparseCategoricalCrossentropy: expected yPred with an axis ${options.axis ?? -1} of classes, got shape ${formatShape(predictions.shape)}.`,
      'Give predictions of shape [batch, ..., classes].',
    );
  }
  let classes = classNumbers(asTensor(yTrue), predictions, axis);
  const shape = classes.shape;
  const count = predictions.shape[axis] as number;
  if (axis !== ndim - 1) predictions = ops.moveaxis(predictions, axis, -1);
  const flat = shape.length === 1;
  let rows = flat ? predictions : ops.reshape(predictions, [classes.size, count]);
  if (!flat) classes = ops.reshape(classes, [classes.size]);
  let valid: Tensor | undefined;
  if (ignoreClass !== null) {
    valid = ops.notEqual(classes, ignoreClass);
    classes = ops.where(valid, classes, 0);
    rows = ops.where(ops.expandDims(valid, -1), rows, fromLogits ? 0 : 1);
  }
  if (!fromLogits) {
    const shares = ops.divide(rows, ops.sum(rows, { axis: -1, keepdims: true }));
    rows = ops.log(ops.clip(shares, config.epsilon(), 1 - config.epsilon()));
  }
  let losses = negativeLogLikelihood(rows, classes, fromLogits);
  if (!flat) losses = ops.reshape(losses, shape);
  if (valid !== undefined) {
    if (!flat) valid = ops.reshape(valid, shape);
    losses = ops.where(valid, losses, 0);
    losses.mask = valid;
  }
  return losses;
}

markClassNumbers(sparseCategoricalCrossentropy);
