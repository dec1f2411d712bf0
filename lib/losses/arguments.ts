import type { DType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, Tensor, type TensorLike, tensor } from '../core/tensor.js';
import * as ops from '../ops/index.js';

/** A tensor of that dtype from whatever stands for one; nothing is done to a tensor that has the dtype. @internal */
export function asTensor(value: TensorLike, dtype?: DType): Tensor {
  const result = value instanceof Tensor ? value : tensor(value);
  return dtype === undefined || result.dtype === dtype ? result : ops.cast(result, dtype);
}

/** True when tensors of these shapes can be combined element by element. @internal */
export function broadcastable(a: readonly number[], b: readonly number[]): boolean {
  for (let i = 1; i <= Math.min(a.length, b.length); i++) {
    const x = a[a.length - i];
    const y = b[b.length - i];
    if (x !== y && x !== 1 && y !== 1) return false;
  }
  return true;
}

/**
 * Brings two tensors whose ranks differ by a trailing axis of size 1 to one rank: [n] beside [n, 1] becomes [n, 1]; with more axes (or
 * `expandRank1: false`) the trailing axis goes. Others stay as they are.
 * @internal
 */
export function toSameRank(a: Tensor, b: Tensor, options: { expandRank1?: boolean } = {}): [Tensor, Tensor] {
  const { expandRank1 = true } = options;
  if (a.ndim === b.ndim + 1 && a.shape[a.ndim - 1] === 1) {
    return b.ndim === 1 && expandRank1 ? [a, ops.expandDims(b, -1)] : [ops.squeeze(a, { axis: -1 }), b];
  }
  if (b.ndim === a.ndim + 1 && b.shape[b.ndim - 1] === 1) {
    return a.ndim === 1 && expandRank1 ? [ops.expandDims(a, -1), b] : [a, ops.squeeze(b, { axis: -1 })];
  }
  return [a, b];
}

/** Labels and predictions as tensors of the predictions' dtype. @internal */
export function asPair(yTrue: TensorLike, yPred: TensorLike): [Tensor, Tensor] {
  const predictions = asTensor(yPred);
  return [asTensor(yTrue, predictions.dtype), predictions];
}

/** As {@link asPair}, of one rank and of shapes that fit each other. @throws {ShapeError} if they don't @internal */
export function matchedPair(where: string, yTrue: TensorLike, yPred: TensorLike): [Tensor, Tensor] {
  const pair = toSameRank(...asPair(yTrue, yPred));
  if (!broadcastable(pair[0].shape, pair[1].shape)) {
    throw new ShapeError(
      `${where}: expected yTrue and yPred of shapes that fit each other, got ${formatShape(pair[0].shape)} and ${formatShape(pair[1].shape)}.`,
      'Give the labels the shape of the predictions, or change the units of the last layer.',
    );
  }
  return pair;
}

/** As {@link asPair}, refusing shapes that differ. @throws {ShapeError} if they do @internal */
export function equalPair(where: string, yTrue: TensorLike, yPred: TensorLike, hint: string): [Tensor, Tensor] {
  const [labels, predictions] = asPair(yTrue, yPred);
  if (labels.ndim !== predictions.ndim || labels.shape.some((size, axis) => size !== predictions.shape[axis])) {
    throw new ShapeError(
      `${where}: expected yTrue of the shape of yPred, ${formatShape(predictions.shape)}, got ${formatShape(labels.shape)}.`,
      hint,
    );
  }
  return [labels, predictions];
}
