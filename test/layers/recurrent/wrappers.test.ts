import { describe, expect, test } from 'vitest';
import { Input, layers, ops, Sequential, StateError, type Tensor, tensor } from '../../../lib/index.js';
import { expectClose, layerSuite, sample } from '../../support/layer-suite.js';

const lstm = (options: Partial<layers.LSTMOptions> = {}): layers.LSTM => new layers.LSTM({ units: 2, ...options });

layerSuite(layers.Bidirectional, {
  options: { layer: lstm({ name: 'inner' }) },
  defaults: { mergeMode: 'concat', returnSequences: false, returnState: false, stateful: false },
  wrong: [
    [{ layer: 3 }, /^Bidirectional: layer: expected a layer, got 3\./],
    [
      { layer: new layers.Dense({ units: 2, name: 'd' }) },
      /^Bidirectional: layer: expected a layer over steps, got Dense "d" without 'goBackwards'\.\n {2}Give an LSTM/,
    ],
    [{ mergeMode: 'add' }, /^Bidirectional: mergeMode: expected one of 'sum', 'mul', 'ave', 'concat', got "add"\./],
    [{ weights: [[1]] }, /^Bidirectional: weights: expected an array with the weights of both ways/],
    [
      { backwardLayer: lstm(), name: 'b' },
      /^Bidirectional "b": expected layers with different goBackwards, got false for both\.\n {2}Give backwardLayer/,
    ],
    [
      { backwardLayer: lstm({ goBackwards: true, returnSequences: true }), name: 'b' },
      /^Bidirectional "b": expected layers with the same returnSequences, got false and true\./,
    ],
  ],
  inputShape: [2, 5, 3],
  outputShape: [2, 4],
  supportsMasking: true,
  ownMasks: true,
});

layerSuite(layers.TimeDistributed, {
  options: {
    // Each layer wraps another one.
    get layer() {
      return new layers.Dense({ units: 4, name: 'inner' });
    },
  },
  defaults: { built: false },
  wrong: [[{ layer: null }, /^TimeDistributed: layer: expected a layer, got null\./]],
  inputShape: [2, 5, 3],
  outputShape: [2, 5, 4],
  supportsMasking: true,
  ownMasks: true,
});

