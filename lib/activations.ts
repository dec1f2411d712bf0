import { Configurable, type SerializedObject, serialized } from './core/configurable.js';
import { ArgumentError } from './core/errors.js';
import { defineFamily, type Family } from './core/family.js';
import type { Field } from './core/fields.js';
import { show } from './core/fields.js';
import { toSnakeCase } from './core/names.js';
import { nameOfRegistered } from './core/registry.js';
import { Tensor, type TensorLike } from './core/tensor.js';
import { isPlainObject } from './core/tree.js';
import { checkOptions, none } from './ops/arguments.js';
import * as ops from './ops/index.js';
import { asFloat, asTensor } from './ops/promote.js';

export {
  celu,
  elu,
  glu,
  hardShrink,
  hardSigmoid,
  hardSilu,
  hardSilu as hardSwish,
  hardTanh,
  leakyRelu,
  logSigmoid,
  logSoftmax,
  mish,
  relu6,
  selu,
  sigmoid,
  silu,
  silu as swish,
  softmax,
  softplus,
  softShrink,
  softsign,
  sparsemax,
  sparsePlus,
  sparseSigmoid,
  squareplus,
  tanh,
  tanhShrink,
  threshold,
} from './ops/index.js';

/** What a layer applies to its outputs: a function of one tensor that keeps its shape. */
export type ActivationFunction = (x: Tensor) => Tensor;

/** Options of {@link relu}. */
export interface ReluOptions {
  /** Slope below the threshold. @default 0 */
  negativeSlope?: number;
  /** The largest result. `null`: none. @default null */
  maxValue?: number | null;
  /** Where the slope 1 begins. @default 0 */
  threshold?: number;
}

/**
 * `max(x, 0)`; with options: `maxValue` where `x >= maxValue`, `x` from the threshold on, `negativeSlope * (x - threshold)` below it.
 *
 * Source: Keras' `activations.relu`.
 *
 * @example
 * ```ts
 * activations.relu([-10, -5, 5, 10], { maxValue: 6, negativeSlope: 0.1 }); // [-1, -0.5, 5, 6]
 * ```
 */
export function relu(x: TensorLike, options: ReluOptions = none): Tensor {
  checkOptions('activations.relu', options, ['negativeSlope', 'maxValue', 'threshold']);
  const { negativeSlope = 0, maxValue = null, threshold = 0 } = options;
  if (negativeSlope === 0 && maxValue === null && threshold === 0) return ops.relu(x);
  const value = asFloat(x, 'activations.relu');
  if (negativeSlope !== 0 && maxValue === null && threshold === 0) return ops.leakyRelu(value, { negativeSlope });
  let result: Tensor;
  if (threshold !== 0) result = ops.threshold(value, threshold, 0);
  else result = maxValue === 6 ? ops.relu6(value) : ops.relu(value);
  if (maxValue !== null && !(threshold === 0 && maxValue === 6)) result = ops.clip(result, 0, maxValue);
  if (negativeSlope === 0) return result;
  const below = ops.relu(threshold === 0 ? ops.negative(value) : ops.subtract(threshold, value));
  return ops.subtract(result, ops.multiply(below, negativeSlope));
}

/** Options of {@link gelu}. */
export interface GeluOptions {
  /** By tanh, instead of exactly by the error function. @default false */
  approximate?: boolean;
}

/**
 * `x * P(X <= x)` for X of the standard normal distribution; exact unless asked otherwise. Source: Hendrycks & Gimpel 2016.
 *
 * Exact, of Infinity it is NaN where libtorch computes it by oneDNN; Keras answers Infinity.
 */
export function gelu(x: TensorLike, options: GeluOptions = none): Tensor {
  checkOptions('activations.gelu', options, ['approximate']);
  return ops.gelu(x, { approximate: options.approximate ?? false });
}

/** `e^x`. */
export function exponential(x: TensorLike): Tensor {
  return ops.exp(x);
}

/** `x`, unchanged. */
export function linear(x: TensorLike): Tensor {
  return asTensor(x, 'activations.linear');
}

