import { defineFamily, type Family } from '../../core/family.js';
import * as cosine from './cosine.js';
import { ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay } from './decay.js';
import { LearningRateSchedule } from './learning-rate-schedule.js';

const family: Family<LearningRateSchedule> = defineFamily<LearningRateSchedule>({
  kind: 'learning rate schedule',
  members: () => ({ ExponentialDecay, InverseTimeDecay, PiecewiseConstantDecay, PolynomialDecay, ...cosine }),
  accepts: (value) => value instanceof LearningRateSchedule,
});

/**
 * The schedule that a config or a schedule stands for. `where` starts the error's text.
 *
 * @throws {ArgumentError} for an unknown class, with the nearest known one
 */
export function get(identifier: unknown, where = 'schedules.get'): LearningRateSchedule {
  return family.get(identifier, where);
}
