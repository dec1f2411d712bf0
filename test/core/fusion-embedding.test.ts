// Embedding, dropout and pooling in one pass: what is fused, and that it agrees with the operators one by one.
import { afterEach, describe, expect, test } from 'vitest';
import { config, Input, layers, Model, optimizers, Sequential, tensor, utils } from '../../lib/index.js';

afterEach(() => config.setFusion(true));

type Programs = Map<string, { toString(options?: { lines?: boolean }): string }>;

const [samples, steps, words] = [24, 37, 9];
// Few words, so that the same one is often the largest of its review several times.
const reviews = tensor(
  Int32Array.from({ length: samples * steps }, (_, i) => (i * i * 7 + i * 3 + Math.floor(i / 11)) % words),
  { shape: [samples, steps] },
);
const labels = tensor(
  Float32Array.from({ length: samples }, (_, i) => i % 2),
  { shape: [samples, 1] },
);

function programText(model: Model, kind: string): string {
  const { programs } = (model as unknown as { trainingState: { programs: Programs } }).trainingState;
  for (const [key, program] of programs) if (key.startsWith(`["${kind}"`)) return program.toString({ lines: false });
  throw new Error(`no ${kind} program`);
}

interface Form {
  name: string;
  between: () => InstanceType<typeof layers.Layer>[];
  maskZero?: boolean;
  fused: string;
}

const dropout = (): InstanceType<typeof layers.Layer> => new layers.Dropout({ rate: 0.4, name: 'drop' });
const forms: Form[] = [
  {
    name: 'dropout and maximum',
    between: () => [dropout(), new layers.GlobalMaxPooling1D()],
    fused: 'embedding max: embedding + dropout + amax',
  },
  { name: 'maximum', between: () => [new layers.GlobalMaxPooling1D()], fused: 'embedding max: embedding + amax' },
  {
    name: 'dropout and mean',
    between: () => [dropout(), new layers.GlobalAveragePooling1D()],
    fused: 'embedding mean: embedding + dropout + mean',
  },
  { name: 'mean', between: () => [new layers.GlobalAveragePooling1D()], fused: 'embedding mean: embedding + mean' },
  {
    name: 'dropout and masked mean',
    between: () => [dropout(), new layers.GlobalAveragePooling1D()],
    maskZero: true,
    fused: 'embedding sum: embedding + dropout + where + sum',
  },
  {
    name: 'masked mean',
    between: () => [new layers.GlobalAveragePooling1D()],
    maskZero: true,
    fused: 'embedding sum: embedding + where + sum',
  },
];

function modelOf({ between, maskZero = false }: Form): Sequential {
  utils.setRandomSeed(3);
  return new Sequential([
    Input({ shape: [steps], dtype: 'int32' }),
    new layers.Embedding({ inputDim: words, outputDim: 10, maskZero, name: 'words' }),
    ...between(),
    new layers.Dense({ units: 1, activation: 'sigmoid', name: 'out' }),
  ]);
}

describe('embedding and pooling', () => {
  describe.each(forms)('$name', (form) => {
    test.each([
      ['sgd', () => new optimizers.SGD({ learningRate: 0.5 })],
      ['adam', () => new optimizers.Adam({ learningRate: 0.01 })],
    ] as const)('%s: fused and operator by operator agree', async (_, optimizer) => {
      const run = async (fusion: boolean): Promise<{ numbers: number[][]; train: string; predict: string }> => {
        config.setFusion(fusion);
        const model = modelOf(form);
        model.compile({ optimizer: optimizer(), loss: 'binary_crossentropy' });
        const history = await model.fit(reviews, labels, { batchSize: 8, epochs: 3, verbose: 0 });
        const predicted = await model.predict(reviews, { batchSize: 8, verbose: 0 });
        const weights = model.weights.map((weight) => Array.from(weight.dataSync() as ArrayLike<number>, Number));
        return {
          numbers: [...weights, history.history['loss'] as number[], Array.from(predicted.dataSync() as Float32Array)],
          train: programText(model, 'train'),
          predict: programText(model, 'predict'),
        };
      };
      const fused = await run(true);
      const plain = await run(false);
      expect(fused.train).toContain(`# ${form.fused}`);
      expect(fused.train).not.toContain('aten::embedding');
      expect(fused.train).not.toContain('= gradient(');
      expect(fused.predict).toContain(`# ${form.fused.replace(' + dropout', '')}`);
      expect(plain.train).toContain('aten::embedding(');
      expect(plain.train).not.toContain('torchlayers::embedding');
      for (const [i, values] of fused.numbers.entries()) {
        expect(values).toEqual((plain.numbers[i] as number[]).map((value) => expect.closeTo(value, 4)));
      }
    });
  });

  test('rows that two poolings read stay as they are', async () => {
    const run = async (fusion: boolean): Promise<{ numbers: number[][]; text: string }> => {
      config.setFusion(fusion);
      utils.setRandomSeed(3);
      const input = Input({ shape: [steps], dtype: 'int32' });
      const rows = dropout().apply(
        new layers.Embedding({ inputDim: words, outputDim: 10, name: 'words' }).apply(input),
      );
      const both = new layers.Concatenate().apply([
        new layers.GlobalMaxPooling1D().apply(rows),
        new layers.GlobalAveragePooling1D().apply(rows),
      ]);
      const outputs = new layers.Dense({ units: 1, activation: 'sigmoid', name: 'out' }).apply(both);
      const model = new Model({ inputs: input, outputs });
      model.compile({ optimizer: 'sgd', loss: 'binary_crossentropy' });
      await model.fit(reviews, labels, { batchSize: 8, epochs: 2, verbose: 0 });
      return {
        numbers: model.weights.map((weight) => Array.from(weight.dataSync() as ArrayLike<number>, Number)),
        text: programText(model, 'train'),
      };
    };
    const fused = await run(true);
    const plain = await run(false);
    expect(fused.text).toContain('aten::embedding(');
    expect(fused.text).not.toContain('torchlayers::embedding');
    for (const [i, values] of fused.numbers.entries()) {
      expect(values).toEqual((plain.numbers[i] as number[]).map((value) => expect.closeTo(value, 4)));
    }
  });
});
