import { call, callList } from '../core/call.js';
import { ArgumentError, DTypeError, ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, Tensor, type TensorLike } from '../core/tensor.js';
import { checkChoice, checkInteger, checkList, checkOptions, none, normalizeAxes, normalizeAxis } from './arguments.js';
import { multiply } from './arithmetic.js';
import { asFloat, asTensor, castTo, explain, floatBinary, isInexact, isWideUnsigned, promote } from './promote.js';
import { moveaxis, squeeze } from './shape.js';

/** Dtype in which libtorch multiplies matrices of integers, and the one of the result. */
function products(where: string, xs: readonly TensorLike[], run: (values: Tensor[]) => Tensor): Tensor {
  const values = promote(where, xs);
  const { dtype } = values[0] as Tensor;
  const bytes = xs.every((x) => x instanceof Tensor && x.dtype === 'int8');
  const result = bytes ? 'int32' : dtype;
  const computed = isWideUnsigned(dtype) ? 'int64' : dtype === 'bool' ? 'int32' : result;
  try {
    return castTo(run(values.map((value) => castTo(value, computed))), result);
  } catch (error) {
    throw explain(where, values, error);
  }
}

/**
 * Matrix product over the last two axes; leading axes broadcast. A vector is a row on the left and a column on the right.
 *
 * Shapes: `[..., n, k]` and `[..., k, m]` to `[..., n, m]`.
 *
 * @throws {ShapeError} if the inner sizes differ
 * @example
 * ```ts
 * ops.matmul([[1, 2]], [[3], [4]]); // [[11]]
 * ```
 */
export function matmul(x1: TensorLike, x2: TensorLike): Tensor {
  if (x1 instanceof Tensor && x2 instanceof Tensor && x1.dtype === x2.dtype && isInexact(x1.dtype)) {
    try {
      return call('aten::matmul', x1, x2);
    } catch (error) {
      throw wrongInner('ops.matmul', x1, x2) ?? explain('ops.matmul', [x1, x2], error);
    }
  }
  return products('ops.matmul', [x1, x2], ([a, b]) => {
    const wrong = wrongInner('ops.matmul', a as Tensor, b as Tensor);
    if (wrong !== null) throw wrong;
    return call('aten::matmul', a as Tensor, b as Tensor);
  });
}

/** What is wrong with the shapes of a matrix product, if anything is. */
function wrongInner(where: string, x1: Tensor, x2: Tensor): ShapeError | null {
  if (x1.isDisposed || x2.isDisposed) return null;
  const [a, b] = [x1.shape, x2.shape];
  if (a.length === 0 || b.length === 0) {
    return new ShapeError(
      `${where}: expected tensors with axes, got ${formatShape(a)} and ${formatShape(b)}.`,
      'For numbers use ops.multiply.',
    );
  }
  const inner = b.length === 1 ? b[0] : b[b.length - 2];
  if (a[a.length - 1] !== inner) {
    return new ShapeError(
      `${where}: expected the last axis of x1 to fit ${b.length === 1 ? 'x2' : "x2's last axis but one"}, got ${formatShape(a)} and ${formatShape(b)}.`,
      'Perhaps one of them has to be transposed: ops.transpose(x).',
    );
  }
  const lead = (shape: readonly number[]): readonly number[] => shape.slice(0, -2).reverse();
  const [p, q] = [lead(a), lead(b)];
  if (p.some((size, i) => q[i] !== undefined && size !== q[i] && size !== 1 && q[i] !== 1)) {
    return new ShapeError(
      `${where}: expected leading axes that broadcast, got ${formatShape(a)} and ${formatShape(b)}.`,
    );
  }
  return null;
}

/** Sum of products over the last axis of `x1` and the last but one of `x2` (the only one of a vector). Numbers multiply. */
export function dot(x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = [asTensor(x1, 'ops.dot'), asTensor(x2, 'ops.dot')];
  if (a.ndim === 0 || b.ndim === 0) return multiply(typeof x1 === 'number' ? x1 : a, typeof x2 === 'number' ? x2 : b);
  if (b.ndim <= 2 && a.ndim <= 2) return matmul(a, b);
  return tensordot(a, b, { axes: [[-1], [b.ndim === 1 ? 0 : -2]] });
}

/** Options of {@link tensordot}. */
export interface TensordotOptions {
  /** How many axes, the last of `x1` and the first of `x2`; or the axes of each. @default 2 */
  axes?: number | readonly [number | readonly number[], number | readonly number[]];
}

