// What a user's editor sees. tsc checks the types (npm run lint); running the file checks that the names are there.
import { describe, expectTypeOf, it } from 'vitest';
import {
  type DType,
  datasets,
  grad,
  Input,
  jit,
  type Layer,
  layers,
  losses,
  type Model,
  metrics,
  ops,
  optimizers,
  Sequential,
  type SymbolicTensor,
  type Tensor,
  tensor,
  tidy,
  Variable,
  valueAndGrad,
} from '../../lib/index.js';

describe('public types', () => {
  it('of tensors and variables', () => {
    expectTypeOf(tensor([1])).toEqualTypeOf<Tensor>();
    expectTypeOf(tensor([1]).shape).toEqualTypeOf<readonly number[]>();
    expectTypeOf(tensor([1]).dtype).toEqualTypeOf<DType>();
    expectTypeOf(new Variable([1])).toExtend<Tensor>();
    expectTypeOf(new Variable([1]).assign([2])).toEqualTypeOf<Variable>();
    expectTypeOf(tidy(() => ({ a: tensor(1), b: 'x' }))).toEqualTypeOf<{ a: Tensor; b: string }>();
    // @ts-expect-error strings are no tensors
    expectTypeOf(() => tensor('x')).toBeFunction();
    // @ts-expect-error unknown dtype
    expectTypeOf(() => tensor([1], { dtype: 'double' })).toBeFunction();
  });

  it('of gradients follow the differentiated argument', () => {
    const x = tensor([1, 2]);
    expectTypeOf(grad((a: Tensor) => ops.sum(a))(x)).toEqualTypeOf<Tensor>();
    expectTypeOf(grad((a: Tensor[]) => ops.sum(a[0] as Tensor))([x])).toEqualTypeOf<Tensor[]>();
    const both = valueAndGrad((weights: Variable[]) => ops.sum(weights[0] as Variable))([new Variable([1])]);
    expectTypeOf(both.value).toEqualTypeOf<Tensor>();
    expectTypeOf(both.grads).toEqualTypeOf<Tensor[]>();
    expectTypeOf(jit((a: Tensor, n: number) => [a, n] as const)).parameters.toEqualTypeOf<[Tensor, number]>();
  });

  it('of layers and models', async () => {
    expectTypeOf(Input({ shape: [3] })).toEqualTypeOf<SymbolicTensor>();
    expectTypeOf(new layers.Dense({ units: 3 })).toExtend<Layer>();
    // @ts-expect-error units is required
    expectTypeOf(() => new layers.Dense({})).toBeFunction();
    // @ts-expect-error no such option
    expectTypeOf(() => new layers.Dense({ units: 3, activaton: 'relu' })).toBeFunction();
    // @ts-expect-error a rate is a number
    expectTypeOf(() => new layers.Dropout({ rate: '0.5' })).toBeFunction();
    const model = new Sequential([Input({ shape: [2] }), new layers.Dense({ units: 1 })]);
    expectTypeOf(model).toExtend<Model>();
    expectTypeOf(model.trainableWeights).toEqualTypeOf<Variable[]>();
    model.compile({
      optimizer: new optimizers.Adam(),
      loss: new losses.MeanSquaredError(),
      metrics: [new metrics.Mean()],
    });
    expectTypeOf(model.evaluate).returns.resolves.toEqualTypeOf<Record<string, number>>();
    expectTypeOf(datasets.mnist.loadData).returns.resolves.toBeArray();
  });
});
