import { describe, expect, test } from 'vitest';
import {
  ArgumentError,
  callbacks,
  DisposedError,
  Input,
  layers,
  Sequential,
  ShapeError,
  StateError,
  type TorchLayersError,
  tensor,
} from '../../lib/index.js';
import type { CompileOptions } from '../../lib/training/compile.js';
import type { FitOptions } from '../../lib/training/fit.js';
import { smallData, smallModel } from './small-model.js';

const { x, y, labels } = smallData(30);
const quiet = { verbose: 0 as const };

type ErrorClass = new (...args: never[]) => TorchLayersError;

async function expectError(promise: Promise<unknown>, type: ErrorClass, text: RegExp): Promise<void> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(type);
  expect((error as Error).message).toMatch(text);
}

describe('data of fit', () => {
  const wrong: [string, unknown, unknown, ErrorClass, RegExp][] = [
    [
      'lengths',
      x,
      y.slice(0, 29),
      ShapeError,
      /^fit: expected x and y of the same length, got 30 samples in x \[30, 6\] and 29 in y \[29, 3\]\./,
    ],
    [
      'no samples',
      x.slice(0, 0),
      y.slice(0, 0),
      ShapeError,
      /^fit: expected at least one sample, got none \(x: \[0, 6\]\)\./,
    ],
    ['an empty array', [], [], ShapeError, /expected at least one sample, got none/],
    [
      'rank',
      x.reshape([30, 2, 3]),
      y,
      ShapeError,
      /Sequential "sequential.*expected input of (shape|rank).*\[30, 2, 3\]|\[null, 2, 3\]|\[\d+, 2, 3\]/,
    ],
    ['features', x.slice([0, 0], [30, 5]), y, ShapeError, /Sequential "sequential.*expected input/],
    ['labels for other units', x, y.slice([0, 0], [30, 2]), ShapeError, /expected yTrue of the shape of yPred/],
    [
      'no labels',
      x,
      undefined,
      ArgumentError,
      /^fit: expected y, which the loss compares with the predictions, got none\./,
    ],
    ['a string', 'x', y, ArgumentError, /^fit: expected x to be a tensor, a nested or typed array/],
    ['null', null, y, ArgumentError, /^fit: expected x to be a tensor.*got null\./],
    ['ragged rows', [[1, 2], [3]], [0, 1], ShapeError, /equal lengths/],
    ['a lone number', 3, 1, ShapeError, /samples as its first axis/],
  ];
  test.each(wrong)('%s', async (_, badX, badY, type, text) => {
    const model = smallModel();
    await expectError(model.fit(badX as never, badY as never, quiet), type, text);
    // The process and the model go on.
    await model.fit(x, y, quiet);
  });

  test.each([
    [
      3,
      /^fit: expected labels from 0 to 2 \(the model answers 3 classes\), got 3 in y at row 17\.\n {2}Count classes from 0/,
    ],
    [-1, /got -1 in y at row 17/],
    [2 ** 30, /got 1073741824 in y at row 17/],
  ])('sparse label %i', async (label, text) => {
    const bad = Int32Array.from(labels);
    bad[17] = label;
    const model = smallModel({ loss: 'sparse_categorical_crossentropy' });
    const before = model.weights[0]?.dataSync().slice();
    await expectError(model.fit(x, bad, quiet), ArgumentError, text);
    expect(model.weights[0]?.dataSync()).toEqual(before);
    await expectError(model.evaluate(x, bad, quiet), ArgumentError, /^evaluate: expected labels/);
    await expectError(model.trainOnBatch(x, bad), ArgumentError, /^trainOnBatch: expected labels/);
    await expectError(
      model.fit(x, labels, { ...quiet, validationData: [x, bad] }),
      ArgumentError,
      /^fit: validationData: expected labels/,
    );
    await model.fit(x, labels, quiet);
  });

  test('a disposed tensor', async () => {
    const gone = tensor([[1, 2, 3, 4, 5, 6]]);
    gone.dispose();
    await expectError(smallModel().fit(gone, [[1, 0, 0]], quiet), DisposedError, /disposed/);
  });
});

describe('options of fit', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ batchSize: 0 }, /^fit: batchSize: expected a whole number of at least 1, got 0\./],
    [{ batchSize: '32' }, /^fit: batchSize: expected a whole number/],
    [{ epochs: -1 }, /^fit: epochs: expected a whole number of at least 0, got -1\./],
    [{ epochs: 1.5 }, /got 1\.5/],
    [{ epoch: 3 }, /^fit: unknown option 'epoch'\.\n {2}Did you mean 'epochs'\?/],
    [{ batch_size: 3 }, /Did you mean 'batchSize'\?/],
    [{ verbose: 3 }, /^fit: verbose: expected 'auto', 0, 1 or 2, got 3\./],
    [{ validationSplit: 1 }, /^fit: validationSplit: expected a number from 0 to below 1, got 1\./],
    [{ validationSplit: 0.99 }, /^fit: expected validationSplit to leave samples on both sides/],
    [{ validationData: [1] }, /^fit: validationData: expected \[x, y\] or \[x, y, sampleWeight\], got an array of 1\./],
    [{ validationFreq: 0 }, /^fit: validationFreq: expected a whole number of at least 1, got 0\./],
    [{ shuffle: 'batch' }, /^fit: shuffle: expected true or false, got "batch"\./],
    [{ classWeight: [1, 2] }, /^fit: classWeight: expected an object from class numbers to weights, got \[1, 2\]\./],
    [{ classWeight: { a: 1 } }, /got the class "a"/],
    [{ classWeight: { 0: 'x' } }, /got the weight "x" of class 0/],
    [
      { classWeight: { 0: 1 }, sampleWeight: new Float32Array(30) },
      /^fit: expected classWeight or sampleWeight, got both\./,
    ],
    [{ sampleWeight: new Float32Array(29) }, /^fit: expected x and sampleWeight of the same length/],
    [{ signal: 3 }, /^fit: signal: expected an AbortSignal, got 3\./],
    [{ callbacks: [3] }, /^callbacks: expected an array of Callback objects, got 3 in it\./],
    [{ stepsPerEpoch: 0 }, /^fit: stepsPerEpoch/],
  ];
  test.each(wrong)('%j', async (options, text) => {
    const model = smallModel();
    const promise = model.fit(x, y, { ...quiet, ...options } as FitOptions);
    const error = await promise.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(Error);
    expect((error as TorchLayersError).code).toMatch(/^ERR_(ARGUMENT|SHAPE)$/);
    expect((error as Error).message).toMatch(text);
    await model.fit(x, y, quiet);
  });

  test('options that need data in memory', async () => {
    const batches = () => [[x, y]][Symbol.iterator]() as never;
    for (const options of [{ batchSize: 3 }, { validationSplit: 0.5 }, { sampleWeight: x }]) {
      await expectError(
        smallModel().fit(batches(), { ...quiet, ...options }),
        ArgumentError,
        /^fit: expected no \w+ beside data that comes in batches/,
      );
    }
    await expectError(
      smallModel().fit([3][Symbol.iterator](), quiet),
      ArgumentError,
      /^fit: batch 0: expected \[x, y\] or \[x, y, sampleWeight\], got 3\./,
    );
    await expectError(
      smallModel().fit([][Symbol.iterator](), quiet),
      ArgumentError,
      /^fit: expected at least one batch, got none\./,
    );
  });
});

