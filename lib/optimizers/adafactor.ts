import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { rateField } from './learning-rate.js';
import { Optimizer } from './optimizer.js';
import type { OptimizerOptions } from './options.js';

/** Options of {@link Adafactor}. */
export interface AdafactorOptions extends OptimizerOptions {
  /** @default 0.001 */
  learningRate?: OptimizerOptions['learningRate'];
  /** How the share of old means grows: `1 - t^beta2Decay` in step t. @default -0.8 */
  beta2Decay?: number;
  /** Added to squared gradients. @default 1e-30 */
  epsilon1?: number;
  /** Least size of a weight that steps are measured by. @default 0.001 */
  epsilon2?: number;
  /** Root mean square that steps are cut to. @default 1 */
  clipThreshold?: number;
  /** Let the rate fall with `1 / sqrt(t)`, when it is a number. @default true */
  relativeStep?: boolean;
}

/**
 * Adam's steps with the means of squared gradients kept as one row and one column instead of a matrix, and measured by the size of the weights.
 *
 * Source: Shazeer and Stern (2018); Keras' `Adafactor`.
 *
 * @example
 * ```ts
 * const optimizer = new Adafactor({ learningRate: 0.01 });
 * ```
 */
export class Adafactor extends Optimizer {
  static override readonly className: string = 'Adafactor';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    learningRate: rateField(0.001),
    beta2Decay: optional(is.number(), -0.8, { key: 'beta_2_decay' }),
    epsilon1: optional(is.number(), 1e-30, { key: 'epsilon_1' }),
    epsilon2: optional(is.number(), 1e-3, { key: 'epsilon_2' }),
    clipThreshold: optional(is.number(), 1),
    relativeStep: optional(is.boolean, true),
  };
  declare readonly beta2Decay: number;
  declare readonly epsilon1: number;
  declare readonly epsilon2: number;
  declare readonly clipThreshold: number;
  declare readonly relativeStep: boolean;
  readonly #rows: Variable[] = [];
  readonly #columns: Variable[] = [];
  readonly #velocities: Variable[] = [];

  constructor(options: AdafactorOptions = {}) {
    super(options);
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    for (const variable of variables) {
      const { shape, dtype, name } = variable;
      if (shape.length < 2) {
        // Keras keeps two whole numbers in the place of the row and the column, so that files have equal lists.
        for (const list of [this.#rows, this.#columns]) list.push(this.addVariable({ dtype: 'int32', name }));
      } else {
        this.#rows.push(this.addVariable({ shape: shape.slice(0, -1), dtype, name }));
        this.#columns.push(this.addVariable({ shape: [...shape.slice(0, -2), shape.at(-1) as number], dtype, name }));
      }
      this.#velocities.push(this.addVariableFromReference(variable, { name: 'velocity' }));
    }
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const { dtype } = variable;
    const index = this.indexOf(variable);
    const grad = ops.cast(gradient, dtype);
    const [row, column, velocity] = [this.#rows[index], this.#columns[index], this.#velocities[index]] as Variable[];
    const step = ops.cast(ops.add(this.iterations, 1), dtype);
    const falling = ops.rsqrt(step);
    const rms = (x: Tensor): Tensor => ops.sqrt(ops.mean(ops.square(x)));
    let rate = ops.cast(learningRate, dtype);
    if (this.relativeStep && learningRate instanceof Variable) rate = ops.minimum(rate, falling);
    const size = ops.multiply(ops.maximum(rms(variable), this.epsilon2), ops.minimum(rate, falling));
    const squares = ops.add(ops.square(grad), this.epsilon1);
    const fresh = ops.power(step, this.beta2Decay);
    const follow = (average: Variable, value: Tensor): void => {
      average.assign(ops.add(ops.multiply(average, ops.subtract(1, fresh)), ops.multiply(value, fresh)));
    };
    if (variable.ndim >= 2) {
      follow(row as Variable, ops.mean(squares, { axis: -1 }));
      follow(column as Variable, ops.mean(squares, { axis: -2 }));
      const share = ops.divide(row as Variable, ops.mean(row as Variable, { axis: -1, keepdims: true }));
      (velocity as Variable).assign(ops.multiply(ops.expandDims(share, -1), ops.expandDims(column as Variable, -2)));
    } else {
      follow(velocity as Variable, squares);
    }
    const update = ops.divide(grad, ops.sqrt(velocity as Variable));
    const cut = ops.maximum(ops.divide(rms(update), this.clipThreshold), 1);
    variable.assignSub(ops.multiply(ops.divide(update, cut), size));
  }
}
