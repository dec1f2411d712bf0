import { call, callList } from '../core/call.js';
import { ShapeError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, Tensor, type TensorLike } from '../core/tensor.js';
import { checkOptions, none, normalizeAxes, normalizeAxis } from './arguments.js';
import { add, divide, maximum, multiply, square, subtract } from './arithmetic.js';
import { sqrt, tanh } from './elementwise.js';
import { asFloat, asTensor, castTo, constant, deviceOf, floatUnary, isInexact, refuseComplex } from './promote.js';

// In floats throughout: integers and bools become floatx, save in relu, which keeps integers.

function real(x: TensorLike, where: string): Tensor {
  const value = asFloat(x, where);
  refuseComplex(where, value);
  return value;
}

/** A plain number as a tensor in the dtype of another. */
function like(x: Tensor, value: number): Tensor {
  return constant(value, x.dtype, deviceOf(x));
}

/** Where `x > limit`, as bool. */
function above(x: Tensor, limit: number): Tensor {
  return call('aten::gt.Tensor', x, like(x, limit));
}

/** `max(x, 0)`. Source: Keras' `relu`. */
export function relu(x: TensorLike): Tensor {
  if (x instanceof Tensor && isInexact(x.dtype)) return call('aten::relu', x);
  const value = asTensor(x, 'ops.relu');
  return isInexact(value.dtype) ? call('aten::relu', value) : maximum(value, 0);
}

/** `min(max(x, 0), 6)`. */
export function relu6(x: TensorLike): Tensor {
  return call('aten::hardtanh', real(x, 'ops.relu6'), 0, 6);
}

/** `1 / (1 + e^-x)`, from 0 to 1. */
export function sigmoid(x: TensorLike): Tensor {
  return floatUnary('ops.sigmoid', 'aten::sigmoid', x);
}

/** `log(1 / (1 + e^-x))` without overflow. */
export function logSigmoid(x: TensorLike): Tensor {
  return call('aten::log_sigmoid', real(x, 'ops.logSigmoid'));
}

/** `log(1 + e^x)`, a smooth {@link relu}. */
export function softplus(x: TensorLike): Tensor {
  // Above 40 log1p(e^x) is x, even in float64.
  return call('aten::softplus', real(x, 'ops.softplus'), 1, 40);
}

/** `x / (1 + |x|)`, from -1 to 1. */
export function softsign(x: TensorLike): Tensor {
  const value = real(x, 'ops.softsign');
  return call('aten::div.Tensor', value, call('aten::add.Tensor', call('aten::abs', value), like(value, 1)));
}

/** `x * sigmoid(x)`; also called swish. Source: Ramachandran et al. 2017. */
export function silu(x: TensorLike): Tensor {
  return call('aten::silu', real(x, 'ops.silu'));
}

/** The same as {@link silu}. */
export const swish: (x: TensorLike) => Tensor = silu;

/** `x * tanh(softplus(x))`. Source: Misra 2019. */
export function mish(x: TensorLike): Tensor {
  return call('aten::mish', real(x, 'ops.mish'));
}

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** By tanh, instead of exactly by the error function. @default true */
  approximate?: boolean;
}

/** `x * P(X <= x)` for X of the standard normal distribution. Source: Hendrycks & Gimpel 2016. */
export function gelu(x: TensorLike, options: GeluOptions = none): Tensor {
  checkOptions('ops.gelu', options, ['approximate']);
  return call('aten::gelu', real(x, 'ops.gelu'), (options.approximate ?? true) ? 'tanh' : 'none');
}

/** Options of {@link elu} and {@link celu}. */
export interface EluOptions {
  /** What `-elu(x)` nears for small x. @default 1 */
  alpha?: number;
}

/** `x` above 0, `alpha * (e^x - 1)` below. Source: Clevert et al. 2015. */
export function elu(x: TensorLike, options: EluOptions = none): Tensor {
  checkOptions('ops.elu', options, ['alpha']);
  return call('aten::elu', real(x, 'ops.elu'), options.alpha ?? 1);
}

/** `x` above 0, `alpha * (e^(x / alpha) - 1)` below. Source: Barron 2017. */
export function celu(x: TensorLike, options: EluOptions = none): Tensor {
  checkOptions('ops.celu', options, ['alpha']);
  return call('aten::celu', real(x, 'ops.celu'), options.alpha ?? 1);
}

