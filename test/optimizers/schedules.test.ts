import { describe, expect, test } from 'vitest';
import { serialized } from '../../lib/core/configurable.js';
import { jit } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import * as ops from '../../lib/ops/index.js';
import { schedules } from '../../lib/optimizers/index.js';
import { toKerasConfig } from '../../lib/saving/config-keys.js';
import { messageOf } from '../losses/support.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { makeSchedule } from './support.js';

interface ScheduleCase {
  className: string;
  options: Record<string, unknown>;
  steps: GoldenArray;
  rates: GoldenArray;
  serialized: unknown;
}

const golden = loadGolden<ScheduleCase>('schedules');

describe.each(golden.cases)('$name', (one) => {
  const schedule = makeSchedule(one);
  const recorded = jit((step: Tensor) => schedule.apply(step));

  test.each([...one.steps.data].map((step, i) => [Number(step), Number(one.rates.data[i])]))(
    'step %d',
    (step, rate) => {
      const at = tensor(new Int32Array([step]), { shape: [] });
      for (const answer of [schedule.apply(at), recorded(at)]) {
        expect([answer.dtype, [...answer.shape]]).toEqual(['float32', []]);
        if (!Number.isFinite(rate)) expect(answer.item()).toBe(rate);
        else
          expect(Math.abs(answer.item() - rate), `${answer.item()} instead of ${rate}`).toBeLessThanOrEqual(
            2e-5 * Math.abs(rate) + 1e-8,
          );
      }
      expect(recorded.programs.length).toBe(1);
    },
  );

  test('config', () => {
    expect(toKerasConfig(serialized(schedule))).toEqual(one.serialized);
    expect(schedules.get(serialized(schedule)).getConfig()).toEqual(schedule.getConfig());
  });
});

test("a user's schedule", () => {
  class Halving extends schedules.LearningRateSchedule {
    override call(step: Tensor): Tensor {
      return ops.power(0.5, ops.cast(step, 'float32'));
    }
  }
  expect(new Halving().apply(3).item()).toBe(0.125);
});

test.each<[string, () => unknown, string]>([
  [
    'values',
    () => new schedules.PiecewiseConstantDecay({ boundaries: [1], values: [1] }),
    'PiecewiseConstantDecay: expected one value more than boundaries, got 1 values and 1 boundaries.\n  The last value holds after the last boundary.',
  ],
  [
    'steps',
    () => new schedules.CosineDecay({ initialLearningRate: 1, decaySteps: 0 }),
    'CosineDecay: decaySteps: expected a number above 0, got 0.',
  ],
  [
    'a missing option',
    () => new schedules.CosineDecay({ decaySteps: 1 } as never),
    "CosineDecay: option 'initialLearningRate' is required.\n  Write new CosineDecay({ initialLearningRate: … }).",
  ],
])('error: %s', (_, run, message) => {
  expect(messageOf(run)).toBe(message);
});
