import { call } from '../../core/call.js';
import type { DataFormat } from '../../core/config.js';
import { isFloat } from '../../core/dtype.js';
import { DTypeError, ShapeError } from '../../core/errors.js';
import { formatShape, type Tensor } from '../../core/tensor.js';

/** How windows move over the spatial axes. */
export interface Windows {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  /** 'same': as many windows as strides fit into the input, the last ones reaching beyond it. */
  readonly padding: 'valid' | 'same';
  readonly dataFormat: DataFormat;
}

const spatialNames = { 1: ['steps'], 2: ['rows', 'columns'], 3: ['a', 'b', 'c'] } as const;

/** Names of all axes, for error messages. @internal */
export function axisNames(rank: 1 | 2 | 3, dataFormat: DataFormat): string[] {
  const spatial = spatialNames[rank];
  return dataFormat === 'channels_last' ? ['batch', ...spatial, 'channels'] : ['batch', 'channels', ...spatial];
}

/** The axes between batch and channels, or behind both. @internal */
export function spatialAxes(rank: number, dataFormat: DataFormat): number[] {
  return Array.from({ length: rank }, (_, i) => i + (dataFormat === 'channels_last' ? 1 : 2));
}

/** The largest value in each window; what lies outside the input never is. @internal */
export function maxPool(where: string, x: Tensor, windows: Windows): Tensor {
  return pool(where, x, windows, (wide, { size, strides, padding }) => {
    const padded = padding.some((count) => count > 0) ? call('aten::constant_pad_nd', wide, padding, -Infinity) : wide;
    return call(size.length === 3 ? 'aten::max_pool3d' : 'aten::max_pool2d', padded, size, strides);
  });
}

/** The mean of each window; what lies outside the input does not count. @internal */
export function averagePool(where: string, x: Tensor, windows: Windows): Tensor {
  return pool(where, x, windows, (wide, { size, strides, padding }) => {
    const name = size.length === 3 ? 'aten::avg_pool3d' : 'aten::avg_pool2d';
    if (padding.every((count) => count === 0)) return call(name, wide, size, strides);
    const mean = (values: Tensor): Tensor =>
      call(name, call('aten::constant_pad_nd', values, padding, 0), size, strides);
    // The share of each window that lies inside, the same for every sample and channel.
    const ones = call('aten::new_ones', wide, [1, 1, ...wide.shape.slice(2)]);
    return call('aten::div.Tensor', mean(wide), mean(ones));
  });
}

interface Geometry {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  /** Before and after each axis, the last axis first: as libtorch's padding takes it. */
  readonly padding: readonly number[];
}

/** Runs `reduce` on the input with channels as axis 1 and two spatial axes at least. */
function pool(where: string, x: Tensor, windows: Windows, reduce: (x: Tensor, geometry: Geometry) => Tensor): Tensor {
  if (!isFloat(x.dtype)) {
    throw new DTypeError(`${where}: expected a float dtype, got ${x.dtype}.`, "Cast it: x.cast('float32').");
  }
  const { dataFormat, padding } = windows;
  const rank = windows.size.length;
  const last = dataFormat === 'channels_last';
  const spatial = spatialAxes(rank, dataFormat).map((axis) => x.shape[axis] as number);
  const pads = spatial.map((length, i) => {
    const [size, stride] = [windows.size[i] as number, windows.strides[i] as number];
    const count = padding === 'same' ? Math.ceil(length / stride) : Math.floor((length - size) / stride) + 1;
    if (count <= 0) {
      throw new ShapeError(
        `${where}: expected inputs of at least ${size} along axis ${i + (last ? 1 : 2)}, got ${formatShape(x.shape)}.`,
        "Take a smaller poolSize, or padding: 'same'.",
      );
    }
    const missing = padding === 'same' ? Math.max((count - 1) * stride + size - length, 0) : 0;
    return [Math.floor(missing / 2), Math.ceil(missing / 2)] as const;
  });
  // One axis is pooled as rows of height 1.
  const lead = rank === 1 ? [1] : [];
  const flat = rank === 1 ? call('aten::unsqueeze', x, last ? 1 : 2) : x;
  const axes = flat.shape.map((_, axis) => axis);
  const wide = last ? call('aten::permute', flat, [0, axes.length - 1, ...axes.slice(1, -1)]) : flat;
  const y = reduce(wide, {
    size: [...lead, ...windows.size],
    strides: [...lead, ...windows.strides],
    padding: [...pads].reverse().flat(),
  });
  const back = last ? call('aten::permute', y, [0, ...axes.slice(2), 1]) : y;
  return rank === 1 ? call('aten::squeeze.dim', back, last ? 1 : 2) : back;
}