/** Sum of products over several axes of both. */
export function tensordot(x1: TensorLike, x2: TensorLike, options: TensordotOptions = none): Tensor {
  checkOptions('ops.tensordot', options, ['axes'], 'x1, x2');
  const { axes = 2 } = options;
  return products('ops.tensordot', [x1, x2], ([a, b]) => {
    const [left, right] = [a as Tensor, b as Tensor];
    let over: [number[], number[]];
    if (typeof axes === 'number') {
      checkInteger('ops.tensordot', 'axes', axes, 0);
      if (axes > left.ndim || axes > right.ndim) {
        throw new ShapeError(
          `ops.tensordot: expected ${axes} axes in both, got ${formatShape(left.shape)} and ${formatShape(right.shape)}.`,
        );
      }
      over = [left.shape.map((_, i) => i).slice(left.ndim - axes), right.shape.map((_, i) => i).slice(0, axes)];
    } else {
      const list = (axis: number | readonly number[], x: Tensor): number[] =>
        normalizeAxes('ops.tensordot', axis, x.shape) as number[];
      over = [list(axes[0], left), list(axes[1], right)];
    }
    const sizes = (x: Tensor, along: number[]): string => formatShape(along.map((axis) => x.shape[axis] as number));
    if (sizes(left, over[0]) !== sizes(right, over[1])) {
      throw new ShapeError(
        `ops.tensordot: expected equal sizes along axes ${show(over[0])} and ${show(over[1])}, got ${formatShape(left.shape)} and ${formatShape(right.shape)}.`,
      );
    }
    return call('aten::tensordot', left, right, over[0], over[1]);
  });
}

/**
 * Sums of products by Einstein's notation: letters name axes, those that the result doesn't name are summed over.
 *
 * @example
 * ```ts
 * ops.einsum('bij,bjk->bik', [a, b]);
 * ```
 */
export function einsum(subscripts: string, operands: readonly TensorLike[]): Tensor {
  if (typeof subscripts !== 'string') {
    throw new ArgumentError(
      `ops.einsum: expected the equation as a string, got ${show(subscripts)}.`,
      "Write ops.einsum('ij,jk->ik', [a, b]).",
    );
  }
  checkList('ops.einsum', operands, 'operands');
  const terms = (subscripts.split('->')[0] as string).split(',');
  if (terms.length !== operands.length) {
    throw new ArgumentError(
      `ops.einsum: expected ${terms.length} operands for '${subscripts}', got ${operands.length}.`,
    );
  }
  const sizes = new Map<string, number>();
  return products('ops.einsum', operands, (values) => {
    terms.forEach((term, i) => {
      const value = values[i] as Tensor;
      const letters = term.replace(/\s/g, '');
      if (letters.includes('...')) return;
      if (letters.length !== value.ndim) {
        throw new ShapeError(
          `ops.einsum: expected ${letters.length} axes for '${letters}', got shape ${formatShape(value.shape)}.`,
        );
      }
      [...letters].forEach((letter, axis) => {
        const size = value.shape[axis] as number;
        const known = sizes.get(letter) ?? 1;
        if (known !== 1 && size !== 1 && known !== size) {
          throw new ShapeError(
            `ops.einsum: expected one size for '${letter}' in '${subscripts}', got ${known} and ${size}.`,
          );
        }
        sizes.set(letter, Math.max(known, size));
      });
    });
    return call('aten::einsum', subscripts, values);
  });
}

/** Every product of an element of `x1` and one of `x2`, both as rows: `[n]` and `[m]` to `[n, m]`. */
export function outer(x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = promote('ops.outer', [x1, x2]) as [Tensor, Tensor];
  return multiply(call('aten::reshape', a, [-1, 1]), call('aten::reshape', b, [1, -1]));
}

/** Sum of products over the last axis of both. Numbers multiply. */
export function inner(x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = promote('ops.inner', [x1, x2]) as [Tensor, Tensor];
  return a.ndim === 0 || b.ndim === 0 ? multiply(a, b) : tensordot(a, b, { axes: [[-1], [-1]] });
}

