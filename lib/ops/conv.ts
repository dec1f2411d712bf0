import { config, type DataFormat } from '../core/config.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { checkChoice, checkOptions, none } from './arguments.js';
import { type ConvGeometry, convolve, convolveDepthwise, convolveTransposed } from './convolve.js';
import { asTensor } from './promote.js';

/** Options of {@link conv}, {@link depthwiseConv} and {@link separableConv}. */
export interface ConvOptions {
  /** How far windows are apart, at least 1: one for all spatial axes, or one each. @default 1 */
  strides?: number | readonly number[];
  /** 'valid': windows lie inside the inputs; 'same': ⌈size / stride⌉ windows, with zeros around the inputs, the odd one behind. @default 'valid' */
  padding?: 'valid' | 'same';
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
  /** How far the numbers that a kernel takes are apart, at least 1: one for all spatial axes, or one each. @default 1 */
  dilationRate?: number | readonly number[];
}

/** Options of {@link convTranspose}. */
export interface ConvTransposeOptions extends ConvOptions {
  /** Numbers added behind each spatial axis of the result, below the stride; `null`: as the padding's rule says. @default null */
  outputPadding?: number | readonly number[] | null;
}

const keys = ['strides', 'padding', 'dataFormat', 'dilationRate'];

/**
 * Convolution over one, two or three axes: each output channel is the sum of all input channels in a window, weighted by the kernel.
 *
 * Inputs `[batch, ...spatial, channels]`, kernel `[...spatial, channels / groups, filters]`, result `[batch, ...spatial, filters]`; the number of groups
 * follows from the shapes. Inputs are computed in the kernel's dtype.
 *
 * Source: `keras.ops.conv`.
 *
 * @throws {ShapeError} for shapes that don't fit, or inputs smaller than the kernel
 * @throws {DTypeError} for a kernel of whole numbers
 * @example
 * ```ts
 * ops.conv([[[1], [2], [4]]], [[[1]], [[-1]]]); // [[[-1], [-2]]]
 * ```
 */
export function conv(inputs: TensorLike, kernel: TensorLike, options: ConvOptions = none): Tensor {
  const where = 'ops.conv';
  const [x, weight, geometry] = prepared(where, inputs, kernel, options);
  return convolve(where, x, weight, geometry);
}

/**
 * Convolution of each channel with kernels of its own.
 *
 * Inputs `[batch, ...spatial, channels]`, kernel `[...spatial, channels, multiplier]`, result `[batch, ...spatial, channels * multiplier]`.
 *
 * Source: `keras.ops.depthwise_conv`.
 *
 * @throws {ShapeError} for shapes that don't fit, or inputs smaller than the kernel
 * @throws {DTypeError} for a kernel of whole numbers
 * @example
 * ```ts
 * ops.depthwiseConv([[[1, 5], [2, 6]]], [[[10, 1], [1, 0]]]); // [[[10, 1, 5, 0], [20, 2, 6, 0]]]
 * ```
 */
export function depthwiseConv(inputs: TensorLike, kernel: TensorLike, options: ConvOptions = none): Tensor {
  const where = 'ops.depthwiseConv';
  const [x, weight, geometry] = prepared(where, inputs, kernel, options);
  return convolveDepthwise(where, x, weight, geometry);
}

/**
 * {@link depthwiseConv}, then a convolution with a kernel of size 1 that mixes the channels: `[...1, channels * multiplier, filters]`.
 *
 * Source: `keras.ops.separable_conv`.
 *
 * @throws {ShapeError} for shapes that don't fit, or inputs smaller than the kernel
 * @throws {DTypeError} for kernels of whole numbers
 * @example
 * ```ts
 * ops.separableConv([[[1, 5], [2, 6]]], [[[1], [1]]], [[[1], [1]]]); // [[[6], [8]]]
 * ```
 */
