import { inspect } from 'node:util';
import { config } from './config.js';
import { defaultDevice, deviceNamed } from './device.js';
import {
  type DType,
  dtypeCode,
  dtypeOfArray,
  dtypes,
  isComplex,
  itemSize,
  type NumericArray,
  standardizeDType,
} from './dtype.js';
import { ArgumentError, DisposedError, ShapeError, StateError, translateError } from './errors.js';
import { type Handle, type NumericResult, native } from './native.js';
import { isRecording, userPlace } from './recording.js';
import { track } from './tidy.js';

/** Numbers, booleans or BigInts, nested to any depth. */
export type NestedArray = readonly (number | boolean | bigint | NestedArray)[];

/** Data of another library, or a typed array with its shape. */
export interface ShapedData {
  /** The values, row by row. */
  readonly data: NumericArray;
  /** Sizes of the axes. */
  readonly shape: readonly number[];
}

/** Whatever an operation takes where it wants a tensor. */
export type TensorLike = Tensor | number | boolean | bigint | NestedArray | NumericArray | ShapedData;

/** Options of {@link tensor}. */
export interface TensorOptions {
  /** Sizes of the axes. @default the shape of the values: nesting, or [length] of a typed array */
  shape?: readonly number[];
  /** Element type. @default floatx for numbers, bool for booleans, int64 for BigInts, a typed array's own */
  dtype?: DType;
  /** Where the tensor lives. @default the current device */
  device?: string;
  /**
   * `false` shares a typed array's memory instead of copying it (CPU, same dtype): the caller must neither write to the array nor transfer
   * its buffer while the tensor lives.
   * @default true
   */
  copy?: boolean;
}

const staysInThread = Symbol(
  'A tensor stays in its thread: send what await t.data() answers, and make a new one with tensor(). This one',
);

/**
 * An n-dimensional array of numbers in libtorch's memory. Its values never change; operations give new tensors.
 *
 * The common operations of `ops` are methods too. Tensors are freed by the garbage collector; `dispose()`, `using` and `tidy` free them early.
 *
 * @example
 * ```ts
 * const x = tensor([[1, 2], [3, 4]]);
 * x.shape; // [2, 2]
 * await x.multiply(2).reshape([-1]).array(); // [2, 4, 6, 8]
 * ```
 */
export class Tensor {
  /** Sending a tensor to another thread fails at this first property, whose text then stands in the error. @internal */
  readonly stays: symbol = staysInThread;
  /** @internal */
  handle: Handle;
  /** The mask that rides on this tensor, [batch, steps] of bool, if any. @internal */
  mask: Tensor | undefined;
  #shape: readonly number[] | undefined;
  #dtype: DType | undefined;

  /** Made by operations and by {@link tensor}, never by hand. @internal */
  constructor(handle: Handle) {
    this.handle = handle;
    track(this);
  }

  /** Sizes of the axes. */
  get shape(): readonly number[] {
    if (this.#shape === undefined) this.#shape = Object.freeze(native.shape(this.live()));
    return this.#shape;
  }

  /** Element type. */
  get dtype(): DType {
    if (this.#dtype === undefined) this.#dtype = dtypes[native.dtype(this.live())] as DType;
    return this.#dtype;
  }

  /** Number of axes. */
  get ndim(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    let size = 1;
    for (const axis of this.shape) size *= axis;
    return size;
  }

  /** Where the values are: 'cpu', 'cuda:0', … */
  get device(): string {
    return native.device(this.live());
  }

  /** True after {@link dispose}. */
  get isDisposed(): boolean {
    return this.handle === disposedHandle;
  }

  /**
   * The values, row by row, as a typed array: Float32Array for float16 and bfloat16, Uint8Array for bool, interleaved Float32Array for complex64.
   * Large arrays share memory with the tensor: copy before writing to them.
   *
   * @throws {StateError} for variables that a running `fit` owns, and while recording
   */
  dataSync(): NumericResult {
    this.#refuseStandIn();
    try {
      return native.read(this.live());
    } catch (error) {
      throw translateError(error);
    }
  }

  /** As {@link dataSync}, without blocking: a variable in training is read between two steps. */
  data(): Promise<NumericResult> {
    // Thrown, not rejected: while recording nobody awaits, and the error would be lost.
    this.#refuseStandIn();
    return this.#read();
  }

  async #read(): Promise<NumericResult> {
    try {
      return await native.readAsync(this.live());
    } catch (error) {
      throw translateError(error);
    }
  }

  /** The values as nested arrays of numbers (booleans for bool; BigInt only where a number would lose digits). */
  array(): Promise<NestedValues> {
    return this.data().then((values) => nest(values, this.shape, this.dtype));
  }

  /** As {@link array}, without waiting. */
  arraySync(): NestedValues {
    return nest(this.dataSync(), this.shape, this.dtype);
  }

  /** The only element as a number (0 or 1 for bool). @throws {ShapeError} if there is not exactly one */
  item(): number {
    if (this.size !== 1) {
      throw new ShapeError(`item: expected a tensor of one element, got shape ${formatShape(this.shape)}.`);
    }
    return Number(this.dataSync()[0]);
  }

  /** Frees the memory now instead of at a garbage collection. Using the tensor afterwards is a DisposedError. */
  dispose(): void {
    if (this.isDisposed) return;
    try {
      native.dispose(this.handle);
    } catch (error) {
      throw translateError(error);
    }
    this.handle = disposedHandle;
  }

  /** {@link dispose}, at the end of the block of a `using` declaration. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  /** Comparisons and arithmetic of JavaScript don't reach into tensors: an error instead of a silent NaN. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    const unknown = isRecording() || native.isMeta(this.live());
    throw new StateError(
      `A tensor can't be used as a JavaScript number (shape ${formatShape(this.shape)})${userPlace()}.`,
      unknown
        ? 'Use ops (ops.where, ops.cond, ops.greater, …) on tensors; or read the value with t.item() and run without recording: leave jit out, or compile with runEagerly: true.'
        : 'Use ops (ops.add, ops.greater, …) on tensors; outside recorded functions read the value with t.item().',
    );
  }

  /** 'Tensor(float32[2, 3])': dtype and shape, no values. */
  toString(): string {
    return this.isDisposed ? 'Tensor(disposed)' : `Tensor(${this.dtype}${formatShape(this.shape)})`;
  }

  #refuseStandIn(): void {
    if (this.isDisposed || !native.isMeta(this.handle)) return;
    throw new StateError(
      `The value of a tensor (${this.dtype}${formatShape(this.shape)}) was read while recording${userPlace()}: a recording knows shapes and dtypes only.`,
      'Use ops on the tensor (ops.where, ops.cond); or run without recording: leave jit out, or compile with runEagerly: true.',
    );
  }

