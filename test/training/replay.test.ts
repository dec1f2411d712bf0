import { describe, expect, test } from 'vitest';
import { optimizers, type Sequential, tensor } from '../../lib/index.js';
import type { CompileOptions } from '../../lib/training/compile.js';
import { smallData, smallModel } from './small-model.js';

const { x, y, labels } = smallData(100);

const sgd = () => new optimizers.SGD({ learningRate: 0.1, momentum: 0.9, nesterov: true });
const choices: Record<string, () => CompileOptions> = {
  SGD: () => ({ optimizer: sgd() }),
  RMSprop: () => ({ optimizer: new optimizers.RMSprop({ learningRate: 0.01, centered: true, momentum: 0.5 }) }),
  Adam: () => ({ optimizer: new optimizers.Adam({ learningRate: 0.01, amsgrad: true, weightDecay: 0.01 }) }),
  'a schedule': () => ({
    optimizer: new optimizers.Adam({
      learningRate: new optimizers.schedules.ExponentialDecay({
        initialLearningRate: 0.02,
        decaySteps: 5,
        decayRate: 0.8,
      }),
    }),
  }),
  accumulation: () => ({ optimizer: new optimizers.Adam({ learningRate: 0.02, gradientAccumulationSteps: 3 }) }),
  EMA: () => ({ optimizer: new optimizers.SGD({ learningRate: 0.1, useEma: true, emaOverwriteFrequency: 4 }) }),
  clipping: () => ({ optimizer: new optimizers.RMSprop({ learningRate: 0.01, globalClipnorm: 0.1 }) }),
};

/** Twenty steps (five epochs of three full batches and a short one), shuffled, with dropout. */
async function train(options: CompileOptions): Promise<{ model: Sequential; history: Record<string, number[]> }> {
  const model = smallModel({ seed: 7, ...options });
  const { history } = await model.fit(x, y, { epochs: 5, batchSize: 32, verbose: 0 });
  return { model, history };
}

function worst(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  return Math.max(...Array.from(a, (value, i) => Math.abs(Number(value) - Number(b[i]))));
}

describe('recorded steps give what the same steps give in JavaScript', () => {
  test.each(Object.entries(choices))('%s', async (_, options) => {
    const recorded = await train(options());
    const eager = await train({ ...options(), runEagerly: true });
    for (const [name, values] of Object.entries(recorded.history)) {
      expect(worst(values, eager.history[name] as number[]), name).toBeLessThan(1e-5);
    }
    recorded.model.weights.forEach((weight, i) => {
      expect(worst(weight.dataSync(), eager.model.weights[i]?.dataSync() as Float32Array), weight.path).toBeLessThan(
        1e-5,
      );
    });
    expect(recorded.model.optimizer?.iterations.item()).toBe(eager.model.optimizer?.iterations.item());
  });

  test('sample weights, class weights and validation', async () => {
    const run = async (runEagerly: boolean): Promise<Record<string, number[]>> => {
      const model = smallModel({
        seed: 3,
        loss: 'sparse_categorical_crossentropy',
        weightedMetrics: ['accuracy'],
        runEagerly,
      });
      const { history } = await model.fit(x, labels, {
        epochs: 2,
        verbose: 0,
        validationSplit: 0.25,
        classWeight: { 0: 2, 1: 0.5 },
      });
      return history;
    };
    const [recorded, eager] = [await run(false), await run(true)];
    expect(Object.keys(recorded)).toEqual(Object.keys(eager));
    for (const [name, values] of Object.entries(recorded))
      expect(worst(values, eager[name] as number[]), name).toBeLessThan(1e-5);
  });

  test('a hook after every step changes nothing', async () => {
    const { LambdaCallback } = (await import('../../lib/index.js')).callbacks;
    const plain = await train(choices['Adam']!());
    const model = smallModel({ seed: 7, ...choices['Adam']!() });
    const seen: number[] = [];
    const { history } = await model.fit(x, y, {
      epochs: 5,
      batchSize: 32,
      verbose: 0,
      callbacks: [new LambdaCallback({ onTrainBatchEnd: (batch) => void seen.push(batch) })],
    });
    expect(seen).toEqual(Array.from({ length: 20 }, (_, i) => i % 4));
    expect(worst(history['loss'] as number[], plain.history['loss'] as number[])).toBeLessThan(1e-6);
  });

  test('the same seed gives the same numbers, another seed others', async () => {
    const run = async (seed: number): Promise<number[]> => {
      const model = smallModel({ seed });
      return (await model.fit(x, y, { epochs: 2, verbose: 0 })).history['loss'] as number[];
    };
    const [a, b, c] = [await run(1), await run(1), await run(2)];
    expect(a).toEqual(b);
    expect(a).not.toEqual(c);
  });

  test('no shuffling takes the samples as they come', async () => {
    const losses: number[][] = [];
    for (const data of [
      { x, y },
      { x: tensor(x.dataSync() as Float32Array, { shape: [100, 6] }), y },
    ]) {
      const model = smallModel({ dropout: 0 });
      losses.push(
        (await model.fit(data.x, data.y, { epochs: 2, verbose: 0, shuffle: false })).history['loss'] as number[],
      );
    }
    expect(losses[0]).toEqual(losses[1]);
  });
});
