import { type SerializedObject, serialized } from '../core/configurable.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { defineFamily, type Family } from '../core/family.js';
import { type Field, type Fields, show } from '../core/fields.js';
import { formatShape, Tensor } from '../core/tensor.js';
import { cast } from '../ops/index.js';
import { Constant, type ConstantOptions, Identity, type IdentityOptions, Ones, Zeros } from './constant.js';
import { Initializer } from './initializer.js';
import {
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  Orthogonal,
  type OrthogonalOptions,
  RandomNormal,
  type RandomNormalOptions,
  RandomUniform,
  type RandomUniformOptions,
  type ScaledOptions,
  TruncatedNormal,
  VarianceScaling,
  type VarianceScalingOptions,
} from './random.js';
import { STFT, type STFTOptions } from './stft.js';

export { Constant, type ConstantOptions, Identity, type IdentityOptions, Ones, Zeros } from './constant.js';
export {
  Initializer,
  type InitializerCallOptions,
  type InitializerSeed,
  RandomInitializer,
  type RandomInitializerOptions,
} from './initializer.js';
export {
  type FanMode,
  type FanOptions,
  GlorotNormal,
  GlorotUniform,
  HeNormal,
  HeUniform,
  LecunNormal,
  LecunUniform,
  Orthogonal,
  type OrthogonalOptions,
  RandomNormal,
  type RandomNormalOptions,
  RandomUniform,
  type RandomUniformOptions,
  type ScaledOptions,
  type ScalingDistribution,
  TruncatedNormal,
  VarianceScaling,
  type VarianceScalingOptions,
} from './random.js';
export { STFT, type STFTOptions } from './stft.js';
export { type WindowName, windowNames } from './windows.js';

/** The same class as {@link Identity}, under Keras' older name. */
export const IdentityInitializer: typeof Identity = Identity;
/** The same class as {@link Orthogonal}, under Keras' older name. */
export const OrthogonalInitializer: typeof Orthogonal = Orthogonal;
/** The same class as {@link STFT}, under Keras' older name. */
export const STFTInitializer: typeof STFT = STFT;

/** Makes {@link Zeros}. */
export const zeros = (): Zeros => new Zeros();
/** Makes {@link Ones}. */
export const ones = (): Ones => new Ones();
/** Makes {@link Constant}. */
export const constant = (options: ConstantOptions = {}): Constant => new Constant(options);
/** Makes {@link Identity}. */
export const identity = (options: IdentityOptions = {}): Identity => new Identity(options);
/** Makes {@link STFT}. */
export const stft = (options: STFTOptions = {}): STFT => new STFT(options);
/** Makes {@link Orthogonal}. */
export const orthogonal = (options: OrthogonalOptions = {}): Orthogonal => new Orthogonal(options);
/** Makes {@link VarianceScaling}. */
export const varianceScaling = (options: VarianceScalingOptions = {}): VarianceScaling => new VarianceScaling(options);
/** Makes {@link GlorotUniform}. */
export const glorotUniform = (options: ScaledOptions = {}): GlorotUniform => new GlorotUniform(options);
/** Makes {@link GlorotNormal}. */
export const glorotNormal = (options: ScaledOptions = {}): GlorotNormal => new GlorotNormal(options);
/** Makes {@link HeUniform}. */
export const heUniform = (options: ScaledOptions = {}): HeUniform => new HeUniform(options);
/** Makes {@link HeNormal}. */
export const heNormal = (options: ScaledOptions = {}): HeNormal => new HeNormal(options);
/** Makes {@link LecunUniform}. */
export const lecunUniform = (options: ScaledOptions = {}): LecunUniform => new LecunUniform(options);
/** Makes {@link LecunNormal}. */
export const lecunNormal = (options: ScaledOptions = {}): LecunNormal => new LecunNormal(options);
/** Makes {@link RandomUniform}. */
export const randomUniform = (options: RandomUniformOptions = {}): RandomUniform => new RandomUniform(options);
/** Makes {@link RandomNormal}. */
export const randomNormal = (options: RandomNormalOptions = {}): RandomNormal => new RandomNormal(options);
/** Makes {@link TruncatedNormal}. */
export const truncatedNormal = (options: RandomNormalOptions = {}): TruncatedNormal => new TruncatedNormal(options);

