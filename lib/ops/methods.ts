import { call } from '../core/call.js';
import type { DType } from '../core/dtype.js';
import { Tensor, type TensorLike } from '../core/tensor.js';
import * as activation from './activation.js';
import { checkInteger } from './arguments.js';
import * as arithmetic from './arithmetic.js';
import { cast } from './cast.js';
import * as elementwise from './elementwise.js';
import { getItem, take } from './indexing.js';
import { matmul } from './linalg.js';
import * as logic from './logic.js';
import * as reduce from './reduce.js';
import { argmax, argmin } from './search.js';
import * as shaping from './shape.js';

/** Start and end of {@link Tensor.slice}: one for the first axis, or one for each of the first axes. */
export type SliceBounds = number | readonly number[];

/** The common operations as methods, each as the function of the same name in `ops`. */
export interface TensorMethods {
  /** `this + other`. */
  add(other: TensorLike): Tensor;
  /** `this - other`. */
  subtract(other: TensorLike): Tensor;
  /** `this - other`. */
  sub(other: TensorLike): Tensor;
  /** `this * other`. */
  multiply(other: TensorLike): Tensor;
  /** `this * other`. */
  mul(other: TensorLike): Tensor;
  /** `this / other`, in floats. */
  divide(other: TensorLike): Tensor;
  /** `this / other`, in floats. */
  div(other: TensorLike): Tensor;
  /** `this` to the power `exponent`. */
  power(exponent: TensorLike): Tensor;
  /** `this` to the power `exponent`. */
  pow(exponent: TensorLike): Tensor;
  /** The remainder with the sign of `other`. */
  mod(other: TensorLike): Tensor;
  /** The larger of the two. */
  maximum(other: TensorLike): Tensor;
  /** The smaller of the two. */
  minimum(other: TensorLike): Tensor;
  /** Limited to a range. */
  clip(min: TensorLike | null, max: TensorLike | null): Tensor;
  /** `-this`. */
  negative(): Tensor;
  /** `-this`. */
  neg(): Tensor;
  /** Without the sign. */
  abs(): Tensor;
  /** -1, 0 or 1. */
  sign(): Tensor;
  /** `this * this`. */
  square(): Tensor;
  /** `e^this`. */
  exp(): Tensor;
  /** Natural logarithm. */
  log(): Tensor;
  /** Square root. */
  sqrt(): Tensor;
  /** `1 / sqrt(this)`. */
  rsqrt(): Tensor;
  /** Largest whole numbers not above. */
  floor(): Tensor;
  /** Smallest whole numbers not below. */
  ceil(): Tensor;
  /** Nearest whole numbers, or so many decimals. */
  round(options?: elementwise.RoundOptions): Tensor;
  /** `max(this, 0)`. */
  relu(): Tensor;
  /** `1 / (1 + e^-this)`. */
  sigmoid(): Tensor;
  /** Hyperbolic tangent. */
  tanh(): Tensor;
  /** Probabilities along an axis. */
  softmax(options?: activation.SoftmaxOptions): Tensor;
  /** True where equal. */
  equal(other: TensorLike): Tensor;
  /** True where different. */
  notEqual(other: TensorLike): Tensor;
  /** True where `this > other`. */
  greater(other: TensorLike): Tensor;
  /** True where `this >= other`. */
  greaterEqual(other: TensorLike): Tensor;
  /** True where `this < other`. */
  less(other: TensorLike): Tensor;
  /** True where `this <= other`. */
  lessEqual(other: TensorLike): Tensor;
  /** True where both are true. */
  logicalAnd(other: TensorLike): Tensor;
  /** True where one is true. */
  logicalOr(other: TensorLike): Tensor;
  /** True where false. */
  logicalNot(): Tensor;
  /** Sum of the elements. */
  sum(options?: reduce.ReduceOptions): Tensor;
  /** Mean of the elements. */
  mean(options?: reduce.ReduceOptions): Tensor;
  /** Product of the elements. */
  prod(options?: reduce.ReduceOptions & { dtype?: DType | null }): Tensor;
  /** Largest element. */
  max(options?: reduce.ExtremeOptions): Tensor;
  /** Smallest element. */
  min(options?: reduce.ExtremeOptions): Tensor;
  /** Variance. */
  var(options?: reduce.ReduceOptions): Tensor;
  /** Standard deviation. */
  std(options?: reduce.ReduceOptions): Tensor;
  /** True where any is true. */
  any(options?: reduce.ReduceOptions): Tensor;
  /** True where all are true. */
  all(options?: reduce.ReduceOptions): Tensor;
  /** Place of the largest element. */
  argmax(options?: { axis?: number | null; keepdims?: boolean }): Tensor;
  /** Place of the smallest element. */
  argmin(options?: { axis?: number | null; keepdims?: boolean }): Tensor;
  /** Running sum. */
  cumsum(options?: reduce.CumulativeOptions): Tensor;
  /** Product of matrices. */
  matmul(other: TensorLike): Tensor;
  /** The same elements in another shape. */
  reshape(newshape: readonly number[] | number): Tensor;
  /** The elements in one row. */
  ravel(): Tensor;
  /** The elements in one row. */
  flatten(): Tensor;
  /** Axes in another order; without options reversed. */
  transpose(options?: shaping.TransposeOptions): Tensor;
  /** With a new axis of size 1. */
  expandDims(axis: number | readonly number[]): Tensor;
  /** Without axes of size 1. */
  squeeze(options?: shaping.SqueezeOptions): Tensor;
  /** Repeated to fill a shape. */
  broadcastTo(shape: readonly number[]): Tensor;
  /** In another dtype. */
  cast(dtype: DType): Tensor;
  /** Elements along an axis by their numbers. */
  take(indices: TensorLike, options?: { axis?: number | null }): Tensor;
  /** One place, range or index for each axis: see `ops.getItem`. */
  getItem(key: Parameters<typeof getItem>[1]): Tensor;
  /**
   * The part from `start` up to, not including, `end`, as JavaScript's `slice`: of the first axis, or with arrays of the first axes. Below 0 counts from
   * the end.
   *
   * @example
   * ```ts
   * x.slice(0, 10);         // the first ten rows
   * x.slice([1, 0], [3, 2]); // rows 1 and 2, columns 0 and 1
   * ```
   */
  slice(start?: SliceBounds, end?: SliceBounds): Tensor;
}

