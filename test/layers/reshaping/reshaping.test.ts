import { describe, expect, test } from 'vitest';
import { config, Input } from '../../../lib/index.js';
import { Flatten, Permute, RepeatVector, Reshape } from '../../../lib/layers/index.js';
import { goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

goldenLayerSuite(Flatten);
goldenLayerSuite(Reshape);
goldenLayerSuite(Permute);
goldenLayerSuite(RepeatVector);

layerSuite(Flatten, {
  options: { dataFormat: 'channels_first' },
  defaults: { dataFormat: 'channels_last' },
  wrong: [
    [{ dataFormat: 'first' }, /^Flatten: dataFormat: expected one of 'channels_last', 'channels_first', got "first"\./],
  ],
  inputShape: [2, 3, 4],
  outputShape: [2, 12],
  supportsMasking: false,
});

layerSuite(Reshape, {
  options: { targetShape: [4, -1] },
  defaults: { built: true },
  wrong: [
    [{ targetShape: [-1, -1] }, /^Reshape: targetShape: expected at most one -1, got \[-1, -1\]\./],
    [{ targetShape: [1.5] }, /^Reshape: targetShape: expected an array of whole numbers/],
    [{ targetShape: 12 }, /^Reshape: targetShape: expected an array of whole numbers/],
  ],
  inputShape: [2, 3, 4],
  outputShape: [2, 4, 3],
  supportsMasking: false,
});

layerSuite(Permute, {
  options: { dims: [2, 1] },
  defaults: {},
  wrong: [[{ dims: [0, 1] }, /^Permute: dims: expected each of 1, 2, … once, got \[0, 1\]\./]],
  inputShape: [2, 3, 4],
  outputShape: [2, 4, 3],
  supportsMasking: false,
});

layerSuite(RepeatVector, {
  options: { n: 3 },
  defaults: {},
  wrong: [[{ n: 1.5 }, /^RepeatVector: n: expected a whole number of at least 0, got 1\.5\./]],
  inputShape: [2, 4],
  outputShape: [2, 3, 4],
  supportsMasking: false,
});

describe('reshaping', () => {
  test('keeps unknown sizes unknown', () => {
    const x = Input({ shape: [null, 6] });
    expect(new Reshape({ targetShape: [-1, 3] }).apply(x).shape).toEqual([null, null, 3]);
    expect(new Flatten().apply(x).shape).toEqual([null, null]);
    expect(new Permute({ dims: [2, 1] }).apply(x).shape).toEqual([null, 6, null]);
  });

  test('says which target does not fit', () => {
    const layer = new Reshape({ targetShape: [5], name: 'five' });
    expect(() => layer.apply(sample([2, 6]))).toThrow(
      /^Reshape "five": expected samples of 5 values for targetShape \[5\], got 6 in \[6\]\./,
    );
  });

  test('Flatten takes the data format of the settings', () => {
    config.setImageDataFormat('channels_first');
    try {
      expect(new Flatten().dataFormat).toBe('channels_first');
    } finally {
      config.setImageDataFormat('channels_last');
    }
  });
});
