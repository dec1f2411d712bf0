import { describe, expect, test } from 'vitest';
import { jit, Sequential, type Tensor, tensor } from '../../../lib/index.js';
import { Activation, Masking } from '../../../lib/layers/index.js';
import { goldenLayerSuite } from '../../support/layer-suite.js';

goldenLayerSuite(Masking);

describe('Masking', () => {
  const x = tensor([
    [
      [1, 2],
      [0, 0],
      [0, 3],
    ],
    [
      [0, 0],
      [0, 0],
      [4, 0],
    ],
  ]);
  const mask = [
    [true, false, true],
    [false, false, true],
  ];

  test('masks steps of zeros, and layers after it keep the mask', () => {
    const layer = new Masking();
    expect(layer.apply(x).mask?.arraySync()).toEqual(mask);
    expect((layer.computeMask(x) as Tensor).arraySync()).toEqual(mask);
    expect(new Sequential([layer, new Activation({ activation: 'relu' })]).apply(x).mask?.arraySync()).toEqual(mask);
  });

  test('hands the mask out of a recording', () => {
    const layer = new Masking();
    expect(jit((given: Tensor) => layer.apply(given))(x).mask?.arraySync()).toEqual(mask);
  });

  test('sets masked steps to 0, whatever marks them', () => {
    const y = new Masking({ maskValue: -1 }).apply(
      tensor([
        [
          [-1, -1],
          [-1, 2],
        ],
      ]),
    );
    expect(y.arraySync()).toEqual([
      [
        [0, 0],
        [-1, 2],
      ],
    ]);
    expect(() => new Masking({ maskValue: '0' as never })).toThrow(/^Masking: maskValue: expected a number, got "0"\./);
  });
});
