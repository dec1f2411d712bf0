import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { type Fields, is, optional, show } from '../core/fields.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import { cast, diag, multiply, qr, reshape, sign, transpose } from '../ops/index.js';
import * as draw from '../ops/random.js';
import { RandomInitializer, type RandomInitializerOptions } from './initializer.js';

/** Options of {@link RandomNormal} and {@link TruncatedNormal}. */
export interface RandomNormalOptions extends RandomInitializerOptions {
  /** Mean of the distribution. @default 0 */
  mean?: number;
  /** Standard deviation, at least 0. @default 0.05 */
  stddev?: number;
}

const normalFields: Fields = { mean: optional(is.number(), 0), stddev: optional(is.number({ min: 0 }), 0.05) };

/** Numbers of a normal distribution. Source: `keras.initializers.RandomNormal`. */
export class RandomNormal extends RandomInitializer {
  static override readonly className: string = 'RandomNormal';
  static override readonly module: string | null = 'keras.initializers';
  static override readonly fields: Fields = normalFields;

  declare readonly mean: number;
  declare readonly stddev: number;

  constructor(options: RandomNormalOptions = {}) {
    super(options);
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    return draw.normal(shape, { mean: this.mean, stddev: this.stddev, dtype, seed: this.source });
  }
}

/** Numbers of a normal distribution, none further than two deviations from the mean. Source: `keras.initializers.TruncatedNormal`. */
export class TruncatedNormal extends RandomInitializer {
  static override readonly className: string = 'TruncatedNormal';
  static override readonly module: string | null = 'keras.initializers';
  static override readonly fields: Fields = normalFields;

  declare readonly mean: number;
  declare readonly stddev: number;

  constructor(options: RandomNormalOptions = {}) {
    super(options);
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    return draw.truncatedNormal(shape, { mean: this.mean, stddev: this.stddev, dtype, seed: this.source });
  }
}

/** Options of {@link RandomUniform}. */
export interface RandomUniformOptions extends RandomInitializerOptions {
  /** Smallest value. @default -0.05 */
  minval?: number;
  /** No value reaches it. @default 0.05 */
  maxval?: number;
}

/** Numbers between two bounds, each as likely. Source: `keras.initializers.RandomUniform`. */
export class RandomUniform extends RandomInitializer {
  static override readonly className: string = 'RandomUniform';
  static override readonly module: string | null = 'keras.initializers';
  static override readonly fields: Fields = {
    minval: optional(is.number(), -0.05),
    maxval: optional(is.number(), 0.05),
  };

  declare readonly minval: number;
  declare readonly maxval: number;

  constructor(options: RandomUniformOptions = {}) {
    super(options);
    if (this.minval > this.maxval) {
      throw new ArgumentError(
        `RandomUniform: expected minval of at most maxval, got ${this.minval} and ${this.maxval}.`,
      );
    }
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    return draw.uniform(shape, { minval: this.minval, maxval: this.maxval, dtype, seed: this.source });
  }
}

/** Options of {@link Orthogonal}. */
export interface OrthogonalOptions extends RandomInitializerOptions {
  /** Factor of the matrix. @default 1 */
  gain?: number;
}

/**
 * A random matrix with orthogonal rows or columns of length `gain`; of higher ranks all axes but the last count as one. Source: Saxe et al. 2014;
 * `keras.initializers.Orthogonal`.
 */
export class Orthogonal extends RandomInitializer {
  static override readonly className: string = 'Orthogonal';
  static override readonly module: string | null = 'keras.initializers';
  static override readonly fields: Fields = { gain: optional(is.number(), 1) };

  declare readonly gain: number;

  constructor(options: OrthogonalOptions = {}) {
    super(options);
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    if (shape.length < 2) {
      throw new ShapeError(
        `Orthogonal: expected a shape of rank 2 or more, got ${formatShape(shape)}.`,
        'Use RandomNormal for vectors.',
      );
    }
    const columns = shape[shape.length - 1] as number;
    const rows = shape.slice(0, -1).reduce((product, size) => product * size, 1);
    // Half precision has no decomposition.
    const computed = dtype === 'float64' ? 'float64' : 'float32';
    const a = draw.normal([Math.max(rows, columns), Math.min(rows, columns)], { dtype: computed, seed: this.source });
    const [q, r] = qr(a);
    // By r's signs, else not every orthogonal matrix would be as likely.
    const uniform = multiply(q, sign(diag(r)));
    const turned = rows < columns ? transpose(uniform) : uniform;
    return cast(multiply(reshape(turned, shape), this.gain), dtype);
  }
}

