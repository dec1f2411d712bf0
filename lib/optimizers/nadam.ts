import { type Fields, is, optional } from '../core/fields.js';
import { uniqueName } from '../core/names.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

// How the share of the momentum grows over the steps: beta1 * (1 - 0.96^t / 2).
const MOMENTUM_DECAY = 0.96;

/** Options of {@link Nadam}. */
export interface NadamOptions extends OptimizerOptions {
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
 * Adam with Nesterov momentum: with `u_t = beta1 * (1 - 0.96^t / 2)` and the product U_t of all u so far,
 * `w -= learningRate * (u_(t+1) * m / (1 - U_t u_(t+1)) + (1 - u_t) * g / (1 - U_t)) / (sqrt(v / (1 - beta2^t)) + epsilon)` in step t.
 *
 * Source: Dozat (2016); Keras' `Nadam`.
 *
 * @example
 * ```ts
 * const optimizer = new Nadam({ learningRate: 0.002 });
 * ```
 */
export class Nadam extends Optimizer {
  static override readonly className: string = 'Nadam';
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
  #product: Variable | undefined;

  constructor(options: NadamOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    [this.#momentums, this.#velocities] = this.addOptimizerVariables(variables, ['momentum', 'velocity']) as [
      Variable[],
      Variable[],
    ];
    const dtype = variables[0]?.dtype;
    this.#product = this.addVariable({ fill: 1, name: uniqueName('variable'), ...(dtype !== undefined && { dtype }) });
  }

  /** u at the step that is `ahead` steps after the one at hand. */
  #share(ahead: number, dtype: Variable['dtype']): Tensor {
    const step = ops.cast(ops.add(this.iterations, 1 + ahead), dtype);
    return ops.multiply(ops.subtract(1, ops.multiply(ops.power(MOMENTUM_DECAY, step), 0.5)), this.beta1);
  }

  protected override updateAll(grads: readonly Tensor[], variables: readonly Variable[], learningRate: Tensor): void {
    const product = this.#product as Variable;
    product.assign(ops.multiply(product, this.#share(0, product.dtype)));
    super.updateAll(grads, variables, learningRate);
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { beta1, beta2, epsilon } = this;
    const { dtype } = variable;
    const index = this.indexOf(variable);
    const grad = ops.cast(gradient, dtype);
    const m = this.#momentums[index] as Variable;
    const v = this.#velocities[index] as Variable;
    const step = ops.cast(ops.add(this.iterations, 1), dtype);
    const now = this.#share(0, dtype);
    const next = this.#share(1, dtype);
    const product = ops.cast(this.#product as Variable, dtype);
    m.assignAdd(ops.multiply(ops.subtract(grad, m), 1 - beta1));
    v.assignAdd(ops.multiply(ops.subtract(ops.square(grad), v), 1 - beta2));
    const ahead = ops.divide(ops.multiply(next, m), ops.subtract(1, ops.multiply(product, next)));
    const here = ops.divide(ops.multiply(ops.subtract(1, now), grad), ops.subtract(1, product));
    const spread = ops.divide(v, ops.subtract(1, ops.power(beta2, step)));
    const direction = ops.multiply(ops.add(ahead, here), ops.cast(learningRate, dtype));
    variable.assignSub(ops.divide(direction, ops.add(ops.sqrt(spread), epsilon)));
  }
}
