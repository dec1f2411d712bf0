import { describe, expect, test } from 'vitest';
import { native } from '../../lib/core/native.js';
import { optimizers } from '../../lib/index.js';
import { smallData, smallModel } from './small-model.js';

const schedule = () =>
  new optimizers.schedules.ExponentialDecay({ initialLearningRate: 0.01, decaySteps: 10, decayRate: 0.9 });
const choices = {
  SGD: () =>
    new optimizers.SGD({ learningRate: schedule(), momentum: 0.9, gradientAccumulationSteps: 2, useEma: true }),
  RMSprop: () => new optimizers.RMSprop({ learningRate: schedule(), gradientAccumulationSteps: 2, useEma: true }),
  Adam: () => new optimizers.Adam({ learningRate: schedule(), gradientAccumulationSteps: 2, useEma: true }),
};

/** Calls into native code during one epoch over that many samples; programs are recorded before. */
async function crossingsOf(optimizer: optimizers.Optimizer, samples: number): Promise<number> {
  const { x, y } = smallData(samples);
  const model = smallModel({ optimizer });
  // 7 of 8 samples train: the last batch of 8 is short, and so is validation's.
  const options = { batchSize: 8, validationSplit: 0.125, verbose: 0 as const };
  await model.fit(x, y, options);
  const before = native.crossings();
  await model.fit(x, y, options);
  return native.crossings() - before;
}

describe('the number of calls into native code does not grow with the number of steps', () => {
  test.each(Object.entries(choices))(
    '%s with schedule, accumulation, EMA, validation and a short last batch',
    async (_, optimizer) => {
      const few = await crossingsOf(optimizer(), 100);
      const many = await crossingsOf(optimizer(), 2004);
      expect(many).toBe(few);
      expect(few).toBeGreaterThan(0);
    },
  );
});
