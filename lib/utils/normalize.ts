import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { ArgumentError, DTypeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { checkOptions, none, normalizeAxis } from '../ops/arguments.js';
import { asFloat } from '../ops/promote.js';

/** Options of {@link normalize}. */
export interface NormalizeOptions {
  /** Axis along which each vector is scaled. @default -1 */
  axis?: number;
  /** Order of the norm: at least 1; `Infinity` is the largest absolute value. @default 2 */
  order?: number;
}

const optionNames = ['axis', 'order'];

/**
 * Scales vectors to norm 1: `x / max(norm(x), epsilon)`, with epsilon from `config.epsilon()`; vectors of zeros stay.
 *
 * The shape stays; integers and booleans become floatx. As `keras.utils.normalize`, and differentiable.
 *
 * @throws {ShapeError} for an axis that x doesn't have
 * @throws {ArgumentError} for an order below 1
 * @throws {DTypeError} for complex numbers
 * @example
 * ```ts
 * import { utils } from 'torchlayers';
 *
 * utils.normalize([[3, 4]]); // [[0.6, 0.8]]
 * ```
 */
export function normalize(x: TensorLike, options: NormalizeOptions = none): Tensor {
  checkOptions('normalize', options, optionNames);
  const { axis = -1, order = 2 } = options;
  const value = asFloat(x, 'normalize');
  if (value.dtype.startsWith('complex')) {
    throw new DTypeError(`normalize: expected real numbers, got ${value.dtype}.`);
  }
  if (typeof order !== 'number' || !(order >= 1)) {
    throw new ArgumentError(`normalize: expected order to be a number of at least 1, got ${show(order)}.`);
  }
  const dim = normalizeAxis('normalize', axis, value.shape);
  const norm = call('aten::linalg_vector_norm', value, order, [dim], true);
  return call('aten::div.Tensor', value, call('aten::clamp_min', norm, config.epsilon()));
}
