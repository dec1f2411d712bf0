import { expect, test } from 'vitest';
import { tensor } from '../../../lib/index.js';
import { Activation, Identity } from '../../../lib/layers/index.js';
import * as ops from '../../../lib/ops/index.js';
import { goldenLayerSuite, layerSuite } from '../../support/layer-suite.js';

goldenLayerSuite(Activation);
goldenLayerSuite(Identity);

layerSuite(Activation, {
  options: { activation: 'tanh' },
  defaults: { built: true, supportsMasking: true },
  wrong: [
    [{ activation: 'tahn' }, /^Activation: activation: unknown activation "tahn"\.\n {2}Did you mean 'tanh'\?/],
    [{ activation: 3 }, /^Activation: activation: expected/],
    [{ activation: undefined }, /^Activation: option 'activation' is required\./],
  ],
  inputShape: [2, 3, 5],
  outputShape: [2, 3, 5],
  supportsMasking: true,
});

layerSuite(Identity, {
  options: {},
  defaults: { built: true },
  inputShape: [2, 3],
  outputShape: [2, 3],
  supportsMasking: true,
});

test('Activation takes a function', () => {
  const layer = new Activation({ activation: (x) => ops.multiply(x, 2) });
  expect(layer.apply(tensor([1, 2])).arraySync()).toEqual([2, 4]);
});
