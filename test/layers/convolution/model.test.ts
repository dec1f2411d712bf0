import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  Input,
  layers,
  Model,
  metrics,
  optimizers,
  Sequential,
  type SymbolicTensor,
  tensor,
  utils,
} from '../../../lib/index.js';
import { deserialize, serialize } from '../../../lib/layers/family.js';
import { fromKerasConfig, type KerasObject, toKerasConfig } from '../../../lib/saving/config-keys.js';
import { loadGolden } from '../../support/golden.js';

interface Fact {
  summary: string;
  serialized: KerasObject & { compile_config?: unknown };
}

const { facts } = loadGolden('convolutions');
const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value));
const summaryOf = (model: Model): string => {
  const lines: string[] = [];
  model.summary({ printFn: (line: string) => lines.push(line) });
  return lines.join('\n');
};

const { COLUMNS } = process.env;

beforeEach(() => {
  process.env.COLUMNS = '100';
});

afterEach(() => {
  if (COLUMNS === undefined) delete process.env.COLUMNS;
  else process.env.COLUMNS = COLUMNS;
});

// The models are written twice: here and in scripts/golden/convolutions.py.
function digits(): Sequential {
  return new Sequential({
    name: 'digits',
    layers: [
      Input({ shape: [28, 28, 1] }),
      new layers.Conv2D({ filters: 32, kernelSize: 3, activation: 'relu' }),
      new layers.MaxPooling2D({ poolSize: 2 }),
      new layers.Conv2D({ filters: 64, kernelSize: 3, activation: 'relu' }),
      new layers.MaxPooling2D({ poolSize: 2 }),
      new layers.Flatten(),
      new layers.Dropout({ rate: 0.5 }),
      new layers.Dense({ units: 10, activation: 'softmax' }),
    ],
  });
}

function graph(): Model {
  const images = Input({ shape: [null, null, 3], name: 'images' });
  const same = { padding: 'same' } as const;
  const first = new layers.Conv2D({ ...same, filters: 8, kernelSize: 3, strides: 2, name: 'first' }).apply(images);
  const second = new layers.SeparableConv2D({ ...same, filters: 8, kernelSize: 3, name: 'second' }).apply(first);
  const third = new layers.DepthwiseConv2D({ ...same, kernelSize: 3, name: 'third' }).apply(second);
  const up = new layers.Conv2DTranspose({ ...same, filters: 3, kernelSize: 3, strides: 2, name: 'up' }).apply(third);
  const sum = new layers.Add({ name: 'sum' }).apply([up, images]) as SymbolicTensor;
  const pooled = new layers.GlobalAveragePooling2D({ name: 'pooled' }).apply(third) as SymbolicTensor;
  return new Model({ inputs: images, outputs: [sum, pooled], name: 'graph' });
}

test.each([
  ['sequential', digits],
  ['functional', graph],
] as const)('%s: summary and config are those of Keras', (name, make) => {
  utils.clearSession();
  const model = make();
  const { summary, serialized } = facts[name] as Fact;
  expect(summaryOf(model)).toBe(summary);
  // Written for a model that is compiled.
  delete serialized.compile_config;
  expect(toKerasConfig(json(serialize(model)) as never)).toEqual(serialized);
  const twin = deserialize(fromKerasConfig(json(serialized) as never) as never) as Model;
  expect(summaryOf(twin)).toBe(summary);
});

test('a small network learns what a picture shows', async () => {
  utils.setRandomSeed(1);
  // Bright squares, left or right.
  const size = 12;
  const pictures = new Float32Array(64 * size * size);
  for (let n = 0; n < 64; n++) {
    const [row, column] = [n % 8, (n % 2) * 6 + ((n >> 3) % 3)];
    for (let i = 0; i < 9; i++) pictures[(n * size + row + (i % 3)) * size + column + Math.floor(i / 3)] = 1;
  }
  const x = tensor(pictures, { shape: [64, size, size, 1] });
  const y = tensor(Int32Array.from({ length: 64 }, (_, n) => n % 2));
  const model = new Sequential([
    Input({ shape: [size, size, 1] }),
    new layers.Conv2D({ filters: 4, kernelSize: 3, activation: 'relu' }),
    new layers.MaxPooling2D({ poolSize: 2 }),
    new layers.SeparableConv2D({ filters: 8, kernelSize: 3, activation: 'relu', padding: 'same' }),
    new layers.Flatten(),
    new layers.Dense({ units: 2, activation: 'softmax' }),
  ]);
  model.compile({
    optimizer: new optimizers.Adam({ learningRate: 0.02 }),
    loss: 'sparse_categorical_crossentropy',
    metrics: [new metrics.SparseCategoricalAccuracy({ name: 'accuracy' })],
  });
  const { history } = await model.fit(x, y, { epochs: 10, batchSize: 16, verbose: 0 });
  expect(history['accuracy']?.at(-1)).toBe(1);
});