/** Axes given where a weight's shape doesn't say which sizes count as inputs and outputs. */
export interface FanOptions {
  /** Axes whose sizes multiply to the number of inputs. @default null: all but the last */
  inputAxes?: readonly number[] | null;
  /** Axes whose sizes multiply to the number of outputs. @default null: all but the last but one */
  outputAxes?: readonly number[] | null;
}

/** Number of inputs and outputs of one unit, by the shape of its weight: `[fanIn, fanOut]`. @internal */
export function computeFans(shape: readonly number[], options: FanOptions = {}): [number, number] {
  const { inputAxes = null, outputAxes = null } = options;
  if (inputAxes !== null && outputAxes !== null) {
    const over = (axes: readonly number[]): number =>
      axes.reduce((product, axis) => {
        const size = shape.at(axis);
        if (size === undefined) {
          throw new ShapeError(`VarianceScaling: expected axes of shape ${formatShape(shape)}, got axis ${axis}.`);
        }
        return product * size;
      }, 1);
    return [over(inputAxes), over(outputAxes)];
  }
  if (shape.length === 0) return [1, 1];
  if (shape.length === 1) return [shape[0] as number, shape[0] as number];
  const field = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return [(shape[shape.length - 2] as number) * field, (shape[shape.length - 1] as number) * field];
}

/** What {@link VarianceScaling} divides by. */
export type FanMode = 'fan_in' | 'fan_out' | 'fan_avg';

/** Distributions of {@link VarianceScaling}; 'normal' is another name of 'truncated_normal'. */
export type ScalingDistribution = 'truncated_normal' | 'untruncated_normal' | 'uniform' | 'normal';

/** Options of {@link VarianceScaling}. */
export interface VarianceScalingOptions extends RandomInitializerOptions, FanOptions {
  /** Factor of the variance, above 0. @default 1 */
  scale?: number;
  /** What the variance is divided by: the number of inputs, of outputs, or their mean. @default 'fan_in' */
  mode?: FanMode;
  /** @default 'truncated_normal' */
  distribution?: ScalingDistribution;
}

const distributions = ['uniform', 'truncated_normal', 'untruncated_normal'] as const;

function checkDistribution(value: unknown, where: string): (typeof distributions)[number] {
  const name = typeof value === 'string' ? value.toLowerCase() : value;
  const canonical = name === 'normal' ? 'truncated_normal' : name;
  if (!distributions.includes(canonical as (typeof distributions)[number])) {
    throw new ArgumentError(
      `${where}: expected one of ${distributions.map((one) => `'${one}'`).join(', ')}, got ${show(value)}.`,
    );
  }
  return canonical as (typeof distributions)[number];
}

const axesField = optional(is.nullable(is.listOf(is.integer())), null);

/** Deviation of the standard normal distribution cut at two deviations: its draws are widened by it. */
const truncatedDeviation = 0.87962566103423978;

interface Scaling {
  scale: number;
  mode: FanMode;
  distribution: (typeof distributions)[number];
}

/** Base of the initializers whose variance follows from the weight's shape: variance `scale / n`, n by the mode. */
abstract class Scaled extends RandomInitializer {
  static override readonly fields: Fields = { inputAxes: axesField, outputAxes: axesField };

  declare readonly inputAxes: number[] | null;
  declare readonly outputAxes: number[] | null;

  protected abstract get scaling(): Scaling;