/** Sum of products of all elements, those of `x1` conjugated. */
export function vdot(x1: TensorLike, x2: TensorLike): Tensor {
  const [a, b] = promote('ops.vdot', [x1, x2]) as [Tensor, Tensor];
  const left = call('aten::reshape', a, [-1]);
  return matmul(
    left.dtype.startsWith('complex') ? call('aten::conj_physical', left) : left,
    call('aten::reshape', b, [-1]),
  );
}

/** Kronecker's product: each element of `x1` times the whole of `x2`. */
export function kron(x1: TensorLike, x2: TensorLike): Tensor {
  return products('ops.kron', [x1, x2], ([a, b]) => call('aten::kron', a as Tensor, b as Tensor));
}

/** Options of {@link cross}. */
export interface CrossOptions {
  /** Axis of the vectors in `x1`. @default -1 */
  axisa?: number;
  /** Axis of the vectors in `x2`. @default -1 */
  axisb?: number;
  /** Axis of the vectors in the result. @default -1 */
  axisc?: number;
  /** All three at once. @default null */
  axis?: number | null;
}

/** Cross product of vectors of 3 (or 2) numbers; of two vectors of 2 numbers only the third coordinate. */
export function cross(x1: TensorLike, x2: TensorLike, options: CrossOptions = none): Tensor {
  checkOptions('ops.cross', options, ['axisa', 'axisb', 'axisc', 'axis'], 'x1, x2');
  const { axis = null } = options;
  const { axisa = -1, axisb = -1, axisc = -1 } = axis === null ? options : { axisa: axis, axisb: axis, axisc: axis };
  const [a, b] = promote('ops.cross', [x1, x2]) as [Tensor, Tensor];
  const [left, right] = [moveaxis(a, axisa, -1), moveaxis(b, axisb, -1)];
  const lengths = [left, right].map((x) => x.shape[x.ndim - 1] as number);
  if (lengths.some((length) => length !== 2 && length !== 3)) {
    throw new ShapeError(`ops.cross: expected vectors of 2 or 3 numbers, got ${lengths.join(' and ')}.`);
  }
  const full = (x: Tensor): Tensor => (x.shape[x.ndim - 1] === 2 ? call('aten::constant_pad_nd', x, [0, 1], 0) : x);
  const result = call('aten::linalg_cross', full(left), full(right), -1);
  if (lengths.every((length) => length === 2)) return call('aten::select.int', result, -1, 2);
  return moveaxis(result, -1, axisc);
}

// ---- decompositions and equations: float32, float64 and their complex twins

function matrix(x: TensorLike, where: string, square: boolean): Tensor {
  const value = asFloat(x, where);
  if (value.dtype === 'float16' || value.dtype === 'bfloat16') {
    throw new DTypeError(`${where}: expected float32 or float64, got ${value.dtype}.`, "Use x.cast('float32').");
  }
  const [rows, columns] = value.shape.slice(-2);
  if (value.ndim < 2 || (square && rows !== columns)) {
    throw new ShapeError(
      `${where}: expected ${square ? 'square ' : ''}matrices [..., n, ${square ? 'n' : 'm'}], got shape ${formatShape(value.shape)}.`,
    );
  }
  return value;
}

function solved(where: string, name: string, values: Tensor[], ...rest: (boolean | string | null)[]): Tensor {
  try {
    return call(name, ...values, ...rest);
  } catch (error) {
    throw explain(where, values, error);
  }
}

/** The inverse of square matrices. @throws {NativeError} if one has none */
export function inv(x: TensorLike): Tensor {
  return solved('ops.inv', 'aten::linalg_inv', [matrix(x, 'ops.inv', true)]);
}

/** The determinant of square matrices. */
export function det(x: TensorLike): Tensor {
  return solved('ops.det', 'aten::linalg_det', [matrix(x, 'ops.det', true)]);
}

/** Sign and logarithm of the size of the determinant: `[sign, logabsdet]`. */
export function slogdet(x: TensorLike): [Tensor, Tensor] {
  return callList('aten::linalg_slogdet', matrix(x, 'ops.slogdet', true)) as [Tensor, Tensor];
}

/** Options of {@link cholesky}. */
export interface CholeskyOptions {
  /** The upper triangle instead of the lower. @default false */
  upper?: boolean;
}

/** The triangular matrix whose product with its transpose is `x`. @throws {NativeError} if x is not positive definite */
export function cholesky(x: TensorLike, options: CholeskyOptions = none): Tensor {
  checkOptions('ops.cholesky', options, ['upper']);
  return solved('ops.cholesky', 'aten::linalg_cholesky', [matrix(x, 'ops.cholesky', true)], options.upper ?? false);
}

