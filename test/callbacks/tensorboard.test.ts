import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Logs } from '../../lib/callbacks/index.js';
import { native } from '../../lib/core/native.js';
import {
  callbacks,
  Input,
  layers,
  Model,
  optimizers,
  Sequential,
  type Tensor,
  tensor,
  utils,
} from '../../lib/index.js';
import { eventFiles, readEvents, readHistograms, readScalars, readSummaries } from '../support/event-files.js';
import { loadGolden } from '../support/golden.js';
import { smallData, smallModel } from '../training/small-model.js';

const { TensorBoard } = callbacks;
const { x, y } = smallData(40);
const quiet = { verbose: 0, batchSize: 8 } as const;
const split = { ...quiet, epochs: 2, validationSplit: 0.2 } as const;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlayers-board-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
  vi.restoreAllMocks();
});

const board = (options: callbacks.TensorBoardOptions = {}) => new TensorBoard({ logDir: folder, ...options });

type Written = Record<string, Record<string, { plugin: string; steps: number[] }>>;

function whatIsWritten(): Written {
  const found: Written = {};
  for (const place of ['train', 'validation']) {
    if (!existsSync(join(folder, place))) continue;
    const tags: Written[string] = {};
    for (const { step, value } of readSummaries(join(folder, place))) {
      tags[value.tag] ??= { plugin: value.metadata?.pluginData?.pluginName ?? '', steps: [] };
      tags[value.tag]?.steps.push(step);
    }
    found[place] = tags;
  }
  return found;
}

function named(): Sequential {
  utils.setRandomSeed(1);
  const model = new Sequential({
    name: 'small',
    layers: [
      Input({ shape: [6] }),
      new layers.Dense({ units: 8, activation: 'relu', name: 'hidden' }),
      new layers.Dense({ units: 3, activation: 'softmax', name: 'classes' }),
    ],
  });
  model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
  return model;
}

describe('tags, steps and plugins are those of Keras', () => {
  const golden = loadGolden<{ kind: string; options: callbacks.TensorBoardOptions; written: Written }>('event_files');
  const cases = golden.cases.filter(({ kind }) => kind === 'callback');

  test.each(cases)('$name', async ({ name, options, written }) => {
    await named().fit(x, y, { ...split, callbacks: [board(options)] });
    const ours = whatIsWritten();
    // Curves of validation's steps are an addition.
    const { batch_loss, batch_accuracy, ...validation } = ours['validation'] ?? {};
    const perStep = { 'callback/steps': [1, 2], 'callback/third': [] }[name] ?? null;
    expect(batch_loss?.steps ?? null).toEqual(perStep === null || perStep.length === 0 ? null : perStep);
    expect(batch_accuracy?.steps).toEqual(batch_loss?.steps);
    if (name !== 'callback/third') {
      expect({ train: ours['train'], validation }).toEqual(written);
      return;
    }
    // With a period, Keras writes its curves of epochs only after epochs that end on a multiple of it; ours are whole.
    expect(ours['train']).toMatchObject(written['train'] ?? {});
    expect(ours['train']?.['epoch_loss']).toEqual({ plugin: 'scalars', steps: [0, 1] });
    expect(ours['train']?.['small/hidden/kernel/histogram']).toEqual({ plugin: 'histograms', steps: [0] });
  });
});

