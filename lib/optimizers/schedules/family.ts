import { type SerializedObject, serialized } from '../../core/configurable.js';
import { ArgumentError } from '../../core/errors.js';
import { defineFamily, type Family } from '../../core/family.js';
import { show } from '../../core/fields.js';
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

/** What a config holds for a schedule: its class and options. */
export function serialize(object: LearningRateSchedule): SerializedObject {
  if (!(object instanceof LearningRateSchedule)) {
    throw new ArgumentError(`schedules.serialize: expected a schedule, got ${show(object)}.`);
  }
  return serialized(object);
}

/** The schedule that {@link serialize} wrote. */
export function deserialize(config: SerializedObject): LearningRateSchedule {
  return get(config, 'schedules.deserialize');
}
