import { describe, expect, test } from 'vitest';
import { ShapeError, type Tensor, tensor } from '../../../lib/index.js';
import { ELU, LeakyReLU, PReLU, ReLU, Softmax } from '../../../lib/layers/index.js';
import { goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

const shapes = { inputShape: [4, 4], outputShape: [4, 4], supportsMasking: true } as const;

goldenLayerSuite(ReLU);
layerSuite(ReLU, {
  ...shapes,
  options: { maxValue: 0.9, negativeSlope: 0.1, threshold: 0.05 },
  defaults: { maxValue: null, negativeSlope: 0, threshold: 0, built: true },
  wrong: [
    [{ maxValue: -1 }, /^ReLU: maxValue: expected a number of at least 0, got -1\./],
    [{ negativeSlope: null }, /^ReLU: negativeSlope: expected a number of at least 0, got null\./],
    [{ threshold: -1 }, /^ReLU: threshold: expected a number of at least 0, got -1\./],
  ],
});

goldenLayerSuite(LeakyReLU);
layerSuite(LeakyReLU, {
  ...shapes,
  options: { negativeSlope: 0.1 },
  defaults: { negativeSlope: 0.3 },
  wrong: [[{ negativeSlope: -1 }, /^LeakyReLU: negativeSlope: expected a number of at least 0, got -1\./]],
});

goldenLayerSuite(ELU);
layerSuite(ELU, {
  ...shapes,
  options: { alpha: 0.5 },
  defaults: { alpha: 1 },
  wrong: [[{ alpha: null }, /^ELU: alpha: expected a number, got null\./]],
});

goldenLayerSuite(PReLU);
layerSuite(PReLU, {
  ...shapes,
  options: { alphaInitializer: 'ones' },
  defaults: { sharedAxes: null, alphaRegularizer: null },
  wrong: [[{ sharedAxes: [0] }, /^PReLU: sharedAxes: expected axes of at least 1 \(0 is the batch\), got \[0\]\./]],
});

goldenLayerSuite(Softmax);
layerSuite(Softmax, {
  ...shapes,
  options: { axis: [0, 1] },
  defaults: { axis: -1 },
  wrong: [[{ axis: 0.5 }, /^Softmax: axis: expected a whole number, or an array of them, got 0\.5\./]],
});

describe('PReLU', () => {
  test('takes inputs of other sizes along shared axes only', () => {
    const layer = new PReLU({ sharedAxes: 1 });
    layer.build([null, 3, 5]);
    expect(layer.alpha.shape).toEqual([1, 5]);
    expect(layer.apply(sample([2, 7, 5])).shape).toEqual([2, 7, 5]);
    expect(() => layer.apply(sample([2, 3, 4]))).toThrow(ShapeError);
  });
});

describe('Softmax with a mask', () => {
  test('gives nothing to masked places, also where all are', () => {
    const mask = tensor([
      [true, true, false],
      [false, false, false],
    ]);
    const y = new Softmax().apply(
      tensor([
        [1, 1, 9],
        [1, 2, 3],
      ]),
      { mask },
    );
    expect(y.arraySync()).toEqual([
      [0.5, 0.5, 0],
      [0, 0, 0],
    ]);
    const numbers: Tensor = new Softmax().apply(tensor([[1, 1, 9]]), { mask: tensor([[1, 0.9, 0.2]]) });
    expect(numbers.arraySync()).toEqual([[0.5, 0.5, 0]]);
  });

  test('refuses one that does not broadcast', () => {
    const layer = new Softmax({ name: 'soft' });
    expect(() => layer.apply(sample([2, 3]), { mask: tensor([true, false]) })).toThrow(
      /^Softmax "soft": expected a mask that broadcasts to the inputs' shape \[2, 3\], got \[2\]\./,
    );
  });
});
