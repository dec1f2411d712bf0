import { describe, expect, test } from 'vitest';
import { ArgumentError, activations, Input, layers, ops, ShapeError, type Tensor, tensor } from '../../../lib/index.js';
import { expectClose, goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

const family = 'recurrent';
const shared = {
  activation: activations.get('tanh'),
  useBias: true,
  dropout: 0,
  recurrentDropout: 0,
  seed: null,
  returnSequences: false,
  returnState: false,
  goBackwards: false,
  stateful: false,
  unroll: false,
  zeroOutputForMask: false,
};
const kinds = [
  {
    LayerOf: layers.LSTM,
    defaults: { recurrentActivation: activations.get('sigmoid'), unitForgetBias: true, useCudnn: 'auto' },
  },
  {
    LayerOf: layers.GRU,
    defaults: { recurrentActivation: activations.get('sigmoid'), resetAfter: true, useCudnn: 'auto' },
  },
  { LayerOf: layers.SimpleRNN, defaults: {} },
] as const;

for (const { LayerOf, defaults } of kinds) {
  const name = LayerOf.className;
  goldenLayerSuite(LayerOf as typeof layers.LSTM, { family });
  layerSuite(LayerOf as typeof layers.LSTM, {
    options: { units: 4, seed: 1 },
    defaults: { ...shared, ...defaults },
    wrong: [
      [{ units: 0 }, new RegExp(`^${name}: units: expected a whole number of at least 1, got 0\\.`)],
      [{ dropout: 1.5 }, new RegExp(`^${name}: dropout: expected a number from 0 to 1, got 1\\.5\\.`)],
      [{ recurrentDropout: -1 }, new RegExp(`^${name}: recurrentDropout: expected a number from 0 to 1, got -1\\.`)],
      [{ returnSequences: 1 }, new RegExp(`^${name}: returnSequences: expected true or false, got 1\\.`)],
      [{ activation: 'tahn' }, new RegExp(`^${name}: activation: unknown activation "tahn"`)],
      [{ seed: -1 }, new RegExp(`^${name}: seed: expected a whole number of at least 0, got -1\\.`)],
      [{ cell: null }, new RegExp(`^${name}: unknown option 'cell'\\.`)],
    ],
    inputShape: [2, 5, 3],
    outputShape: [2, 4],
    supportsMasking: true,
    ownMasks: true,
  });
  layerSuite(LayerOf as typeof layers.LSTM, {
    options: { units: 4, returnSequences: true, goBackwards: true },
    defaults: {},
    inputShape: [2, 5, 3],
    outputShape: [2, 5, 4],
    supportsMasking: true,
    ownMasks: true,
  });

  describe(name, () => {
    test('takes steps of unknown number, and whole numbers', () => {
      const layer = new LayerOf({ units: 4, returnSequences: true, activation: 'relu' });
      const symbol = layer.apply(Input({ shape: [null, 3] }));
      expect([...symbol.shape]).toEqual([null, null, 4]);
      const x = tensor([[[1, 2, 3]]], { dtype: 'int32' });
      expectClose(layer.apply(x), layer.apply(ops.cast(x, 'float32')), 0);
      expect(layer.apply(x).dtype).toBe('float32');
    });

    test('refuses inputs of another rank, without steps, of other features, and unknown steps to unroll', () => {
      const layer = new LayerOf({ units: 4, name: 'r' });
      expect(() => layer.apply(ops.ones([2, 3]))).toThrow(
        new RegExp(`^${name} "r": expected input of rank 3 \\[batch, steps, features\\], got rank 2 \\[2, 3\\]\\.`),
      );
      expect(() => layer.apply(ops.ones([2, 0, 3]))).toThrow(
        new RegExp(`^${name} "r": expected at least one step, got \\[2, 0, 3\\]\\.\\n {2}Leave empty sequences out`),
      );
      layer.apply(ops.ones([2, 5, 3]));
      expect(() => layer.apply(ops.ones([2, 5, 2]))).toThrow(
        new RegExp(`^${name} "r": expected input with 3 along axis -1, got \\[2, 5, 2\\] with 2\\.`),
      );
      const unrolled = new LayerOf({ units: 4, unroll: true, name: 'u' });
      expect(() => unrolled.apply(Input({ shape: [null, 3] }))).toThrow(
        new RegExp(`^${name} "u": expected a known number of steps for unroll: true, got \\[null, null, 3\\]\\.\\n`),
      );
      expect(() => new LayerOf({ units: 4 }).apply(Input({ shape: [5, null] }))).toThrow(ShapeError);
    });

    test('computes in the dtype of its policy', () => {
      const layer = new LayerOf({ units: 4, dtype: 'mixed_bfloat16', returnSequences: true });
      const y = layer.apply(sample([2, 5, 3]));
      expect(y.dtype).toBe('bfloat16');
      expect(layer.weights.map(({ dtype }) => dtype)).toEqual(['float32', 'float32', 'float32']);
      const wide = new LayerOf({ units: 4, dtype: 'float64', returnSequences: true });
      wide.build([null, 5, 3]);
      wide.setWeights(layer.getWeights().map(({ data, shape }) => tensor(data, { shape, dtype: 'float64' })));
      const exact = wide.apply(sample([2, 5, 3]));
      expect(exact.dtype).toBe('float64');
      expectClose(ops.cast(y, 'float32'), ops.cast(exact, 'float32'), 0.03);
    });

    test('freezes with its cell', () => {
      const layer = new LayerOf({ units: 4, trainable: false });
      layer.apply(ops.ones([2, 5, 3]));
      expect(layer.trainableWeights).toEqual([]);
      layer.trainable = true;
      expect(layer.trainableWeights).toHaveLength(3);
      expect(layer.cell.trainable).toBe(true);
    });
  });
}

describe('useCudnn', () => {
  const x = sample([2, 5, 3]);
  const apply = (layer: layers.Layer, options = {}): Tensor => layer.apply(x, options);

  test("refuses what the operator doesn't know, where it is insisted on", () => {
    const wrong: [layers.Layer, object, string][] = [
      [new layers.LSTM({ units: 2, useCudnn: true, activation: 'relu', name: 'r' }), {}, "activation: 'tanh'"],
      [new layers.GRU({ units: 2, useCudnn: true, resetAfter: false, name: 'r' }), {}, 'resetAfter: true'],
      [
        new layers.LSTM({ units: 2, useCudnn: true, recurrentActivation: 'relu', name: 'r' }),
        {},
        "recurrentActivation: 'sigmoid'",
      ],
      [
        new layers.GRU({ units: 2, useCudnn: true, implementation: 1, dropout: 0.5, name: 'r' }),
        { training: true },
        'no dropout that differs between gates',
      ],
      [
        new layers.LSTM({ units: 2, useCudnn: true, dtype: 'bfloat16', name: 'r' }),
        {},
        'dtype float32 or float64, not bfloat16',
      ],
    ];
    for (const [layer, options, what] of wrong) {
      expect(() => apply(layer, options)).toThrow(ArgumentError);
      expect(() => apply(layer, options)).toThrow(`"r": useCudnn: expected ${what}`);
    }
    const sure = new layers.LSTM({ units: 2, useCudnn: true });
    expect([...apply(sure).shape]).toEqual([2, 2]);
    expect(() => new layers.LSTM({ units: 2, useCudnn: 'yes' as never })).toThrow(
      /^LSTM: useCudnn: expected 'auto', true or false, got "yes"\./,
    );
  });
});
