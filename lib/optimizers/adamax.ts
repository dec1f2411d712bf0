import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Adamax}. */
export interface AdamaxOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Share of the old mean of gradients that is kept at each step. @default 0.9 */
  beta1?: number;
  /** Share of the old norm that is kept at each step. @default 0.999 */
  beta2?: number;
  /** Small number that keeps the division finite. @default 1e-7 */
  epsilon?: number;
}

/**
 * Adam with the largest gradient instead of the mean square: `m += (1 - beta1) * (g - m)`, `u = max(beta2 * u, |g|)`,
 * `w -= learningRate / (1 - beta1^t) * m / (u + epsilon)` in step t.
 *
 * Source: Kingma and Ba (2015); Keras' `Adamax`.
 *
 * @example
 * ```ts
 * const optimizer = new Adamax({ learningRate: 0.002 });
 * ```
 */
export class Adamax extends Optimizer {
  static override readonly className: string = 'Adamax';
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
  #norms: Variable[] = [];

  constructor(options: AdamaxOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    [this.#momentums, this.#norms] = this.addOptimizerVariables(variables, ['momentum', 'norm']) as [
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
    const u = this.#norms[index] as Variable;
    const step = ops.cast(ops.add(this.iterations, 1), dtype);
    const correction = ops.subtract(1, ops.power(beta1, step));
    m.assignAdd(ops.multiply(ops.subtract(grad, m), 1 - beta1));
    u.assign(ops.maximum(ops.multiply(u, beta2), ops.abs(grad)));
    const rate = ops.cast(learningRate, dtype);
    variable.assignSub(ops.divide(ops.multiply(m, rate), ops.multiply(ops.add(u, epsilon), correction)));
  }
}
