// What examples use without making it: data, a compiled model and what goes with it.
import { Input, layers, losses, ops, optimizers, Sequential, Tensor, tuner } from 'torchlayers';
import { expect } from 'vitest';

/** New values for one example; examples change them. */
export function fixtures(): Record<string, unknown> {
  const numbers = (shape: number[]): Tensor => {
    const size = shape.reduce((product, axis) => product * axis, 1);
    return ops.reshape(ops.divide(ops.arange(size, null, null, { dtype: 'float32' }), size), shape);
  };
  const model = new Sequential([
    Input({ shape: [4] }),
    new layers.Dense({ units: 3, name: 'hidden' }),
    new layers.Dense({ units: 1 }),
  ]);
  const optimizer = new optimizers.SGD({ learningRate: 0.01 });
  model.compile({ optimizer, loss: 'mse', metrics: ['mae'] });
  const build = (hp: tuner.HyperParameters): Sequential => {
    const made = new Sequential([Input({ shape: [4] }), new layers.Dense({ units: hp.int('units', 1, 8) })]);
    made.add(new layers.Dense({ units: 1 }));
    made.compile({ loss: 'mse', metrics: ['accuracy'] });
    return made;
  };
  return {
    build,
    search: new tuner.RandomSearch({ hypermodel: build, objective: 'val_loss', maxTrials: 2, projectName: 'example' }),
    x: numbers([8, 4]),
    y: numbers([8, 1]),
    xTest: numbers([8, 4]),
    yTest: numbers([8, 1]),
    yTrue: numbers([8, 1]),
    yPred: numbers([8, 1]),
    w: numbers([4, 2]),
    a: numbers([2, 3, 4]),
    b: numbers([2, 4, 5]),
    images: numbers([2, 28, 28]),
    model,
    optimizer,
    loss: new losses.MeanSquaredError(),
    chart: { push: () => {} },
  };
}

function roundedTo(value: unknown, wanted: unknown): unknown {
  if (Array.isArray(value) && Array.isArray(wanted)) return value.map((item, i) => roundedTo(item, wanted[i]));
  // Comments show a few digits.
  if (typeof value === 'number' && typeof wanted === 'number' && Math.abs(value - wanted) < 5e-4) return wanted;
  return value;
}

async function plain(value: unknown): Promise<unknown> {
  if (value instanceof Tensor) return value.array();
  return Array.isArray(value) ? Promise.all(value.map(plain)) : value;
}

/**
 * Holds a value against the one in the comment behind it; called by the code made from a page.
 * @public
 */
export async function expectSame(actual: unknown, wanted: unknown): Promise<void> {
  expect(roundedTo(await plain(await actual), wanted)).toEqual(wanted);
}
