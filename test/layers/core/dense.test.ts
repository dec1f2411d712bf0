import { describe, expect, test } from 'vitest';
import { ArgumentError, activations, jit, ShapeError, StateError, type Tensor, tensor } from '../../../lib/index.js';
import { Dense, Input } from '../../../lib/layers/index.js';
import * as ops from '../../../lib/ops/index.js';
import { expectClose, goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

goldenLayerSuite(Dense);

layerSuite(Dense, {
  options: { units: 3 },
  defaults: {
    units: 3,
    activation: activations.linear,
    useBias: true,
    loraRank: null,
    trainable: true,
    dtype: 'float32',
    autocast: true,
  },
  wrong: [
    [{ units: 0 }, /^Dense: units: expected a whole number of at least 1, got 0\./],
    [{ units: 2.5 }, /^Dense: units: expected a whole number of at least 1, got 2\.5\./],
    [{ units: '3' }, /^Dense: units: expected a whole number of at least 1, got "3"\./],
    [{ useBias: 1 }, /^Dense: useBias: expected true or false, got 1\./],
    [{ activation: 'sofmax' }, /Did you mean 'softmax'\?/],
    [{ kernelInitializer: 'glorot' }, /^Dense: kernelInitializer: unknown initializer "glorot"\./],
    [{ dtype: 'floot32' }, /^Dense: dtype: .*\n {2}Did you mean 'float32'\?/],
    [{ name: 'a/b' }, /^Dense: expected a name without '\/', got "a\/b"\./],
    [{ quantizationConfig: {} }, /^Dense: quantizationConfig: expected null/],
  ],
  inputShape: [4, 5],
  outputShape: [4, 3],
  supportsMasking: true,
});

layerSuite(Dense, {
  options: { units: 3, activation: 'tanh', loraRank: 2, kernelRegularizer: 'l2' },
  defaults: { loraAlpha: null },
  inputShape: [2, 4, 5],
  outputShape: [2, 4, 3],
  supportsMasking: true,
});

describe('Dense', () => {
  test('is one operator for a matrix', () => {
    const layer = new Dense({ units: 3, name: 'one' });
    layer.build([null, 5]);
    const program = jit((x: Tensor) => layer.apply(x)).programFor(sample([2, 5]));
    expect(program.size).toBe(1);
    expect(program.toString({ lines: false })).toContain('torchlayers::dense(');
  });

  test('says what it got', () => {
    const layer = new Dense({ units: 3, name: 'says' });
    expect(() => layer.apply(tensor([1, 2]))).toThrow(
      new ShapeError(
        'Dense "says": expected input of rank 2 or more [batch, ..., features], got rank 1 [2].',
        'Add an axis: ops.expandDims(x, -1).',
      ),
    );
    layer.build([null, 5]);
    expect(() => layer.apply(sample([2, 4]))).toThrow(
      /^Dense "says": expected input with 5 along axis -1, got \[2, 4\] with 4\./,
    );
    expect(() => new Dense({ units: 3 }).build([null, null])).toThrow(
      /expected an input shape \[batch, \.\.\., features\] with known features/,
    );
    expect(() => layer.setWeights([])).toThrow(ArgumentError);
    expect(() => layer.setWeights([sample([5, 3]), sample([4])])).toThrow(
      /expected shape \[3\] for says\/bias, got \[4\]/,
    );
  });

  test('takes whole numbers, bytes and arrays', () => {
    const layer = new Dense({ units: 3, kernelInitializer: 'ones' });
    for (const x of [
      tensor([[1, 2]], { dtype: 'int32' }),
      tensor(new Uint8Array([1, 2]), { shape: [1, 2] }),
      [[1, 2]],
      { data: new Float64Array([1, 2]), shape: [1, 2] },
    ]) {
      expect(layer.apply(x).arraySync()).toEqual([[3, 3, 3]]);
      expect(layer.apply(x).dtype).toBe('float32');
    }
  });

  test('computes in half precision under a mixed policy, keeps float32 weights', () => {
    const layer = new Dense({ units: 3, dtype: 'mixed_bfloat16' });
    const y = layer.apply(sample([2, 5]));
    expect(y.dtype).toBe('bfloat16');
    expect(layer.weights.map(({ dtype }) => dtype)).toEqual(['float32', 'float32']);
    expect(layer.apply(Input({ shape: [5] })).dtype).toBe('bfloat16');
  });

  test('LoRA changes nothing at first, freezes the kernel and trains the rest', () => {
    const layer = new Dense({ units: 3 });
    const x = sample([2, 5]);
    const before = layer.apply(x);
    layer.enableLora(2);
    expectClose(layer.apply(x), before, 1e-6);
    expect(layer.trainableWeights.map(({ name }) => name)).toEqual(['bias', 'lora_kernel_a', 'lora_kernel_b']);
    expect(layer.nonTrainableWeights.map(({ name }) => name)).toEqual(['kernel']);
    layer.loraKernelB?.assign(ops.ones([2, 3]));
    const added = ops.matmul(x, ops.matmul(layer.loraKernelA as Tensor, ops.ones([2, 3])));
    expectClose(layer.apply(x), ops.add(before, added), 1e-5);
    expect(() => layer.enableLora(2)).toThrow(StateError);
    expect(layer.getConfig()).toMatchObject({ loraRank: 2, loraAlpha: 2 });
  });

  test('adds the penalties of its weights to its losses', () => {
    const layer = new Dense({
      units: 2,
      kernelInitializer: 'ones',
      kernelRegularizer: 'l2',
      activityRegularizer: 'l1',
    });
    layer.apply([[1, 1, 1]]);
    // l1 of the outputs 3 and 3 by one sample; l2 of six ones.
    expect(layer.losses.map((loss) => Number(loss.item().toFixed(5)))).toEqual([0.06, 0.06]);
    layer.apply([[1, 1, 1]]);
    expect(layer.losses).toHaveLength(2);
  });
});
