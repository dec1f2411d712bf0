import { describe, expect, test } from 'vitest';
import { jit, memory, random, type Tensor } from '../../../lib/index.js';
import {
  ActivityRegularization,
  AlphaDropout,
  Dropout,
  GaussianDropout,
  GaussianNoise,
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
} from '../../../lib/layers/index.js';
import * as ops from '../../../lib/ops/index.js';
import { loadGolden } from '../../support/golden.js';
import { expectClose, goldenLayerSuite, layerSuite, sample } from '../../support/layer-suite.js';

goldenLayerSuite(Dropout);

const shared = {
  defaults: { noiseShape: null, seed: null, built: true },
  inputShape: [4, 6],
  outputShape: [4, 6],
  supportsMasking: true,
} as const;

layerSuite(Dropout, {
  ...shared,
  options: { rate: 0.5 },
  wrong: [
    [{ rate: -0.1 }, /^Dropout: rate: expected a number from 0 to 1, got -0\.1\./],
    [{ rate: 1.5 }, /^Dropout: rate: expected a number from 0 to 1, got 1\.5\./],
    [{ seed: 1.5 }, /^Dropout: seed: expected a whole number of at least 0, got 1\.5\./],
    [
      { noiseShape: [0, 1] },
      /^Dropout: noiseShape: expected an array of whole numbers above 0 \(or null\), got \[0, 1\]\./,
    ],
    [{ noiseShape: 'all' }, /^Dropout: noiseShape: expected an array/],
  ],
});
layerSuite(Dropout, { ...shared, options: { rate: 0.5 }, call: { training: true }, deterministic: false });

describe('Dropout in training', () => {
  const { dropoutScale } = loadGolden('layers').facts as { dropoutScale: Record<string, number> };

  test.each(Object.entries(dropoutScale))('at rate %s keeps its share, scaled as in Keras', (rate, scale) => {
    const y = new Dropout({ rate: Number(rate), seed: 1 }).apply(ops.ones([1000, 10]), { training: true });
    const values = y.dataSync() as Float32Array;
    const kept = values.filter((value) => value !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(scale)]));
    expect(Math.abs(kept.length / values.length - (1 - Number(rate)))).toBeLessThan(0.02);
  });

  test('of rate 1 leaves nothing, of rate 0 everything', () => {
    const x = sample([3, 4]);
    expect(ops.any(new Dropout({ rate: 1 }).apply(x, { training: true })).item()).toBe(0);
    expectClose(new Dropout({ rate: 0 }).apply(x, { training: true }), x, 0);
  });

  test('repeats its pattern along axes of 1 in the noise shape', () => {
    const y = new Dropout({ rate: 0.5, noiseShape: [null, 1, 5], seed: 3 }).apply(ops.ones([8, 3, 5]), {
      training: true,
    });
    const rows = y.arraySync() as number[][][];
    for (const steps of rows) for (const step of steps) expect(step).toEqual(steps[0]);
    expect(new Set(rows.map((steps) => String(steps[0]))).size).toBeGreaterThan(1);
  });

  test('follows from its seed, and draws anew at each call', () => {
    const x = ops.ones([16, 16]);
    const [a, b] = [new Dropout({ rate: 0.5, seed: 7 }), new Dropout({ rate: 0.5, seed: 7 })];
    const first = a.apply(x, { training: true });
    expectClose(b.apply(x, { training: true }), first, 0);
    expect(a.apply(x, { training: true }).dataSync()).not.toEqual(first.dataSync());
  });

  test('draws the same recorded as eager', () => {
    const x = ops.ones([16, 16]);
    const [eager, recorded] = [new Dropout({ rate: 0.5, seed: 7 }), new Dropout({ rate: 0.5, seed: 7 })];
    const step = jit((given: Tensor) => recorded.apply(given, { training: true }));
    for (let i = 0; i < 3; i++) expectClose(step(x), eager.apply(x, { training: true }), 0);
  });

  test('has its seed among the variables, not among the weights', () => {
    const layer = new Dropout({ rate: 0.5 });
    expect(layer.weights).toEqual([]);
    expect(layer.variables).toEqual([layer.seedGenerator?.state]);
    expect(layer.trainableVariables).toEqual([]);
    expect(memory().tensors).toBeGreaterThan(0);
  });
});

goldenLayerSuite(GaussianNoise);
layerSuite(GaussianNoise, {
  options: { stddev: 0.5 },
  defaults: { seed: null },
  wrong: [[{ stddev: 2 }, /^GaussianNoise: stddev: expected a number from 0 to 1, got 2\./]],
  inputShape: [4, 6],
  outputShape: [4, 6],
  supportsMasking: true,
});

test('GaussianNoise adds noise of its deviation in training, from its seed', () => {
  const x = ops.zeros([200, 200]);
  const make = (): Tensor => new GaussianNoise({ stddev: 0.25, seed: 5 }).apply(x, { training: true });
  const noise = make();
  expectClose(make(), noise, 0);
  expect(Math.abs(ops.mean(noise).item())).toBeLessThan(0.01);
  expect(Math.abs(Math.sqrt(ops.mean(ops.square(noise)).item()) - 0.25)).toBeLessThan(0.01);
});

