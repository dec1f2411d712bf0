import { config } from '../../core/config.js';
import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import { rateField, stepsField } from './decay.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

/** Half a period of the cosine: 1 at share 0, `alpha` at share 1. */
function fallingCosine(share: Tensor, alpha: number, scale?: Tensor): Tensor {
  const height = ops.multiply(ops.add(ops.cos(ops.multiply(share, Math.PI)), 1), 0.5);
  const scaled = scale === undefined ? height : ops.multiply(height, scale);
  return ops.add(ops.multiply(scaled, 1 - alpha), alpha);
}

/** Options of {@link CosineDecay}. */
export interface CosineDecayOptions {
  /** Learning rate at step 0. */
  initialLearningRate: number;
  /** Steps of the decay, after the warm-up. Above 0. */
  decaySteps: number;
  /** Share of the rate that is left at the end. @default 0 */
  alpha?: number;
  /** @default 'CosineDecay' */
  name?: string;
  /** Learning rate at the end of a linear warm-up; `null` for none. @default null */
  warmupTarget?: number | null;
  /** Steps of the warm-up. @default 0 */
  warmupSteps?: number;
}

/**
 * Half a cosine from the initial rate down to its share `alpha`: `rate * ((1 - alpha) * (1 + cos(pi * step / decaySteps)) / 2 + alpha)`; with
 * `warmupTarget` the rate first rises linearly to it over `warmupSteps`. Source: Loshchilov and Hutter (2017); Keras' `CosineDecay`.
 *
 * @example
 * ```ts
 * const schedule = new CosineDecay({ initialLearningRate: 0.1, decaySteps: 100 });
 * schedule.apply(50).item(); // 0.05
 * ```
 */
export class CosineDecay extends LearningRateSchedule {
  static override readonly className: string = 'CosineDecay';
  static override readonly module: string | null = 'keras.optimizers.schedules';
  static override readonly fields: Fields = {
    initialLearningRate: rateField,
    decaySteps: stepsField,
    alpha: optional(is.number(), 0),
    name: optional(is.string, 'CosineDecay'),
    warmupTarget: optional(is.nullable(is.number()), null),
    warmupSteps: optional(is.number({ min: 0 }), 0),
  };
  declare readonly initialLearningRate: number;
  declare readonly decaySteps: number;
  declare readonly alpha: number;
  declare readonly name: string;
  declare readonly warmupTarget: number | null;
  declare readonly warmupSteps: number;

  constructor(options: CosineDecayOptions) {
    super(options);
  }

  override call(step: Tensor): Tensor {
    const { initialLearningRate, decaySteps, alpha, warmupTarget } = this;
    const given = ops.cast(step, config.floatx());
    if (warmupTarget === null) {
      const share = ops.divide(ops.minimum(given, decaySteps), decaySteps);
      return ops.multiply(fallingCosine(share, alpha), initialLearningRate);
    }
    const { warmupSteps } = this;
    const now = ops.minimum(given, decaySteps + warmupSteps);
    const fall = ops.divide(ops.subtract(now, warmupSteps), decaySteps);
    const decayed = ops.multiply(fallingCosine(fall, alpha), warmupTarget);
    if (warmupSteps === 0) return decayed;
    const rise = ops.multiply(ops.divide(now, warmupSteps), warmupTarget - initialLearningRate);
    return ops.where(ops.less(now, warmupSteps), ops.add(rise, initialLearningRate), decayed);
  }
}

/** Options of {@link CosineDecayRestarts}. */
export interface CosineDecayRestartsOptions {
  /** Learning rate at step 0. */
  initialLearningRate: number;
  /** Steps of the first period. Above 0. */
  firstDecaySteps: number;
  /** How many times longer each period is than the one before. @default 2 */
  tMul?: number;
  /** How many times higher each period starts than the one before. @default 1 */
  mMul?: number;
  /** Share of the rate that is left at the end of a period. @default 0 */
  alpha?: number;
  /** @default 'SGDRDecay' */
  name?: string;
}

/**
 * Half cosines one after another: period i is `firstDecaySteps * tMul^i` long and starts at `initialLearningRate * mMul^i`.
 * Source: Loshchilov and Hutter (2017); Keras' `CosineDecayRestarts`.
 *
 * @example
 * ```ts
 * const schedule = new CosineDecayRestarts({ initialLearningRate: 0.1, firstDecaySteps: 100 });
 * schedule.apply(50).item(); // 0.05
 * ```
 */
export class CosineDecayRestarts extends LearningRateSchedule {
  static override readonly className: string = 'CosineDecayRestarts';
  static override readonly module: string | null = 'keras.optimizers.schedules';
  static override readonly fields: Fields = {
    initialLearningRate: rateField,
    firstDecaySteps: stepsField,
    tMul: optional(is.number({ above: 0 }), 2),
    mMul: optional(is.number(), 1),
    alpha: optional(is.number(), 0),
    name: optional(is.string, 'SGDRDecay'),
  };
  declare readonly initialLearningRate: number;
  declare readonly firstDecaySteps: number;
  declare readonly tMul: number;
  declare readonly mMul: number;
  declare readonly alpha: number;
  declare readonly name: string;

  constructor(options: CosineDecayRestartsOptions) {
    super(options);
  }

  override call(step: Tensor): Tensor {
    const { firstDecaySteps, tMul, mMul, alpha, initialLearningRate } = this;
    const periods = ops.divide(ops.cast(step, config.floatx()), firstDecaySteps);
    let restarts: Tensor;
    let share: Tensor;
    if (tMul === 1) {
      restarts = ops.floor(periods);
      share = ops.subtract(periods, restarts);
    } else {
      // The periods before the i-th are (1 - tMul^i) / (1 - tMul) first periods long.
      const length = ops.add(ops.multiply(periods, tMul - 1), 1);
      restarts = ops.floor(ops.divide(ops.log(length), Math.log(tMul)));
      const period = ops.power(tMul, restarts);
      const before = ops.divide(ops.subtract(1, period), 1 - tMul);
      share = ops.divide(ops.subtract(periods, before), period);
    }
    return ops.multiply(fallingCosine(share, alpha, ops.power(mMul, restarts)), initialLearningRate);
  }
}
