import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { defaultDevice } from '../core/device.js';
import { type DType, isComplex, isInteger, type PromotedType, resultType } from '../core/dtype.js';
import { ArgumentError, DTypeError, NativeError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { native } from '../core/native.js';
import { suspendRecording } from '../core/recording.js';
import { SymbolicTensor } from '../core/symbolic.js';
import { formatShape, Tensor, type TensorLike, tensor } from '../core/tensor.js';
import { keep } from '../core/tidy.js';

// libtorch has almost no arithmetic for these: they are computed as int64 and cast back.
const wideUnsigned: ReadonlySet<DType> = new Set(['uint16', 'uint32', 'uint64']);
// A lone whole number takes these dtypes as they are.
const plainNumbers: ReadonlySet<DType> = new Set([
  'uint8',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
  'complex64',
  'complex128',
]);
const inexact: ReadonlySet<DType> = new Set(['float16', 'bfloat16', 'float32', 'float64', 'complex64', 'complex128']);

/** True for the dtypes that libtorch can store but hardly compute with. @internal */
export function isWideUnsigned(dtype: DType): boolean {
  return wideUnsigned.has(dtype);
}

/** True for floats that arithmetic knows, and complex numbers. @internal */
export function isInexact(dtype: DType): boolean {
  return inexact.has(dtype);
}

/** The argument as a tensor; a lone number is floatx, as `tensor` has it. @internal */
export function asTensor(x: TensorLike, where: string): Tensor {
  if (x instanceof Tensor) return x;
  if ((x as unknown) instanceof SymbolicTensor) {
    throw new ArgumentError(
      `${where}: expected a tensor, number or array, got a symbolic tensor of shape ${formatShape((x as unknown as SymbolicTensor).shape)}.`,
      'Symbolic tensors go through layers and the functions of `ops`: layer.apply(x), ops.relu(x).',
    );
  }
  if (x === undefined || x === null || typeof x === 'string' || typeof x === 'function') {
    throw new ArgumentError(`${where}: expected a tensor, number or array, got ${show(x)}.`);
  }
  return tensor(x);
}

/** The tensor in another dtype, or itself. @internal */
export function castTo(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : call('aten::to.dtype', x, dtype);
}

/** The argument as a float tensor: integers and bools become floatx. @internal */
export function asFloat(x: TensorLike, where: string): Tensor {
  const value = asTensor(x, where);
  return inexact.has(value.dtype) ? value : castTo(value, resultType(value.dtype, 'float'));
}

/**
 * Indices as a tensor of int32 or int64: arrays become int32.
 * @throws {DTypeError} for tensors of floats
 * @internal
 */
export function asIndices(x: TensorLike, where: string): Tensor {
  if (x instanceof Tensor) {
    const { dtype } = x;
    if (dtype === 'int32' || dtype === 'int64') return x;
    if (!isInteger(dtype)) {
      throw new DTypeError(`${where}: expected indices of an integer dtype, got ${dtype}.`, "Use x.cast('int32').");
    }
    return castTo(x, 'int64');
  }
  if (ArrayBuffer.isView(x) || (typeof x === 'object' && 'data' in x)) return asIndices(tensor(x), where);
  return tensor(x, { dtype: 'int32' });
}

let onlyDevice: string | null | undefined;

/** Device of a tensor, without crossing the boundary where the machine has just one. @internal */
export function deviceOf(x: Tensor): string {
  if (onlyDevice === undefined) {
    const list = native.devices();
    onlyDevice = list.length === 1 ? (list[0]?.name ?? null) : null;
  }
  return onlyDevice ?? x.device;
}

// Tensors of one number by device, dtype and value. A map that is full starts anew, so that a loop over a changing number can't fill the memory.
const constants = new Map<string, Map<DType, Map<number, Tensor>>>();
const constantsPerMap = 512;

function constantsOf(device: string, dtype: DType): Map<number, Tensor> {
  let byDtype = constants.get(device);
  if (byDtype === undefined) {
    byDtype = new Map();
    constants.set(device, byDtype);
  }
  let byValue = byDtype.get(dtype);
  if (byValue === undefined) {
    byValue = new Map();
    byDtype.set(dtype, byValue);
  }
  return byValue;
}

/**
 * A number as a tensor without axes, one and the same for equal arguments. Recorded programs capture it instead of making it in each run.
 * @internal
 */
export function constant(value: number, dtype: DType, device: string): Tensor {
  const byValue = constantsOf(device, dtype);
  // A Map takes -0 for 0, which have different reciprocals.
  const cached = Object.is(value, -0) ? undefined : byValue.get(value);
  if (cached !== undefined && !cached.isDisposed) return cached;
  const made = suspendRecording(() =>
    keep(isComplex(dtype) ? castTo(tensor(value, { device }), dtype) : tensor(value, { dtype, device })),
  );
  if (!Object.is(value, -0)) {
    if (byValue.size >= constantsPerMap) byValue.clear();
    byValue.set(value, made);
  }
  return made;
}

/** A number, boolean or BigInt, whose dtype follows the other operands. */
type Lone = number | boolean | bigint;

function isLone(x: unknown): x is Lone {
  const type = typeof x;
  return type === 'number' || type === 'boolean' || type === 'bigint';
}

function typeOf(x: Lone | Tensor): PromotedType {
  if (x instanceof Tensor) return x.dtype;
  if (typeof x === 'number') return Number.isInteger(x) ? 'int' : 'float';
  return typeof x === 'boolean' ? 'bool' : 'int';
}

function operand(x: Lone | Tensor, dtype: DType, device: string): Tensor {
  if (x instanceof Tensor) return castTo(x, dtype);
  if (typeof x === 'bigint' && !Number.isSafeInteger(Number(x))) {
    return tensor(x, { dtype: dtype === 'uint64' ? dtype : 'int64', device });
  }
  return constant(Number(x), dtype, device);
}

/** The dtype in which these arguments meet; lone numbers are weak. `atLeast: 'float'` makes it a float. @internal */
export function meetingType(xs: readonly (Lone | Tensor)[], atLeast?: 'float' | 'int'): DType {
  const types = xs.map(typeOf);
  if (atLeast !== undefined) types.push(atLeast);
  return resultType(...types);
}

/** The arguments as tensors of one dtype, on the device of the first tensor. @internal */
export function promote(where: string, xs: readonly TensorLike[], atLeast?: 'float' | 'int'): Tensor[] {
  const values = xs.map((x) => (isLone(x) ? x : asTensor(x, where)));
  const dtype = meetingType(values, atLeast);
  const first = values.find((value): value is Tensor => value instanceof Tensor);
  const device = first === undefined ? defaultDevice() : deviceOf(first);
  return values.map((value) => operand(value, dtype, device));
}

/** The error of an operator on two operands, in terms of their shapes where these are the reason. @internal */
export function explainPair(where: string, x1: TensorLike, x2: TensorLike, error: unknown): unknown {
  if (!(error instanceof NativeError) || !(x1 instanceof Tensor) || !(x2 instanceof Tensor)) return error;
  if (x1.isDisposed || x2.isDisposed) return error;
  const [a, b] = [x1.shape, x2.shape];
  const fits = a.slice(-b.length).every((_, i) => {
    const [m, n] = [a[a.length - 1 - i], b[b.length - 1 - i]];
    return m === undefined || n === undefined || m === n || m === 1 || n === 1;
  });
  if (!fits) {
    return new ShapeError(
      `${where}: expected shapes that broadcast, got ${formatShape(a)} and ${formatShape(b)}.`,
      'From the last axis on, sizes must be equal or 1: ops.reshape or ops.expandDims can make them so.',
      { cause: error },
    );
  }
  return explain(where, [x1, x2], error);
}

/** Puts the user's terms before libtorch's message. @internal */
export function explain(where: string, xs: readonly Tensor[], error: unknown): unknown {
  if (!(error instanceof NativeError)) return error;
  const given = xs.map((x) => (x.isDisposed ? 'a disposed tensor' : `${x.dtype}${formatShape(x.shape)}`)).join(' and ');
  return new NativeError(`${where}: libtorch refused ${given}.`, error.message, { cause: error });
}

/** An operator on two operands, in the dtype where they meet. @internal */
export function binary(where: string, name: string, x1: TensorLike, x2: TensorLike): Tensor {
  try {
    if (x1 instanceof Tensor && x2 instanceof Tensor) {
      const dtype = x1.dtype;
      if (dtype === x2.dtype && !wideUnsigned.has(dtype)) return call(name, x1, x2);
    } else if (typeof x2 === 'number' && x1 instanceof Tensor) {
      const dtype = x1.dtype;
      if ((Number.isInteger(x2) ? plainNumbers : inexact).has(dtype))
        return call(name, x1, constant(x2, dtype, deviceOf(x1)));
    }
    const [a, b] = promote(where, [x1, x2]) as [Tensor, Tensor];
    const dtype = a.dtype;
    if (!wideUnsigned.has(dtype)) return call(name, a, b);
    const result = call(name, castTo(a, 'int64'), castTo(b, 'int64'));
    return result.dtype === 'int64' ? castTo(result, dtype) : result;
  } catch (error) {
    throw explainPair(where, x1, x2, error);
  }
}

/** An operator on two operands that computes in floats: integers become floatx. @internal */
export function floatBinary(where: string, name: string, x1: TensorLike, x2: TensorLike): Tensor {
  try {
    if (x1 instanceof Tensor && x2 instanceof Tensor) {
      const dtype = x1.dtype;
      if (dtype === x2.dtype && inexact.has(dtype)) return call(name, x1, x2);
    } else if (typeof x2 === 'number' && x1 instanceof Tensor) {
      const dtype = x1.dtype;
      if (inexact.has(dtype)) return call(name, x1, constant(x2, dtype, deviceOf(x1)));
    }
    const [a, b] = promote(where, [x1, x2], 'float') as [Tensor, Tensor];
    return call(name, a, b);
  } catch (error) {
    throw explainPair(where, x1, x2, error);
  }
}

/** An operator on two operands for which bools count as int32. @internal */
export function numberBinary(where: string, name: string, x1: TensorLike, x2: TensorLike): Tensor {
  if (x1 instanceof Tensor && x2 instanceof Tensor && x1.dtype !== 'bool') return binary(where, name, x1, x2);
  const [a, b] = promote(where, [x1, x2], 'int') as [Tensor, Tensor];
  return binary(where, name, a, b);
}

/** An operator on one operand that keeps its dtype. @internal */
export function unary(where: string, name: string, x: TensorLike): Tensor {
  const value = asTensor(x, where);
  const dtype = value.dtype;
  try {
    return wideUnsigned.has(dtype) ? castTo(call(name, castTo(value, 'int64')), dtype) : call(name, value);
  } catch (error) {
    throw explain(where, [value], error);
  }
}

/** An operator on one operand that computes in floats: integers become floatx. @internal */
export function floatUnary(where: string, name: string, x: TensorLike): Tensor {
  const value = x instanceof Tensor && inexact.has(x.dtype) ? x : asFloat(x, where);
  try {
    return call(name, value);
  } catch (error) {
    throw explain(where, [value], error);
  }
}

/** Refuses complex numbers, for operations that order values. @internal */
export function refuseComplex(where: string, x: Tensor): void {
  if (isComplex(x.dtype)) {
    throw new DTypeError(
      `${where}: expected real numbers, got ${x.dtype}.`,
      'Take ops.real(x), ops.imag(x) or ops.abs(x) first.',
    );
  }
}

/** The float dtype of new tensors where none is given. @internal */
export function defaultFloat(): DType {
  return config.floatx();
}
