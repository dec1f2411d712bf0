import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Adadelta}. */
export interface AdadeltaOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Share of the old averages that is kept at each step. @default 0.95 */
  rho?: number;
  /** Small number that keeps the division finite. @default 1e-7 */
  epsilon?: number;
}

/**
 * Steps in proportion to the steps before: `a = rho * a + (1 - rho) * g^2`, `step = sqrt(d + epsilon) / sqrt(a + epsilon) * g`,
 * `d = rho * d + (1 - rho) * step^2`, `w -= learningRate * step`.
 *
 * Source: Zeiler (2012); Keras' `Adadelta`.
 *
 * @example
 * ```ts
 * const optimizer = new Adadelta({ learningRate: 1 });
 * ```
 */
export class Adadelta extends Optimizer {
  static override readonly className: string = 'Adadelta';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    rho: optional(is.number(), 0.95),
    epsilon: optional(is.number(), 1e-7),
  };
  declare readonly rho: number;
  declare readonly epsilon: number;
  #gradients: Variable[] = [];
  #deltas: Variable[] = [];

  constructor(options: AdadeltaOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    [this.#gradients, this.#deltas] = this.addOptimizerVariables(variables, [
      'accumulated_grad',
      'accumulated_delta_var',
    ]) as [Variable[], Variable[]];
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { rho, epsilon } = this;
    const index = this.indexOf(variable);
    const rate = ops.cast(learningRate, variable.dtype);
    const grad = ops.cast(gradient, variable.dtype);
    const gradients = this.#gradients[index] as Variable;
    const deltas = this.#deltas[index] as Variable;
    const root = (x: Tensor): Tensor => ops.sqrt(ops.add(x, epsilon));
    const follow = (average: Variable, value: Tensor): void => {
      average.assign(ops.add(ops.multiply(average, rho), ops.multiply(ops.square(value), 1 - rho)));
    };
    follow(gradients, grad);
    const step = ops.divide(ops.multiply(root(deltas), grad), root(gradients));
    follow(deltas, step);
    variable.assignSub(ops.multiply(step, rate));
  }
}
