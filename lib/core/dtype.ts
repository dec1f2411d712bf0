import { config } from './config.js';
import { ArgumentError, DTypeError } from './errors.js';

/** Element types of tensors: Keras' names. float8 types are for storage only. */
export type DType =
  | 'bool'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64'
  | 'complex64'
  | 'complex128'
  | 'float8_e4m3fn'
  | 'float8_e5m2';

/** All dtypes, in the order of the codes that cross the boundary to the native core. */
export const dtypes: readonly DType[] = [
  'bool',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
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
  'float8_e4m3fn',
  'float8_e5m2',
];

const codes = new Map<string, number>(dtypes.map((name, code) => [name, code]));

/** Typed arrays that numbers can come in or go out as. */
export type NumericArray =
  | Uint8Array
  | Uint8ClampedArray
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigInt64Array
  | BigUint64Array;

/** Code of a dtype at the native boundary. @internal */
export function dtypeCode(dtype: DType): number {
  const code = codes.get(dtype);
  if (code === undefined) throw unknownDType(dtype);
  return code;
}

/**
 * Checks a dtype's name. `'float'` and `'int'` mean floatx and int32, as in Keras; null and undefined mean floatx.
 * @throws {DTypeError} for another name
 */
export function standardizeDType(dtype: string | null | undefined): DType {
  if (dtype === undefined || dtype === null || dtype === 'float') return config.floatx();
  if (dtype === 'int') return 'int32';
  if (!codes.has(dtype)) throw unknownDType(dtype);
  return dtype as DType;
}

function unknownDType(dtype: unknown): DTypeError {
  return new DTypeError(`dtype: expected one of ${dtypes.join(', ')}, got ${JSON.stringify(dtype)}.`);
}

/** True for float16, bfloat16, float32, float64 and the float8 types. */
export function isFloat(dtype: DType): boolean {
  return dtype.startsWith('float') || dtype === 'bfloat16';
}

/** True for signed and unsigned integers; bool is none. */
export function isInteger(dtype: DType): boolean {
  return dtype.startsWith('int') || dtype.startsWith('uint');
}

/** True for complex64 and complex128. */
export function isComplex(dtype: DType): boolean {
  return dtype.startsWith('complex');
}

/** Bytes of one element. */
export function itemSize(dtype: DType): number {
  switch (dtype) {
    case 'bool':
    case 'uint8':
    case 'int8':
    case 'float8_e4m3fn':
    case 'float8_e5m2':
      return 1;
    case 'uint16':
    case 'int16':
    case 'float16':
    case 'bfloat16':
      return 2;
    case 'uint32':
    case 'int32':
    case 'float32':
      return 4;
    case 'complex128':
      return 16;
    default:
      return 8;
  }
}

/** The dtype that a typed array's elements have. */
export function dtypeOfArray(array: ArrayBufferView): DType {
  if (array instanceof Float32Array) return 'float32';
  if (array instanceof Uint8Array || array instanceof Uint8ClampedArray) return 'uint8';
  if (array instanceof Int32Array) return 'int32';
  if (array instanceof Float64Array) return 'float64';
  if (array instanceof BigInt64Array) return 'int64';
  if (array instanceof BigUint64Array) return 'uint64';
  if (array instanceof Int8Array) return 'int8';
  if (array instanceof Int16Array) return 'int16';
  if (array instanceof Uint16Array) return 'uint16';
  if (array instanceof Uint32Array) return 'uint32';
  throw new ArgumentError(
    `tensor: expected a typed array of numbers, got ${array?.constructor?.name ?? typeof array}.`,
    'Use Float32Array, Int32Array, Uint8Array, … instead.',
  );
}

// Promotion lattice of JAX, which Keras follows on every backend: an edge leads to the next wider type.
// Weak types: 'int' (a lone whole number) and 'float' (a lone fraction).
const wider: Record<string, readonly string[]> = {
  bool: ['int'],
  int: ['uint8', 'int8'],
  uint8: ['int16', 'uint16'],
  uint16: ['int32', 'uint32'],
  uint32: ['int64', 'uint64'],
  uint64: ['float'],
  int8: ['int16'],
  int16: ['int32'],
  int32: ['int64'],
  int64: ['float'],
  float: ['bfloat16', 'float16'],
  bfloat16: ['float32'],
  float16: ['float32'],
  float32: ['float64', 'complex64'],
  float64: ['complex128'],
  complex64: ['complex128'],
  complex128: [],
};

const above = new Map<string, Set<string>>();
function upperBounds(type: string): Set<string> {
  let bounds = above.get(type);
  if (bounds === undefined) {
    bounds = new Set([type]);
    for (const next of wider[type] ?? []) for (const bound of upperBounds(next)) bounds.add(bound);
    above.set(type, bounds);
  }
  return bounds;
}

const joined = new Map<string, string>();
function join(a: string, b: string): string {
  if (a === b) return a;
  const key = `${a},${b}`;
  let result = joined.get(key);
  if (result === undefined) {
    const other = upperBounds(b);
    const common = [...upperBounds(a)].filter((type) => other.has(type));
    // The least upper bound is the common bound whose own bounds include all the others.
    result = common.find((type) => common.every((bound) => upperBounds(type).has(bound)));
    if (result === undefined) {
      throw new DTypeError(`No dtype holds both ${a} and ${b}.`, 'Cast one of them first: ops.cast(x, dtype).');
    }
    joined.set(key, result);
  }
  return result;
}

/** A dtype, or the weak type of a lone number: `'int'` for a whole one, `'float'` for a fraction. */
export type PromotedType = DType | 'int' | 'float';

/**
 * The dtype that an operation on these types computes in: JAX's promotion lattice, as in Keras.
 * A weak `'float'` that meets integers alone becomes floatx; 'int' alone becomes int32.
 *
 * @throws {DTypeError} if no dtype holds both: a float8 type beside another
 */
export function resultType(...types: PromotedType[]): DType {
  let result: string = types[0] ?? 'float';
  for (let i = 1; i < types.length; i++) result = join(result, types[i] as string);
  if (result === 'float') return config.floatx();
  if (result === 'int') return 'int32';
  return result as DType;
}
