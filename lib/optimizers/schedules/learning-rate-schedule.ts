import { Configurable } from '../../core/configurable.js';
import type { Tensor, TensorLike } from '../../core/tensor.js';
import { asTensor } from '../../losses/arguments.js';

/**
 * Base of schedules: the learning rate as a function of the step.
 *
 * A subclass implements `call(step)` with `ops`: it is recorded with the training step, so it gets the step as a tensor and answers a tensor, and
 * never reads a value.
 *
 * Source: Keras' `LearningRateSchedule`.
 *
 * @example
 * ```ts
 * class Halving extends LearningRateSchedule {
 *   override call(step: Tensor): Tensor {
 *     return ops.multiply(0.1, ops.power(0.5, ops.cast(step, 'float32')));
 *   }
 * }
 * ```
 */
export abstract class LearningRateSchedule extends Configurable {
  /** The learning rate at a step, a whole number in a tensor. Written by subclasses. */
  abstract call(step: Tensor): Tensor;

  /** The learning rate at a step: the number of steps done before it. */
  apply(step: TensorLike): Tensor {
    return this.call(asTensor(step));
  }
}
