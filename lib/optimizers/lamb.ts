import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Lamb}. */
export interface LambOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Share of the old mean of gradients that is kept at each step. @default 0.9 */
  beta1?: number;
  /** Share of the old mean of squared gradients that is kept at each step. @default 0.999 */
  beta2?: number;
  /** Small number that keeps the division finite. @default 1e-7 */
  epsilon?: number;
}

/**
 * Adam's step, made as long as the weight it changes: with `u = (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon)`,
 * `w -= learningRate * |w| / |u| * u` (factor 1 where a norm is 0).
 *
 * Source: You et al. (2020); Keras' `Lamb`.
 *
 * @example
 * ```ts
 * const optimizer = new Lamb({ learningRate: 0.01 });
 * ```
 */
export class Lamb extends Optimizer {
  static override readonly className: string = 'Lamb';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    beta1: optional(is.number(), 0.9, { key: 'beta_1' }),
    beta2: optional(is.number(), 0.999, { key: 'beta_2' }),
    epsilon: optional(is.number(), 1e-7),
  };
  declare readonly beta1: number;
  declare readonly beta2: number;
  declare readonly epsilon: number;
  #momentums: Variable[] = [];
  #velocities: Variable[] = [];

  constructor(options: LambOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    [this.#momentums, this.#velocities] = this.addOptimizerVariables(variables, ['momentum', 'velocity']) as [
      Variable[],
      Variable[],
    ];
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { beta1, beta2, epsilon } = this;
    const { dtype } = variable;
    const index = this.indexOf(variable);
    const grad = ops.cast(gradient, dtype);
    const m = this.#momentums[index] as Variable;
    const v = this.#velocities[index] as Variable;
    const step = ops.cast(ops.add(this.iterations, 1), dtype);
    m.assignAdd(ops.multiply(ops.subtract(grad, m), 1 - beta1));
    v.assignAdd(ops.multiply(ops.subtract(ops.square(grad), v), 1 - beta2));
    const mean = ops.divide(m, ops.subtract(1, ops.power(beta1, step)));
    const spread = ops.divide(v, ops.subtract(1, ops.power(beta2, step)));
    const update = ops.divide(mean, ops.add(ops.sqrt(spread), epsilon));
    const norm = (x: Tensor): Tensor => ops.sqrt(ops.sum(ops.square(x)));
    const [weightNorm, updateNorm] = [norm(variable), norm(update)];
    const both = ops.logicalAnd(ops.greater(weightNorm, 0), ops.greater(updateNorm, 0));
    const ratio = ops.where(both, ops.divide(weightNorm, updateNorm), 1);
    variable.assignSub(ops.multiply(update, ops.multiply(ratio, ops.cast(learningRate, dtype))));
  }
}
