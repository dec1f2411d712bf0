import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Ftrl}. */
export interface FtrlOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** How the rate falls with the squared gradients; at most 0, where 0 keeps it. @default -0.5 */
  learningRatePower?: number;
  /** Sum of squared gradients to start with, at least 0. @default 0.1 */
  initialAccumulatorValue?: number;
  /** Strength of the L1 penalty, at least 0. @default 0 */
  l1RegularizationStrength?: number;
  /** Strength of the L2 penalty, at least 0. @default 0 */
  l2RegularizationStrength?: number;
  /** Strength of the L2 penalty on active weights only, at least 0. @default 0 */
  l2ShrinkageRegularizationStrength?: number;
  /** Added to the L2 penalty as `beta / (2 * learningRate)`. @default 0 */
  beta?: number;
}

/**
 * Follow the regularized leader, for large sparse models: with `n' = n + g^2`,
 * `z += g + 2 * l2Shrinkage * w - (n'^-power - n^-power) / learningRate * w`,
 * `w = (clip(z, -l1, l1) - z) / (n'^-power / learningRate + 2 * l2 + beta / learningRate)`.
 *
 * Source: McMahan et al. (2013); Keras' `Ftrl`.
 *
 * @example
 * ```ts
 * const optimizer = new Ftrl({ learningRate: 0.05, l1RegularizationStrength: 0.001 });
 * ```
 */
export class Ftrl extends Optimizer {
  static override readonly className: string = 'Ftrl';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    learningRatePower: optional(is.number({ max: 0 }), -0.5),
    initialAccumulatorValue: optional(is.number({ min: 0 }), 0.1),
    l1RegularizationStrength: optional(is.number({ min: 0 }), 0),
    l2RegularizationStrength: optional(is.number({ min: 0 }), 0),
    l2ShrinkageRegularizationStrength: optional(is.number({ min: 0 }), 0),
    beta: optional(is.number(), 0),
  };
  declare readonly learningRatePower: number;
  declare readonly initialAccumulatorValue: number;
  declare readonly l1RegularizationStrength: number;
  declare readonly l2RegularizationStrength: number;
  declare readonly l2ShrinkageRegularizationStrength: number;
  declare readonly beta: number;
  #accumulators: Variable[] = [];
  #linears: Variable[] = [];

  constructor(options: FtrlOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    for (const variable of variables) {
      const fill = this.initialAccumulatorValue;
      this.#accumulators.push(this.addVariableFromReference(variable, { name: 'accumulator', fill }));
      this.#linears.push(this.addVariableFromReference(variable, { name: 'linear' }));
    }
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { l1RegularizationStrength: l1, l2RegularizationStrength: l2, beta } = this;
    const shrinkage = this.l2ShrinkageRegularizationStrength;
    const power = -this.learningRatePower;
    const index = this.indexOf(variable);
    const rate = ops.cast(learningRate, variable.dtype);
    const grad = ops.cast(gradient, variable.dtype);
    const accumulator = this.#accumulators[index] as Variable;
    const linear = this.#linears[index] as Variable;
    const sum = ops.add(accumulator, ops.square(grad));
    const grown = ops.power(sum, power);
    const sigma = ops.divide(ops.subtract(grown, ops.power(accumulator, power)), rate);
    const pull = ops.add(grad, ops.multiply(variable, 2 * shrinkage));
    linear.assignAdd(ops.subtract(pull, ops.multiply(sigma, variable)));
    const strength = ops.multiply(ops.add(ops.divide(beta / 2, rate), l2), 2);
    const quadratic = ops.add(ops.divide(grown, rate), strength);
    variable.assign(ops.divide(ops.subtract(ops.clip(linear, -l1, l1), linear), quadratic));
    accumulator.assign(sum);
  }
}
