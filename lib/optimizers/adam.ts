import { callValue } from '../core/call.js';
import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Adam}. */
export interface AdamOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Share of the old mean of gradients that is kept at each step. @default 0.9 */
  beta1?: number;
  /** Share of the old mean of squared gradients that is kept at each step. @default 0.999 */
  beta2?: number;
  /** Small number that keeps the division finite; outside the bias correction. @default 1e-7 */
  epsilon?: number;
  /** Divide by the largest mean of squared gradients so far. @default false */
  amsgrad?: boolean;
}

/**
 * Steps along a moving mean of gradients, divided by the root of a moving mean of their squares: `m += (1 - beta1) * (g - m)`,
 * `v += (1 - beta2) * (g^2 - v)`, `w -= learningRate * sqrt(1 - beta2^t) / (1 - beta1^t) * m / (sqrt(v) + epsilon)` in step t.
 *
 * Source: Kingma and Ba (2015), Reddi et al. (2018) for AMSGrad; Keras' `Adam`.
 *
 * @example
 * ```ts
 * const w = new Variable([1, 2]);
 * new Adam({ learningRate: 0.1 }).apply([tensor([1, 1])], [w]); // w: about [0.9, 1.9]
 * ```
 */
export class Adam extends Optimizer {
  static override readonly className: string = 'Adam';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    beta1: optional(is.number(), 0.9, { key: 'beta_1' }),
    beta2: optional(is.number(), 0.999, { key: 'beta_2' }),
    epsilon: optional(is.number(), 1e-7),
    amsgrad: optional(is.boolean, false),
  };
  declare readonly beta1: number;
  declare readonly beta2: number;
  declare readonly epsilon: number;
  declare readonly amsgrad: boolean;
  #momentums: Variable[] = [];
  #velocities: Variable[] = [];
  #largest: Variable[] = [];

  constructor(options: AdamOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    [this.#momentums, this.#velocities] = this.addOptimizerVariables(variables, ['momentum', 'velocity']) as [
      Variable[],
      Variable[],
    ];
    if (this.amsgrad) this.#largest = this.addOptimizerVariables(variables, 'velocity_hat');
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { beta1, beta2, epsilon, amsgrad } = this;
    const { dtype } = variable;
    const index = this.indexOf(variable);
    const grad = ops.cast(gradient, dtype);
    const m = this.#momentums[index] as Variable;
    const v = this.#velocities[index] as Variable;
    const step = ops.cast(ops.add(this.iterations, 1), dtype);
    const correction1 = ops.subtract(1, ops.power(beta1, step));
    const correction2 = ops.sqrt(ops.subtract(1, ops.power(beta2, step)));
    const rate = ops.divide(ops.multiply(ops.cast(learningRate, dtype), correction2), correction1);
    m.assignAdd(ops.multiply(ops.subtract(grad, m), 1 - beta1));
    v.assignAdd(ops.multiply(ops.subtract(ops.square(grad), v), 1 - beta2));
    let spread = v;
    if (amsgrad) {
      spread = this.#largest[index] as Variable;
      spread.assign(ops.maximum(spread, v));
    }
    variable.assignSub(ops.divide(ops.multiply(m, rate), ops.add(ops.sqrt(spread), epsilon)));
  }

  protected override updateAll(grads: readonly Tensor[], variables: readonly Variable[], learningRate: Tensor): void {
    const { beta1, beta2, epsilon, amsgrad } = this;
    callValue(
      'torchlayers::adam_',
      variables,
      grads,
      this.slots(this.#momentums, variables),
      this.slots(this.#velocities, variables),
      amsgrad ? this.slots(this.#largest, variables) : [],
      this.iterations,
      learningRate,
      beta1,
      beta2,
      epsilon,
      amsgrad,
    );
  }
}

/** Options of {@link AdamW}. */
export interface AdamWOptions extends AdamOptions {
  /** Decoupled weight decay: before each update `w -= w * weightDecay * learningRate`. @default 0.004 */
  weightDecay?: number;
}

/**
 * {@link Adam} with weight decay from the start. Source: Loshchilov and Hutter (2019); Keras' `AdamW`.
 *
 * @example
 * ```ts
 * const optimizer = new AdamW({ learningRate: 0.001, weightDecay: 0.01 });
 * optimizer.excludeFromWeightDecay({ varNames: ['bias'] });
 * ```
 */
export class AdamW extends Adam {
  static override readonly className: string = 'AdamW';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = { weightDecay: optional(is.number(), 0.004) };

  constructor(options: AdamWOptions = {}) {
    super(options);
  }
}