  /** The handle as an argument of an operation. @internal */
  operand(): Handle {
    return this.live();
  }

  /** @internal */
  protected live(): Handle {
    if (this.isDisposed) {
      throw new DisposedError(
        'The tensor was disposed.',
        'Keep it out of tidy() by returning it, or dispose it later.',
      );
    }
    return this.handle;
  }
}

// `console.log(tensor)` shows dtype and shape, not the handle.
Object.defineProperty(Tensor.prototype, inspect.custom, {
  value(this: Tensor): string {
    return this.toString();
  },
});

/** What `array()` answers: a number, or nested arrays of them. */
export type NestedValues = number | boolean | bigint | NestedValues[];

// Passed on to the addon by every call, so that the check costs nothing: the addon refuses it with ERR_DISPOSED.
const disposedHandle = null as unknown as Handle;

/** '[2, 3]'; unknown dimensions as 'null'. */
export function formatShape(shape: readonly (number | null)[]): string {
  return `[${shape.map(String).join(', ')}]`;
}

/**
 * Makes a tensor from numbers, nested arrays, a typed array, or `{ data, shape }`.
 *
 * Nested arrays of numbers become floatx (never an integer type by value), of booleans bool, of BigInts int64; typed arrays keep their dtype.
 *
 * @throws {ShapeError} for ragged nesting, or a shape that doesn't fit the number of values
 * @example
 * ```ts
 * const x = tensor([[1, 2], [3, 4]]);                        // float32[2, 2]
 * const y = tensor(new Uint8Array(784), { shape: [28, 28] }); // uint8[28, 28]
 * ```
 */
export function tensor(values: TensorLike, options: TensorOptions = {}): Tensor {
  if (values instanceof Tensor) return fromTensor(values, options);
  const { copy = true } = options;
  const device = options.device === undefined ? defaultDevice() : deviceNamed(options.device, 'tensor: device');
  const wanted = options.dtype === undefined ? undefined : standardizeDType(options.dtype);
  let data: ArrayBufferView;
  let shape: readonly number[];
  let dtype: DType;
  if (ArrayBuffer.isView(values)) {
    data = values;
    dtype = dtypeOfArray(data);
    shape = options.shape ?? [(values as NumericArray).length];
  } else if (isShapedData(values)) {
    data = values.data;
    dtype = dtypeOfArray(data);
    shape = options.shape ?? values.shape;
  } else {
    const flat = flatten(values as number | boolean | bigint | NestedArray);
    dtype = flat.kind === 'boolean' ? 'bool' : flat.kind === 'bigint' ? 'int64' : config.floatx();
    // Whole numbers bound for int64 keep all their digits; other numbers pass through float64 and are cast natively.
    data =
      flat.kind === 'bigint'
        ? BigInt64Array.from(flat.values as bigint[])
        : flat.kind === 'boolean'
          ? Uint8Array.from(flat.values as boolean[], Number)
          : wanted === 'float32' || (wanted === undefined && dtype === 'float32')
            ? Float32Array.from(flat.values as number[])
            : Float64Array.from(flat.values as number[]);
    shape = options.shape ?? flat.shape;
    dtype = wanted ?? dtype;
  }
  dtype = wanted ?? dtype;
  if (isComplex(dtype) && (data as NumericArray).length === shape.reduce((size, axis) => size * axis, 1)) {
    data = withZeros(data as NumericArray);
  }
  checkShape(shape, (data as NumericArray).length, dtype);
  try {
    return new Tensor(native.fromArray(data, shape, dtypeCode(dtype), device, copy));
  } catch (error) {
    throw translateError(error);
  }
}

