import { describe, expect, test } from 'vitest';
import { grad, Input, jit, ops, Sequential, ShapeError, type Tensor, tensor } from '../../../lib/index.js';
import {
  BatchNormalization,
  type BatchNormalizationOptions,
  Dense,
  LayerNormalization,
} from '../../../lib/layers/index.js';
import { type GoldenArray, goldenRow, loadGolden } from '../../support/golden.js';
import { expectClose, goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

const family = 'normalization';

goldenLayerSuite(BatchNormalization, { family, tolerance: 2e-5 });
const shared = {
  defaults: { axis: -1, momentum: 0.99, epsilon: 1e-3, center: true, scale: true, renorm: false },
  inputShape: [6, 4],
  outputShape: [6, 4],
  supportsMasking: true,
} as const;
layerSuite(BatchNormalization, {
  ...shared,
  options: {},
  wrong: [
    [{ axis: 0.5 }, /^BatchNormalization: axis: expected a whole number, got 0\.5\./],
    [{ momentum: 1.5 }, /^BatchNormalization: momentum: expected a number from 0 to 1, got 1\.5\./],
    [{ epsilon: -1 }, /^BatchNormalization: epsilon: expected a number of at least 0, got -1\./],
    [{ renorm: true }, /^BatchNormalization: renorm: expected false, got true\.\n {2}Batch renormalization/],
    [{ renormClipping: {} }, /^BatchNormalization: renormClipping: expected null/],
    [{ synchronized: 1 }, /^BatchNormalization: synchronized: expected true or false, got 1\./],
  ],
});
layerSuite(BatchNormalization, { ...shared, options: { momentum: 0.5 }, call: { training: true } });

interface StepsCase {
  kind: string;
  options: BatchNormalizationOptions;
  weights: GoldenArray[];
  batches: GoldenArray;
  mask: GoldenArray | null;
  outputs: GoldenArray;
  movingMean: GoldenArray;
  movingVariance: GoldenArray;
  inference: GoldenArray;
  upstream: GoldenArray;
  dx: GoldenArray;
  dWeights: GoldenArray[];
}
const steps = loadGolden<StepsCase>(family).cases.filter(({ kind }) => kind === 'steps');

describe.each(steps)('BatchNormalization over $name', (one) => {
  const tolerance = one.options.dtype === undefined ? 2e-5 : 1e-2;
  const call = { training: true, mask: one.mask === null ? null : tensor(one.mask) };
  const build = (): BatchNormalization => {
    const layer = new BatchNormalization(one.options);
    layer.build(one.batches.shape.slice(1));
    layer.setWeights(one.weights);
    return layer;
  };
  const ways: [string, (layer: BatchNormalization) => (x: Tensor) => Tensor][] = [
    ['eager', (layer) => (x) => layer.apply(x, call)],
    ['recorded', (layer) => jit((x: Tensor) => layer.apply(x, call))],
  ];

  test.each(ways)('outputs and moving statistics, %s', (_, way) => {
    const layer = build();
    const step = way(layer);
    for (let i = 0; i < (one.batches.shape[0] as number); i++) {
      expectClose(step(tensor(goldenRow(one.batches, i))).cast('float32'), goldenRow(one.outputs, i), tolerance);
      expectClose(layer.movingMean, goldenRow(one.movingMean, i), 1e-5);
      expectClose(layer.movingVariance, goldenRow(one.movingVariance, i), 1e-5);
    }
    const y = layer.apply(tensor(goldenRow(one.batches, 0)), { mask: call.mask });
    expectClose(y.cast('float32'), one.inference, tolerance);
  });

  test('gradients', () => {
    const layer = build();
    const x = tensor(goldenRow(one.batches, 0));
    const loss = (given: Tensor): Tensor => ops.sum(ops.multiply(layer.apply(given, call), tensor(one.upstream)));
    expectClose(grad(loss)(x), one.dx, tolerance * 5);
    const slopes = grad((_: Tensor[]) => loss(x))(layer.trainableWeights);
    for (const [i, expected] of one.dWeights.entries()) expectClose(slopes[i] as Tensor, expected, tolerance * 5);
  });
});

describe('BatchNormalization', () => {
  test('that is not trainable uses its moving statistics in training too, and leaves them', () => {
    const layer = new BatchNormalization();
    const x = sample([6, 4]);
    layer.apply(x, { training: true });
    layer.trainable = false;
    const before = layer.getWeights().map(({ data }) => [...(data as Float32Array)]);
    expectClose(layer.apply(x, { training: true }), layer.apply(x), 0);
    expect(layer.getWeights().map(({ data }) => [...(data as Float32Array)])).toEqual(before);
    layer.trainable = true;
    expect(layer.trainableWeights).toHaveLength(2);
    expect(layer.nonTrainableWeights).toEqual([layer.movingMean, layer.movingVariance]);
  });

  test('keeps a constant channel finite, its variance at 0', () => {
    const layer = new BatchNormalization({ momentum: 0 });
    expectClose(layer.apply(ops.full([5, 2], 3), { training: true }), ops.zeros([5, 2]));
    expectClose(layer.movingVariance, ops.zeros([2]), 1e-6);
    expect(Math.min(...(layer.movingVariance.dataSync() as Float32Array))).toBeGreaterThanOrEqual(0);
  });

  test('of an empty batch is empty, and changes nothing', () => {
    const layer = new BatchNormalization();
    expect(layer.apply(ops.zeros([0, 3]), { training: true }).shape).toEqual([0, 3]);
    expectClose(layer.movingMean, ops.zeros([3]), 0);
  });

  test('takes whole numbers', () => {
    const y = new BatchNormalization({ epsilon: 0 }).apply(tensor([[1], [3]], { dtype: 'int32' }), { training: true });
    expectClose(y, tensor([[-1], [1]]));
  });

  test.each([
    [{ axis: 3 }, [2, 4], /expected an input shape with a known size along axis 3, got \[2, 4\]\./],
    [{ axis: -3 }, [2, 4], /expected an input shape with a known size along axis -3/],
  ])('refuses %j', (options, shape, message) => {
    expect(() => new BatchNormalization(options).apply(sample(shape))).toThrow(message);
  });

  test('refuses other numbers of channels, unknown ones, and masks of another rank', () => {
    const layer = new BatchNormalization({ name: 'norm' });
    layer.apply(sample([6, 4]));
    expect(() => layer.apply(sample([6, 5]))).toThrow(ShapeError);
    expect(() => new BatchNormalization().build([null, null])).toThrow(ShapeError);
    expect(() => layer.apply(sample([6, 4]), { mask: tensor([[true]]) })).toThrow(
      /^BatchNormalization "norm": expected a mask of rank 1 for inputs \[6, 4\], got \[1, 1\]\./,
    );
  });

  test('keeps its statistics while fit trains, and evaluate uses them', async () => {
    const model = new Sequential([
      Input({ shape: [2] }),
      new BatchNormalization({ momentum: 0.5 }),
      new Dense({ units: 1 }),
    ]);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    const x = ops.add(ops.multiply(sample([32, 2]), 3), 5);
    await model.fit(x, ops.sum(x, { axis: 1, keepdims: true }), { epochs: 20, batchSize: 32, verbose: 0 });
    const [norm] = model.layers as [BatchNormalization];
    expectClose(norm.movingMean, ops.mean(x, { axis: 0 }), 1e-4);
    expectClose(norm.movingVariance, ops.var(x, { axis: 0 }), 1e-4);
    const { loss } = await model.evaluate(x, ops.sum(x, { axis: 1, keepdims: true }), { verbose: 0 });
    expect(loss).toBeLessThan(50);
  });
});

goldenLayerSuite(LayerNormalization, { family });
layerSuite(LayerNormalization, {
  options: { axis: [-1] },
  defaults: { axis: -1, epsilon: 1e-3, center: true, scale: true },
  wrong: [
    [{ axis: 'all' }, /^LayerNormalization: axis: expected a whole number, or an array of them, got "all"\./],
    [{ epsilon: -1 }, /^LayerNormalization: epsilon: expected a number of at least 0, got -1\./],
    [{ rmsScaling: true }, /^LayerNormalization: rmsScaling: expected false, got true\./],
  ],
  inputShape: [3, 5],
  outputShape: [3, 5],
  supportsMasking: true,
});

test.each([[2], [-3]])('LayerNormalization refuses axis %i of a matrix', (axis) => {
  expect(() => new LayerNormalization({ axis }).apply(sample([2, 4]))).toThrow(
    /expected an input shape with known sizes/,
  );
});
