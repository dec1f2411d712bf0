import { describe, expect, test } from 'vitest';
import {
  activations,
  Input,
  jit,
  layers,
  ops,
  Sequential,
  ShapeError,
  StateError,
  type Tensor,
  tensor,
} from '../../../lib/index.js';
import { expectClose, goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

const family = 'convolutions';
const spatial = { 1: [6], 2: [5, 4], 3: [3, 4, 3] } as const;
const valid = { 1: [5], 2: [4, 3], 3: [2, 3, 2] } as const;
const wider = { 1: [7], 2: [6, 5], 3: [4, 5, 4] } as const;
const defaults = {
  padding: 'valid',
  dataFormat: 'channels_last',
  activation: activations.linear,
  useBias: true,
};
const wrongSizes = (name: string): [Record<string, unknown>, RegExp][] => [
  [{ kernelSize: 0 }, new RegExp(`^${name}: kernelSize: expected a whole number of at least 1, or one for each axis`)],
  [{ kernelSize: [1, 2, 3, 4] }, /kernelSize: expected [123] whole numbers?, got \[1, 2, 3, 4\]\.\n {2}A single/],
  [{ strides: [] }, new RegExp(`^${name}: strides: expected a whole number of at least 1, or one for each axis`)],
  [{ dilationRate: 1.5 }, new RegExp(`^${name}: dilationRate: expected a whole number of at least 1`)],
  [{ padding: 'full' }, new RegExp(`^${name}: padding: expected one of 'valid', 'same'.*, got "full"`)],
  [{ dataFormat: 'last' }, new RegExp(`^${name}: dataFormat: expected one of 'channels_last', 'channels_first'`)],
  [{ activation: 'rely' }, /Did you mean 'relu'\?/],
  [{ useBias: 1 }, new RegExp(`^${name}: useBias: expected true or false, got 1\\.`)],
];
const both = (name: string): [Record<string, unknown>, RegExp] => [
  { strides: 2, dilationRate: 2 },
  new RegExp(
    `^${name} "[a-z0-9_]+": expected strides of 1 with a dilationRate above 1, got strides \\[2(, 2)*\\] and dilationRate \\[2`,
  ),
];

for (const rank of [1, 2, 3] as const) {
  const inputShape = [2, ...spatial[rank], 2];
  const Conv = layers[`Conv${rank}D`];
  goldenLayerSuite(Conv, { family });
  layerSuite(Conv as typeof layers.Conv2D, {
    options: { filters: 3, kernelSize: 2 },
    defaults: { ...defaults, filters: 3, groups: 1, loraRank: null },
    wrong: [
      ...wrongSizes(Conv.className),
      both(Conv.className),
      [{ filters: 0 }, new RegExp(`^${Conv.className}: filters: expected a whole number of at least 1, got 0\\.`)],
      [{ groups: 2 }, /expected filters that are a multiple of groups 2, got 3\./],
      [{ kernelInitializer: 'glorot' }, /kernelInitializer: unknown initializer "glorot"\./],
    ],
    inputShape,
    outputShape: [2, ...valid[rank], 3],
    supportsMasking: false,
  });

  const Transpose = layers[`Conv${rank}DTranspose`];
  goldenLayerSuite(Transpose, { family });
  layerSuite(Transpose, {
    options: { filters: 3, kernelSize: 2 },
    defaults: { ...defaults, filters: 3, outputPadding: null },
    wrong: [
      ...wrongSizes(Transpose.className),
      both(Transpose.className),
      [{ filters: 1.5 }, new RegExp(`^${Transpose.className}: filters: expected a whole number of at least 1`)],
      [{ outputPadding: -1 }, /outputPadding: expected a whole number of at least 0, or one for each axis, got -1\./],
      [{ outputPadding: 1 }, /expected outputPadding below strides \[1(, 1)*\], got \[1(, 1)*\]\.\n {2}Leave/],
    ],
    inputShape,
    outputShape: [2, ...wider[rank], 3],
    supportsMasking: false,
  });

  if (rank === 3) continue;
  const Depthwise = layers[`DepthwiseConv${rank}D`];
  goldenLayerSuite(Depthwise, { family });
  layerSuite(Depthwise, {
    options: { kernelSize: 2, depthMultiplier: 2 },
    defaults: { ...defaults, depthMultiplier: 1 },
    wrong: [
      ...wrongSizes(Depthwise.className),
      [{ depthMultiplier: 0 }, /depthMultiplier: expected a whole number of at least 1, got 0\./],
    ],
    inputShape,
    outputShape: [2, ...valid[rank], 4],
    supportsMasking: false,
  });

  const Separable = layers[`SeparableConv${rank}D`];
  goldenLayerSuite(Separable, { family });
  layerSuite(Separable, {
    options: { filters: 3, kernelSize: 2 },
    defaults: { ...defaults, filters: 3, depthMultiplier: 1 },
    wrong: [...wrongSizes(Separable.className), [{ filters: '3' }, /filters: expected a whole number of at least 1/]],
    inputShape,
    outputShape: [2, ...valid[rank], 3],
    supportsMasking: false,
  });
}

describe('convolution', () => {
  test('is one operator between views', () => {
    const layer = new layers.Conv2D({ filters: 3, kernelSize: 3, padding: 'same' });
    layer.build([null, null, null, 2]);
    const program = jit((x: Tensor) => layer.apply(x)).programFor(sample([2, 5, 4, 2]));
    const names = program
      .toString({ lines: false })
      .match(/aten::\w+/g)
      ?.filter((name) => name !== 'aten::permute');
    expect(names).toEqual(['aten::convolution']);
  });

  test('takes images of unknown size', () => {
    const shape = (layer: layers.Layer): unknown =>
      (layer.apply(Input({ shape: [null, null, 3] })) as unknown as Tensor).shape;
    const sizes = { filters: 4, kernelSize: 5 } as const;
    expect(shape(new layers.Conv2D(sizes))).toEqual([null, null, null, 4]);
    expect(shape(new layers.Conv2D({ ...sizes, strides: 2, padding: 'same' }))).toEqual([null, null, null, 4]);
    expect(shape(new layers.Conv2DTranspose({ ...sizes, strides: 3 }))).toEqual([null, null, null, 4]);
    expect(shape(new layers.SeparableConv2D(sizes))).toEqual([null, null, null, 4]);
    expect(shape(new layers.DepthwiseConv2D({ kernelSize: 200 }))).toEqual([null, null, null, 3]);
    expect(new layers.Conv2D(sizes).computeOutputShape([null, null, 32, 3])).toEqual([null, null, 28, 4]);
    const model = new Sequential([Input({ shape: [null, null, 3] }), new layers.Conv2D(sizes)]);
    expect((model.apply(ops.ones([2, 9, 7, 3])) as Tensor).shape).toEqual([2, 5, 3, 4]);
    expect((model.apply(ops.ones([1, 5, 6, 3])) as Tensor).shape).toEqual([1, 1, 2, 4]);
  });

  test('says what it got', () => {
    const layer = new layers.Conv2D({ filters: 4, kernelSize: 3, name: 'says' });
    expect(() => layer.apply(sample([32, 28, 28]))).toThrow(
      /^Conv2D "says": expected input of rank 4 \[batch, rows, columns, channels\], got rank 3 \[32, 28, 28\]\.\n {2}Add/,
    );
    expect(() => layer.build([null, 28, 28, null])).toThrow(
      /^Conv2D "says": expected an input shape \[batch, rows, columns, channels\] with known channels, got \[null, 28/,
    );
    expect(() => layer.build([null, 28, 28])).toThrow(ShapeError);
    layer.build([null, 28, 28, 1]);
    expect(() => layer.apply(sample([2, 5, 5, 3]))).toThrow(
      /^Conv2D "says": expected input with 1 along axis -1, got \[2, 5, 5, 3\] with 3\./,
    );
    expect(() => layer.apply(sample([2, 5, 2, 1]))).toThrow(
      /^Conv2D "says": expected inputs of at least 3 along axis 2, got \[2, 5, 2, 1\]\.\n {2}Take a smaller kernel/,
    );
    const groups = new layers.Conv1D({ filters: 4, kernelSize: 1, groups: 2, name: 'groups' });
    expect(() => groups.build([null, 4, 3])).toThrow(
      /^Conv1D "groups": expected channels that are a multiple of groups 2, got 3 in \[null, 4, 3\]\./,
    );
    expect(() => new layers.Conv2D({ filters: 1, kernelSize: 1, padding: 'causal' } as never)).toThrow(
      /^Conv2D: padding: expected one of 'valid', 'same', got "causal"/,
    );
  });

  test("knows Keras' long names", () => {
    expect(layers.Convolution1D).toBe(layers.Conv1D);
    expect(layers.Convolution3DTranspose).toBe(layers.Conv3DTranspose);
    expect(layers.SeparableConvolution2D).toBe(layers.SeparableConv2D);
  });

  test('takes bytes, and computes in half precision under a mixed policy', () => {
    const layer = new layers.Conv2D({ filters: 2, kernelSize: 2, kernelInitializer: 'ones' });
    const y = layer.apply(tensor(new Uint8Array([1, 2, 3, 4]), { shape: [1, 2, 2, 1] }));
    expect([y.arraySync(), y.dtype]).toEqual([[[[[10, 10]]]], 'float32']);
    for (const mixed of [
      new layers.Conv2D({ filters: 2, kernelSize: 2, dtype: 'mixed_bfloat16' }),
      new layers.Conv2DTranspose({ filters: 2, kernelSize: 2, dtype: 'mixed_bfloat16' }),
      new layers.SeparableConv2D({ filters: 2, kernelSize: 2, dtype: 'mixed_bfloat16' }),
    ]) {
      expect(mixed.apply(sample([1, 3, 3, 2])).dtype).toBe('bfloat16');
      expect(new Set(mixed.weights.map(({ dtype }) => dtype))).toEqual(new Set(['float32']));
    }
  });

  test('a causal output sees no later step', () => {
    const layer = new layers.Conv1D({ filters: 2, kernelSize: 3, dilationRate: 2, padding: 'causal' });
    const x = sample([1, 8, 2]);
    const changed = ops.concatenate([x.slice([0, 0, 0], [1, 5, 2]), sample([1, 3, 2], 5)], { axis: 1 });
    const [before, after] = [layer.apply(x), layer.apply(changed)];
    expect(after.shape).toEqual([1, 8, 2]);
    const early = (y: Tensor): Tensor => y.slice([0, 0, 0], [1, 5, 2]);
    expectClose(early(after), early(before), 0);
    expect(ops.max(ops.abs(ops.subtract(after, before))).item()).toBeGreaterThan(0.01);
  });

  test('LoRA changes nothing at first, freezes the kernel and trains the rest', () => {
    const layer = new layers.Conv2D({ filters: 3, kernelSize: 2 });
    expect(() => layer.enableLora(2)).toThrow(/^Conv2D "conv2d(_\d+)?": enableLora: expected a built layer\.\n/);
    const x = sample([2, 4, 4, 2]);
    const before = layer.apply(x);
    layer.enableLora(2);
    expectClose(layer.apply(x), before, 1e-6);
    expect(layer.trainableWeights.map(({ name }) => name)).toEqual(['bias', 'lora_kernel_a', 'lora_kernel_b']);
    expect(layer.nonTrainableWeights.map(({ name }) => name)).toEqual(['kernel']);
    layer.loraKernelB?.assign(ops.ones([2, 3]));
    const delta = ops.matmul(layer.loraKernelA as Tensor, ops.ones([2, 3]));
    expectClose(layer.apply(x), ops.add(before, ops.conv(x, delta)), 1e-5);
    expect(() => layer.enableLora(2)).toThrow(StateError);
    expect(layer.getConfig()).toMatchObject({ loraRank: 2, loraAlpha: 2 });
    const held = new layers.Conv1D({ filters: 2, kernelSize: 1, kernelConstraint: 'nonneg' });
    held.build([null, 3, 2]);
    expect(() => held.enableLora(1)).toThrow(/expected a layer without kernelConstraint/);
  });
});
