import { describe, expect, test } from 'vitest';
import { jit, Sequential, StateError, type Tensor, tensor } from '../../../lib/index.js';
import {
  Dense,
  Embedding,
  type EmbeddingOptions,
  GlobalAveragePooling1D,
  serialize,
} from '../../../lib/layers/index.js';
import { toKerasConfig } from '../../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from '../../support/golden.js';
import { expectClose, goldenLayerSuite, layerSuite } from '../../support/layer-suite.js';

const ids = (rows: number[][]): Tensor => tensor(rows, { dtype: 'int32' });

goldenLayerSuite(Embedding, { family: 'embedding' });
layerSuite(Embedding, {
  options: { inputDim: 5, outputDim: 3 },
  defaults: {
    maskZero: false,
    embeddingsRegularizer: null,
    embeddingsConstraint: null,
    loraRank: null,
    inputDim: 5,
    outputDim: 3,
  },
  wrong: [
    [{ inputDim: 0 }, /^Embedding: inputDim: expected a whole number of at least 1, got 0\./],
    [{ outputDim: 1.5 }, /^Embedding: outputDim: expected a whole number of at least 1, got 1\.5\./],
    [{ maskZero: 1 }, /^Embedding: maskZero: expected true or false, got 1\./],
    [{ quantizationConfig: {} }, /^Embedding: quantizationConfig: expected null/],
    [{ weights: [[1, 2, 3]] }, /setWeights: expected shape \[5, 3\] for .*embeddings, got \[1, 3\]\./],
  ],
  inputShape: [2, 4],
  outputShape: [2, 4, 3],
  input: () =>
    ids([
      [0, 4, 1, 1],
      [2, 3, 3, 0],
    ]),
  supportsMasking: false,
  ownMasks: true,
});

interface WeightsCase {
  kind: string;
  options: EmbeddingOptions;
  x: GoldenArray;
  rows: GoldenArray;
  y: GoldenArray;
  config: Record<string, unknown>;
}

describe('rows given as weights', () => {
  const cases = loadGolden<WeightsCase>('embedding').cases.filter(({ kind }) => kind === 'weights');

  test.each(cases)('$name', ({ options, x, rows, y, config }) => {
    for (const weights of [rows, [rows], tensor(rows), tensor(rows).arraySync() as number[][]] as const) {
      const layer = new Embedding({ ...options, weights: weights as GoldenArray });
      expect(layer.built).toBe(true);
      expect(layer.weights).toHaveLength(1);
      expectClose(layer.apply(tensor(x)), y, 0);
      expect(toKerasConfig(serialize(layer)).config).toEqual(config);
    }
  });
});

describe('masks', () => {
  test('are those of Keras with maskZero, and none without', () => {
    const { x, mask } = loadGolden<{ x: GoldenArray; mask: GoldenArray }>('embedding').cases.find(
      ({ name }) => name === 'mask',
    ) as unknown as { x: GoldenArray; mask: GoldenArray };
    const layer = new Embedding({ inputDim: 7, outputDim: 2, maskZero: true });
    expect(layer.supportsMasking).toBe(true);
    expectClose(layer.apply(tensor(x)).mask as Tensor, mask);
    expectClose(jit((given: Tensor) => layer.apply(given))(tensor(x)).mask as Tensor, mask);
    expect(new Embedding({ inputDim: 7, outputDim: 2 }).apply(tensor(x)).mask).toBeUndefined();
  });

  test('reach the layers after it', () => {
    const model = new Sequential([
      new Embedding({ inputDim: 4, outputDim: 1, maskZero: true, weights: [[9], [1], [2], [4]] }),
      new GlobalAveragePooling1D(),
    ]);
    expect(model.apply(ids([[1, 3, 0, 0]])).arraySync()).toEqual([[2.5]]);
  });
});

describe('an index outside the table', () => {
  const layer = new Embedding({ inputDim: 5, outputDim: 2, name: 'words' });

  test.each([[5], [-1], [2 ** 31 - 1]])('%i: an error that says which indices there are', (index) => {
    expect(() => layer.apply(ids([[0, index]]))).toThrow(
      /^Embedding "words": expected indices from 0 to 4, got .* in \[1, 2\]\.\n {2}inputDim is the largest index/,
    );
  });

  test('is an error of a recorded function too, and the next call works', () => {
    const recorded = jit((x: Tensor) => layer.apply(x));
    const good = recorded(ids([[0, 4]])).arraySync();
    expect(() => recorded(ids([[0, 5]]))).toThrow(/index out of range/);
    expect(() => recorded(ids([[-1, 0]]))).toThrow(/index out of range/);
    expect(recorded(ids([[0, 4]])).arraySync()).toEqual(good);
  });

  test('rejects fit, and the model trains on', async () => {
    const model = new Sequential([new Embedding({ inputDim: 5, outputDim: 2 }), new GlobalAveragePooling1D()]);
    model.add(new Dense({ units: 1 }));
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    const y = [[1], [2]];
    await expect(
      model.fit(
        ids([
          [0, 1],
          [4, 5],
        ]),
        y,
        { epochs: 1, verbose: 0 },
      ),
    ).rejects.toThrow(/index out of range/);
    const { history } = await model.fit(
      ids([
        [0, 1],
        [4, 3],
      ]),
      y,
      { epochs: 2, verbose: 0 },
    );
    const [first, last] = history['loss'] as [number, number];
    expect(last).toBeLessThan(first);
  });
});

test('keeps 32-bit indices under a policy of half precision', () => {
  const rows = Array.from({ length: 3000 }, (_, i) => [i % 7]);
  const layer = new Embedding({ inputDim: 3000, outputDim: 1, weights: rows, dtype: 'mixed_float16' });
  const y = layer.apply(tensor([[2999, 2049]]));
  expect(y.dtype).toBe('float16');
  expect(y.arraySync()).toEqual([[[2999 % 7], [2049 % 7]]]);
});

describe('LoRA', () => {
  interface LoraCase {
    options: EmbeddingOptions;
    x: GoldenArray;
    weights: { path: string; value: GoldenArray }[];
    trainable: string[];
    y: GoldenArray;
    config: unknown;
  }

  test('computes what Keras does, and freezes the rows', () => {
    const found = loadGolden('embedding').cases.find(({ name }) => name === 'lora') as unknown as LoraCase;
    const layer = new Embedding(found.options);
    layer.build();
    expect(layer.weights.map(({ path }) => path).sort()).toEqual(found.weights.map(({ path }) => path).sort());
    layer.setWeights(
      layer.weights.map(({ path }) => found.weights.find((one) => one.path === path)?.value as GoldenArray),
    );
    expect(layer.trainableWeights.map(({ path }) => path)).toEqual(found.trainable);
    expectClose(layer.apply(tensor(found.x)), found.y);
    expect(toKerasConfig(serialize(layer)).config).toEqual(found.config);
  });

  test('is refused before build, twice, and with a constraint', () => {
    const layer = new Embedding({ inputDim: 5, outputDim: 3 });
    expect(() => layer.enableLora(2)).toThrow(StateError);
    layer.build();
    layer.enableLora(2);
    expect(() => layer.enableLora(2)).toThrow(/LoRA is enabled already/);
    const bounded = new Embedding({ inputDim: 5, outputDim: 3, embeddingsConstraint: 'non_neg' });
    bounded.build();
    expect(() => bounded.enableLora(2)).toThrow(/expected a layer without embeddingsConstraint/);
  });
});
