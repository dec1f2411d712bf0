import { describe, expect, test } from 'vitest';
import { Input, type Layer, layers, Model, models, Sequential, type Tensor, tensor } from '../../lib/index.js';
import { expectClose, sample } from '../support/layer-suite.js';
import { graphs } from './functional-models.js';

const { cloneModel } = models;
const ordered = { verbose: 0 as const, shuffle: false };

function nested(): Model {
  return (graphs['nested'] as () => Model)();
}

describe('cloneModel', () => {
  test('copies a graph: equal config, weights of its own, shared layers once', () => {
    const model = nested();
    const twin = cloneModel(model);
    expect(twin.getConfig()).toEqual(model.getConfig());
    expect(twin.weights.map(({ shape }) => shape)).toEqual(model.weights.map(({ shape }) => shape));
    expect(twin.weights.some((weight) => model.weights.includes(weight))).toBe(false);
    twin.setWeights(model.getWeights());
    const x = sample([2, 4]);
    const [a, b] = [model.apply<[Tensor, Tensor]>(x), twin.apply<[Tensor, Tensor]>(x)];
    expectClose(b[0], a[0], 0);
    expectClose(b[1], a[1], 0);
  });

  test('copies a Sequential, built or not', () => {
    const model = new Sequential({ layers: [Input({ shape: [3] }), new layers.Dense({ units: 2 })], name: 'mine' });
    const twin = cloneModel(model) as Sequential;
    expect(twin).toBeInstanceOf(Sequential);
    expect([twin.name, twin.inputShape, twin.outputShape]).toEqual(['mine', [null, 3], [null, 2]]);
    expect(cloneModel(new Sequential([new layers.Dense({ units: 2 })])).built).toBe(false);
  });

  test('compiles the copy alike, with an optimizer of its own', async () => {
    const model = new Sequential([Input({ shape: [3] }), new layers.Dense({ units: 1 })]);
    model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] });
    const twin = cloneModel(model);
    twin.setWeights(model.getWeights());
    expect(twin.optimizer).not.toBe(model.optimizer);
    expect(twin.optimizer?.getConfig()).toEqual(model.optimizer?.getConfig());
    const [x, y] = [sample([8, 3]), sample([8, 1], 2)];
    expect(await twin.trainOnBatch(x, y)).toEqual(await model.trainOnBatch(x, y));
    expect((await twin.fit(x, y, ordered)).history['mae']).toEqual((await model.fit(x, y, ordered)).history['mae']);
  });

  test('cloneFunction makes the layers, callFunction applies them', () => {
    const x = Input({ shape: [3], name: 'x' });
    const model = new Model({ inputs: x, outputs: new layers.Dense({ units: 2, name: 'd' }).apply(x) });
    const twin = cloneModel(model, {
      cloneFunction: (layer: Layer) => layer,
      callFunction: (layer, [input]) =>
        new layers.Dropout({ rate: 0.5, name: `${layer.name}_dropped` }).apply(layer.apply(input as never)),
    });
    expect(twin.layers.map(({ name }) => name)).toEqual(['x', 'd', 'd_dropped']);
    expect(twin.weights).toEqual(model.weights);
  });

  test('recursive: models inside are copied layer by layer', () => {
    const made: string[] = [];
    const cloneFunction = (layer: Layer): Layer => {
      made.push(layer.name);
      return (layer.constructor as unknown as { fromConfig(config: object): Layer }).fromConfig(layer.getConfig());
    };
    cloneModel(nested(), { cloneFunction });
    expect(made).toEqual(['inner', 'stacked', 'joined']);
    made.length = 0;
    const twin = cloneModel(nested(), { cloneFunction, recursive: true });
    expect(made).toEqual([
      expect.stringMatching(/^dense/),
      expect.stringMatching(/^dense/),
      expect.stringMatching(/^activation/),
      'joined',
    ]);
    expect(twin.weights).toHaveLength(4);
  });

  test('builds upon given inputs', () => {
    const x = Input({ shape: [4], name: 'own' });
    const twin = cloneModel(nested(), { inputTensors: x });
    expect(twin.inputs).toEqual([x]);
    const model = new Sequential([Input({ shape: [3] }), new layers.Dense({ units: 2 })]);
    expect((cloneModel(model, { inputTensors: Input({ shape: [3], batchSize: 5 }) }) as Sequential).inputShape).toEqual(
      [5, 3],
    );
  });

  test('copies a subclass by its config', () => {
    class Own extends Model {
      readonly dense: layers.Dense = new layers.Dense({ units: 2 });
      override call(inputs: Tensor): Tensor {
        return this.dense.apply(inputs);
      }
    }
    const model = new Own({ name: 'own' });
    const twin = cloneModel(model);
    expect(twin).toBeInstanceOf(Own);
    expect(twin.name).toBe('own');
    expect(twin.apply(tensor([[1, 2]])).shape).toEqual([1, 2]);
    expect(() => cloneModel(model, { recursive: true, cloneFunction: (layer: Layer) => layer })).toThrow(
      /cloneModel: expected a Sequential or functional model for these options, got Own "own"/,
    );
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'what is no model',
      () => cloneModel(new layers.Dense({ units: 1 }) as never),
      /cloneModel: expected a model, got Dense/,
    ],
    [
      'a cloneFunction that is none',
      () => cloneModel(nested(), { cloneFunction: 3 } as never),
      /cloneModel: cloneFunction: expected a function, got 3/,
    ],
    ['an unknown option', () => cloneModel(nested(), { deep: true } as never), /cloneModel: unknown option 'deep'/],
    [
      'callFunction for a Sequential',
      () => cloneModel(new Sequential(), { callFunction: () => null }),
      /callFunction: expected a functional model/,
    ],
    [
      'too many inputs',
      () => cloneModel(nested(), { inputTensors: [Input({ shape: [4] }), Input({ shape: [4] })] }),
      /inputTensors: expected 1 symbolic tensors/,
    ],
    [
      'a cloneFunction that answers nothing',
      () => cloneModel(nested(), { cloneFunction: () => null as never }),
      /cloneFunction: expected it to answer a layer, got null/,
    ],
  ])('refuses %s', (_, fn, message) => expect(fn).toThrow(message));
});