/** `1.0507 * elu(x)` with alpha 1.67326, which keeps mean 0 and variance 1. Source: Klambauer et al. 2017. */
export function selu(x: TensorLike): Tensor {
  return call('aten::selu', real(x, 'ops.selu'));
}

/** Options of {@link leakyRelu}. */
export interface LeakyReluOptions {
  /** Slope below 0. @default 0.2 */
  negativeSlope?: number;
}

/** `x` above 0, `negativeSlope * x` below. */
export function leakyRelu(x: TensorLike, options: LeakyReluOptions = none): Tensor {
  checkOptions('ops.leakyRelu', options, ['negativeSlope']);
  return call('aten::leaky_relu', real(x, 'ops.leakyRelu'), options.negativeSlope ?? 0.2);
}

/** `relu6(x + 3) / 6`: straight lines near the {@link sigmoid}. */
export function hardSigmoid(x: TensorLike): Tensor {
  // Not libtorch's hardsigmoid, which has no second derivative.
  const value = real(x, 'ops.hardSigmoid');
  const clipped = call('aten::hardtanh', call('aten::add.Tensor', value, like(value, 3)), 0, 6);
  return call('aten::div.Tensor', clipped, like(value, 6));
}

/** `x * hardSigmoid(x)`; also called hard swish. Source: Howard et al. 2019. */
export function hardSilu(x: TensorLike): Tensor {
  const value = real(x, 'ops.hardSilu');
  return call('aten::mul.Tensor', value, hardSigmoid(value));
}

/** The same as {@link hardSilu}. */
export const hardSwish: (x: TensorLike) => Tensor = hardSilu;

/** `min(max(x, -1), 1)`. */
export function hardTanh(x: TensorLike): Tensor {
  return call('aten::hardtanh', real(x, 'ops.hardTanh'));
}

/** Options of {@link hardShrink} and {@link softShrink}. */
export interface ShrinkOptions {
  /** What is nearer to 0 than this becomes 0. @default 0.5 */
  threshold?: number;
}

/** `x` where `|x| > threshold`, else 0. */
export function hardShrink(x: TensorLike, options: ShrinkOptions = none): Tensor {
  checkOptions('ops.hardShrink', options, ['threshold']);
  const value = real(x, 'ops.hardShrink');
  return call('aten::where.self', above(call('aten::abs', value), options.threshold ?? 0.5), value, like(value, 0));
}

/** `x - threshold` above it, `x + threshold` below `-threshold`, else 0. */
export function softShrink(x: TensorLike, options: ShrinkOptions = none): Tensor {
  checkOptions('ops.softShrink', options, ['threshold']);
  const value = real(x, 'ops.softShrink');
  const limit = like(value, options.threshold ?? 0.5);
  const low = call('aten::lt.Tensor', value, like(value, -(options.threshold ?? 0.5)));
  const outside = call('aten::where.self', low, call('aten::add.Tensor', value, limit), like(value, 0));
  return call(
    'aten::where.self',
    call('aten::gt.Tensor', value, limit),
    call('aten::sub.Tensor', value, limit),
    outside,
  );
}

/** `x - tanh(x)`. */
export function tanhShrink(x: TensorLike): Tensor {
  const value = real(x, 'ops.tanhShrink');
  return subtract(value, tanh(value));
}

/** `x` above the threshold, else `defaultValue`. */
export function threshold(x: TensorLike, threshold: number, defaultValue: number): Tensor {
  const value = real(x, 'ops.threshold');
  return call('aten::where.self', above(value, threshold), value, like(value, defaultValue));
}

/** 0 up to -1, `(x + 1)^2 / 4` up to 1, `x` above. Source: Martins & Astudillo 2016, as Keras' `sparse_plus`. */
export function sparsePlus(x: TensorLike): Tensor {
  const value = real(x, 'ops.sparsePlus');
  const curve = multiply(square(add(value, 1)), 0.25);
  const upper = call('aten::where.self', call('aten::ge.Tensor', value, like(value, 1)), value, curve);
  return call('aten::where.self', call('aten::le.Tensor', value, like(value, -1)), like(value, 0), upper);
}

