import { config } from '../../core/config.js';
import { isInteger } from '../../core/dtype.js';
import { ArgumentError } from '../../core/errors.js';
import { type Field, type Fields, is, optional, required } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Number of steps over which a rate decays. @internal */
export const stepsField: Field = required(is.number({ above: 0 }));
/** Learning rate at step 0. @internal */
export const rateField: Field = required(is.number());

/** `step / decaySteps`, rounded down for a staircase. */
function progress(step: Tensor, decaySteps: number, staircase: boolean): Tensor {
  const share = ops.divide(ops.cast(step, config.floatx()), decaySteps);
  return staircase ? ops.floor(share) : share;
}

/** Options of {@link ExponentialDecay} and {@link InverseTimeDecay}. */
export interface DecayOptions {
  /** Learning rate at step 0. */
  initialLearningRate: number;
  /** Steps over which the decay rate applies once. Above 0. */
  decaySteps: number;
  /** How much the rate decays in `decaySteps` steps. */
  decayRate: number;
  /** Decay at whole multiples of `decaySteps` only. @default false */
  staircase?: boolean;
  /** @default the class's name */
  name?: string;
}

/**
 * `initialLearningRate * decayRate ^ (step / decaySteps)`. Source: Keras' `ExponentialDecay`.
 *
 * @example
 * ```ts
 * const schedule = new ExponentialDecay({ initialLearningRate: 0.1, decaySteps: 1000, decayRate: 0.5 });
 * schedule.apply(1000).item(); // 0.05
 * ```
 */
export class ExponentialDecay extends LearningRateSchedule {
  static override readonly className: string = 'ExponentialDecay';
  static override readonly module: string | null = 'keras.optimizers.schedules';
  static override readonly fields: Fields = {
    initialLearningRate: rateField,
    decaySteps: stepsField,
    decayRate: required(is.number()),
    staircase: optional(is.boolean, false),
    name: optional(is.string, 'ExponentialDecay'),
  };
  declare readonly initialLearningRate: number;
  declare readonly decaySteps: number;
  declare readonly decayRate: number;
  declare readonly staircase: boolean;
  declare readonly name: string;

  constructor(options: DecayOptions) {
    super(options);
  }

  override call(step: Tensor): Tensor {
    const share = progress(step, this.decaySteps, this.staircase);
    return ops.multiply(ops.power(this.decayRate, share), this.initialLearningRate);
  }
}

/**
 * `initialLearningRate / (1 + decayRate * step / decaySteps)`. Source: Keras' `InverseTimeDecay`.
 *
 * @example
 * ```ts
 * const schedule = new InverseTimeDecay({ initialLearningRate: 0.1, decaySteps: 1, decayRate: 0.5 });
 * schedule.apply(2).item(); // 0.05
 * ```
 */
export class InverseTimeDecay extends LearningRateSchedule {
  static override readonly className: string = 'InverseTimeDecay';
  static override readonly module: string | null = 'keras.optimizers.schedules';
  static override readonly fields: Fields = {
    initialLearningRate: rateField,
    decaySteps: stepsField,
    decayRate: required(is.number()),
    staircase: optional(is.boolean, false),
    name: optional(is.string, 'InverseTimeDecay'),
  };
  declare readonly initialLearningRate: number;
  declare readonly decaySteps: number;
  declare readonly decayRate: number;
  declare readonly staircase: boolean;
  declare readonly name: string;

  constructor(options: DecayOptions) {
    super(options);
  }

  override call(step: Tensor): Tensor {
    const share = progress(step, this.decaySteps, this.staircase);
    return ops.divide(this.initialLearningRate, ops.add(ops.multiply(share, this.decayRate), 1));
  }
}

/** Options of {@link PiecewiseConstantDecay}. */
export interface PiecewiseConstantDecayOptions {
  /** Steps up to which (included) each value but the last holds, in growing order. */
  boundaries: readonly number[];
  /** Learning rates, one more than boundaries. */
  values: readonly number[];
  /** @default 'PiecewiseConstant' */
  name?: string;
}