declare module '../core/tensor.js' {
  interface Tensor extends TensorMethods {}
}

function slice(x: Tensor, start: SliceBounds, end: SliceBounds | undefined): Tensor {
  const starts = typeof start === 'number' ? [start] : start;
  const ends = end === undefined ? [] : typeof end === 'number' ? [end] : end;
  let result = x;
  for (let axis = 0; axis < Math.max(starts.length, ends.length); axis++) {
    const from = checkInteger('slice', 'start', starts[axis] ?? 0);
    const to = ends[axis];
    result = call('aten::slice.Tensor', result, axis, from, to === undefined ? null : checkInteger('slice', 'end', to));
  }
  return result;
}

type Operation = (x: Tensor, ...args: never[]) => Tensor;

const methods: Record<keyof TensorMethods, Operation> = {
  add: arithmetic.add,
  subtract: arithmetic.subtract,
  sub: arithmetic.subtract,
  multiply: arithmetic.multiply,
  mul: arithmetic.multiply,
  divide: arithmetic.divide,
  div: arithmetic.divide,
  power: arithmetic.power,
  pow: arithmetic.power,
  mod: arithmetic.mod,
  maximum: arithmetic.maximum,
  minimum: arithmetic.minimum,
  clip: arithmetic.clip,
  negative: arithmetic.negative,
  neg: arithmetic.negative,
  abs: arithmetic.absolute,
  sign: arithmetic.sign,
  square: arithmetic.square,
  exp: elementwise.exp,
  log: elementwise.log,
  sqrt: elementwise.sqrt,
  rsqrt: elementwise.rsqrt,
  floor: elementwise.floor,
  ceil: elementwise.ceil,
  round: elementwise.round,
  relu: activation.relu,
  sigmoid: activation.sigmoid,
  tanh: elementwise.tanh,
  softmax: activation.softmax,
  equal: logic.equal,
  notEqual: logic.notEqual,
  greater: logic.greater,
  greaterEqual: logic.greaterEqual,
  less: logic.less,
  lessEqual: logic.lessEqual,
  logicalAnd: logic.logicalAnd,
  logicalOr: logic.logicalOr,
  logicalNot: logic.logicalNot,
  sum: reduce.sum,
  mean: reduce.mean,
  prod: reduce.prod,
  max: reduce.max,
  min: reduce.min,
  var: reduce.var,
  std: reduce.std,
  any: reduce.any,
  all: reduce.all,
  argmax,
  argmin,
  cumsum: reduce.cumsum,
  matmul,
  reshape: shaping.reshape,
  ravel: shaping.ravel,
  flatten: shaping.ravel,
  transpose: shaping.transpose,
  expandDims: shaping.expandDims,
  squeeze: shaping.squeeze,
  broadcastTo: shaping.broadcastTo,
  cast,
  take,
  getItem,
  slice: (x: Tensor, start: SliceBounds = 0, end?: SliceBounds) => slice(x, start, end),
};

for (const [name, operation] of Object.entries(methods)) {
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...args: never[]): Tensor {
      return operation(this, ...args);
    },
    writable: true,
    configurable: true,
  });
}