  override call(shape: readonly number[], dtype: DType): Tensor {
    const { scale, mode, distribution } = this.scaling;
    const [fanIn, fanOut] = computeFans(shape, this);
    const count = mode === 'fan_in' ? fanIn : mode === 'fan_out' ? fanOut : (fanIn + fanOut) / 2;
    const variance = scale / Math.max(1, count);
    const seed = this.source;
    if (distribution === 'truncated_normal') {
      return draw.truncatedNormal(shape, { stddev: Math.sqrt(variance) / truncatedDeviation, dtype, seed });
    }
    if (distribution === 'untruncated_normal') return draw.normal(shape, { stddev: Math.sqrt(variance), dtype, seed });
    const limit = Math.sqrt(3 * variance);
    return draw.uniform(shape, { minval: -limit, maxval: limit, dtype, seed });
  }
}

/** Random numbers whose variance is `scale / n`, n being the number of inputs or outputs of a unit. Source: `keras.initializers.VarianceScaling`. */
export class VarianceScaling extends Scaled {
  static override readonly className: string = 'VarianceScaling';
  static override readonly module: string | null = 'keras.initializers';
  static override readonly fields: Fields = {
    scale: optional(is.number({ above: 0 }), 1),
    mode: optional(is.oneOf('fan_in', 'fan_out', 'fan_avg'), 'fan_in'),
    distribution: optional(checkDistribution, 'truncated_normal'),
  };

  declare readonly scale: number;
  declare readonly mode: FanMode;
  declare readonly distribution: (typeof distributions)[number];

  constructor(options: VarianceScalingOptions = {}) {
    super(options);
  }

  protected override get scaling(): Scaling {
    return this;
  }
}

/** Options of the initializers named after their authors. */
export interface ScaledOptions extends RandomInitializerOptions, FanOptions {}

/** Uniform between plus and minus `sqrt(6 / (fanIn + fanOut))`. Source: Glorot & Bengio 2010. */
export class GlorotUniform extends Scaled {
  static override readonly className: string = 'GlorotUniform';
  static override readonly module: string | null = 'keras.initializers';

  constructor(options: ScaledOptions = {}) {
    super(options);
  }

  protected override get scaling(): Scaling {
    return { scale: 1, mode: 'fan_avg', distribution: 'uniform' };
  }
}

/** Truncated normal of variance `2 / (fanIn + fanOut)`. Source: Glorot & Bengio 2010. */
export class GlorotNormal extends Scaled {
  static override readonly className: string = 'GlorotNormal';
  static override readonly module: string | null = 'keras.initializers';

  constructor(options: ScaledOptions = {}) {
    super(options);
  }

  protected override get scaling(): Scaling {
    return { scale: 1, mode: 'fan_avg', distribution: 'truncated_normal' };
  }
}

/** Uniform between plus and minus `sqrt(6 / fanIn)`. Source: He et al. 2015. */
export class HeUniform extends Scaled {
  static override readonly className: string = 'HeUniform';
  static override readonly module: string | null = 'keras.initializers';

  constructor(options: ScaledOptions = {}) {
    super(options);
  }

  protected override get scaling(): Scaling {
    return { scale: 2, mode: 'fan_in', distribution: 'uniform' };
  }
}

/** Truncated normal of variance `2 / fanIn`. Source: He et al. 2015. */
export class HeNormal extends Scaled {
  static override readonly className: string = 'HeNormal';
  static override readonly module: string | null = 'keras.initializers';

  constructor(options: ScaledOptions = {}) {
    super(options);
  }

  protected override get scaling(): Scaling {
    return { scale: 2, mode: 'fan_in', distribution: 'truncated_normal' };
  }
}

/** Uniform between plus and minus `sqrt(3 / fanIn)`. Source: LeCun et al. 1998. */
export class LecunUniform extends Scaled {
  static override readonly className: string = 'LecunUniform';
  static override readonly module: string | null = 'keras.initializers';

  constructor(options: ScaledOptions = {}) {
    super(options);
  }

  protected override get scaling(): Scaling {
    return { scale: 1, mode: 'fan_in', distribution: 'uniform' };
  }
}

/** Truncated normal of variance `1 / fanIn`. Source: LeCun et al. 1998. */
export class LecunNormal extends Scaled {
  static override readonly className: string = 'LecunNormal';
  static override readonly module: string | null = 'keras.initializers';

  constructor(options: ScaledOptions = {}) {
    super(options);
  }

  protected override get scaling(): Scaling {
    return { scale: 1, mode: 'fan_in', distribution: 'truncated_normal' };
  }
}
