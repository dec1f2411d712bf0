import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Adagrad}. */
export interface AdagradOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** Sum of squared gradients to start with. @default 0.1 */
  initialAccumulatorValue?: number;
  /** Small number that keeps the division finite. @default 1e-7 */
  epsilon?: number;
}

/**
 * Steps divided by the root of the sum of squared gradients: `a += g^2`, `w -= learningRate * g / sqrt(a + epsilon)`.
 *
 * Source: Duchi et al. (2011); Keras' `Adagrad`.
 *
 * @example
 * ```ts
 * const optimizer = new Adagrad({ learningRate: 0.5 });
 * ```
 */
export class Adagrad extends Optimizer {
  static override readonly className: string = 'Adagrad';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    initialAccumulatorValue: optional(is.number(), 0.1),
    epsilon: optional(is.number(), 1e-7),
  };
  declare readonly initialAccumulatorValue: number;
  declare readonly epsilon: number;
  #accumulators: Variable[] = [];

  constructor(options: AdagradOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    this.#accumulators = this.addOptimizerVariables(variables, 'accumulator', { fill: this.initialAccumulatorValue });
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const rate = ops.cast(learningRate, variable.dtype);
    const grad = ops.cast(gradient, variable.dtype);
    const accumulator = this.#accumulators[this.indexOf(variable)] as Variable;
    accumulator.assignAdd(ops.square(grad));
    variable.assignSub(ops.divide(ops.multiply(grad, rate), ops.sqrt(ops.add(accumulator, this.epsilon))));
  }
}
