import { call } from '../core/call.js';
import type { DataFormat } from '../core/config.js';
import { isFloat } from '../core/dtype.js';
import { DTypeError, ShapeError } from '../core/errors.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import { castTo } from './promote.js';

/** How a kernel moves over the axes between batch and channels; one number for each of these axes. @internal */
export interface ConvGeometry {
  readonly strides: readonly number[];
  /** 'causal': what 'valid' would miss is added before the first step. */
  readonly padding: 'valid' | 'same' | 'causal';
  readonly dataFormat: DataFormat;
  readonly dilationRate: readonly number[];
}

/** Geometry of a transposed convolution. @internal */
export interface ConvTransposeGeometry extends ConvGeometry {
  readonly padding: 'valid' | 'same';
  /** Below the strides; null: as many outputs as the padding's rule says. */
  readonly outputPadding: readonly number[] | null;
}

/** Before and after an axis. */
type Pads = readonly [before: number, after: number];

/**
 * Convolution with a kernel `[...spatial, inputs / groups, outputs]`; a bias has one number per output channel.
 * @internal
 */
export function convolve(
  where: string,
  inputs: Tensor,
  kernel: Tensor,
  geometry: ConvGeometry,
  bias: Tensor | null = null,
): Tensor {
  const channels = checkOperands(where, inputs, kernel, geometry.dataFormat);
  const [perGroup, filters] = kernel.shape.slice(-2) as [number, number];
  if (perGroup === 0 || channels % perGroup !== 0) {
    throw new ShapeError(
      `${where}: expected input channels that are a multiple of the kernel's ${perGroup}, got ${channels} in ${formatShape(inputs.shape)}.`,
      `The kernel's shape is [...spatial, channels / groups, filters], with dataFormat '${geometry.dataFormat}'.`,
    );
  }
  const groups = channels / perGroup;
  if (filters % groups !== 0) {
    throw new ShapeError(
      `${where}: expected filters that are a multiple of the ${groups} groups, got ${filters} in a kernel of shape ${formatShape(kernel.shape)}.`,
    );
  }
  const pads = padsOf(where, inputs, kernel, geometry);
  // What both sides have in common is the operator's own padding; the rest is laid around the inputs.
  const common = pads.map(([before, after]) => Math.min(before, after));
  const rest = pads.map(([before, after], i) => [before - (common[i] as number), after - (common[i] as number)]);
  return inKernelLayout(inputs, kernel, geometry.dataFormat, (x, weight, lead) => {
    const extra = [...rest].reverse().flat();
    const wide = extra.some((count) => count > 0) ? call('aten::constant_pad_nd', x, extra, 0) : x;
    const [strides, padding] = [lead(geometry.strides, 1), lead(common, 0)];
    const dilation = lead(geometry.dilationRate, 1);
    const zeros = strides.map(() => 0);
    return call('aten::convolution', wide, weight, bias, strides, padding, dilation, false, zeros, groups);
  });
}

/**
 * Convolution of each channel with kernels of its own, `[...spatial, channels, multiplier]`: output channel `c * multiplier + m` comes from input channel c.
 * @internal
 */
export function convolveDepthwise(
  where: string,
  inputs: Tensor,
  kernel: Tensor,
  geometry: ConvGeometry,
  bias: Tensor | null = null,
): Tensor {
  const channels = checkOperands(where, inputs, kernel, geometry.dataFormat);
  checkChannels(where, inputs, channels, kernel.shape.at(-2) as number, geometry.dataFormat);
  const multiplier = kernel.shape.at(-1) as number;
  const grouped = call('aten::reshape', kernel, [...kernel.shape.slice(0, -2), 1, channels * multiplier]);
  return convolve(where, inputs, grouped, geometry, bias);
}

/**
 * The transposed of a convolution, with a kernel `[...spatial, outputs, inputs]`.
 * @internal
 */
export function convolveTransposed(
  where: string,
  inputs: Tensor,
  kernel: Tensor,
  geometry: ConvTransposeGeometry,
  bias: Tensor | null = null,
): Tensor {
  const channels = checkOperands(where, inputs, kernel, geometry.dataFormat);
  checkChannels(where, inputs, channels, kernel.shape.at(-1) as number, geometry.dataFormat);
  const { strides, dilationRate, outputPadding } = geometry;
  // The whole result has (size - 1) * stride + reach numbers along an axis, of which these are cut off.
  const crops = strides.map((stride, i) => {
    const reach = reachOf(kernel, i, dilationRate);
    return cropOf(reach, stride, geometry.padding, outputPadding === null ? null : (outputPadding[i] as number));
  });
  // The operator cuts the same from both ends, and then less from the second one; more is cut off afterwards.
  const before = crops.map(([first]) => first);
  const less = crops.map(([first, second]) => Math.max(first - second, 0));
  return inKernelLayout(inputs, kernel, geometry.dataFormat, (x, weight, lead) => {
    const [stride, padding, dilation] = [lead(strides, 1), lead(before, 0), lead(dilationRate, 1)];
    let y = call('aten::convolution', x, weight, bias, stride, padding, dilation, true, lead(less, 0), 1);
    crops.forEach(([first, second], i) => {
      if (second <= first) return;
      const axis = y.ndim - crops.length + i;
      y = call('aten::slice.Tensor', y, axis, 0, (y.shape[axis] as number) - (second - first), 1);
    });
    return y;
  });
}

