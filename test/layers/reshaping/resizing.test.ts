import { describe, expect, test } from 'vitest';
import { DTypeError, Input, layers, ops, type Tensor } from '../../../lib/index.js';
import { goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

const family = 'resizing';
const spatial = { 1: [6], 2: [5, 4], 3: [4, 3, 4] } as const;
const moved = (rank: 1 | 2 | 3, change: (size: number) => number): number[] => [2, ...spatial[rank].map(change), 2];

for (const rank of [1, 2, 3] as const) {
  const inputShape = [2, ...spatial[rank], 2];
  const Padding = layers[`ZeroPadding${rank}D`];
  goldenLayerSuite(Padding, { family });
  const one = rank === 1 ? [1, 1] : spatial[rank].map(() => [1, 1]);
  layerSuite(Padding, {
    options: { padding: 2 },
    defaults: { padding: rank === 1 ? [[1, 1]] : one, dataFormat: 'channels_last', built: true },
    wrong: [
      [{ padding: -1 }, new RegExp(`^${Padding.className}: padding: expected a whole number of at least 0, or for`)],
      [{ padding: [[1, 2, 3]] }, /padding: expected a whole number of at least 0, or for each axis one or \[before/],
      [
        { padding: [1, 2, 3, 4] },
        rank === 1
          ? /padding: expected a whole number or \[before, after\], got \[1, 2, 3, 4\]\./
          : /padding: expected margins of [23] axes, got \[1, 2, 3, 4\]\./,
      ],
      [{ dataFormat: 'last' }, /dataFormat: expected one of 'channels_last', 'channels_first'/],
    ],
    inputShape,
    outputShape: moved(rank, (size) => size + 4),
    supportsMasking: false,
  });

  const Cropping = layers[`Cropping${rank}D`];
  goldenLayerSuite(Cropping, { family });
  layerSuite(Cropping, {
    options: { cropping: 1 },
    defaults: { cropping: spatial[rank].map(() => (rank === 2 ? [0, 0] : [1, 1])), built: true },
    wrong: [
      [
        { cropping: 0.5 },
        new RegExp(`^${Cropping.className}: cropping: expected a whole number of at least 0, or for`),
      ],
      [{ cropping: [1] }, /cropping: expected (margins of [23] axes|a whole number or \[before, after\]), got \[1\]\./],
    ],
    inputShape,
    outputShape: moved(rank, (size) => size - 2),
    supportsMasking: false,
  });

  const UpSampling = layers[`UpSampling${rank}D`];
  goldenLayerSuite(UpSampling, { family });
  layerSuite(UpSampling, {
    options: { size: 3 },
    defaults: { size: rank === 1 ? 2 : spatial[rank].map(() => 2), built: true },
    wrong: [[{ size: 0 }, new RegExp(`^${UpSampling.className}: size: expected a whole number of at least 1`)]],
    inputShape,
    outputShape: moved(rank, (size) => size * 3),
    supportsMasking: false,
  });
}

layerSuite(layers.UpSampling2D, {
  options: { interpolation: 'bilinear' },
  defaults: { interpolation: 'nearest' },
  wrong: [
    [{ interpolation: 'cubic' }, /^UpSampling2D: interpolation: expected one of 'nearest', 'bilinear', got "cubic"/],
    [{ size: [1, 2, 3] }, /^UpSampling2D "up_sampling2d(_\d+)?": size: expected 2 whole numbers, got \[1, 2, 3\]\./],
  ],
  inputShape: [2, 3, 4, 2],
  outputShape: [2, 6, 8, 2],
  supportsMasking: false,
});

describe('padding, cropping, enlarging', () => {
  test('take images of unknown size', () => {
    const shape = (layer: layers.Layer): unknown =>
      (layer.apply(Input({ shape: [null, null, 3] })) as unknown as Tensor).shape;
    expect(shape(new layers.ZeroPadding2D())).toEqual([null, null, null, 3]);
    expect(shape(new layers.Cropping2D({ cropping: 70 }))).toEqual([null, null, null, 3]);
    expect(shape(new layers.UpSampling2D({ interpolation: 'bilinear' }))).toEqual([null, null, null, 3]);
  });

  test('keep whole numbers, which bilinear refuses', () => {
    const x = ops.ones([1, 2, 2, 1], { dtype: 'int32' });
    expect(new layers.UpSampling2D().apply(x).dtype).toBe('int32');
    expect(new layers.ZeroPadding2D().apply(x).dtype).toBe('int32');
    expect(() => new layers.UpSampling2D({ interpolation: 'bilinear' }).apply(x)).toThrow(DTypeError);
  });

  test('refuse to cut everything off, and inputs of another rank', () => {
    const layer = new layers.Cropping1D({ cropping: [2, 1], name: 'crop' });
    expect(() => layer.apply(sample([2, 3, 1]))).toThrow(
      /^Cropping1D "crop": expected inputs of more than 3 along axis 1, got \[2, 3, 1\]\.\n {2}Cut less off\./,
    );
    expect(() => new layers.UpSampling3D({ name: 'up' }).apply(sample([2, 3, 1]))).toThrow(
      /^UpSampling3D "up": expected input of rank 5 \[batch, a, b, c, channels\], got rank 3 \[2, 3, 1\]\./,
    );
  });
});
