import { describe, expect, test } from 'vitest';
import { native } from '../../lib/core/native.js';
import {
  config,
  grad,
  Input,
  jit,
  layers,
  Model,
  noGrad,
  ops,
  Sequential,
  type Tensor,
  tensor,
  utils,
  type Variable,
  valueAndGrad,
} from '../../lib/index.js';

function model(): Sequential {
  utils.setRandomSeed(1);
  return new Sequential([
    Input({ shape: [3] }),
    new layers.Dense({ units: 4, activation: 'relu', name: 'hidden' }),
    new layers.Dropout({ rate: 0.5 }),
    new layers.Dense({ units: 2, activation: 'softmax', name: 'last' }),
  ]);
}

const row = tensor([[1, -2, 3]]);
const close = (values: Tensor) => Array.from(values.dataSync() as Float32Array, (value) => expect.closeTo(value, 6));

/** Calls over the boundary that `fn` makes. */
function crossings(fn: () => unknown): number {
  const before = native.crossings();
  fn();
  return native.crossings() - before;
}

describe('model.apply outside of training', () => {
  test('is one native call, and answers what the layers answer', () => {
    const m = model();
    const first = m.apply(row);
    const again = m.apply(row);
    expect([...again.dataSync()]).toEqual([...first.dataSync()]);
    m.compile({ loss: 'mse', runEagerly: true });
    expect([...again.dataSync()]).toEqual(close(m.apply(row)));
    const eager = crossings(() => m.apply(row));
    m.compile({ loss: 'mse' });
    m.apply(row);
    expect(crossings(() => m.apply(row))).toBeLessThan(eager);
    expect(crossings(() => m.apply(row, { training: false }))).toBeLessThan(eager);
  });

  test('sees new weights, other shapes and changed layers', () => {
    const m = model();
    m.apply(row);
    const [kernel] = m.weights as [Variable];
    kernel.assign(ops.zerosLike(kernel));
    const last = m.layers[2] as unknown as { activation: unknown };
    expect([...m.apply(row).dataSync()]).toEqual([0.5, 0.5]);
    expect(m.apply(ops.ones([5, 3])).shape).toEqual([5, 2]);
    last.activation = ops.sigmoid;
    expect([...m.apply(row).dataSync()]).toEqual([0.5, 0.5]);
    last.activation = (y: Tensor) => ops.add(y, 7);
    expect([...m.apply(row).dataSync()]).toEqual([7, 7]);
  });

  test('draws masks anew when training is on', () => {
    const m = model();
    const x = ops.ones([64, 3]);
    expect([...m.apply(x, { training: true }).dataSync()]).not.toEqual([...m.apply(x, { training: true }).dataSync()]);
  });

  test('runs the layers where a gradient or a recording follows them', () => {
    const m = model();
    m.apply(row);
    const weights = m.trainableWeights;
    const { grads } = valueAndGrad((_: readonly Variable[]) => ops.sum(ops.square(m.apply(row))))(weights);
    expect(grads).toHaveLength(4);
    expect((grads as Tensor[]).some((one) => [...(one.dataSync() as Float32Array)].some((value) => value !== 0))).toBe(
      true,
    );
    const byInput = grad((x: Tensor) => ops.sum(ops.square(m.apply(x))))(row);
    expect(byInput.shape).toEqual([1, 3]);
    const f = jit((x: Tensor) => m.apply(x));
    expect([...f(row).dataSync()]).toEqual(close(m.apply(row)));
    expect([...noGrad(() => m.apply(row)).dataSync()]).toEqual(close(m.apply(row)));
    // A gradient that failed leaves nothing behind.
    expect(() => grad((x: Tensor) => m.apply(x))(row)).toThrow('expected the function to return one number');
    const eager = crossings(() => grad((x: Tensor) => ops.sum(m.apply(x)))(row));
    expect(crossings(() => m.apply(row))).toBeLessThan(eager);
  });

  test('runs code of the user at each call', () => {
    let calls = 0;
    class Counting extends layers.Layer {
      override call(x: Tensor): Tensor {
        calls++;
        return x;
      }
    }
    const counting = new Sequential([Input({ shape: [3] }), new Counting(), new layers.Dense({ units: 1 })]);
    const before = calls;
    counting.apply(row);
    counting.apply(row);
    expect(calls - before).toBe(2);
    class Own extends Model {
      readonly dense = new layers.Dense({ units: 1 });
      override call(x: Tensor): Tensor {
        calls++;
        return this.dense.apply(x);
      }
    }
    const own = new Own();
    own.apply(row);
    const now = calls;
    own.apply(row);
    own.apply(row);
    expect(calls - now).toBe(2);
    const regular = new Sequential([Input({ shape: [3] }), new layers.Dense({ units: 1, activityRegularizer: 'l2' })]);
    regular.apply(row);
    regular.apply(row);
    expect(regular.losses).toHaveLength(1);
  });

  test('says the same of wrong inputs, every time', () => {
    const m = model();
    m.apply(row);
    for (let i = 0; i < 3; i++) expect(() => m.apply(tensor([[1, 2]]))).toThrow(/Dense|sequential/i);
  });

  test('takes floatx and fusion into account', () => {
    const m = model();
    m.apply(row);
    try {
      config.setFusion(false);
      expect([...m.apply(row).dataSync()]).toHaveLength(2);
    } finally {
      config.setFusion(true);
    }
  });
});
