import { describe, expect, test } from 'vitest';
import { ArgumentError, Input, layers, Model, Sequential, type Tensor, tensor } from '../../lib/index.js';

const silent = { verbose: 0 } as const;
const identity = (size: number): Sequential =>
  new Sequential([Input({ shape: [size] }), new layers.Activation({ activation: 'linear' })]);

describe('predictClasses', () => {
  test('answers the place of the largest of several outputs', async () => {
    const classes = await identity(3).predictClasses(
      tensor([
        [0.2, 0.5, 0.3],
        [0.9, 0, 0.1],
      ]),
      silent,
    );
    expect(classes.dtype).toBe('int32');
    expect(classes.arraySync()).toEqual([1, 0]);
  });

  test('answers whether a single output is above a half', async () => {
    const classes = await identity(1).predictClasses(tensor([[0.5], [0.51], [0.1]]), silent);
    expect(classes.dtype).toBe('int32');
    expect(classes.arraySync()).toEqual([[0], [1], [0]]);
  });
});

test('predictProba answers what predict does', async () => {
  const x = tensor([[0.25, 0.75]]);
  expect((await identity(2).predictProba(x, silent)).arraySync()).toEqual([[0.25, 0.75]]);
});

test('both refuse models with several outputs', async () => {
  class Twice extends Model {
    dense = new layers.Dense({ units: 1 });
    override call(x: Tensor): Tensor[] {
      return [this.dense.apply(x), this.dense.apply(x)];
    }
  }
  const model = new Twice({ name: 'twice' });
  for (const predict of [model.predictClasses, model.predictProba]) {
    const predicting = predict.call(model, tensor([[1, 2]]), silent);
    await expect(predicting).rejects.toBeInstanceOf(ArgumentError);
    await expect(predicting).rejects.toThrow(/^Model "twice": expected a model with one output, got several\./);
  }
});
