import { describe, expect, test } from 'vitest';
import { type DType, Input } from '../../../lib/index.js';
import { InputLayer, type InputOptions } from '../../../lib/layers/index.js';
import { loadGolden } from '../../support/golden.js';

interface InputCase {
  kind: string;
  options: InputOptions;
  shape: (number | null)[];
  dtype: DType;
}

describe('Input', () => {
  test.each(loadGolden<InputCase>('layers').cases.filter(({ kind }) => kind === 'input'))(
    '$name as Keras',
    ({ options, shape, dtype }) => {
      const x = Input(options);
      expect(x.shape).toEqual(shape);
      expect(x.dtype).toBe(dtype);
      if (options.name != null) expect(x.name).toBe(options.name);
      const layer = x.history?.layer as InputLayer;
      expect(layer).toBeInstanceOf(InputLayer);
      expect(layer.getConfig()).toEqual({
        batchShape: shape,
        dtype,
        sparse: false,
        ragged: false,
        name: layer.name,
        optional: false,
      });
      expect(InputLayer.fromConfig(layer.getConfig()).output).toMatchObject({ shape, dtype });
    },
  );

  test('stands for a symbolic tensor that is there', () => {
    const x = Input({ shape: [3], dtype: 'int32' });
    expect(Input({ tensor: x })).toBe(x);
    expect(() => Input({ tensor: x, shape: [4] })).toThrow(
      /expected options that agree with the tensor of int32\[null, 3\]/,
    );
  });

  test.each([
    [{}, /expected a shape, got none\.\n {2}Write Input\(\{ shape: \[784\] \}\)/],
    [{ shape: [2], batchShape: [1, 2] }, /expected either shape or batchShape, got both/],
    [{ batchSize: 2, batchShape: [1, 2] }, /expected either batchSize or batchShape, got both/],
    [{ shape: [-1] }, /InputLayer: shape: expected a shape/],
    [{ shape: 784 }, /InputLayer: shape: expected a shape.*got 784/],
    [{ shape: [2], sparse: true }, /InputLayer: sparse: expected false, got true/],
    [{ shape: [2], dtpye: 'int32' }, /unknown option 'dtpye'\.\n {2}Did you mean 'dtype'\?/],
    [{ shape: [2], trainable: false }, /unknown option 'trainable'/],
  ])('refuses %j', (options, message) => {
    expect(() => Input(options as never)).toThrow(message);
  });

  test('refuses a bare shape', () => {
    expect(() => Input([784] as never)).toThrow(
      /Input: expected an object of options\.\n {2}Write Input\(\{ shape: \[784\] \}\)/,
    );
  });
});