describe('Bidirectional', () => {
  const x = sample([2, 5, 3]);
  const mask = tensor([
    [true, true, true, false, false],
    [true, true, true, true, true],
  ]);

  test('takes first weights', () => {
    const given = new layers.Bidirectional({ layer: lstm() });
    const y = given.apply(x);
    const twin = new layers.Bidirectional({ layer: lstm(), weights: given.getWeights() });
    expectClose(twin.apply(x), y, 0);
    expect(twin.weights).toHaveLength(6);
  });

  test('leaves the layer given alone', () => {
    const layer = lstm();
    const both = new layers.Bidirectional({ layer });
    both.apply(x);
    expect(layer.built).toBe(false);
    expect([both.forwardLayer.name, both.backwardLayer.name]).toEqual([
      `forward_${layer.name}`,
      `backward_${layer.name}`,
    ]);
    expect(new layers.Bidirectional({ layer: lstm({ useCudnn: false }) }).backwardLayer).toMatchObject({
      useCudnn: false,
    });
  });

  test('passes masks on with sequences, and not to states', () => {
    const masks = (options: Partial<layers.LSTMOptions>, mergeMode: layers.MergeMode): unknown[] => {
      const given = sample([2, 5, 3]);
      given.mask = mask;
      const outputs = new layers.Bidirectional({ layer: lstm(options), mergeMode }).apply<Tensor | Tensor[]>(given);
      return [outputs].flat().map((output) => output.mask);
    };
    expect(masks({}, 'sum')).toEqual([undefined]);
    expect(masks({ returnSequences: true }, 'sum')).toEqual([mask]);
    expect(masks({ returnSequences: true }, null)).toEqual([mask, mask]);
    expect(masks({ returnSequences: true, returnState: true }, 'ave')).toEqual([mask, ...Array(4).fill(undefined)]);
  });

  test('keeps states of both ways', () => {
    const both = new layers.Bidirectional({ layer: lstm({ stateful: true }), name: 'b' });
    expect(both.states).toBeNull();
    const first = both.apply(x);
    expect(both.states).toHaveLength(4);
    expect(both.apply(x).dataSync()).not.toEqual(first.dataSync());
    both.resetStates();
    expectClose(both.apply(x), first, 1e-6);
    const forgetful = new layers.Bidirectional({ layer: lstm(), name: 'b' });
    expect(() => forgetful.resetState()).toThrow(StateError);
    expect(() => forgetful.resetState()).toThrow(/^Bidirectional "b": resetState: expected a stateful layer\.\n/);
    expect(() => forgetful.apply(x, { initialState: [ops.ones([2, 2])] })).toThrow(
      /^Bidirectional "b": initialState: expected an even number of states, got 1\.\n/,
    );
  });

  test('trains in a model, and comes back with it', async () => {
    const model = new Sequential([
      new layers.Embedding({ inputDim: 9, outputDim: 3, maskZero: true, inputShape: [6] }),
      new layers.Bidirectional({ layer: new layers.GRU({ units: 3, returnSequences: true, dropout: 0.2 }) }),
      new layers.Bidirectional({ layer: lstm() }),
      new layers.Dense({ units: 1 }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'mse' });
    const words = ops.cast(ops.reshape(ops.mod(ops.arange(48), 9), [8, 6]), 'int32');
    const { history } = await model.fit(words, sample([8, 1]), { epochs: 10, batchSize: 4, verbose: 0 });
    expect(history.loss?.at(-1)).toBeLessThan(history.loss?.[0] as number);
    const twin = Sequential.fromConfig(JSON.parse(JSON.stringify(model.getConfig())));
    twin.setWeights(model.getWeights());
    expectClose(twin.apply<Tensor>(words), model.apply<Tensor>(words), 1e-6);
  });
});

describe('TimeDistributed', () => {
  test('gives the layer inside its part of the mask', () => {
    class Marked extends layers.Layer {
      override supportsMasking = true;
      override call(x: Tensor, { mask }: layers.CallOptions): Tensor {
        return ops.where(ops.expandDims(mask as Tensor, -1), x, -1);
      }
    }
    const layer = new layers.TimeDistributed({ layer: new Marked() });
    const x = ops.ones([1, 3, 2]) as Tensor;
    const mask = tensor([[true, false, true]]);
    x.mask = mask;
    const y = layer.apply(x);
    expectClose(
      y,
      tensor([
        [
          [1, 1],
          [-1, -1],
          [1, 1],
        ],
      ]),
      0,
    );
    expect(y.mask).toBe(mask);
  });

  test('refuses inputs without steps, masks of other steps, and layers of several outputs', () => {
    const layer = new layers.TimeDistributed({ layer: new layers.Dense({ units: 2 }), name: 't' });
    expect(() => layer.apply(ops.ones([2, 3]))).toThrow(
      /^TimeDistributed "t": expected an input shape \[batch, steps, \.\.\.\] of rank 3 or more, got \[2, 3\]\.\n/,
    );
    layer.apply(ops.ones([2, 4, 3]));
    expect(() => layer.apply(ops.ones([2, 4, 3]), { mask: ops.ones([2, 3], { dtype: 'bool' }) as Tensor })).toThrow(
      /^TimeDistributed "t": mask: expected shape \[2, 4\], got \[2, 3\]\./,
    );
    expect(() => layer.apply(ops.ones([2, 0, 3]))).toThrow(/^TimeDistributed "t": expected at least one step/);
    const several = new layers.TimeDistributed({ layer: lstm({ returnState: true, name: 'l' }), name: 't' });
    expect(() => several.apply(ops.ones([2, 4, 5, 3]))).toThrow(
      /^TimeDistributed "t": expected LSTM "l" to answer one tensor, got/,
    );
  });

  test('takes steps of unknown number, and layers with dropout', () => {
    const layer = new layers.TimeDistributed({ layer: new layers.Dropout({ rate: 0.5, seed: 1 }) });
    expect([...layer.apply(Input({ shape: [null, 3] })).shape]).toEqual([null, null, 3]);
    const y = layer.apply(ops.ones([2, 6, 3]) as Tensor, { training: true });
    expect(new Set(y.dataSync() as Float32Array)).toEqual(new Set([0, 2]));
  });
});