describe('values', () => {
  test('curves hold the logs, and evaluate adds to them', async () => {
    const model = smallModel();
    const { history } = await model.fit(x, y, { ...split, callbacks: [board({ writeStepsPerSecond: true })] });
    const train = readScalars(join(folder, 'train'));
    const validation = readScalars(join(folder, 'validation'));
    const curve = (values: number[] | undefined) => values?.map((value, epoch) => [epoch, Math.fround(value)]);
    expect(train['epoch_loss']).toEqual(curve(history['loss']));
    expect(train['epoch_accuracy']).toEqual(curve(history['accuracy']));
    expect(validation['epoch_loss']).toEqual(curve(history['val_loss']));
    expect(validation['epoch_accuracy']).toEqual(curve(history['val_accuracy']));
    expect(validation['evaluation_loss_vs_iterations']).toEqual(
      history['val_loss']?.map((value, epoch) => [4 * (epoch + 1), Math.fround(value)]),
    );
    expect(train['epoch_learning_rate']).toEqual([0, 1].map((epoch) => [epoch, Math.fround(0.001)]));
    expect(train['epoch_steps_per_second']?.every(([, rate]) => rate > 0 && Number.isFinite(rate))).toBe(true);
    const logs = await model.evaluate(x, y, { ...quiet, callbacks: [board()] });
    expect(readScalars(join(folder, 'validation'))['evaluation_loss_vs_iterations']?.at(-1)).toEqual([
      8,
      Math.fround(logs['loss'] as number),
    ]);
  });

  test('every step has its point, with the numbers that a batch hook sees', async () => {
    const seen: Logs[] = [];
    const watch = new callbacks.LambdaCallback({ onTrainBatchEnd: (_, logs) => void seen.push({ ...logs }) });
    await smallModel().fit(x, y, { ...quiet, epochs: 3, callbacks: [board({ updateFreq: 'batch' }), watch] });
    expect(readScalars(join(folder, 'train'))['batch_loss']).toEqual(
      seen.map(({ loss }, i) => [i + 1, Math.fround(loss as number)]),
    );
    expect(seen).toHaveLength(15);
  });

  test('merged: the last step of each epoch at least, in order', async () => {
    const callback = board({ updateFreq: 'merged' });
    const { history } = await smallModel().fit(x, y, { ...quiet, epochs: 3, callbacks: [callback] });
    const points = readScalars(join(folder, 'train'))['batch_loss'] ?? [];
    const lasts = points.filter(([step]) => step % 5 === 0);
    expect(lasts).toEqual(history['loss']?.map((loss, epoch) => [5 * (epoch + 1), Math.fround(loss)]));
    expect(points.map(([step]) => step)).toEqual([...new Set(points.map(([step]) => step))].sort((a, b) => a - b));
  });

  test('histograms count every weight as it is after the epoch', async () => {
    const model = named();
    await model.fit(x, y, { ...split, callbacks: [board({ histogramFreq: 1 })] });
    const kernel = model.layers[0]?.weights[0] as Tensor;
    const values = [...((await kernel.data()) as Float32Array)];
    const [, last] = readHistograms(join(folder, 'train'), 'small/hidden/kernel/histogram');
    expect(last?.step).toBe(1);
    expect(last?.rows).toHaveLength(30);
    expect(last?.rows.reduce((sum, [, , count = 0]) => sum + count, 0)).toBe(48);
    expect([last?.rows[0]?.[0], last?.rows[29]?.[1]]).toEqual([Math.min(...values), Math.max(...values)]);
  });

  test('learning rates of schedules, after the step', async () => {
    const learningRate = new optimizers.schedules.ExponentialDecay({
      initialLearningRate: 0.1,
      decaySteps: 5,
      decayRate: 0.5,
    });
    const model = smallModel({ optimizer: new optimizers.SGD({ learningRate }) });
    await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [board({ updateFreq: 1 })] });
    const rates = readScalars(join(folder, 'train'))['epoch_learning_rate']?.map(([, rate]) => rate);
    expect(rates).toEqual([expect.closeTo(0.05, 6), expect.closeTo(0.025, 6)]);
  });

  test('eager steps and generators write the same tags', async () => {
    const batches = {
      *[Symbol.iterator]() {
        yield [x, y] as [Tensor, Tensor];
      },
    };
    await smallModel({ runEagerly: true }).fit(x, y, { ...quiet, callbacks: [board({ updateFreq: 2 })] });
    await smallModel().fit(batches, undefined, { verbose: 0, epochs: 2, callbacks: [board({ updateFreq: 1 })] });
    const steps = readScalars(join(folder, 'train'))['batch_loss']?.map(([step]) => step);
    expect(steps).toEqual([2, 4, 1, 2]);
  });

  test('weights as images: zero is gray', async () => {
    const model = named();
    await model.fit(x, y, { ...quiet, callbacks: [board({ histogramFreq: 1, writeImages: true, writeGraph: false })] });
    const image = readSummaries(join(folder, 'train')).find(({ value }) => value.tag === 'small/classes/kernel/image');
    const [width, height, ...pngs] = (image?.value.tensor?.strings ?? []).map((bytes) => Buffer.from(bytes));
    // [8, 3] lies on its side.
    expect([String(width), String(height), pngs.length]).toEqual(['8', '3', 1]);
    const [png = Buffer.alloc(0)] = pngs;
    const raw = inflateSync(png.subarray(41, 41 + png.readUInt32BE(33)));
    const shown = [0, 1, 2].map((y) => [...raw.subarray(y * 9 + 1, y * 9 + 9)]);
    const kernel = (await model.layers[1]?.weights[0]?.array()) as number[][];
    const largest = Math.max(...kernel.flat().map(Math.abs));
    // Within one of 255 steps.
    const errors = kernel.flatMap((row, x) =>
      row.map((weight, y) => Math.abs((shown[y]?.[x] ?? Number.NaN) - 255 * (0.5 + weight / (2 * largest)))),
    );
    expect(errors).toHaveLength(24);
    expect(Math.max(...errors)).toBeLessThan(1);
  });
});

