import { describe, expect, test } from 'vitest';
import { DTypeError, grad, Input, jit, layers, ops, ShapeError, type Tensor, tensor } from '../../../lib/index.js';
import { type GoldenArray, loadGolden } from '../../support/golden.js';
import { expectClose, goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

const family = 'pooling';
const spatial = { 1: [6], 2: [6, 4], 3: [4, 4, 2] } as const;
/** Values further apart than the steps of a measured gradient, so that maxima stay where they are. */
const apart = (shape: readonly number[]): Tensor => {
  const size = shape.reduce((count, axis) => count * axis, 1);
  // 37 has no divisor in common with any of the sizes: each multiple of it is another place.
  return tensor(
    Float32Array.from({ length: size }, (_, i) => 0.05 * ((i * 37) % size) - 2),
    { shape },
  );
};
const half = { 1: [3], 2: [3, 2], 3: [2, 2, 1] } as const;

for (const rank of [1, 2, 3] as const) {
  for (const Pooling of [layers[`GlobalMaxPooling${rank}D`], layers[`GlobalAveragePooling${rank}D`]]) {
    const masks = Pooling === layers.GlobalAveragePooling1D;
    goldenLayerSuite(Pooling, { family });
    layerSuite(Pooling, {
      options: {},
      defaults: { keepdims: false, dataFormat: 'channels_last', built: true },
      wrong: [
        [{ keepdims: 1 }, new RegExp(`^${Pooling.className}: keepdims: expected true or false, got 1\\.`)],
        [{ dataFormat: 'last' }, new RegExp(`^${Pooling.className}: dataFormat: expected one of 'channels_last'`)],
      ],
      inputShape: [2, ...spatial[rank], 3],
      input: () => apart([2, ...spatial[rank], 3]),
      outputShape: [2, 3],
      supportsMasking: masks,
      ownMasks: masks,
    });
  }
  for (const Pooling of [layers[`MaxPooling${rank}D`], layers[`AveragePooling${rank}D`]]) {
    goldenLayerSuite(Pooling, { family });
    layerSuite(Pooling, {
      options: { poolSize: 2 },
      defaults: { padding: 'valid', dataFormat: 'channels_last' },
      wrong: [
        [{ poolSize: 0 }, new RegExp(`^${Pooling.className}: poolSize: expected a whole number of at least 1, or one`)],
        [{ poolSize: [1, 2, 3, 4] }, /poolSize: expected [123] whole numbers?, got \[1, 2, 3, 4\]\./],
        [{ strides: [] }, new RegExp(`^${Pooling.className}: strides: expected a whole number of at least 1`)],
        [
          { padding: 'full' },
          new RegExp(`^${Pooling.className}: padding: expected one of 'valid', 'same', got "full"`),
        ],
      ],
      inputShape: [2, ...spatial[rank], 3],
      input: () => apart([2, ...spatial[rank], 3]),
      outputShape: [2, ...half[rank], 3],
      supportsMasking: false,
    });
  }
}

interface MaskedCase {
  kind: string;
  options: layers.GlobalPoolingOptions;
  x: GoldenArray;
  mask: GoldenArray;
  y: GoldenArray;
  upstream: GoldenArray;
  dx: GoldenArray;
}

describe('GlobalAveragePooling1D with a mask', () => {
  const cases = loadGolden<MaskedCase>(family).cases.filter(({ kind }) => kind === 'masked');

  test.each(cases)('$name', ({ options, x, mask, y, upstream, dx }) => {
    const layer = new layers.GlobalAveragePooling1D(options);
    const given = tensor(x);
    given.mask = tensor(mask);
    const result = layer.apply(given);
    expectClose(result, y);
    expect(result.mask).toBeUndefined();
    expectClose(jit((value: Tensor) => layer.apply(value, { mask: tensor(mask) }))(tensor(x)), y);
    const loss = (value: Tensor): Tensor =>
      ops.sum(ops.multiply(layer.apply(value, { mask: tensor(mask) }), tensor(upstream)));
    expectClose(grad(loss)(tensor(x)), dx);
  });
});

describe('pooling', () => {
  test('takes steps of unknown number', () => {
    const shape = (layer: layers.Layer): unknown =>
      (layer.apply(Input({ shape: [null, 3] })) as unknown as Tensor).shape;
    expect(shape(new layers.MaxPooling1D({ poolSize: 3, padding: 'same' }))).toEqual([null, null, 3]);
    expect(shape(new layers.GlobalMaxPooling1D())).toEqual([null, 3]);
  });

  test("knows Keras' short names", () => {
    expect(layers.MaxPool1D).toBe(layers.MaxPooling1D);
    expect(layers.AvgPool2D).toBe(layers.AveragePooling2D);
    expect(layers.GlobalMaxPool1D).toBe(layers.GlobalMaxPooling1D);
    expect(layers.GlobalAvgPool3D).toBe(layers.GlobalAveragePooling3D);
  });

  test('refuses inputs shorter than a window, of another rank, without steps, and whole numbers', () => {
    const layer = new layers.MaxPooling1D({ poolSize: 4, name: 'pool' });
    expect(() => layer.apply(sample([2, 3, 5]))).toThrow(
      /^MaxPooling1D "pool": expected inputs of at least 4 along axis 1, got \[2, 3, 5\]\.\n {2}Take a smaller poolSize/,
    );
    expect(() => layer.apply(sample([2, 3]))).toThrow(
      /^MaxPooling1D "pool": expected input of rank 3 \[batch, steps, channels\], got rank 2 \[2, 3\]\./,
    );
    expect(() => new layers.GlobalMaxPooling1D().apply(ops.zeros([2, 0, 3]))).toThrow(ShapeError);
    expect(() => layer.apply(ops.zeros([1, 4, 1], { dtype: 'int32' }))).toThrow(DTypeError);
  });
});
