import { call } from '../core/call.js';
import { defaultDevice, deviceNamed } from '../core/device.js';
import { type DType, isFloat, isInteger, standardizeDType } from '../core/dtype.js';
import { DTypeError } from '../core/errors.js';
import { Tensor, type TensorLike, tensor } from '../core/tensor.js';
import { checkOptions, none } from './arguments.js';
import { asTensor, castTo, isWideUnsigned } from './promote.js';

/**
 * `x` in another dtype. Floats lose their fraction on the way to integers (towards 0); everything but 0 becomes true.
 *
 * @throws {DTypeError} for an unknown dtype
 * @example
 * ```ts
 * ops.cast([1.7, -1.7], 'int32'); // [1, -1]
 * ```
 */
export function cast(x: TensorLike, dtype: DType): Tensor {
  return castTo(asTensor(x, 'ops.cast'), standardizeDType(dtype));
}

/** Smallest and largest number that a dtype holds, as far as JavaScript numbers can say it. */
function limits(dtype: DType): readonly [number, number] | null {
  if (dtype === 'bool') return [0, 1];
  const bits = Number(/\d+$/.exec(dtype)?.[0]);
  // The 64-bit limits would round outwards: the last float64 below them is meant.
  if (isInteger(dtype)) {
    const unsigned = dtype.startsWith('uint');
    if (bits === 64) return unsigned ? [0, 2 ** 63 - 1024] : [-(2 ** 63), 2 ** 63 - 1024];
    return unsigned ? [0, 2 ** bits - 1] : [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  }
  if (dtype === 'float16') return [-65504, 65504];
  if (dtype === 'bfloat16') return [-3.3895313892515355e38, 3.3895313892515355e38];
  return dtype === 'float32' ? [-3.4028234663852886e38, 3.4028234663852886e38] : null;
}

/**
 * As {@link cast}, with numbers beyond what the dtype holds limited to its smallest and largest; NaN becomes 0 in integers.
 *
 * @example
 * ```ts
 * ops.saturateCast([-3, 300], 'uint8'); // [0, 255]
 * ```
 */
export function saturateCast(x: TensorLike, dtype: DType): Tensor {
  const target = standardizeDType(dtype);
  const value = asTensor(x, 'ops.saturateCast');
  const range = limits(target);
  if (range === null || value.dtype === target || value.dtype === 'bool') return castTo(value, target);
  const from = limits(value.dtype) ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const low = Math.max(range[0], from[0]);
  const high = Math.min(range[1], from[1]);
  const floating = isFloat(value.dtype);
  const source = isWideUnsigned(value.dtype) ? castTo(value, 'int64') : value;
  const known = floating && !isFloat(target) ? call('aten::nan_to_num', source, 0, high, low) : source;
  return castTo(call('aten::clamp', known, low, high), target);
}

/** Options of {@link convertToTensor}. */
export interface ConvertOptions {
  /** Element type. @default that of the values; floatx for numbers */
  dtype?: DType | null;
}

/** A tensor from numbers, arrays or typed data; tensors are cast where another dtype is asked for. */
export function convertToTensor(x: TensorLike, options: ConvertOptions = none): Tensor {
  checkOptions('ops.convertToTensor', options, ['dtype']);
  const dtype = options.dtype === undefined || options.dtype === null ? undefined : standardizeDType(options.dtype);
  if (x instanceof Tensor || dtype === undefined) {
    const value = asTensor(x, 'ops.convertToTensor');
    return dtype === undefined ? value : castTo(value, dtype);
  }
  return castTo(tensor(x, ArrayBuffer.isView(x) ? {} : { dtype }), dtype);
}

/** A new tensor with the values of `x`. */
export function array(x: TensorLike, options: ConvertOptions = none): Tensor {
  checkOptions('ops.array', options, ['dtype']);
  return call('aten::clone', convertToTensor(x, options));
}

/** A new tensor with the values of `x`. */
export function copy(x: TensorLike): Tensor {
  return call('aten::clone', asTensor(x, 'ops.copy'));
}

/** Sizes of the axes. */
export function shape(x: TensorLike): readonly number[] {
  return asTensor(x, 'ops.shape').shape;
}

/** Number of axes. */
export function ndim(x: TensorLike): number {
  return asTensor(x, 'ops.ndim').ndim;
}

/** Number of elements. */
export function size(x: TensorLike): number {
  return asTensor(x, 'ops.size').size;
}

/** Element type. */
export function dtype(x: TensorLike): DType {
  return asTensor(x, 'ops.dtype').dtype;
}

/** True for tensors and Variables; false for arrays and numbers. */
export function isTensor(x: unknown): x is Tensor {
  return x instanceof Tensor;
}

/** `x` as a constant: no gradient flows back through it. */
export function stopGradient(x: TensorLike): Tensor {
  return call('aten::detach', asTensor(x, 'ops.stopGradient'));
}

/** `x` on a device ('cpu', 'cuda:0', …). @default the current device @throws {DeviceError} if it isn't there */
export function toDevice(x: TensorLike, device: string = defaultDevice()): Tensor {
  const value = asTensor(x, 'ops.toDevice');
  const target = deviceNamed(device, 'ops.toDevice');
  return value.device === target ? value : call('aten::to.device', value, target, value.dtype);
}

/** The bytes of `x` read as another dtype; the last axis grows or shrinks where the sizes differ. */
export function view(x: TensorLike, options: ConvertOptions = none): Tensor {
  checkOptions('ops.view', options, ['dtype']);
  const value = asTensor(x, 'ops.view');
  const target = standardizeDType(options.dtype ?? value.dtype);
  if (target === value.dtype) return value;
  if (target === 'bool' || value.dtype === 'bool') {
    throw new DTypeError(
      `ops.view: expected dtypes with numbers, got ${value.dtype} to be read as ${target}.`,
      'Use ops.cast(x, dtype).',
    );
  }
  return call('aten::view.dtype', value, target);
}

/** Pairs (real, imaginary) along the last axis of size 2, as complex numbers. */
export function viewAsComplex(x: TensorLike): Tensor {
  return call('aten::view_as_complex', asTensor(x, 'ops.viewAsComplex'));
}

/** Complex numbers as pairs (real, imaginary) along a new last axis. */
export function viewAsReal(x: TensorLike): Tensor {
  return call('aten::view_as_real', asTensor(x, 'ops.viewAsReal'));
}
