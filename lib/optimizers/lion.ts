import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Lion}. */
export interface LionOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Share of the momentum in the step, above 0, at most 1. @default 0.9 */
  beta1?: number;
  /** Share of the old momentum that is kept at each step. @default 0.99 */
  beta2?: number;
}

/**
 * Steps of one size along the sign of a mean of momentum and gradient: `w -= learningRate * sign(beta1 * m + (1 - beta1) * g)`,
 * `m = beta2 * m + (1 - beta2) * g`.
 *
 * Source: Chen et al. (2023); Keras' `Lion`.
 *
 * @example
 * ```ts
 * const optimizer = new Lion({ learningRate: 0.0001, weightDecay: 0.1 });
 * ```
 */
export class Lion extends Optimizer {
  static override readonly className: string = 'Lion';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    beta1: optional(is.number({ above: 0, max: 1 }), 0.9, { key: 'beta_1' }),
    beta2: optional(is.number(), 0.99, { key: 'beta_2' }),
  };
  declare readonly beta1: number;
  declare readonly beta2: number;
  #momentums: Variable[] = [];

  constructor(options: LionOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    this.#momentums = this.addOptimizerVariables(variables, 'momentum');
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { beta1, beta2 } = this;
    const grad = ops.cast(gradient, variable.dtype);
    const m = this.#momentums[this.indexOf(variable)] as Variable;
    const mix = (share: number): Tensor => ops.add(ops.multiply(m, share), ops.multiply(grad, 1 - share));
    variable.assignSub(ops.multiply(ops.sign(mix(beta1)), ops.cast(learningRate, variable.dtype)));
    m.assign(mix(beta2));
  }
}
