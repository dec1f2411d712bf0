import { type Fields, is, optional, required } from '../core/fields.js';
import type { VariableOptions } from '../core/variable.js';
import { checkRate, type LearningRate } from './learning-rate.js';

/** Options that every optimizer takes. */
export interface OptimizerOptions {
  /** Learning rate: a number, a schedule, or a function from the step (a tensor) to the rate (a tensor). */
  learningRate?: LearningRate;
  /** Decoupled weight decay: before each update `w -= w * weightDecay * learningRate`. @default null */
  weightDecay?: number | null;
  /** Largest norm of each gradient by itself. @default null */
  clipnorm?: number | null;
  /** Largest absolute value of each element of the gradients. @default null */
  clipvalue?: number | null;
  /** Largest norm of all gradients together. @default null */
  globalClipnorm?: number | null;
  /** Keep an exponential moving average of the weights. @default false */
  useEma?: boolean;
  /** Share of the old average that is kept at each step, from 0 to 1. @default 0.99 */
  emaMomentum?: number;
  /** Steps after which the weights become their averages; `null` for only at the end of `fit`. @default null */
  emaOverwriteFrequency?: number | null;
  /** Factor that the loss was multiplied by ({@link Optimizer.scaleLoss}), and that gradients are divided by. @default null */
  lossScaleFactor?: number | null;
  /** Update only at every so-manieth step, with the mean of the gradients since the last update; at least 2. @default null */
  gradientAccumulationSteps?: number | null;
  /** Name, and first part of the names of the optimizer's variables. @default the class's name in snake_case */
  name?: string | null;
}

/** Options of {@link Optimizer.addVariable}. */
export interface OptimizerVariableOptions extends Omit<VariableOptions, 'trainable'> {
  /** Sizes of the axes. @default [] */
  shape?: readonly number[];
  /** Value of every element at first. @default 0 */
  fill?: number;
}

const positive = is.nullable(is.number({ min: 0 }));

/** Fields of {@link OptimizerOptions}. The learning rate lives in a Variable, so the optimizer writes it into the config itself. @internal */
export const optimizerFields: Fields = {
  name: optional(is.nullable(is.string), null),
  learningRate: required(checkRate, { writes: false }),
  weightDecay: optional(is.nullable(is.number()), null),
  clipnorm: optional(positive, null),
  globalClipnorm: optional(positive, null),
  clipvalue: optional(positive, null),
  useEma: optional(is.boolean, false),
  emaMomentum: optional(is.number({ min: 0, max: 1 }), 0.99),
  emaOverwriteFrequency: optional(is.nullable(is.integer({ min: 1 })), null),
  lossScaleFactor: optional(is.nullable(is.number()), null),
  gradientAccumulationSteps: optional(is.nullable(is.integer({ min: 2 })), null),
};