// Under Keras' names; threshold has no defaults, so no layer can take it by name alone.
const builtIn: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  celu: ops.celu,
  elu: ops.elu,
  exponential,
  gelu,
  glu: ops.glu,
  hardShrink: ops.hardShrink,
  hardSigmoid: ops.hardSigmoid,
  hardSilu: ops.hardSilu,
  hardTanh: ops.hardTanh,
  leakyRelu: ops.leakyRelu,
  linear,
  logSigmoid: ops.logSigmoid,
  logSoftmax: ops.logSoftmax,
  mish: ops.mish,
  relu,
  relu6: ops.relu6,
  selu: ops.selu,
  sigmoid: ops.sigmoid,
  silu: ops.silu,
  softShrink: ops.softShrink,
  softmax: ops.softmax,
  softplus: ops.softplus,
  softsign: ops.softsign,
  sparsePlus: ops.sparsePlus,
  sparseSigmoid: ops.sparseSigmoid,
  sparsemax: ops.sparsemax,
  squareplus: ops.squareplus,
  tanh: ops.tanh,
  tanhShrink: ops.tanhShrink,
};

const kerasNames = new Map<unknown, string>(Object.entries(builtIn).map(([name, fn]) => [fn, toSnakeCase(name)]));

const family: Family<ActivationFunction> = defineFamily<ActivationFunction>({
  kind: 'activation',
  members: () => ({ ...builtIn, threshold: ops.threshold }),
  aliases: { swish: 'silu', hard_swish: 'hardSilu' },
  accepts: (value) => typeof value === 'function' && !(value.prototype instanceof Configurable),
  wrap: (fn) => fn as unknown as ActivationFunction,
});

/** A layer-like object that can stand as an activation: a class with a config and a `call`. */
interface CallableObject {
  apply(x: Tensor): Tensor;
}

const objects = new WeakMap<ActivationFunction, Configurable>();

function fromObject(object: Configurable): ActivationFunction {
  const fn: ActivationFunction = (x) => (object as unknown as CallableObject).apply(x);
  objects.set(fn, object);
  return fn;
}

/**
 * The activation that a name, a config, a function or an object stands for; `null` is {@link linear}.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 * @example
 * ```ts
 * activations.get('relu')(tensor([-1, 2])); // [0, 2]
 * ```
 */
export function get(identifier: unknown, where = 'activations.get'): ActivationFunction {
  if (identifier === null || identifier === undefined) return linear;
  if (identifier instanceof Tensor) {
    throw new ArgumentError(`${where}: expected the name of an activation, an object or a function, got a tensor.`);
  }
  const found: unknown = identifier instanceof Configurable ? identifier : family.get(identifier, where);
  return found instanceof Configurable ? fromObject(found) : (found as ActivationFunction);
}

/**
 * What a config holds for an activation: a built-in one's name, for others an object with class and config.
 * @throws {ArgumentError} for a function that has no name
 */
export function serialize(activation: unknown): string | SerializedObject {
  const known = kerasNames.get(activation);
  if (known !== undefined) return known;
  if (activation === ops.threshold) return 'threshold';
  const object = activation instanceof Configurable ? activation : objects.get(activation as ActivationFunction);
  if (object !== undefined) return serialized(object);
  if (typeof activation !== 'function' || activation.name === '') {
    throw new ArgumentError(
      `activations.serialize: expected a built-in activation or a named function, got ${show(activation)}.`,
      'Give the function a name and register it: registerCustomObject(fn).',
    );
  }
  const name = nameOfRegistered(activation) ?? activation.name;
  return {
    module: 'builtins',
    className: 'function',
    config: name as never,
    registeredName: 'function',
  };
}

/** The activation that {@link serialize} wrote. */
export function deserialize(config: string | SerializedObject): ActivationFunction {
  if (typeof config !== 'string' && !isPlainObject(config)) {
    throw new ArgumentError(`activations.deserialize: expected a name or a config, got ${show(config)}.`);
  }
  return get(config, 'activations.deserialize');
}

/** The row of a table of fields for an option that is an activation. */
export function activationField(value: string | null = null): Field<ActivationFunction> {
  return {
    check: (given, where) => get(given, where),
    default: value,
    toConfig: (given: ActivationFunction) => serialize(given),
  };
}