/** Real numbers as (real, imaginary) pairs. */
function withZeros(real: NumericArray): Float64Array {
  const pairs = new Float64Array(2 * real.length);
  for (let i = 0; i < real.length; i++) pairs[2 * i] = Number(real[i]);
  return pairs;
}

function fromTensor(values: Tensor, options: TensorOptions): Tensor {
  if (options.shape !== undefined || options.device !== undefined || options.dtype !== undefined) {
    throw new ArgumentError(
      'tensor: expected values without options when given a tensor.',
      'Use x.reshape(shape), x.cast(dtype) or ops.toDevice(x, device).',
    );
  }
  return values;
}

function isShapedData(values: unknown): values is ShapedData {
  return typeof values === 'object' && values !== null && 'data' in values && 'shape' in values;
}

function checkShape(shape: readonly number[], length: number, dtype: DType): void {
  let size = 1;
  for (const axis of shape) {
    if (!Number.isSafeInteger(axis) || axis < 0) {
      throw new ShapeError(`tensor: expected a shape of whole numbers of at least 0, got ${formatShape(shape)}.`);
    }
    size *= axis;
  }
  const perElement = isComplex(dtype) ? 2 : 1;
  if (size * perElement !== length) {
    throw new ShapeError(
      `tensor: expected ${size * perElement} values for shape ${formatShape(shape)} of ${dtype}, got ${length}.`,
      perElement === 2
        ? 'Complex values are given as (real, imaginary) pairs, or as real numbers alone.'
        : 'Change the shape or the values.',
    );
  }
  if (size * itemSize(dtype) > Number.MAX_SAFE_INTEGER)
    throw new ShapeError(`tensor: ${formatShape(shape)} is too large.`);
}

interface Flat {
  values: (number | boolean | bigint)[];
  shape: number[];
  kind: 'number' | 'boolean' | 'bigint';
}

function flatten(nested: number | boolean | bigint | NestedArray): Flat {
  const shape: number[] = [];
  for (let level: unknown = nested; Array.isArray(level); level = level[0]) shape.push(level.length);
  const values: (number | boolean | bigint)[] = [];
  let kind: string | undefined;
  const visit = (item: unknown, depth: number): void => {
    if (Array.isArray(item)) {
      if (depth >= shape.length || item.length !== shape[depth]) {
        throw new ShapeError(
          `tensor: expected nested arrays of equal lengths, got length ${item.length} beside ${shape[depth] ?? 'a number'} at depth ${depth}.`,
          'Pad the rows to one length first.',
        );
      }
      for (const child of item) visit(child, depth + 1);
      return;
    }
    const type = typeof item;
    if (type !== 'number' && type !== 'boolean' && type !== 'bigint') {
      throw new ArgumentError(
        `tensor: expected numbers, booleans or BigInts, got ${item === null ? 'null' : type}.`,
        'Encode strings and missing values as numbers first.',
      );
    }
    if (depth !== shape.length) {
      throw new ShapeError(
        `tensor: expected nested arrays of equal depth, got a ${type} beside an array at depth ${depth}.`,
      );
    }
    if (kind === undefined) kind = type;
    else if (kind !== type) {
      throw new ArgumentError(`tensor: expected values of one kind, got ${type} among ${kind}.`);
    }
    values.push(item as number | boolean | bigint);
  };
  visit(nested, 0);
  return { values, shape, kind: (kind ?? 'number') as Flat['kind'] };
}

function nest(data: NumericResult, shape: readonly number[], dtype: DType): NestedValues {
  const complex = dtype === 'complex64' || dtype === 'complex128';
  const full = complex ? [...shape, 2] : shape;
  let position = 0;
  const value = (): number | boolean | bigint => {
    const element = data[position++] as number | bigint;
    if (dtype === 'bool') return element !== 0;
    if (typeof element === 'bigint') return Number.isSafeInteger(Number(element)) ? Number(element) : element;
    return element;
  };
  const build = (depth: number): NestedValues => {
    if (depth === full.length) return value();
    const items: NestedValues[] = [];
    for (let i = 0; i < (full[depth] as number); i++) items.push(build(depth + 1));
    return items;
  };
  return build(0);
}