/** Numbers of an axis that a kernel spans. */
function reachOf(kernel: Tensor, axis: number, dilationRate: readonly number[]): number {
  return ((kernel.shape[axis] as number) - 1) * (dilationRate[axis] as number) + 1;
}

function cropOf(reach: number, stride: number, padding: 'valid' | 'same', more: number | null): Pads {
  if (padding === 'valid') return [0, -(more ?? Math.max(stride - reach, 0))];
  // 'same': size * stride numbers remain, or (size - 1) * stride + (1 for an odd reach) + outputPadding.
  const kept = more === null ? stride + reach - 2 : reach + (reach % 2) - 2 + more;
  const first = Math.min(Math.ceil(kept / 2), reach - 1);
  return [reach - 1 - first, reach - 1 - (kept - first)];
}

function padsOf(where: string, inputs: Tensor, kernel: Tensor, geometry: ConvGeometry): Pads[] {
  const { strides, padding, dataFormat, dilationRate } = geometry;
  const offset = dataFormat === 'channels_last' ? 1 : 2;
  return strides.map((stride, i) => {
    const size = inputs.shape[i + offset] as number;
    const reach = reachOf(kernel, i, dilationRate);
    if (padding === 'causal') return [reach - 1, 0];
    if (padding === 'same') {
      const missing = Math.max((Math.ceil(size / stride) - 1) * stride + reach - size, 0);
      return [Math.floor(missing / 2), Math.ceil(missing / 2)];
    }
    if (size < reach) {
      throw new ShapeError(
        `${where}: expected inputs of at least ${reach} along axis ${i + offset}, got ${formatShape(inputs.shape)}.`,
        "Take a smaller kernel, or padding: 'same'.",
      );
    }
    return [0, 0];
  });
}

/** Checks dtypes and ranks, and answers the number of input channels. */
function checkOperands(where: string, inputs: Tensor, kernel: Tensor, dataFormat: DataFormat): number {
  if (!isFloat(kernel.dtype)) {
    throw new DTypeError(
      `${where}: expected a kernel of a float dtype, got ${kernel.dtype}.`,
      "Cast it: kernel.cast('float32').",
    );
  }
  if (inputs.ndim < 3 || inputs.ndim > 5) {
    const axes = dataFormat === 'channels_last' ? '[batch, ...spatial, channels]' : '[batch, channels, ...spatial]';
    throw new ShapeError(
      `${where}: expected inputs of rank 3, 4 or 5 ${axes}, got rank ${inputs.ndim} ${formatShape(inputs.shape)}.`,
      'Add an axis: ops.expandDims(x, -1).',
    );
  }
  if (kernel.ndim !== inputs.ndim) {
    throw new ShapeError(
      `${where}: expected a kernel of rank ${inputs.ndim} like the inputs, got ${formatShape(kernel.shape)} for inputs of shape ${formatShape(inputs.shape)}.`,
    );
  }
  return inputs.shape[dataFormat === 'channels_last' ? inputs.ndim - 1 : 1] as number;
}

function checkChannels(
  where: string,
  inputs: Tensor,
  channels: number,
  expected: number,
  dataFormat: DataFormat,
): void {
  if (channels === expected) return;
  throw new ShapeError(
    `${where}: expected inputs with the kernel's ${expected} channels, got ${channels} in ${formatShape(inputs.shape)}.`,
    `Channels stand as dataFormat says, here '${dataFormat}'.`,
  );
}

/**
 * Runs `compute` on inputs and kernel as libtorch has them: channels as axis 1, views of what was given. One spatial axis with channels last is taken as
 * rows of height 1: the operator keeps that layout in two axes and three, and would copy to another in one. `lead` puts that axis before a list.
 */
function inKernelLayout(
  inputs: Tensor,
  kernel: Tensor,
  dataFormat: DataFormat,
  compute: (x: Tensor, weight: Tensor, lead: (list: readonly number[], first: number) => readonly number[]) => Tensor,
): Tensor {
  const x = castTo(inputs, kernel.dtype);
  const last = dataFormat === 'channels_last';
  const raised = last && x.ndim === 3;
  const rows = raised ? call('aten::unsqueeze', x, 1) : x;
  const spatial = raised ? call('aten::unsqueeze', kernel, 0) : kernel;
  const axes = rows.shape.map((_, axis) => axis);
  const [first, second] = [axes.length - 1, axes.length - 2];
  const y = compute(
    last ? call('aten::permute', rows, [0, first, ...axes.slice(1, -1)]) : rows,
    call('aten::permute', spatial, [first, second, ...axes.slice(0, -2)]),
    (list, lead) => (raised ? [lead, ...list] : list),
  );
  const back = last ? call('aten::permute', y, [0, ...axes.slice(2), 1]) : y;
  return raised ? call('aten::squeeze.dim', back, 1) : back;
}