goldenLayerSuite(ActivityRegularization);
layerSuite(ActivityRegularization, {
  options: { l1: 0.5, l2: 0.25 },
  defaults: { l1: 0, l2: 0 },
  wrong: [[{ l1: -1 }, /^ActivityRegularization: l1: expected a number of at least 0, got -1\./]],
  inputShape: [2, 3],
  outputShape: [2, 3],
  supportsMasking: true,
});

test('ActivityRegularization divides by the batch', () => {
  const layer = new ActivityRegularization({ l1: 0.5, l2: 0.25 });
  layer.apply([
    [2, -4],
    [0, 0],
  ]);
  expect(layer.losses.map((loss) => loss.item())).toEqual([(0.5 * 6 + 0.25 * 20) / 2]);
});

const outsideTraining = { defaults: { seed: null }, supportsMasking: true } as const;
for (const [index, Spatial] of [SpatialDropout1D, SpatialDropout2D, SpatialDropout3D].entries()) {
  const shape = [4, ...[3, 2, 2].slice(0, index + 1), 5];
  goldenLayerSuite(Spatial, { family: 'dropouts' });
  layerSuite(Spatial, {
    ...outsideTraining,
    options: { rate: 0.5 },
    wrong: [
      [{ rate: 2 }, new RegExp(`^${Spatial.className}: rate: expected a number from 0 to 1, got 2\\.`)],
      [{ noiseShape: [1] }, new RegExp(`^${Spatial.className}: unknown option 'noiseShape'`)],
    ],
    inputShape: shape,
    outputShape: shape,
  });

  test(`${Spatial.className} drops whole channels in training`, () => {
    const y = new Spatial({ rate: 0.5, seed: 1 }).apply(ops.ones(shape), { training: true });
    const places = ops.reshape(y, [4, -1, 5]).arraySync() as number[][][];
    for (const steps of places) for (const step of steps) expect(step).toEqual(steps[0]);
    expect(new Set(y.dataSync() as Float32Array)).toEqual(new Set([0, 2]));
  });
}

test('SpatialDropout2D drops channels in front', () => {
  const layer = new SpatialDropout2D({ rate: 0.5, seed: 1, dataFormat: 'channels_first' });
  const y = layer.apply(ops.ones([4, 5, 3, 2]), { training: true });
  const means = new Set(ops.mean(y, { axis: [2, 3] }).dataSync() as Float32Array);
  expect(means).toEqual(new Set([0, 2]));
});

const rows = { inputShape: [4, 6], outputShape: [4, 6] } as const;
goldenLayerSuite(GaussianDropout, { family: 'dropouts' });
layerSuite(GaussianDropout, {
  ...outsideTraining,
  ...rows,
  options: { rate: 0.5 },
  wrong: [[{ rate: 1 }, /^GaussianDropout: rate: expected a number below 1 of at least 0, got 1\./]],
});

test('GaussianDropout multiplies by noise of mean 1 and its deviation, from its seed', () => {
  const make = (): Tensor =>
    new GaussianDropout({ rate: 0.2, seed: 5 }).apply(ops.full([200, 200], 2), { training: true });
  const noise = make();
  expectClose(make(), noise, 0);
  expect(Math.abs(ops.mean(noise).item() - 2)).toBeLessThan(0.02);
  expect(Math.abs(ops.std(noise).item() - 2 * Math.sqrt(0.2 / 0.8))).toBeLessThan(0.02);
});

goldenLayerSuite(AlphaDropout, { family: 'dropouts' });
layerSuite(AlphaDropout, { ...outsideTraining, ...rows, options: { rate: 0.5 } });
layerSuite(AlphaDropout, {
  ...outsideTraining,
  ...rows,
  options: { rate: 0.5 },
  call: { training: true },
  deterministic: false,
});

describe('AlphaDropout in training', () => {
  const { alphaDropoutOfOnes } = loadGolden('dropouts').facts as {
    alphaDropoutOfOnes: Record<string, { data: Float32Array }>;
  };

  test.each(Object.entries(alphaDropoutOfOnes))('at rate %s makes the values that Keras makes', (rate, { data }) => {
    const y = new AlphaDropout({ rate: Number(rate), seed: 1 }).apply(ops.ones([1000, 10]), { training: true });
    const values = [...new Set(y.dataSync() as Float32Array)].sort((a, b) => a - b);
    expectClose(ops.stack([...values]), { data, shape: [2], dtype: 'float32' }, 1e-6);
    const dropped = (y.dataSync() as Float32Array).filter((value) => value === values[0]).length;
    expect(Math.abs(dropped / y.size - Number(rate))).toBeLessThan(0.02);
  });

  test('keeps mean and variance, also of a pattern that repeats; of rate 1 leaves nothing', () => {
    const x = random.normal([300, 300], { seed: 3 });
    const y = new AlphaDropout({ rate: 0.3, seed: 1 }).apply(x, { training: true });
    expect(Math.abs(ops.mean(y).item())).toBeLessThan(0.02);
    expect(Math.abs(ops.std(y).item() - 1)).toBeLessThan(0.02);
    const repeated = new AlphaDropout({ rate: 0.5, seed: 1, noiseShape: [null, 1] }).apply(ops.ones([8, 5]), {
      training: true,
    });
    for (const row of repeated.arraySync() as number[][]) expect(new Set(row).size).toBe(1);
    expect(ops.any(new AlphaDropout({ rate: 1 }).apply(x, { training: true })).item()).toBe(0);
  });
});