export function separableConv(
  inputs: TensorLike,
  depthwiseKernel: TensorLike,
  pointwiseKernel: TensorLike,
  options: ConvOptions = none,
): Tensor {
  const where = 'ops.separableConv';
  const args = 'inputs, depthwiseKernel, pointwiseKernel';
  const [x, weight, geometry] = prepared(where, inputs, depthwiseKernel, options, args);
  const ones = geometry.strides.map(() => 1);
  const pointwise: ConvGeometry = { ...geometry, strides: ones, dilationRate: ones, padding: 'valid' };
  return convolve(where, convolveDepthwise(where, x, weight, geometry), asTensor(pointwiseKernel, where), pointwise);
}

/**
 * The transposed of a convolution: each input number is spread over a window, weighted by the kernel; windows that overlap add up.
 *
 * Inputs `[batch, ...spatial, channels]`, kernel `[...spatial, filters, channels]`, result `[batch, ...spatial, filters]` with
 * `(size - 1) * stride + max(reach, stride)` numbers along an axis for 'valid' (`reach = (kernel - 1) * dilation + 1`), `size * stride` for 'same'.
 *
 * Source: `keras.ops.conv_transpose`, as it computes on JAX and TensorFlow.
 *
 * @throws {ShapeError} for shapes that don't fit
 * @throws {DTypeError} for a kernel of whole numbers
 * @example
 * ```ts
 * ops.convTranspose([[[1], [2]]], [[[1]], [[3]]], { strides: 2 }); // [[[1], [3], [2], [6]]]
 * ```
 */
export function convTranspose(inputs: TensorLike, kernel: TensorLike, options: ConvTransposeOptions = none): Tensor {
  const where = 'ops.convTranspose';
  checkOptions(where, options, [...keys, 'outputPadding'], 'inputs, kernel');
  const { outputPadding = null, ...rest } = options;
  const [x, weight, geometry] = prepared(where, inputs, kernel, rest);
  const { strides } = geometry;
  const more = outputPadding === null ? null : spread(where, 'outputPadding', outputPadding, strides.length, 0);
  if (more?.some((count, i) => count >= (strides[i] as number))) {
    throw new ArgumentError(
      `${where}: expected outputPadding below strides ${show(strides)}, got ${show(outputPadding)}.`,
    );
  }
  return convolveTransposed(where, x, weight, { ...geometry, outputPadding: more });
}

interface CheckedGeometry extends ConvGeometry {
  readonly padding: 'valid' | 'same';
}

function prepared(
  where: string,
  inputs: TensorLike,
  kernel: TensorLike,
  options: ConvOptions,
  args = 'inputs, kernel',
): [x: Tensor, kernel: Tensor, geometry: CheckedGeometry] {
  checkOptions(where, options, keys, args);
  const { strides = 1, padding = 'valid', dataFormat = null, dilationRate = 1 } = options;
  const [x, weight] = [asTensor(inputs, where), asTensor(kernel, where)];
  // Ranks are checked where the shapes are: a rank below 3 counts as one spatial axis here.
  const rank = Math.max(x.ndim - 2, 1);
  return [
    x,
    weight,
    {
      strides: spread(where, 'strides', strides, rank, 1),
      padding: checkChoice(where, 'padding', lower(padding), ['valid', 'same']),
      dataFormat: checkChoice(where, 'dataFormat', dataFormat ?? config.imageDataFormat(), [
        'channels_last',
        'channels_first',
      ]),
      dilationRate: spread(where, 'dilationRate', dilationRate, rank, 1),
    },
  ];
}

// Keras takes padding in capitals too.
function lower<T>(value: T): T {
  return typeof value === 'string' ? (value.toLowerCase() as T) : value;
}

/** One number for each spatial axis. */
function spread(where: string, name: string, value: unknown, rank: number, min: number): readonly number[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  const wide = list.length === 1 ? new Array<unknown>(rank).fill(list[0]) : list;
  if (wide.length !== rank || !wide.every((n) => Number.isSafeInteger(n) && (n as number) >= min)) {
    throw new ArgumentError(
      `${where}: expected ${name} to be a whole number of at least ${min}, or one for each of ${rank} spatial ${rank === 1 ? 'axis' : 'axes'}, got ${show(value)}.`,
    );
  }
  return wide as readonly number[];
}