describe('compile', () => {
  const wrong: [Record<string, unknown>, RegExp][] = [
    [{ optimizer: 'adm' }, /^compile: optimizer: unknown optimizer "adm"\.\n {2}Did you mean 'adam'\?/],
    [{ optimizer: 3 }, /^compile: optimizer: expected the name of an optimizer/],
    [
      { loss: 'categorical_crosentropy' },
      /^compile: loss: unknown loss "categorical_crosentropy"\.\n {2}Did you mean 'categorical_crossentropy'\?/,
    ],
    [{ loss: 3 }, /^compile: loss: expected the name of a loss/],
    [{ metrics: ['acuracy'] }, /^compile: metrics: unknown metric "acuracy"\.\n {2}Did you mean 'accuracy'\?/],
    [{ metrics: 'accuracy' }, /^compile: metrics: expected an array/],
    [{ weightedMetrics: ['msse'] }, /^compile: weightedMetrics: unknown metric "msse"/],
    [{ lossWeights: 'x' }, /^compile: lossWeights: expected numbers, got "x"\./],
    [{ optimiser: 'adam' }, /^compile: unknown option 'optimiser'\.\n {2}Did you mean 'optimizer'\?/],
    [{ runEagerly: 1 }, /^compile: runEagerly: expected true or false, got 1\./],
    [{ stepsPerExecution: 0 }, /^compile: stepsPerExecution: expected a whole number of at least 1, got 0\./],
    [{ jitCompile: 'yes' }, /^compile: jitCompile: expected true, false or 'auto', got "yes"\./],
  ];
  test.each(wrong)('%j', (options, text) => {
    const model = new Sequential([Input({ shape: [6] }), new layers.Dense({ units: 3 })]);
    expect(() => model.compile({ loss: 'mse', ...options } as CompileOptions)).toThrow(text);
    expect(model.compiled).toBe(false);
  });

  test('before fit, evaluate and the batch methods', async () => {
    const model = new Sequential([Input({ shape: [6] }), new layers.Dense({ units: 3 })]);
    const calls: [string, () => Promise<unknown>][] = [
      ['fit', () => model.fit(x, y)],
      ['evaluate', () => model.evaluate(x, y)],
      ['trainOnBatch', () => model.trainOnBatch(x, y)],
      ['testOnBatch', () => model.testOnBatch(x, y)],
    ];
    for (const [name, run] of calls) {
      await expectError(
        run(),
        StateError,
        new RegExp(`^Model "sequential.*": expected compile before ${name}\\.\\n {2}Write model\\.compile`),
      );
    }
    expect((await model.predict(x, quiet)).shape).toEqual([30, 3]);
  });

  test('a model without a loss', async () => {
    const model = new Sequential([Input({ shape: [6] }), new layers.Dense({ units: 3 })]);
    model.compile({ optimizer: 'sgd' });
    await expectError(model.fit(x, y, quiet), StateError, /expected a loss, got none/);
  });
});

describe('evaluate and predict', () => {
  test.each([
    [{ batchSize: 0 }, /batchSize: expected a whole number of at least 1/],
    [{ steps: -1 }, /steps: expected a whole number of at least 1/],
    [{ verbos: 1 }, /unknown option 'verbos'\.\n {2}Did you mean 'verbose'\?/],
    [{ verbose: 'yes' }, /verbose: expected/],
  ])('%j', async (options, text) => {
    const model = smallModel();
    await expectError(model.evaluate(x, y, { ...quiet, ...options } as never), ArgumentError, text);
    await expectError(model.predict(x, { ...quiet, ...options } as never), ArgumentError, text);
  });

  test('an unknown hook', () => {
    expect(() => new callbacks.LambdaCallback({ onEpochEnds: () => {} } as never)).toThrow(
      "Did you mean 'onEpochEnd'?",
    );
  });
});