/**
 * `values[0]` up to step `boundaries[0]`, then `values[1]` up to `boundaries[1]`, …, then the last. Source: Keras' `PiecewiseConstantDecay`.
 *
 * @example
 * ```ts
 * const schedule = new PiecewiseConstantDecay({ boundaries: [100, 110], values: [1, 0.5, 0.1] });
 * schedule.apply(101).item(); // 0.5
 * ```
 */
export class PiecewiseConstantDecay extends LearningRateSchedule {
  static override readonly className: string = 'PiecewiseConstantDecay';
  static override readonly module: string | null = 'keras.optimizers.schedules';
  static override readonly fields: Fields = {
    boundaries: required(is.listOf(is.number())),
    values: required(is.listOf(is.number())),
    name: optional(is.string, 'PiecewiseConstant'),
  };
  declare readonly boundaries: readonly number[];
  declare readonly values: readonly number[];
  declare readonly name: string;

  /** @throws {ArgumentError} unless there is one value more than boundaries */
  constructor(options: PiecewiseConstantDecayOptions) {
    super(options);
    if (this.values.length === this.boundaries.length + 1) return;
    throw new ArgumentError(
      `PiecewiseConstantDecay: expected one value more than boundaries, got ${this.values.length} values and ${this.boundaries.length} boundaries.`,
      'The last value holds after the last boundary.',
    );
  }

  override call(step: Tensor): Tensor {
    // A boundary takes the dtype of the step, as in Keras: 2.5 is 2 beside whole steps.
    const whole = isInteger(step.dtype);
    let rate = ops.full([], this.values[this.boundaries.length] as number);
    for (let i = this.boundaries.length - 1; i >= 0; i--) {
      const bound = this.boundaries[i] as number;
      rate = ops.where(ops.lessEqual(step, whole ? Math.trunc(bound) : bound), this.values[i] as number, rate);
    }
    return rate;
  }
}

/** Options of {@link PolynomialDecay}. */
export interface PolynomialDecayOptions {
  /** Learning rate at step 0. */
  initialLearningRate: number;
  /** Steps until the end rate is reached. Above 0. */
  decaySteps: number;
  /** Learning rate at the end. @default 0.0001 */
  endLearningRate?: number;
  /** Power of the polynomial. @default 1 */
  power?: number;
  /** Start anew, over a multiple of `decaySteps`, whenever the end is reached. @default false */
  cycle?: boolean;
  /** @default 'PolynomialDecay' */
  name?: string;
}

/**
 * `(initialLearningRate - endLearningRate) * (1 - step / decaySteps) ^ power + endLearningRate`, and `endLearningRate` after `decaySteps`.
 * Source: Keras' `PolynomialDecay`.
 *
 * @example
 * ```ts
 * const schedule = new PolynomialDecay({ initialLearningRate: 0.1, decaySteps: 100, endLearningRate: 0 });
 * schedule.apply(50).item(); // 0.05
 * ```
 */
export class PolynomialDecay extends LearningRateSchedule {
  static override readonly className: string = 'PolynomialDecay';
  static override readonly module: string | null = 'keras.optimizers.schedules';
  static override readonly fields: Fields = {
    initialLearningRate: rateField,
    decaySteps: stepsField,
    endLearningRate: optional(is.number(), 0.0001),
    power: optional(is.number(), 1),
    cycle: optional(is.boolean, false),
    name: optional(is.string, 'PolynomialDecay'),
  };
  declare readonly initialLearningRate: number;
  declare readonly decaySteps: number;
  declare readonly endLearningRate: number;
  declare readonly power: number;
  declare readonly cycle: boolean;
  declare readonly name: string;

  constructor(options: PolynomialDecayOptions) {
    super(options);
  }

  override call(step: Tensor): Tensor {
    const now = ops.cast(step, config.floatx());
    let share: Tensor;
    if (this.cycle) {
      const rounds = ops.maximum(ops.ceil(ops.divide(now, this.decaySteps)), 1);
      share = ops.divide(now, ops.multiply(rounds, this.decaySteps));
    } else {
      share = ops.divide(ops.minimum(now, this.decaySteps), this.decaySteps);
    }
    const left = ops.power(ops.subtract(1, share), this.power);
    return ops.add(ops.multiply(left, this.initialLearningRate - this.endLearningRate), this.endLearningRate);
  }
}
