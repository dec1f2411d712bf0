import { callValue } from '../core/call.js';
import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** @default 0.01 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Share of the last step that is kept, from 0 to 1. @default 0 */
  momentum?: number;
  /** Look ahead along the momentum. @default false */
  nesterov?: boolean;
}

/**
 * Gradient descent: `w -= learningRate * g`; with momentum `velocity = momentum * velocity - learningRate * g` and `w += velocity`, or with Nesterov
 * momentum `w += momentum * velocity - learningRate * g`.
 *
 * Source: Sutskever et al. (2013); Keras' `SGD`.
 *
 * @example
 * ```ts
 * const w = new Variable([1, 2]);
 * new SGD({ learningRate: 0.1 }).apply([tensor([1, 1])], [w]); // w: [0.9, 1.9]
 * ```
 */
export class SGD extends Optimizer {
  static override readonly className: string = 'SGD';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.01),
    momentum: optional(is.number({ min: 0, max: 1 }), 0),
    nesterov: optional(is.boolean, false),
  };
  declare readonly momentum: number;
  declare readonly nesterov: boolean;
  #momentums: Variable[] = [];

  constructor(options: SGDOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    if (this.momentum !== 0) this.#momentums = this.addOptimizerVariables(variables, 'momentum');
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const rate = ops.cast(learningRate, variable.dtype);
    const step = ops.multiply(ops.cast(gradient, variable.dtype), rate);
    if (this.momentum === 0) {
      variable.assignSub(step);
      return;
    }
    const velocity = this.#momentums[this.indexOf(variable)] as Variable;
    velocity.assign(ops.subtract(ops.multiply(velocity, this.momentum), step));
    variable.assignAdd(this.nesterov ? ops.subtract(ops.multiply(velocity, this.momentum), step) : velocity);
  }

  protected override updateAll(grads: readonly Tensor[], variables: readonly Variable[], learningRate: Tensor): void {
    const velocities = this.momentum === 0 ? [] : this.slots(this.#momentums, variables);
    callValue('torchlayers::sgd_', variables, grads, velocities, learningRate, this.momentum, this.nesterov);
  }
}
