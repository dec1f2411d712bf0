import { cond } from '../core/control.js';
import { ArgumentError } from '../core/errors.js';
import { type Checker, type Field, type Fields, is, optional, required } from '../core/fields.js';
import { Tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { get } from './family.js';
import type { LearningRate } from './learning-rate.js';
import { Optimizer } from './optimizer.js';

/** Options of {@link LossScaleOptimizer}. */
export interface LossScaleOptimizerOptions {
  /** The optimizer that updates the weights. */
  innerOptimizer: Optimizer | string;
  /** Scale to start with. @default 32768 */
  initialScale?: number;
  /** Steps with finite gradients after which the scale doubles. @default 2000 */
  dynamicGrowthSteps?: number;
  /** @default 'loss_scale_optimizer' */
  name?: string | null;
}

/** An option of the base class that belongs to the inner optimizer: its default passes, as in old files, other values are errors. */
function belongsToInner(value: unknown): Field {
  const check: Checker = (given, where) => {
    if (given === value) return given;
    const option = where.split(': ').pop();
    throw new ArgumentError(
      `${where}: expected it to be left out, got ${String(given)}.`,
      `Give ${option} to the innerOptimizer.`,
    );
  };
  return { check, default: value, writes: false };
}

/**
 * Multiplies the loss by a scale that finds itself, so that small gradients don't vanish in float16: a step with a gradient that isn't finite is
 * left out and halves the scale; after `dynamicGrowthSteps` finite steps the scale doubles.
 *
 * Source: Micikevicius et al. (2018); Keras' `LossScaleOptimizer`.
 *
 * @example
 * ```ts
 * const optimizer = new LossScaleOptimizer({ innerOptimizer: new Adam() });
 * model.compile({ optimizer, loss: 'mse' });
 * ```
 */
export class LossScaleOptimizer extends Optimizer {
  static override readonly className: string = 'LossScaleOptimizer';
  static override readonly module: string | null = 'keras.optimizers';
  static override readonly fields: Fields = {
    innerOptimizer: required(get as Checker<Optimizer>),
    initialScale: optional(is.number({ above: 0 }), 2 ** 15),
    dynamicGrowthSteps: optional(is.integer({ min: 1 }), 2000),
    learningRate: { check: is.anything, default: 0, takes: true, writes: false },
    weightDecay: belongsToInner(null),
    clipnorm: belongsToInner(null),
    globalClipnorm: belongsToInner(null),
    clipvalue: belongsToInner(null),
    useEma: belongsToInner(false),
    emaMomentum: belongsToInner(0.99),
    emaOverwriteFrequency: belongsToInner(null),
    lossScaleFactor: belongsToInner(null),
    gradientAccumulationSteps: belongsToInner(null),
  };
  declare readonly innerOptimizer: Optimizer;
  declare readonly initialScale: number;
  declare readonly dynamicGrowthSteps: number;
  #counter: Variable | undefined;
  #scale: Variable | undefined;

  constructor(options: LossScaleOptimizerOptions) {
    super(options);
    // Or gradients would be scaled twice.
    this.innerOptimizer.lossScaleFactor = null;
  }

  /** The scale at present, once built. */
  get dynamicScale(): Variable | null {
    return this.#scale ?? null;
  }

  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    this.#counter = this.addVariable({ name: 'step_counter', dtype: 'int32' });
    this.#scale = this.addVariable({ name: 'dynamic_scale', dtype: 'float32', fill: this.initialScale });
    this.innerOptimizer.build(variables);
    super.build(variables);
  }

  override get variables(): Variable[] {
    return [...super.variables, ...this.innerOptimizer.variables];
  }

  override get learningRate(): Tensor {
    return this.innerOptimizer.learningRate;
  }

  override set learningRate(rate: LearningRate | Tensor) {
    this.innerOptimizer.learningRate = rate;
  }

  override get iterations(): Tensor {
    return this.innerOptimizer.iterations;
  }

  override apply(grads: readonly (Tensor | null)[], variables: readonly Variable[] = this.trainableVariables): void {
    if (grads.length === 0) return;
    this.build(variables);
    const [counter, scale] = [this.#counter, this.#scale] as [Variable, Variable];
    cond(
      this.#finite(grads),
      () => {
        const unscaled = grads.map((gradient) => (gradient === null ? null : ops.divide(gradient, scale)));
        this.innerOptimizer.apply(unscaled, variables);
        cond(
          ops.equal(counter, this.dynamicGrowthSteps - 1),
          () => {
            counter.assign(0);
            scale.assign(ops.multiply(scale, 2));
          },
          () => {
            counter.assignAdd(1);
          },
        );
      },
      () => {
        counter.assign(0);
        scale.assign(ops.multiply(scale, 0.5));
      },
    );
  }

  #finite(grads: readonly (Tensor | null)[]): Tensor {
    const checks = grads
      .filter((gradient) => gradient instanceof Tensor)
      .map((gradient) => ops.all(ops.isfinite(gradient)));
    return ops.all(ops.stack(checks));
  }

  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    this.innerOptimizer.updateStep(gradient, variable, learningRate);
  }

  override excludeFromWeightDecay(options: Parameters<Optimizer['excludeFromWeightDecay']>[0]): void {
    this.innerOptimizer.excludeFromWeightDecay(options);
  }

  override scaleLoss(loss: Tensor): Tensor {
    return ops.multiply(loss, this.#scale ?? this.initialScale);
  }

  override finalizeVariableValues(variables: readonly Variable[]): void {
    this.innerOptimizer.finalizeVariableValues(variables);
  }

  /** Keras writes these options only. */
  override getConfig(): Record<string, unknown> {
    const { name, innerOptimizer, initialScale, dynamicGrowthSteps } = super.getConfig();
    return { name, innerOptimizer, initialScale, dynamicGrowthSteps };
  }
}
