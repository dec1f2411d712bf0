import { ArgumentError } from '../core/errors.js';
import { type Checker, type Field, is, show } from '../core/fields.js';
import { Tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { functionConfig } from '../losses/wrapper.js';
import { get } from './schedules/family.js';
import { LearningRateSchedule } from './schedules/learning-rate-schedule.js';

/**
 * A learning rate: a number, which can be changed later; a schedule; or a function from the step (a tensor) to the rate (a tensor), which is
 * recorded with the training step and so reads no values.
 */
export type LearningRate = number | LearningRateSchedule | ((step: Tensor) => Tensor);

const isRate = is.number();

/** Checks a learning rate; configs of schedules become schedules. @internal */
export const checkRate: Checker<LearningRate> = (value, where) => {
  if (value instanceof LearningRateSchedule) return value;
  if (isPlainObject(value) && 'className' in value) return get(value, where);
  if (typeof value === 'function') return value as (step: Tensor) => Tensor;
  if (typeof value === 'number' && Number.isFinite(value)) return isRate(value, where);
  throw new ArgumentError(
    `${where}: expected a number, a schedule or a function of the step, got ${show(value)}.`,
    'Write learningRate: 0.001, or a class of optimizers.schedules.',
  );
};

/** Field of the learning rate, with its default. The optimizer writes it into the config itself. @internal */
export function rateField(value: number): Field {
  return { check: checkRate, default: value, writes: false };
}

/** The rate at a step. @internal */
export function rateAt(rate: LearningRateSchedule | ((step: Tensor) => Tensor), step: Tensor, where: string): Tensor {
  const now: unknown = rate instanceof LearningRateSchedule ? rate.apply(step) : rate(step);
  if (now instanceof Tensor) return now;
  throw new ArgumentError(
    `${where}: expected learningRate to answer a tensor, got ${show(now)}.`,
    'A number would stay what it was in the first step: compute the rate from the step with ops.',
  );
}

/** A rate that isn't a number, for a config. @internal */
export function rateConfig(
  rate: LearningRateSchedule | ((step: Tensor) => Tensor),
  plain: (value: unknown) => unknown,
): unknown {
  return rate instanceof LearningRateSchedule ? plain(rate) : functionConfig(rate as (...args: never[]) => unknown);
}