/** Options of {@link qr}. */
export interface QrOptions {
  /** 'reduced': as many columns as needed; 'complete': a square Q. @default 'reduced' */
  mode?: 'reduced' | 'complete';
}

/** `[q, r]` with `x = q r`, q orthogonal and r upper triangular. */
export function qr(x: TensorLike, options: QrOptions = none): [Tensor, Tensor] {
  checkOptions('ops.qr', options, ['mode']);
  const mode = checkChoice('ops.qr', 'mode', options.mode ?? 'reduced', ['reduced', 'complete']);
  return callList('aten::linalg_qr', matrix(x, 'ops.qr', false), mode) as [Tensor, Tensor];
}

/** Options of {@link svd}. */
export interface SvdOptions {
  /** Square U and V. @default true */
  fullMatrices?: boolean;
  /** Answer U and V too. @default true */
  computeUv?: boolean;
}

/** `[u, s, vh]` with `x = u diag(s) vh`, the singular values from the largest on; only `s` with `computeUv: false`. */
export function svd(x: TensorLike, options: SvdOptions & { computeUv: false }): Tensor;
export function svd(x: TensorLike, options?: SvdOptions & { computeUv?: true }): [Tensor, Tensor, Tensor];
export function svd(x: TensorLike, options: SvdOptions = none): Tensor | [Tensor, Tensor, Tensor] {
  checkOptions('ops.svd', options, ['fullMatrices', 'computeUv']);
  const value = matrix(x, 'ops.svd', false);
  if (options.computeUv === false) return call('aten::linalg_svdvals', value);
  return callList('aten::linalg_svd', value, options.fullMatrices ?? true) as [Tensor, Tensor, Tensor];
}

/** Eigenvalues (rising) and eigenvectors (columns) of symmetric matrices: `[values, vectors]`. */
export function eigh(x: TensorLike): [Tensor, Tensor] {
  return callList('aten::linalg_eigh', matrix(x, 'ops.eigh', true), 'L') as [Tensor, Tensor];
}

/** Eigenvalues and eigenvectors (columns) of square matrices, complex: `[values, vectors]`. */
export function eig(x: TensorLike): [Tensor, Tensor] {
  return callList('aten::linalg_eig', matrix(x, 'ops.eig', true)) as [Tensor, Tensor];
}

/** The solution x of `a x = b`. A vector b is one column. */
export function solve(a: TensorLike, b: TensorLike): Tensor {
  const left = matrix(a, 'ops.solve', true);
  const right = castTo(asFloat(b, 'ops.solve'), left.dtype);
  return solved('ops.solve', 'aten::linalg_solve', [left, right]);
}

/** Options of {@link solveTriangular}. */
export interface SolveTriangularOptions {
  /** `a` is lower triangular, else upper. @default false */
  lower?: boolean;
}

/** As {@link solve}, for triangular `a`. */
export function solveTriangular(a: TensorLike, b: TensorLike, options: SolveTriangularOptions = none): Tensor {
  checkOptions('ops.solveTriangular', options, ['lower'], 'a, b');
  const left = matrix(a, 'ops.solveTriangular', true);
  const right = castTo(asFloat(b, 'ops.solveTriangular'), left.dtype);
  const vector = right.ndim === left.ndim - 1;
  const columns = vector ? call('aten::unsqueeze', right, -1) : right;
  const result = solved(
    'ops.solveTriangular',
    'aten::linalg_solve_triangular',
    [left, columns],
    !(options.lower ?? false),
  );
  return vector ? squeeze(result, { axis: -1 }) : result;
}

/** Euclidean distances between rows: `[..., n, d]` and `[..., m, d]` to `[..., n, m]`. */
export function cdist(x: TensorLike, y: TensorLike): Tensor {
  const [a, b] = promote('ops.cdist', [x, y], 'float') as [Tensor, Tensor];
  const along = normalizeAxis('ops.cdist', -1, a.shape);
  if (b.ndim < 2 || a.ndim < 2 || a.shape[along] !== b.shape[b.ndim - 1]) {
    throw new ShapeError(
      `ops.cdist: expected rows of one length, got ${formatShape(a.shape)} and ${formatShape(b.shape)}.`,
    );
  }
  return floatBinary('ops.cdist', 'aten::cdist', a, b);
}
