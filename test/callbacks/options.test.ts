import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { ArgumentError, callbacks, models, optimizers, StateError } from '../../lib/index.js';
import { smallData, smallModel } from '../training/small-model.js';

const folder = mkdtempSync(join(tmpdir(), 'torchlayers-callback-options-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const { x, y } = smallData(50);
const quiet = { verbose: 0 as const };

type Any = new (options?: object) => callbacks.Callback;

describe('wrong options', () => {
  test.each([
    [
      'BackupAndRestore',
      {},
      "BackupAndRestore: option 'backupDir' is required.\n  Write new BackupAndRestore({ backupDir: … }).",
    ],
    ['BackupAndRestore', { backupDir: '' }, 'BackupAndRestore: backupDir: expected the path of a folder, got "".'],
    [
      'BackupAndRestore',
      { backupDir: 'a', saveFreq: 0 },
      "saveFreq: expected 'epoch' or a whole number of at least 1, got 0.",
    ],
    [
      'BackupAndRestore',
      { backupDir: 'a', doubleCheckpoints: true },
      "unknown option 'doubleCheckpoints'.\n  Did you mean 'doubleCheckpoint'?",
    ],
    ['CSVLogger', { filename: 3 }, 'CSVLogger: filename: expected the path of a file, got 3.'],
    [
      'CSVLogger',
      { filename: 'a', separator: ', ' },
      "separator: expected one character other than '\"' and line ends, got \", \".\n  Write separator: ';'.",
    ],
    ['CSVLogger', { filename: 'a', append: 1 }, 'append: expected true or false, got 1.'],
    [
      'ModelCheckpoint',
      { filepath: 'm.bin' },
      "ModelCheckpoint: filepath: expected a path that ends in '.keras' or '.h5', got \"m.bin\".\n  A whole model is a '.keras' file",
    ],
    ['ModelCheckpoint', { filepath: 'm.keras', saveWeightsOnly: true }, "expected a path that ends in '.weights.h5'"],
    ['ModelCheckpoint', { filepath: 'm.keras', mode: 'up' }, "mode: expected one of 'auto', 'min', 'max'"],
    ['ModelCheckpoint', { filepath: 'm.keras', saveFreq: 'batch' }, "saveFreq: expected 'epoch' or a whole number"],
    [
      'ModelCheckpoint',
      { filepath: 'm.keras', initialValueThreshold: 'x' },
      'initialValueThreshold: expected a number or null',
    ],
    [
      'ReduceLROnPlateau',
      { factor: 1 },
      'ReduceLROnPlateau: factor: expected a number below 1, got 1.\n  Write factor: 0.1.',
    ],
    ['ReduceLROnPlateau', { patience: 1.5 }, 'patience: expected a whole number of at least 0'],
    ['ReduceLROnPlateau', { verbose: 3 }, 'verbose: expected 0 or 1, got 3.'],
    ['ReduceLROnPlateau', { min_lr: 3 }, "unknown option 'min_lr'.\n  Did you mean 'minLr'?"],
    ['RemoteMonitor', { root: 'localhost:9000' }, 'root: expected an http or https address, got "localhost:9000".'],
    [
      'RemoteMonitor',
      { headers: { a: 1 } },
      "headers: expected an object of strings or null, got an object.\n  Write headers: { authorization: 'Bearer …' }.",
    ],
    ['SwapEMAWeights', { swapOnEpoch: 'yes' }, 'swapOnEpoch: expected true or false, got "yes".'],
    ['SwapEMAWeights', 3, 'SwapEMAWeights: expected an object of options, got 3.\n  Write new SwapEMAWeights({ … }).'],
    ['EarlyStopping', { patient: 3 }, "unknown option 'patient'.\n  Did you mean 'patience'?"],
    ['TerminateOnNaN', { raise: true }, "unknown option 'raise'."],
    ['LearningRateScheduler', {}, "option 'schedule' is required."],
  ] as const)('%s %j', (name, options, text) => {
    const Class = (callbacks as unknown as Record<string, Any>)[name] as Any;
    const make = (): unknown => new Class(options as object);
    expect(make).toThrow(ArgumentError);
    expect(make).toThrow(text);
  });

  test('OrbaxCheckpoint names what does its work', () => {
    expect(() => new callbacks.OrbaxCheckpoint({ directory: 'x' })).toThrow(StateError);
    expect(() => new callbacks.OrbaxCheckpoint()).toThrow(
      'Use callbacks.ModelCheckpoint for models and weights, or fit({ resume: folder })',
    );
  });
});

describe('ModelCheckpoint', () => {
  test('a name that the logs do not have', async () => {
    const callback = new callbacks.ModelCheckpoint({ filepath: join(folder, '{val_loss:.2f}.keras') });
    await expect(smallModel().fit(x, y, { ...quiet, callbacks: [callback] })).rejects.toThrow(
      "ModelCheckpoint: filepath: expected one of the names epoch, accuracy, loss, got '{val_loss:.2f}'.",
    );
  });

  test('is awaited after steps only where it counts them', () => {
    const filepath = join(folder, 'm.keras');
    const each = new callbacks.CallbackList({ callbacks: [new callbacks.ModelCheckpoint({ filepath, saveFreq: 3 })] });
    const epochs = new callbacks.CallbackList({ callbacks: [new callbacks.ModelCheckpoint({ filepath })] });
    expect([each, epochs].map((list) => list.each('onTrainBatchEnd').length)).toEqual([1, 0]);
  });

  test('saves models and weights that load again', async () => {
    const made = join(folder, 'models');
    const options = { filepath: join(made, '{epoch:02d}', 'm.keras') };
    const weights = { filepath: join(made, '{epoch}-{batch}.weights.h5'), saveWeightsOnly: true, saveFreq: 3 };
    const model = smallModel({ dropout: 0 });
    await model.fit(x, y, {
      ...quiet,
      epochs: 2,
      callbacks: [new callbacks.ModelCheckpoint(options), new callbacks.ModelCheckpoint(weights)],
    });
    expect(readdirSync(made).sort()).toEqual(['01', '02', '2-1.weights.h5']);
    const expected = await (await model.predict(x, quiet)).array();
    const loaded = await models.loadModel(join(made, '02', 'm.keras'));
    expect(await (await loaded.predict(x, quiet)).array()).toEqual(expected);
    expect(loaded.optimizer?.iterations.item()).toBe(4);
    const other = smallModel({ seed: 2 });
    other.optimizer?.build(other.trainableWeights);
    await other.loadWeights(join(made, '2-1.weights.h5'));
    expect(await (await other.predict(x, quiet)).array()).not.toEqual(expected);
    await other.fit(x, y, { ...quiet, epochs: 1, callbacks: [] });
    expect(other.optimizer?.iterations.item()).toBe(5);
  });

  test('says what it does', async () => {
    const written: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const model = smallModel();
    Object.assign(model, { save: async () => {} });
    const fake = new callbacks.LambdaCallback({
      onEpochEnd: (epoch, logs) => {
        logs['number'] = [2, 3, 1][epoch] as number;
      },
    });
    const options = { filepath: 'm.keras', monitor: 'number', mode: 'min', saveBestOnly: true, verbose: 1 } as const;
    await model.fit(x, y, { ...quiet, epochs: 3, callbacks: [fake, new callbacks.ModelCheckpoint(options)] });
    vi.restoreAllMocks();
    expect(written.join('').split('\n').filter(Boolean)).toEqual([
      'Epoch 1: number improved from none to 2.00000, saving to m.keras.',
      'Epoch 1: saved to m.keras.',
      'Epoch 2: number did not improve from 2.00000.',
      'Epoch 3: number improved from 2.00000 to 1.00000, saving to m.keras.',
      'Epoch 3: saved to m.keras.',
    ]);
  });
});

describe('CSVLogger', () => {
  test('writes what fit logs', async () => {
    const filename = join(folder, 'log.csv');
    const callback = new callbacks.CSVLogger({ filename, separator: ';' });
    const { history } = await smallModel().fit(x, y, { ...quiet, epochs: 2, callbacks: [callback] });
    const rows = readFileSync(filename, 'utf8').trimEnd().split('\r\n');
    expect(rows[0]).toBe('epoch;accuracy;loss;val_accuracy;val_loss');
    expect(rows.slice(1).map((row) => Number(row.split(';')[2]))).toEqual(history['loss']);
    expect(rows[2]?.split(';').slice(3)).toEqual(['NA', 'NA']);
  });

  test('a folder that is not there is an error that names the file', async () => {
    const filename = join(folder, 'no', 'log.csv');
    const run = smallModel().fit(x, y, { ...quiet, callbacks: [new callbacks.CSVLogger({ filename })] });
    await expect(run).rejects.toThrow(`"${filename}": expected an existing folder, got ENOENT.`);
  });
});

describe('SwapEMAWeights', () => {
  test('refuses an optimizer without averages', async () => {
    const run = smallModel().evaluate(x, y, { ...quiet, callbacks: [new callbacks.SwapEMAWeights()] });
    await expect(run).rejects.toThrow(StateError);
  });

  test('evaluate and predict see the averages, and the weights come back; also inside a LossScaleOptimizer', async () => {
    const innerOptimizer = new optimizers.SGD({ learningRate: 0.1, useEma: true, emaMomentum: 0.9 });
    const model = smallModel({ optimizer: new optimizers.LossScaleOptimizer({ innerOptimizer }), dropout: 0 });
    const stop = new callbacks.LambdaCallback({ onEpochEnd: () => Promise.reject(new Error('enough')) });
    await model.fit(x, y, { ...quiet, epochs: 3, callbacks: [stop] }).catch(() => {});
    const values = (): number[] => model.getWeights().flatMap(({ data }) => Array.from(data as Float32Array));
    const weights = values();
    const plain = await (await model.predict(x, quiet)).array();
    const callback = new callbacks.SwapEMAWeights();
    const averaged = await (await model.predict(x, { ...quiet, callbacks: [callback] })).array();
    expect(averaged).not.toEqual(plain);
    expect(values()).toEqual(weights);
    for (const [i, weight] of model.trainableWeights.entries()) weight.assign(innerOptimizer.averages[i]!.value);
    expect(await (await model.predict(x, quiet)).array()).toEqual(averaged);
  });
});

describe('ReduceLROnPlateau', () => {
  test('a missing number is a warning; says what it does', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const written: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => written.push(String(text)) > 0);
    const options = { patience: 0, minDelta: 100, verbose: 1 } as const;
    const callback = new callbacks.ReduceLROnPlateau({ ...options, monitor: 'loss' });
    await smallModel().fit(x, y, { ...quiet, epochs: 2, callbacks: [callback, new callbacks.ReduceLROnPlateau()] });
    vi.restoreAllMocks();
    expect(String(warned.mock.calls[0]?.[0])).toContain("expected 'val_loss' in the logs to reduce the learning rate");
    expect(written.join('')).toContain('Epoch 2: learning rate reduced to 0.0001');
  });

  test('a schedule can not be reduced', async () => {
    const learningRate = new optimizers.schedules.ExponentialDecay({
      initialLearningRate: 0.1,
      decaySteps: 10,
      decayRate: 0.9,
    });
    const callback = new callbacks.ReduceLROnPlateau({ monitor: 'loss', patience: 0, minDelta: 100 });
    const model = smallModel({ optimizer: new optimizers.SGD({ learningRate }) });
    await expect(model.fit(x, y, { ...quiet, epochs: 2, callbacks: [callback] })).rejects.toThrow(
      'expected an optimizer with a number as learning rate',
    );
  });
});

describe('mode auto', () => {
  test('knows outputs by their names, and a direction that is set by hand', async () => {
    const own = new callbacks.EarlyStopping({ monitor: 'accuracy' });
    const model = smallModel();
    await model.fit(x, y, { ...quiet, callbacks: [own] });
    expect(model.directionOf('accuracy')).toBe('max');
    expect(model.directionOf('loss')).toBe('min');
    expect(model.directionOf('other')).toBeNull();
  });
});

test('a file that is not there yet is begun with its header although fit goes on', async () => {
  const filename = join(folder, 'gone.csv');
  const logger = (): callbacks.CSVLogger => new callbacks.CSVLogger({ filename });
  const resume = join(folder, 'gone');
  await smallModel().fit(x, y, { ...quiet, epochs: 1, resume, callbacks: [logger()] });
  rmSync(filename);
  await smallModel().fit(x, y, { ...quiet, epochs: 2, resume, callbacks: [logger()] });
  expect(
    readFileSync(filename, 'utf8')
      .split('\r\n')
      .map((row) => row.split(',')[0]),
  ).toEqual(['epoch', '1', '']);
  writeFileSync(filename, 'epoch,accuracy,loss,val_accuracy,val_loss\r\n');
});
