import { callValue } from '../core/call.js';
import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link RMSprop}. */
export interface RMSpropOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Share of the old averages that is kept at each step. @default 0.9 */
  rho?: number;
  /** Share of the last step that is kept. @default 0 */
  momentum?: number;
  /** Small number that keeps the division finite. @default 1e-7 */
  epsilon?: number;
  /** Divide by the estimated variance of the gradients instead of their mean square. @default false */
  centered?: boolean;
}

/**
 * Gradient descent with steps divided by the root of a moving mean of squared gradients: `v = rho * v + (1 - rho) * g^2`,
 * `w -= learningRate * g / sqrt(v + epsilon)`; centered `v - mean(g)^2` stands for v; with momentum the step is added to
 * `m = momentum * m + step` and `w -= m`.
 *
 * Source: Hinton (2012); Keras' `RMSprop`.
 *
 * @example
 * ```ts
 * const w = new Variable([1, 2]);
 * new RMSprop({ learningRate: 0.1 }).apply([tensor([1, 1])], [w]);
 * ```
 */
export class RMSprop extends Optimizer {
  static override readonly className: string = 'RMSprop';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    rho: optional(is.number(), 0.9),
    momentum: optional(is.number(), 0),
    epsilon: optional(is.number(), 1e-7),
    centered: optional(is.boolean, false),
  };
  declare readonly rho: number;
  declare readonly momentum: number;
  declare readonly epsilon: number;
  declare readonly centered: boolean;
  #velocities: Variable[] = [];
  #momentums: Variable[] = [];
  #averages: Variable[] = [];

  constructor(options: RMSpropOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    this.#velocities = this.addOptimizerVariables(variables, 'velocity');
    if (this.momentum > 0) this.#momentums = this.addOptimizerVariables(variables, 'momentum');
    if (this.centered) this.#averages = this.addOptimizerVariables(variables, 'average_gradient');
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { rho, momentum, epsilon, centered } = this;
    const index = this.indexOf(variable);
    const rate = ops.cast(learningRate, variable.dtype);
    const grad = ops.cast(gradient, variable.dtype);
    const velocity = this.#velocities[index] as Variable;
    const follow = (average: Variable, value: Tensor): void => {
      average.assign(ops.add(ops.multiply(average, rho), ops.multiply(value, 1 - rho)));
    };
    follow(velocity, ops.square(grad));
    let spread: Tensor = velocity;
    if (centered) {
      const average = this.#averages[index] as Variable;
      follow(average, grad);
      spread = ops.subtract(velocity, ops.square(average));
    }
    const step = ops.divide(ops.multiply(grad, rate), ops.sqrt(ops.add(spread, epsilon)));
    if (momentum > 0) {
      const kept = this.#momentums[index] as Variable;
      kept.assign(ops.add(ops.multiply(kept, momentum), step));
      variable.assignSub(kept);
    } else {
      variable.assignSub(step);
    }
  }

  protected override updateAll(grads: readonly Tensor[], variables: readonly Variable[], learningRate: Tensor): void {
    const { rho, momentum, epsilon, centered } = this;
    const velocities = this.slots(this.#velocities, variables);
    const momentums = momentum > 0 ? this.slots(this.#momentums, variables) : [];
    const averages = centered ? this.slots(this.#averages, variables) : [];
    callValue(
      'torchlayers::rmsprop_',
      variables,
      grads,
      velocities,
      momentums,
      averages,
      learningRate,
      rho,
      momentum,
      epsilon,
      centered,
    );
  }
}