describe('graph', () => {
  const graphNodes = async (model: Model): Promise<Record<string, string[]>> => {
    const { fromBinary } = await import('@bufbuild/protobuf');
    const { GraphDefSchema } = await import('../../lib/summary/generated/graph_pb.js');
    await model.fit(x, y, { ...quiet, callbacks: [board()] });
    const events = readEvents(join(folder, 'train')).filter(({ what }) => what.case === 'graphDef');
    expect(events).toHaveLength(1);
    const graph = fromBinary(GraphDefSchema, events[0]?.what.value as Uint8Array);
    return Object.fromEntries(graph.node.map(({ name, op, input }) => [`${name}: ${op}`, input]));
  };
  const compiled = (model: Model): Model => {
    model.compile({ optimizer: 'sgd', loss: 'categorical_crossentropy' });
    return model;
  };

  test('of a Sequential: layers with their weights', async () => {
    expect(await graphNodes(named())).toEqual({
      'input: Placeholder': [],
      'hidden/kernel: Variable': [],
      'hidden/bias: Variable': [],
      'hidden/Dense: Dense': ['input', 'hidden/kernel', 'hidden/bias'],
      'classes/kernel: Variable': [],
      'classes/bias: Variable': [],
      'classes/Dense: Dense': ['hidden/Dense', 'classes/kernel', 'classes/bias'],
    });
    const keras = readSummaries(join(folder, 'train')).find(({ value }) => value.tag === 'keras');
    const json = JSON.parse(new TextDecoder().decode(keras?.value.tensor?.strings[0])) as {
      config: { layers: object[] };
    };
    expect(json).toMatchObject({ class_name: 'Sequential', config: { name: 'small' } });
    expect(json.config.layers.map((layer) => (layer as { class_name: string }).class_name)).toEqual([
      'InputLayer',
      'Dense',
      'Dense',
    ]);
  });

  test('of a functional model: shared and merging layers, nested models', async () => {
    const input = Input({ shape: [6], name: 'row' });
    const shared = new layers.Dense({ units: 4, name: 'shared', useBias: false });
    const inner = new Sequential({ name: 'inner', layers: [new layers.ReLU({ name: 'relu' })] });
    const once = shared.apply(input);
    const twice = shared.apply(new layers.Dense({ units: 6, name: 'turn', useBias: false }).apply(input));
    const sum = new layers.Add({ name: 'sum' }).apply([once, inner.apply(twice)]);
    const outputs = new layers.Dense({ units: 3, activation: 'softmax', useBias: false, name: 'end' }).apply(sum);
    expect(await graphNodes(compiled(new Model({ inputs: input, outputs, name: 'net' })))).toEqual({
      'row: Placeholder': [],
      'turn/kernel: Variable': [],
      'turn/Dense: Dense': ['row', 'turn/kernel'],
      'shared/kernel: Variable': [],
      'shared/Dense: Dense': ['row', 'shared/kernel'],
      'shared/Dense_1: Dense': ['turn/Dense', 'shared/kernel'],
      'inner/relu: ReLU': ['shared/Dense_1'],
      'sum: Add': ['shared/Dense', 'inner/relu'],
      'end/kernel: Variable': [],
      'end/Dense: Dense': ['sum', 'end/kernel'],
    });
  });

  test("of a user's model: its layers, and no config that TensorBoard could draw", async () => {
    class Own extends Model {
      readonly dense = new layers.Dense({ units: 3, activation: 'softmax', name: 'dense' });
      override call(given: Tensor): Tensor {
        return this.dense.apply(given);
      }
    }
    expect(Object.keys(await graphNodes(compiled(new Own({ name: 'own' }))))).toEqual([
      'dense/kernel: Variable',
      'dense/bias: Variable',
      'dense/Dense: Dense',
    ]);
    expect(whatIsWritten()['train']?.['keras']).toBeUndefined();
  });
});