/** A user's function in the place of an initializer. */
export type InitializerFunction = (shape: readonly number[], options: { dtype: DType }) => Tensor;

/** An initializer around a function; files hold the function's name. */
class FunctionInitializer extends Initializer {
  static override readonly className: string = 'function';
  static override readonly module: string | null = 'builtins';
  static override readonly fields: Fields = {};
  readonly #fn: InitializerFunction;

  constructor(fn: InitializerFunction) {
    super({});
    this.#fn = fn;
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    const made = this.#fn(shape, { dtype });
    if (!(made instanceof Tensor)) {
      throw new ArgumentError(
        `initializer ${this.#fn.name}: expected the function to return a tensor, got ${show(made)}.`,
      );
    }
    if (formatShape(made.shape) !== formatShape(shape)) {
      throw new ShapeError(
        `initializer ${this.#fn.name}: expected values of shape ${formatShape(shape)}, got ${formatShape(made.shape)}.`,
      );
    }
    return cast(made, dtype);
  }

  override getConfig(): Record<string, unknown> {
    return this.#fn.name as unknown as Record<string, unknown>;
  }

  override clone(): this {
    return this;
  }
}

/** A function that answers one tensor's values. */
function fromTensor(values: Tensor): InitializerFunction {
  return (shape) => {
    if (formatShape(shape) !== formatShape(values.shape)) {
      throw new ShapeError(
        `initializer: expected a weight of the given tensor's shape ${formatShape(values.shape)}, got ${formatShape(shape)}.`,
      );
    }
    return values;
  };
}

const family: Family<Initializer> = defineFamily<Initializer>({
  kind: 'initializer',
  members: () => ({
    Zeros,
    Ones,
    Constant,
    Identity,
    STFT,
    Orthogonal,
    VarianceScaling,
    GlorotUniform,
    GlorotNormal,
    HeUniform,
    HeNormal,
    LecunUniform,
    LecunNormal,
    RandomUniform,
    RandomNormal,
    TruncatedNormal,
  }),
  aliases: {
    IdentityInitializer: 'Identity',
    OrthogonalInitializer: 'Orthogonal',
    STFTInitializer: 'STFT',
    normal: 'RandomNormal',
    uniform: 'RandomUniform',
    one: 'Ones',
    zero: 'Zeros',
  },
  accepts: (value) => value instanceof Initializer,
  wrap: (fn) => new FunctionInitializer(fn as unknown as InitializerFunction),
});

/**
 * The initializer that a name, a config, a class, a function `(shape, { dtype }) => tensor` or a tensor stands for.
 *
 * @throws {ArgumentError} for an unknown name, with the nearest known one
 * @example
 * ```ts
 * initializers.get('glorot_uniform').apply([784, 128]);
 * ```
 */
export function get(identifier: unknown, where = 'initializers.get'): Initializer {
  return identifier instanceof Tensor ? new FunctionInitializer(fromTensor(identifier)) : family.get(identifier, where);
}

/** What a config holds for an initializer. */
export function serialize(initializer: Initializer): SerializedObject {
  if (!(initializer instanceof Initializer)) {
    throw new ArgumentError(`initializers.serialize: expected an initializer, got ${show(initializer)}.`);
  }
  return serialized(initializer);
}

/** The initializer that {@link serialize} wrote. */
export function deserialize(config: SerializedObject): Initializer {
  return get(config, 'initializers.deserialize');
}

/** The row of a table of fields for an option that is an initializer; layers that share a default get one each. */
export function initializerField(value: string): Field<Initializer> {
  return { check: (given, where) => get(given, where), default: value };
}
