import { call } from '../core/call.js';
import { ShapeError } from '../core/errors.js';
import { formatShape, type Tensor, type TensorLike } from '../core/tensor.js';
import { checkInteger, checkOptions, none, normalizeAxes } from './arguments.js';
import { asTensor } from './promote.js';
import { sum } from './reduce.js';
import { ravel } from './shape.js';

/** Options of {@link diagonal} and {@link trace}. */
export interface DiagonalAxesOptions {
  /** The diagonal: 0 the main one, above 0 to the right of it. @default 0 */
  offset?: number;
  /** First axis of the matrices. @default 0 */
  axis1?: number;
  /** Second axis of the matrices. @default 1 */
  axis2?: number;
}

/** The diagonal of matrices, as a new last axis. */
export function diagonal(x: TensorLike, options: DiagonalAxesOptions = none): Tensor {
  checkOptions('ops.diagonal', options, ['offset', 'axis1', 'axis2']);
  const value = asTensor(x, 'ops.diagonal');
  const { offset = 0, axis1 = 0, axis2 = 1 } = options;
  const axes = normalizeAxes('ops.diagonal', [axis1, axis2], value.shape) as number[];
  return call('aten::diagonal', value, checkInteger('ops.diagonal', 'offset', offset), axes[0], axes[1]);
}

/** Options of {@link diag} and {@link diagflat}. */
export interface DiagOptions {
  /** The diagonal: 0 the main one, above 0 to the right of it. @default 0 */
  k?: number;
}

/** A vector on the diagonal of a matrix of zeros, or the diagonal of a matrix as a vector. */
export function diag(x: TensorLike, options: DiagOptions = none): Tensor {
  checkOptions('ops.diag', options, ['k']);
  const value = asTensor(x, 'ops.diag');
  if (value.ndim !== 1 && value.ndim !== 2) {
    throw new ShapeError(`ops.diag: expected a vector or a matrix, got shape ${formatShape(value.shape)}.`);
  }
  const k = checkInteger('ops.diag', 'k', options.k ?? 0);
  return value.ndim === 1 ? call('aten::diag_embed', value, k, 0, 1) : call('aten::diagonal', value, k, 0, 1);
}

/** All elements on the diagonal of a matrix of zeros. */
export function diagflat(x: TensorLike, options: DiagOptions = none): Tensor {
  checkOptions('ops.diagflat', options, ['k']);
  return diag(ravel(x), options);
}

/** Sum of the diagonal of matrices. Small integers and bools are summed in 32 bits. */
export function trace(x: TensorLike, options: DiagonalAxesOptions = none): Tensor {
  checkOptions('ops.trace', options, ['offset', 'axis1', 'axis2']);
  return sum(diagonal(x, options), { axis: -1 });
}