describe('additions', () => {
  test('hyperparameters and notes', async () => {
    const options = {
      hparams: { units: 8, optimizer: 'adam', dropout: true },
      text: { note: '**one**', other: 'two' },
    };
    await smallModel().fit(x, y, { ...quiet, callbacks: [board(options)] });
    expect(readSummaries(folder).map(({ value }) => value.tag)).toEqual([
      '_hparams_/session_start_info',
      '_hparams_/session_end_info',
    ]);
    const notes = readSummaries(join(folder, 'train')).filter(
      ({ value }) => value.metadata?.pluginData?.pluginName === 'text',
    );
    expect(notes.map(({ value }) => [value.tag, new TextDecoder().decode(value.tensor?.strings[0])])).toEqual([
      ['note', '**one**'],
      ['other', 'two'],
    ]);
  });

  test('embeddings for the projector', async () => {
    const model = new Sequential([
      Input({ shape: [5], dtype: 'int32' }),
      new layers.Embedding({ inputDim: 4, outputDim: 2, name: 'words' }),
      new layers.GlobalMaxPooling1D(),
      new layers.Dense({ units: 3, activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'sgd', loss: 'categorical_crossentropy' });
    const indices = tensor(
      Int32Array.from({ length: 40 * 5 }, (_, i) => i % 4),
      { shape: [40, 5] },
    );
    const options = { embeddingsFreq: 2, embeddingsMetadata: { words: 'words.tsv' } };
    await model.fit(indices, y, { ...quiet, epochs: 3, callbacks: [board(options)] });
    const train = join(folder, 'train');
    expect(readFileSync(join(train, 'projector_config.pbtxt'), 'utf8')).toBe(
      [2, 0]
        .map(
          (epoch) =>
            `embeddings {\n  tensor_name: "words (epoch ${epoch})"\n  tensor_path: "embedding-words-${epoch}.tsv"\n  metadata_path: "words.tsv"\n}\n`,
        )
        .join(''),
    );
    const rows = readFileSync(join(train, 'embedding-words-2.tsv'), 'utf8').trimEnd().split('\n');
    const values = rows.map((row) => row.split('\t').map((text) => Math.fround(Number(text))));
    const layer = model.layers[0] as InstanceType<typeof layers.Embedding>;
    expect(values).toEqual(await layer.embeddings.array());
  });

  test('a subclass adds events of its own', async () => {
    class Own extends TensorBoard {
      override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
        await this.trainWriter.scalar('twice', 2 * (logs['loss'] as number), { step: epoch });
        await super.onEpochEnd(epoch, logs);
      }
    }
    const { history } = await smallModel().fit(x, y, { ...quiet, callbacks: [new Own({ logDir: folder })] });
    expect(readScalars(join(folder, 'train'))['twice']).toEqual([
      [0, Math.fround(2 * (history['loss']?.[0] as number))],
    ]);
  });

  test('the numbers of steps go on from a state', async () => {
    const first = board({ updateFreq: 1 });
    await smallModel().fit(x, y, { ...quiet, callbacks: [first] });
    expect(first.getState()).toEqual({ train: 5, test: 0 });
    class Resumed extends TensorBoard {
      override async onTrainBegin(logs: Logs): Promise<void> {
        await super.onTrainBegin(logs);
        this.setState(first.getState());
      }
    }
    await smallModel().fit(x, y, { ...quiet, callbacks: [new Resumed({ logDir: folder, updateFreq: 1 })] });
    const steps = readScalars(join(folder, 'train'))['batch_loss']?.map(([step]) => step);
    expect(steps).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe('cost', () => {
  test('without batch curves an epoch stays one native call, with a period each step is one', async () => {
    const crossings = async (updateFreq: 'epoch' | 'merged' | 'batch', batchSize: number): Promise<number> => {
      const model = smallModel();
      const callback = [board({ writeGraph: false, updateFreq })];
      await model.fit(x, y, { ...quiet, batchSize, callbacks: callback });
      const before = native.crossings();
      await model.fit(x, y, { ...quiet, epochs: 3, batchSize, callbacks: callback });
      return native.crossings() - before;
    };
    for (const updateFreq of ['epoch', 'merged'] as const) {
      // 40 steps an epoch cross the boundary as often as 5 do.
      expect(Math.abs((await crossings(updateFreq, 1)) - (await crossings(updateFreq, 8)))).toBeLessThan(20);
    }
    expect((await crossings('batch', 1)) - (await crossings('batch', 8))).toBeGreaterThan(3 * 35);
  });

  test('what waits for the disk stays bounded, however fast the steps', async () => {
    let most = 0;
    class Watched extends TensorBoard {
      override async onTrainBatchEnd(batch: number, logs: Logs): Promise<void> {
        // A hundred times the events of a step.
        for (let i = 0; i < 100; i++) await this.trainWriter.text(`note/${i}`, 'x'.repeat(500), { step: batch });
        await super.onTrainBatchEnd(batch, logs);
        most = Math.max(most, this.trainWriter.pendingBytes);
      }
    }
    await smallModel().fit(x, y, {
      verbose: 0,
      batchSize: 1,
      epochs: 4,
      callbacks: [new Watched({ logDir: folder, updateFreq: 1 })],
    });
    const written = readSummaries(join(folder, 'train'));
    expect(written.filter(({ value }) => value.tag === 'note/0')).toHaveLength(160);
    // 160 steps of 56 kB are 9 MB.
    expect(most).toBeLessThan(1.2 * 2 ** 20);
  });
});

describe('what goes wrong', () => {
  test.each([
    [{ logDirectory: 'x' }, "TensorBoard: unknown option 'logDirectory'."],
    [{ logDir: 3 }, 'TensorBoard: logDir: expected a string, got 3.'],
    [{ logDir: '' }, 'TensorBoard: logDir: expected the path of a folder, got "".'],
    [{ histogramFreq: -1 }, 'TensorBoard: histogramFreq: expected a whole number of at least 0, got -1.'],
    [{ embeddingsFreq: 0.5 }, 'TensorBoard: embeddingsFreq: expected a whole number of at least 0, got 0.5.'],
    [{ writeGraph: 1 }, 'TensorBoard: writeGraph: expected true or false, got 1.'],
    [{ writeImages: null }, 'TensorBoard: writeImages: expected true or false, got null.'],
    [{ writeStepsPerSecond: 'no' }, 'TensorBoard: writeStepsPerSecond: expected true or false, got "no".'],
    [
      { updateFreq: 0 },
      "TensorBoard: updateFreq: expected 'epoch', 'batch', 'merged' or a whole number of at least 1, got 0.",
    ],
    [
      { updateFreq: 'step' },
      "TensorBoard: updateFreq: expected 'epoch', 'batch', 'merged' or a whole number of at least 1, got \"step\".",
    ],
    [
      { profileBatch: 5 },
      'TensorBoard: profileBatch: expected 0, as there is no profiler for TensorBoard, got 5.\n  Leave profileBatch out.',
    ],
    [{ profileBatch: [10, 20] }, 'got [10, 20].'],
    [
      { embeddingsMetadata: 4 },
      "TensorBoard: embeddingsMetadata: expected a file's name, or an object of them by the names of layers, got 4.",
    ],
    [
      { hparams: { units: [8] } },
      'TensorBoard: hparams: units: expected a finite number, a string or a boolean, got [8].',
    ],
    [{ text: { note: 5 } }, 'TensorBoard: text: expected an object of strings by their names, got an object.'],
  ])('%o', (options, message) => {
    expect(() => new TensorBoard(options as callbacks.TensorBoardOptions)).toThrow(message);
  });

  test('metadata for layers that are not there', async () => {
    const callback = board({ embeddingsFreq: 1, embeddingsMetadata: { dense: 'x.tsv' } });
    await expect(smallModel().fit(x, y, { ...quiet, callbacks: [callback] })).rejects.toThrow(
      'TensorBoard: embeddingsMetadata: expected names of Embedding layers of the model, got "dense".\n  The model has none.',
    );
  });

  test('a folder that is a file', async () => {
    writeFileSync(join(folder, 'file'), '');
    const callback = new TensorBoard({ logDir: join(folder, 'file') });
    await expect(smallModel().fit(x, y, { ...quiet, callbacks: [callback] })).rejects.toThrow(
      /FileWriter: expected to write events to ".*file.train", got (ENOTDIR|EEXIST)\.\n {2}A part of the path is a file/,
    );
  });

  test('a folder removed while training ends fit, also between epochs, and the model stays usable', async () => {
    const model = smallModel();
    const remove = new callbacks.LambdaCallback({
      onEpochBegin: (epoch) => void (epoch === 1 && rmSync(folder, { recursive: true })),
    });
    await expect(model.fit(x, y, { ...quiet, epochs: 5, callbacks: [board(), remove] })).rejects.toThrow(
      'got ENOENT.\n  The folder was removed while events were written to it.',
    );
    expect(model.optimizer?.iterations.item()).toBe(10);
    await model.fit(x, y, quiet);
  });

  test.skipIf(!existsSync('/dev/full'))('a full disk ends fit with its reason', async () => {
    const fill = new callbacks.LambdaCallback({
      onEpochBegin: (epoch) => {
        if (epoch !== 1) return;
        // From now on, writes find no space.
        const [path = ''] = eventFiles(join(folder, 'train'));
        rmSync(path);
        symlinkSync('/dev/full', path);
      },
    });
    const fit = smallModel().fit(x, y, { ...quiet, epochs: 5, callbacks: [board(), fill] });
    await expect(fit).rejects.toThrow(/got ENOSPC.\n {2}The disk is full: free space, or give another logDir/);
    await expect(fit).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  test.skipIf(process.getuid?.() === 0)('a folder without permission', async () => {
    mkdirSync(join(folder, 'closed'));
    chmodSync(join(folder, 'closed'), 0o500);
    const callback = new TensorBoard({ logDir: join(folder, 'closed') });
    await expect(smallModel().fit(x, y, { ...quiet, callbacks: [callback] })).rejects.toThrow('got EACCES');
  });

  test('an aborted fit leaves readable files, and the next run has files of its own', async () => {
    const callback = board({ updateFreq: 1 });
    const controller = new AbortController();
    const stop = new callbacks.LambdaCallback({ onEpochEnd: () => controller.abort(new Error('enough')) });
    await expect(
      smallModel().fit(x, y, { ...quiet, epochs: 3, signal: controller.signal, callbacks: [callback, stop] }),
    ).rejects.toThrow('enough');
    await smallModel().fit(x, y, { ...quiet, callbacks: [callback] });
    expect(eventFiles(join(folder, 'train'))).toHaveLength(2);
    expect(readScalars(join(folder, 'train'))['batch_loss']?.map(([step]) => step)).toEqual([
      1, 2, 3, 4, 5, 1, 2, 3, 4, 5,
    ]);
  });

  test('nothing is written until there is something to write', () => {
    board();
    expect(readdirSync(folder)).toEqual([]);
  });
});
