import { callList, callValue } from '../core/call.js';
import { config } from '../core/config.js';
import { Configurable, plain } from '../core/configurable.js';
import { cond } from '../core/control.js';
import { ArgumentError, ShapeError, StateError } from '../core/errors.js';
import { type Fields, show } from '../core/fields.js';
import { toSnakeCase, uniqueName } from '../core/names.js';
import { formatShape, Tensor } from '../core/tensor.js';
import { Variable } from '../core/variable.js';
import * as ops from '../ops/index.js';
import { clipByGlobalNorm, clipByNorm } from './clipping.js';
import { checkRate, type LearningRate, rateAt, rateConfig } from './learning-rate.js';
import { type OptimizerOptions, type OptimizerVariableOptions, optimizerFields } from './options.js';
import { LearningRateSchedule } from './schedules/learning-rate-schedule.js';

/** True at every n-th step. */
function everySteps(counter: Tensor, n: number): Tensor {
  return ops.equal(ops.mod(ops.add(counter, 1), n), 0);
}

/**
 * Base of optimizers: they change weights by their gradients.
 *
 * `apply(grads, variables)` is one step, in this order: gradients divided by `lossScaleFactor`, accumulated, clipped; weights decayed, updated,
 * averaged, constrained; step counted. It is recorded with the training step, so it reads no values: what changes between steps lives in Variables.
 *
 * A subclass makes its variables in `build` and implements `updateStep(gradient, variable, learningRate)`, the update of one weight.
 *
 * Source: Keras' `Optimizer`.
 *
 * @example
 * ```ts
 * class SignSGD extends Optimizer {
 *   override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
 *     variable.assignSub(ops.multiply(ops.sign(gradient), learningRate));
 *   }
 * }
 * const optimizer = new SignSGD({ learningRate: 0.01 });
 * ```
 */
export abstract class Optimizer extends Configurable {
  static override readonly fields: Fields = optimizerFields;

  declare readonly name: string;
  declare readonly weightDecay: number | null;
  declare readonly clipnorm: number | null;
  declare readonly globalClipnorm: number | null;
  declare readonly clipvalue: number | null;
  declare readonly useEma: boolean;
  declare readonly emaMomentum: number;
  declare readonly emaOverwriteFrequency: number | null;
  /** Set to `null` by a {@link LossScaleOptimizer} around this one. */
  declare lossScaleFactor: number | null;
  declare readonly gradientAccumulationSteps: number | null;

  #rate: Variable | LearningRateSchedule | ((step: Tensor) => Tensor);
  readonly #steps: Variable;
  readonly #variables: Variable[] = [];
  #trainable: readonly Variable[] = [];
  readonly #indices = new Map<Variable, number>();
  #averages: Variable[] = [];
  #accumulated: Variable[] = [];
  #excluded = new Set<Variable>();
  #excludedNames: RegExp | null = null;
  #built = false;

  /** @throws {ArgumentError} for wrong options, and for more than one of `clipnorm`, `clipvalue` and `globalClipnorm` */
  constructor(options: OptimizerOptions = {}) {
    super(options);
    if ((this.name as string | null) === null) this.name = uniqueName(toSnakeCase(this.type.className));
    const clips = (['clipnorm', 'clipvalue', 'globalClipnorm'] as const).filter((option) => this[option] !== null);
    if (clips.length > 1) {
      throw new ArgumentError(
        `${this.type.className}: expected at most one of clipnorm, clipvalue and globalClipnorm, got ${clips.join(' and ')}.`,
        'Choose one of them.',
      );
    }
    // The option was set as a property of this object; it makes way for the accessor of the class.
    const rate = Object.getOwnPropertyDescriptor(this, 'learningRate')?.value as LearningRate;
    delete (this as { learningRate?: unknown }).learningRate;
    const aggregation = 'only_first_replica';
    this.#steps = this.addVariable({ name: 'iteration', dtype: 'int32', aggregation });
    this.#rate =
      typeof rate === 'number'
        ? this.addVariable({ name: 'learning_rate', dtype: config.floatx(), fill: rate, aggregation })
        : rate;
  }

  /** Number of updates done: steps, or with `gradientAccumulationSteps` whole rounds of them. */
  get iterations(): Tensor {
    const { gradientAccumulationSteps: rounds } = this;
    return rounds === null ? this.#steps : ops.floorDivide(this.#steps, rounds);
  }