/** `(x + 1) / 2`, limited to the range from 0 to 1. */
export function sparseSigmoid(x: TensorLike): Tensor {
  const value = real(x, 'ops.sparseSigmoid');
  return multiply(call('aten::hardtanh', add(value, 1), 0, 2), 0.5);
}

/** Options of {@link squareplus}. */
export interface SquareplusOptions {
  /** How round the bend is, at least 0. @default 4 */
  b?: number;
}

/** `(x + sqrt(x^2 + b)) / 2`. Source: Barron 2021. */
export function squareplus(x: TensorLike, options: SquareplusOptions = none): Tensor {
  checkOptions('ops.squareplus', options, ['b']);
  const value = real(x, 'ops.squareplus');
  return multiply(add(value, sqrt(add(square(value), options.b ?? 4))), 0.5);
}

/** Options of functions along one axis. */
export interface AlongAxisOptions {
  /** The axis. @default -1 */
  axis?: number;
}

/** Options of {@link softmax} and {@link logSoftmax}. */
export interface SoftmaxOptions {
  /** The axis, or axes, over which the results add up to 1. @default -1 */
  axis?: number | readonly number[];
}

function along(where: string, name: string, x: TensorLike, options: SoftmaxOptions): Tensor {
  checkOptions(where, options, ['axis']);
  const value = real(x, where);
  const axes = normalizeAxes(where, options.axis ?? -1, value.shape) as number[];
  if (axes.length === 1) return call(name, value, axes[0]);
  if (axes.length === 0) throw new ShapeError(`${where}: expected at least one axis, got ${show(options.axis)}.`);
  // The axes as one, and back.
  const kept = value.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const moved = call('aten::permute', value, order);
  const flat = call('aten::flatten.using_ints', moved, kept.length, -1);
  const back = order.map((_, axis) => order.indexOf(axis));
  return call('aten::permute', call('aten::reshape', call(name, flat, kept.length), moved.shape), back);
}

/**
 * `e^x / sum(e^x)` along an axis: from 0 to 1, adding up to 1.
 *
 * @example
 * ```ts
 * ops.softmax([0, 0]); // [0.5, 0.5]
 * ```
 */
export function softmax(x: TensorLike, options: SoftmaxOptions = none): Tensor {
  return along('ops.softmax', 'aten::softmax.int', x, options);
}

/** `log(softmax(x))` without overflow. */
export function logSoftmax(x: TensorLike, options: SoftmaxOptions = none): Tensor {
  return along('ops.logSoftmax', 'aten::log_softmax.int', x, options);
}

/** The first half along an axis times the {@link sigmoid} of the second. Source: Dauphin et al. 2016. */
export function glu(x: TensorLike, options: AlongAxisOptions = none): Tensor {
  checkOptions('ops.glu', options, ['axis']);
  const value = real(x, 'ops.glu');
  const axis = normalizeAxis('ops.glu', options.axis ?? -1, value.shape);
  if ((value.shape[axis] as number) % 2 !== 0) {
    throw new ShapeError(`ops.glu: expected an even size at axis ${axis}, got shape ${formatShape(value.shape)}.`);
  }
  return call('aten::glu', value, axis);
}

/** The nearest point to `x` whose coordinates along an axis are at least 0 and add up to 1; many are exactly 0. Source: Martins & Astudillo 2016. */
export function sparsemax(x: TensorLike, options: AlongAxisOptions = none): Tensor {
  checkOptions('ops.sparsemax', options, ['axis']);
  const value = real(x, 'ops.sparsemax');
  const axis = normalizeAxis('ops.sparsemax', options.axis ?? -1, value.shape);
  const sizes = value.shape.map((size, i) => (i === axis ? size : 1));
  const sorted = (callList('aten::sort.stable', value, true, axis, true) as [Tensor, Tensor])[0];
  const sums = call('aten::cumsum', sorted, axis);
  const counts = call('aten::arange.start_step', 1, (sizes[axis] as number) + 1, 1, value.dtype, null, deviceOf(value));
  const rank = call('aten::reshape', counts, sizes);
  const support = above(subtract(sorted, divide(subtract(sums, 1), rank)), 0);
  const size = castTo(call('aten::sum.dim_IntList', support, [axis], true), value.dtype);
  const total = call('aten::sum.dim_IntList', call('aten::where.self', support, sums, like(sums, 0)), [axis], true);
  return maximum(subtract(value, divide(subtract(total, 1), size)), 0);
}
