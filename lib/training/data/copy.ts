import { setImmediate } from 'node:timers/promises';
import { call } from '../../core/call.js';
import { config } from '../../core/config.js';
import { defaultDevice } from '../../core/device.js';
import { type DType, dtypeOfArray, isFloat, type NumericArray } from '../../core/dtype.js';
import { ShapeError, translateError } from '../../core/errors.js';
import { native } from '../../core/native.js';
import { formatShape, type NestedArray, Tensor, type TensorLike, tensor } from '../../core/tensor.js';

/** Elements copied before the event loop gets its turn: about a millisecond of work. */
const sliceElements = 1 << 20;
/** Numbers of nested arrays taken at a time; they cost far more each. */
const sliceNumbers = 1 << 15;

/**
 * A tensor of the values, on the default device, floats as floatx; large ones are copied in slices so that the event loop isn't held up.
 * Answers the tensor given where nothing had to change.
 * @internal
 */
export async function toTensor(values: TensorLike, where: string): Promise<Tensor> {
  if (values instanceof Tensor) return place(values);
  if (ArrayBuffer.isView(values)) return place(await fromTyped(values, [(values as NumericArray).length]));
  if (Array.isArray(values)) return place(await fromNested(values, where));
  if (typeof values === 'object' && 'data' in values) return place(await fromTyped(values.data, values.shape));
  return place(tensor(values));
}

function place(values: Tensor): Tensor {
  let result = values;
  const floatx = config.floatx();
  if (isFloat(result.dtype) && result.dtype !== floatx) result = call('aten::to.dtype', result, floatx);
  const device = defaultDevice();
  if (result.device !== device) result = call('aten::to.dtype_layout', result, result.dtype, undefined, device);
  if (result !== values) return result;
  return values;
}

async function fromTyped(data: NumericArray, shape: readonly number[]): Promise<Tensor> {
  if (data.length <= sliceElements) return tensor(data, { shape, device: 'cpu' });
  if (shape.reduce((size, axis) => size * axis, 1) !== data.length) return tensor(data, { shape, device: 'cpu' });
  const narrow = data instanceof Float64Array && config.floatx() === 'float32';
  const whole = empty(shape, narrow ? 'float32' : dtypeOfArray(data));
  for (let at = 0; at < data.length; at += sliceElements) {
    const slice = data.subarray(at, at + sliceElements);
    copyInto(whole, at, narrow ? Float32Array.from(slice as Float64Array) : slice);
    await setImmediate();
  }
  return whole;
}

async function fromNested(rows: NestedArray, where: string): Promise<Tensor> {
  const perRow = Math.max(1, count(rows[0]));
  if (rows.length * perRow <= sliceNumbers) return tensor(rows);
  const step = Math.max(1, Math.floor(sliceNumbers / perRow));
  let whole: Tensor | undefined;
  for (let at = 0; at < rows.length; at += step) {
    const part = tensor(rows.slice(at, at + step) as NestedArray, { device: 'cpu' });
    const shape = part.shape.slice(1);
    whole ??= empty([rows.length, ...shape], part.dtype);
    if (formatShape(shape) !== formatShape(whole.shape.slice(1)) || part.dtype !== whole.dtype) {
      throw new ShapeError(
        `${where}: expected rows of one shape and kind, got ${formatShape(whole.shape.slice(1))} of ${whole.dtype} at row 0 and ${formatShape(shape)} of ${part.dtype} at row ${at}.`,
        'Pad the rows to one length first.',
      );
    }
    copyInto(whole, at * perRow, part.dataSync());
    part.dispose();
    await setImmediate();
  }
  return whole as Tensor;
}

function empty(shape: readonly number[], dtype: DType): Tensor {
  return call('aten::empty.memory_format', shape, dtype, undefined, 'cpu');
}

function copyInto(target: Tensor, offset: number, data: ArrayBufferView): void {
  try {
    native.copyInto(target.handle, offset, data);
  } catch (error) {
    throw translateError(error);
  }
}

function count(value: unknown): number {
  return Array.isArray(value) ? value.length * count(value[0]) : 1;
}