  /** Number of calls of `apply`. @internal */
  protected get steps(): Variable {
    return this.#steps;
  }

  /** The learning rate at the present step. Setting it to a number takes effect from the next step on, also in running `fit`s. */
  get learningRate(): Tensor {
    const rate = this.#rate;
    return rate instanceof Variable ? rate : rateAt(rate, this.#steps, this.type.className);
  }

  /** @throws {StateError} for an optimizer made with a schedule, and for a schedule after the first step */
  set learningRate(rate: LearningRate | Tensor) {
    const where = `${this.type.className}: learningRate`;
    if (rate instanceof LearningRateSchedule || typeof rate === 'function') {
      if (this.#built) {
        throw new StateError(
          `${where}: expected a number once the optimizer has been used, got ${show(rate)}.`,
          'Steps are recorded with the learning rate that they started with: make a new optimizer with the schedule.',
        );
      }
      const at = this.#rate instanceof Variable ? this.#variables.indexOf(this.#rate) : -1;
      if (at >= 0) this.#variables.splice(at, 1);
      this.#rate = rate;
      return;
    }
    if (!(this.#rate instanceof Variable)) {
      throw new StateError(
        `${where}: expected an optimizer with a number as learning rate, got one with ${show(this.#rate)}.`,
        'Make the optimizer with a number, new optimizer({ learningRate: 0.001 }), to change it later.',
      );
    }
    this.#rate.assign(rate instanceof Tensor ? rate : (checkRate(rate, where) as number));
  }

  /** True once the variables for the weights are made. */
  get built(): boolean {
    return this.#built;
  }

  /** All variables: step counter, learning rate, and those of the weights. */
  get variables(): Variable[] {
    return [...this.#variables];
  }

  /** The weights that the optimizer was built for. */
  get trainableVariables(): readonly Variable[] {
    return this.#trainable;
  }

  /** Moving averages of `trainableVariables`, in their order; none without `useEma`. @internal */
  get averages(): readonly Variable[] {
    return this.#averages;
  }

  /** Makes the variables that the optimizer keeps for these weights. `apply` calls it in the first step; a second call does nothing. */
  build(variables: readonly Variable[]): void {
    if (this.#built) return;
    for (const variable of variables) {
      if (variable instanceof Variable) continue;
      throw new ArgumentError(`${this.type.className}: expected Variables, got ${show(variable)}.`);
    }
    this.#built = true;
    this.#trainable = [...variables];
    for (const [index, variable] of variables.entries()) this.#indices.set(variable, index);
    if (this.useEma) this.#averages = this.addOptimizerVariables(variables, 'average');
    if (this.gradientAccumulationSteps !== null) {
      this.#accumulated = this.addOptimizerVariables(variables, 'gradient_accumulator');
    }
  }

  /** Makes a variable of the optimizer. */
  addVariable(options: OptimizerVariableOptions = {}): Variable {
    const { shape = [], dtype = config.floatx(), fill = 0, name = 'variable', aggregation = 'none' } = options;
    // One element shown everywhere: the memory comes with the first write, on the training thread, not all at once here.
    const value = () => ops.broadcastTo(ops.full([], fill, { dtype }), shape);
    const variable = new Variable(value, { dtype, trainable: false, name, aggregation });
    variable.path = `${this.name}/${name}`;
    this.#variables.push(variable);
    return variable;
  }

  /** Makes a variable of a weight's shape and dtype; its name is the weight's path and `name`: 'dense_kernel_momentum'. */
  addVariableFromReference(reference: Variable, options: { name?: string; fill?: number } = {}): Variable {
    const { name = 'var', fill = 0 } = options;
    const { shape, dtype } = reference;
    return this.addVariable({ shape, dtype, fill, name: `${reference.path.replaceAll('/', '_')}_${name}` });
  }

  /** {@link addVariableFromReference} for each weight; for several names a list for each of them. */
  addOptimizerVariables(variables: readonly Variable[], name: string, options?: { fill?: number }): Variable[];
  addOptimizerVariables(
    variables: readonly Variable[],
    names: readonly string[],
    options?: { fill?: number },
  ): Variable[][];
  addOptimizerVariables(
    variables: readonly Variable[],
    names: string | readonly string[],
    options: { fill?: number } = {},
  ): Variable[] | Variable[][] {
    if (typeof names === 'string') {
      return variables.map((variable) => this.addVariableFromReference(variable, { name: names, ...options }));
    }
    // Weight by weight, as Keras orders them in files.
    const lists: Variable[][] = names.map(() => []);
    for (const variable of variables) {
      for (const [i, name] of names.entries()) {
        lists[i]?.push(this.addVariableFromReference(variable, { name, ...options }));
      }
    }
    return lists;
  }

  /** Place of a weight among those that the optimizer was built for: index into its lists of variables. */
  protected indexOf(variable: Variable): number {
    return this.#indices.get(variable) as number;
  }

  /** Of one list of variables, those of the given weights, in their order. */
  protected slots(list: readonly Variable[], variables: readonly Variable[]): Variable[] {
    return variables.map((variable) => list[this.indexOf(variable)] as Variable);
  }

  /** The update of one weight. Written by subclasses. */
  abstract updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void;

  /** The update of all weights. Built-in optimizers do it with one operator; this calls {@link updateStep} for each. */
  protected updateAll(grads: readonly Tensor[], variables: readonly Variable[], learningRate: Tensor): void {
    for (const [i, variable] of variables.entries()) this.updateStep(grads[i] as Tensor, variable, learningRate);
  }

  /**
   * One step: changes the weights by their gradients (`null` for a weight that the loss doesn't reach). Builds the optimizer at first.
   *
   * @throws {ArgumentError} for weights that the optimizer wasn't built for, and if there is no gradient at all
   * @throws {ShapeError} for a gradient of another shape than its weight
   * @example
   * ```ts
   * const { grads } = valueAndGrad(() => loss.apply(y, model.apply(x)))(model.trainableWeights);
   * optimizer.apply(grads, model.trainableWeights);
   * ```
   */
  apply(grads: readonly (Tensor | null)[], variables: readonly Variable[] = this.#trainable): void {
    const where = `${this.type.className} "${this.name}"`;
    if (grads.length === 0) return;
    if (variables.length !== grads.length) {
      throw new ArgumentError(
        `${where}: expected as many gradients as weights, got ${grads.length} gradients and ${variables.length} weights.`,
        'Call optimizer.apply(grads, variables), or optimizer.build(variables) first.',
      );
    }
    this.build(variables);
    const [present, weights] = this.#pairs(where, grads, variables);
    this.#applyPresent(present, weights);
    for (const variable of weights) {
      if (variable.constraint !== null) variable.assign(variable.constraint(variable));
    }
    this.#steps.assignAdd(1);
  }

  /** As {@link apply}, for pairs of gradient and weight. Answers the step counter. */
  applyGradients(pairs: readonly (readonly [Tensor | null, Variable])[]): Tensor {
    this.apply(
      pairs.map(([gradient]) => gradient),
      pairs.map(([, variable]) => variable),
    );
    return this.#steps;
  }

  #pairs(where: string, grads: readonly (Tensor | null)[], variables: readonly Variable[]): [Tensor[], Variable[]] {
    const present: Tensor[] = [];
    const weights: Variable[] = [];
    for (const [i, variable] of variables.entries()) {
      if (!this.#indices.has(variable)) {
        throw new ArgumentError(
          `${where}: expected weights that the optimizer was built for, got ${show(variable?.path ?? variable)}.`,
          'Make a new optimizer for other weights.',
        );
      }
      const gradient = grads[i] ?? null;
      if (gradient === null) continue;
      if (!(gradient instanceof Tensor)) {
        throw new ArgumentError(`${where}: expected tensors (or null) as gradients, got ${show(gradient)}.`);
      }
      if (gradient.ndim !== variable.ndim || gradient.shape.some((size, axis) => size !== variable.shape[axis])) {
        throw new ShapeError(
          `${where}: expected a gradient of shape ${formatShape(variable.shape)} for "${variable.path}", got ${formatShape(gradient.shape)}.`,
          'Give gradients in the order of the weights.',
        );
      }
      present.push(gradient);
      weights.push(variable);
    }
    if (weights.length === 0) {
      throw new ArgumentError(
        `${where}: expected a gradient for at least one weight, got none.`,
        'Does the loss depend on the weights?',
      );
    }
    return [present, weights];
  }

  #applyPresent(given: readonly Tensor[], weights: readonly Variable[]): void {
    const { lossScaleFactor: scale, gradientAccumulationSteps: rounds } = this;
    const grads = scale === null ? given : given.map((gradient) => ops.divide(gradient, scale));
    if (rounds === null) {
      this.#update(grads, weights);
    } else {
      const sums = this.slots(this.#accumulated, weights);
      cond(
        everySteps(this.#steps, rounds),
        () => {
          const all = callList('aten::_foreach_add.List', grads, sums);
          this.#update(callList('aten::_foreach_div.Scalar', all, rounds), weights);
          callValue('aten::_foreach_zero_', sums);
        },
        () => {
          callValue('aten::_foreach_add_.List', sums, grads);
        },
      );
    }
    if (this.useEma) this.#average();
  }

  #update(grads: readonly Tensor[], weights: readonly Variable[]): void {
    const clipped = this.#clip(grads);
    const { learningRate } = this;
    this.#decay(weights, learningRate);
    this.updateAll(clipped, weights, learningRate);
  }

  #clip(grads: readonly Tensor[]): readonly Tensor[] {
    const { clipnorm, globalClipnorm, clipvalue } = this;
    if (clipnorm !== null && clipnorm > 0) return grads.map((gradient) => clipByNorm(gradient, clipnorm));
    if (globalClipnorm !== null && globalClipnorm > 0) return clipByGlobalNorm(grads, globalClipnorm);
    if (clipvalue !== null && clipvalue > 0) return grads.map((gradient) => ops.clip(gradient, -clipvalue, clipvalue));
    return grads;
  }

  /**
   * Leaves weights out of the weight decay: those given, and those whose name contains one of `varNames` (regular expressions).
   * @throws {StateError} after the first step
   */
  excludeFromWeightDecay(options: { varList?: readonly Variable[] | null; varNames?: readonly string[] | null }): void {
    if (this.#built) {
      throw new StateError(
        `${this.type.className}: expected excludeFromWeightDecay before the first step.`,
        'Call it before fit, apply or build.',
      );
    }
    const { varList, varNames } = options;
    this.#excluded = new Set(varList ?? []);
    this.#excludedNames = varNames && varNames.length > 0 ? new RegExp(varNames.join('|')) : null;
  }

  #decay(weights: readonly Variable[], learningRate: Tensor): void {
    const { weightDecay } = this;
    if (weightDecay === null) return;
    const decayed = weights.filter(
      (variable) => !this.#excluded.has(variable) && !this.#excludedNames?.test(variable.name),
    );
    if (decayed.length === 0) return;
    callValue('aten::_foreach_mul_.Tensor', decayed, ops.subtract(1, ops.multiply(learningRate, weightDecay)));
  }

  #average(): void {
    const { iterations, emaOverwriteFrequency } = this;
    callValue('torchlayers::ema_', this.#averages, this.#trainable, this.emaMomentum, iterations);
    if (emaOverwriteFrequency === null) return;
    cond(
      everySteps(iterations, emaOverwriteFrequency),
      () => this.finalizeVariableValues(this.#trainable),
      () => {},
    );
  }

  /** Ends training: with `useEma` the weights become their averages. `fit` calls it at its end. */
  finalizeVariableValues(variables: readonly Variable[]): void {
    if (!this.useEma) return;
    for (const variable of variables) {
      if (!this.#indices.has(variable)) {
        throw new ArgumentError(
          `${this.type.className}: expected weights that the optimizer was built for, got "${variable.path}".`,
        );
      }
      variable.assign(this.#averages[this.indexOf(variable)] as Variable);
    }
  }

  /** The loss multiplied by `lossScaleFactor`, to take the gradient of. */
  scaleLoss(loss: Tensor): Tensor {
    return this.lossScaleFactor === null ? loss : ops.multiply(loss, this.lossScaleFactor);
  }

  override getConfig(): Record<string, unknown> {
    const rate = this.#rate;
    const learningRate = rate instanceof Variable ? rate.item() : rateConfig(rate, plain);
    return { ...super.getConfig(), learningRate };
  }
}
