import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { native } from '../../lib/core/native.js';
import {
  type Batch,
  callbacks,
  FileFormatError,
  type FitOptions,
  Input,
  Layer,
  layers,
  Model,
  type ModelOptions,
  ops,
  optimizers,
  random,
  Sequential,
  ShapeError,
  type StepLogs,
  Tensor,
  tensor,
  utils,
} from '../../lib/index.js';
import { packState, unpackState } from '../../lib/training/checkpoint.js';
import type { CompileOptions } from '../../lib/training/compile.js';
import { smallData, smallModel } from './small-model.js';

const root = mkdtempSync(join(tmpdir(), 'torchlayers-resume-'));
let dir = '';
let count = 0;

beforeEach(() => {
  dir = join(root, String(count++));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

const { x, y } = smallData(200);
const quiet = { verbose: 0 as const, batchSize: 16 };
const file = (): string => join(dir, 'checkpoint.safetensors');

type Run = (extra: FitOptions) => Promise<callbacks.History>;

/** Everything that training changes. */
async function ending(model: Model, run: Run, extra: FitOptions = {}): Promise<unknown> {
  const { history, epoch } = await run(extra);
  const variables = [...model.variables, ...(model.optimizer?.variables ?? [])];
  return { history, epoch, variables: variables.map((variable) => Array.from(variable.dataSync(), String)) };
}

/** Aborts after so many steps of a whole run. */
function abortAfter(steps: number): { signal: AbortSignal; callback: callbacks.Callback } {
  const controller = new AbortController();
  let done = 0;
  const onTrainBatchEnd = (): void => {
    if (++done === steps) controller.abort(new Error('stop here'));
  };
  return { signal: controller.signal, callback: new callbacks.LambdaCallback({ onTrainBatchEnd }) };
}

/** Draws from the global stream of random numbers. */
class Noise extends Layer {
  override call(input: Tensor, { training }: { training?: boolean } = {}): Tensor {
    return training ? ops.add(input, random.normal(input.shape, { stddev: 0.1 })) : input;
  }
}

class OwnStep extends Model {
  readonly dense = new layers.Dense({ units: 3, activation: 'softmax' });
  constructor(options: ModelOptions = {}) {
    super(options);
  }
  override call(input: Tensor): Tensor {
    return this.dense.apply(input);
  }
  override trainStep(batch: Batch): StepLogs {
    const logs = super.trainStep(batch);
    return { ...logs, double: ops.multiply(logs['loss'] as Tensor, 2) };
  }
}

function* batches(): Generator<[Tensor, Tensor]> {
  for (let i = 0; ; i = (i + 5) % 12) yield [x.slice(16 * i, 16 * i + 16), y.slice(16 * i, 16 * i + 16)];
}
const restarting = {
  *[Symbol.iterator](): Generator<[Tensor, Tensor]> {
    for (let i = 0; i < 10; i++) yield [x.slice(16 * i, 16 * i + 16), y.slice(16 * i, 16 * i + 16)];
  },
};

/** A model of its own for each call, and its fit; seeds differ wherever a checkpoint must say it. */
function made(make: () => Model, train: (model: Model, options: FitOptions) => Promise<callbacks.History>) {
  return (seed: number): { model: Model; run: Run } => {
    utils.setRandomSeed(seed);
    const model = make();
    return { model, run: (extra) => train(model, extra) };
  };
}

const compiled = (options: CompileOptions) => (): Model => {
  const model = new Sequential([
    Input({ shape: [6] }),
    new layers.Dense({ units: 8, activation: 'relu' }),
    new Noise(),
    new layers.BatchNormalization(),
    new layers.Dropout({ rate: 0.3 }),
    new layers.Dense({ units: 3, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'], ...options });
  return model;
};
const arrays = (options: FitOptions) => (model: Model, extra: FitOptions) =>
  model.fit(x, y, { ...quiet, epochs: 3, ...options, ...extra });
const iterable =
  (data: () => Iterable<unknown>, options: FitOptions) =>
  (model: Model, { batchSize: _, ...extra }: FitOptions) =>
    model.fit(data(), { verbose: 0, epochs: 3, ...options, ...extra });
const ownStep = (): Model => {
  const model = new OwnStep();
  model.compile({ optimizer: 'sgd', loss: 'categorical_crossentropy' });
  return model;
};
const ema = new optimizers.SGD({ useEma: true, momentum: 0.9 }).getConfig();

const cases: Record<string, ReturnType<typeof made>> = {
  arrays: made(compiled({}), arrays({ validationSplit: 0.2 })),
  'a short last batch': made(compiled({}), arrays({ batchSize: 60, epochs: 6 })),
  'no shuffling': made(compiled({}), arrays({ shuffle: false })),
  'steps per epoch': made(compiled({}), arrays({ stepsPerEpoch: 5, epochs: 5 })),
  eager: made(compiled({ runEagerly: true }), arrays({ validationSplit: 0.2, epochs: 2 })),
  'moving averages': made(
    () => compiled({ optimizer: optimizers.SGD.fromConfig(ema) as optimizers.Optimizer })(),
    arrays({}),
  ),
  'accumulated gradients': made(
    () => compiled({ optimizer: new optimizers.RMSprop({ gradientAccumulationSteps: 3 }) })(),
    arrays({}),
  ),
  'a step of its own': made(ownStep, arrays({})),
  'an iterable that starts anew': made(
    compiled({}),
    iterable(() => restarting, {}),
  ),
  'a generator': made(compiled({}), iterable(batches, { stepsPerEpoch: 8 })),
};

describe.each(Object.keys(cases))('%s', (name) => {
  const make = cases[name] as ReturnType<typeof made>;
  test('ended and started again, it ends with the same bits', async () => {
    const whole = make(1);
    const expected = await ending(whole.model, whole.run);
    const kept = make(1);
    expect(await ending(kept.model, kept.run, { resume: { dir: join(dir, 'whole'), every: 3 } })).toEqual(expected);
    for (const steps of [2, 9, 17]) {
      const resume = join(dir, String(steps));
      const { signal, callback } = abortAfter(steps);
      const first = make(1);
      await expect(first.run({ resume, signal, callbacks: [callback] })).rejects.toThrow('stop here');
      const second = make(7);
      expect(await ending(second.model, second.run, { resume })).toEqual(expected);
    }
  }, 30_000);
});

describe('a checkpoint', () => {
  test('a run that goes on with more epochs is one long run; a finished one is answered at once', async () => {
    const long = smallModel();
    const expected = await ending(long, (extra) => long.fit(x, y, { ...quiet, epochs: 4, ...extra }));
    await smallModel().fit(x, y, { ...quiet, epochs: 2, resume: dir });
    for (let i = 0; i < 2; i++) {
      const model = smallModel({ seed: 5 + i });
      expect(await ending(model, (extra) => model.fit(x, y, { ...quiet, epochs: 4, resume: dir, ...extra }))).toEqual(
        expected,
      );
    }
    expect(readdirSync(dir)).toEqual(['checkpoint.safetensors']);
  });

  test('keeps what callbacks keep: a stopped run stays stopped, with the best weights', async () => {
    const stopping = (): callbacks.EarlyStopping =>
      new callbacks.EarlyStopping({ monitor: 'loss', mode: 'max', patience: 2, restoreBestWeights: true });
    const whole = smallModel();
    const expected = await ending(whole, (extra) =>
      whole.fit(x, y, { ...quiet, epochs: 9, callbacks: [stopping()], ...extra }),
    );
    for (const epochs of [2, 3, 9]) {
      const resume = join(dir, String(epochs));
      // Interrupted without a word: the hooks of the end don't come.
      const fail = new callbacks.LambdaCallback({
        onEpochBegin: (epoch) => (epoch === epochs ? Promise.reject(new Error('x')) : undefined),
      });
      await smallModel()
        .fit(x, y, { ...quiet, epochs: 9, resume, callbacks: [stopping(), fail] })
        .catch(() => {});
      const model = smallModel({ seed: 3 });
      const stopper = stopping();
      expect(
        await ending(model, (extra) =>
          model.fit(x, y, { ...quiet, epochs: 9, resume, callbacks: [stopper], ...extra }),
        ),
      ).toEqual(expected);
      expect(stopper.stoppedEpoch).toBe(2);
    }
  });

  test('a callback of one’s own keeps JSON and tensors', async () => {
    class Keeper extends callbacks.Callback {
      state: callbacks.CallbackState = null;
      override getState(): callbacks.CallbackState {
        return { list: [1, Number.NaN, -0, null], $odd: 'text', values: tensor([1.5, 2.5]), deep: { $$x: -Infinity } };
      }
      override setState(state: callbacks.CallbackState): void {
        this.state = state;
      }
    }
    await smallModel().fit(x, y, { ...quiet, resume: dir, callbacks: [new Keeper()] });
    const keeper = new Keeper();
    await smallModel().fit(x, y, { ...quiet, resume: dir, callbacks: [keeper] });
    const { values, ...rest } = keeper.state as { values: Tensor };
    expect(rest).toEqual({ list: [1, Number.NaN, -0, null], $odd: 'text', deep: { $$x: -Infinity } });
    expect(values).toBeInstanceOf(Tensor);
    expect(await values.array()).toEqual([1.5, 2.5]);
  });

  test('states of callbacks that are gone are a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    await smallModel().fit(x, y, {
      ...quiet,
      resume: dir,
      callbacks: [new callbacks.EarlyStopping({ monitor: 'loss' })],
    });
    await smallModel().fit(x, y, { ...quiet, epochs: 2, resume: dir });
    expect(String(warned.mock.calls[0]?.[0])).toContain(
      'holds the state of EarlyStopping, which this fit has no callback for',
    );
    vi.restoreAllMocks();
  });

  test('NaN in logs and history comes back', () => {
    const tensors = new Map();
    const state = { loss: [Number.NaN, Number.POSITIVE_INFINITY, -0, 0.1] };
    const packed = JSON.parse(JSON.stringify(packState(state, 'x', tensors)));
    expect(unpackState(packed, tensors, 'here')).toEqual(state);
    expect(() => unpackState({ $tensor: 'gone' }, tensors, 'here')).toThrow(FileFormatError);
  });

  test('large weights come back, and training calls into native code as often for many steps as for few', async () => {
    const large = async (samples: number, resume: string): Promise<[Model, number]> => {
      const data = smallData(samples);
      const model = new Sequential([
        Input({ shape: [6] }),
        new layers.Dense({ units: 700, kernelInitializer: 'random_normal' }),
        new layers.Dense({ units: 1600 }),
        new layers.Dense({ units: 3, activation: 'softmax' }),
      ]);
      model.compile({ optimizer: 'sgd', loss: 'categorical_crossentropy' });
      const before = native.crossings();
      await model.fit(data.x, data.y, { ...quiet, epochs: 1, resume });
      return [model, native.crossings() - before];
    };
    const [model, many] = await large(330, dir);
    const [, few] = await large(58, join(dir, 'few'));
    expect(many).toBe(few);
    const [again] = await large(330, dir);
    const values = (of: Model): Float32Array => of.weights[2]?.dataSync() as Float32Array;
    expect(values(again).length).toBe(1_120_000);
    expect(values(again)).toEqual(values(model));
  }, 30_000);

  test('a folder that can not be made rejects fit', async () => {
    mkdirSync(dir);
    writeFileSync(join(dir, 'file'), '');
    const run = smallModel().fit(x, y, { ...quiet, epochs: 3, resume: join(dir, 'file', 'deeper') });
    await expect(run).rejects.toThrow(/file.+deeper.*: expected /);
  });
});

describe('a checkpoint that does not fit', () => {
  const goOn = (model: Model, options: FitOptions = {}): Promise<unknown> =>
    model.fit(x, y, { ...quiet, epochs: 2, resume: dir, ...options });
  const wider = (): Model => {
    const model = new Sequential([
      Input({ shape: [6] }),
      new layers.Dense({ units: 9 }),
      new layers.Dense({ units: 3 }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'mse' });
    return model;
  };
  test.each([
    [
      'batchSize',
      () => goOn(smallModel(), { batchSize: 32 }),
      /^fit: resume: expected batchSize 16, as in the checkpoint ".*", got 32\.\n {2}Go on with the same model, data and options, or delete the checkpoint to start anew\.$/,
    ],
    [
      'samples',
      () => smallModel().fit(x.slice(0, 100), y.slice(0, 100), { ...quiet, resume: dir }),
      /expected samples 200, .* got 100/,
    ],
    ['shuffle', () => goOn(smallModel(), { shuffle: false }), /expected shuffle true, .* got false/],
    ['optimizer', () => goOn(smallModel({ optimizer: 'sgd' })), /expected optimizer "Adam", .* got "SGD"/],
    ['stepsPerEpoch', () => goOn(smallModel(), { stepsPerEpoch: 3 }), /expected stepsPerEpoch null, .* got 3/],
    [
      'data',
      () => smallModel().fit(batches(), { verbose: 0, resume: dir }),
      /expected data \["float32\[6\]","float32\[3\]"\], .* got "an iterable"/,
    ],
    ['variables', () => goOn(wider()), /expected 5 variables in the model, .* got 4/],
  ])('%s', async (_, run, text) => {
    await goOn(smallModel(), { epochs: 1 });
    await expect(run()).rejects.toThrow(text);
  });

  test('shapes', async () => {
    await goOn(smallModel({ dropout: 0.1 }), { epochs: 1 });
    const model = new Sequential([
      Input({ shape: [6] }),
      new layers.Dense({ units: 9 }),
      new layers.Dropout({ rate: 0.1 }),
      new layers.Dense({ units: 3 }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'mse' });
    await expect(goOn(model)).rejects.toThrow(ShapeError);
    await expect(goOn(model)).rejects.toThrow(
      /expected a variable kernel: float32\[6, 8\] in the model, .* got .*kernel: float32\[6, 9\]/,
    );
  });

  test('an iterable that is too short', async () => {
    const model = smallModel();
    await model.fit(batches(), { verbose: 0, epochs: 2, stepsPerEpoch: 8, resume: dir });
    const short = [...Array(5)].map(() => [x.slice(0, 16), y.slice(0, 16)]);
    const again = smallModel().fit(new Set(short), { verbose: 0, epochs: 3, stepsPerEpoch: 8, resume: dir });
    await expect(again).rejects.toThrow(
      'fit: resume: expected an iterable of more than 16 batches, as many as the checkpoint has used, got 5.',
    );
  });
});

describe('a file that is no checkpoint', () => {
  const again = (): Promise<unknown> => smallModel().fit(x, y, { ...quiet, epochs: 2, resume: dir });
  const rewritten = (from: string, to: string): void => {
    const text = readFileSync(file()).toString('latin1');
    expect(text).toContain(from);
    writeFileSync(file(), Buffer.from(text.replace(from, to), 'latin1'));
  };
  const damages: [string, () => void, RegExp][] = [
    ['cut off in the data', () => truncateSync(file(), readFileSync(file()).length - 3), /got a file that is cut off/],
    ['cut off in the header', () => truncateSync(file(), 100), /got a file that is cut off or of another format/],
    ['empty', () => writeFileSync(file(), ''), /got a file that is cut off or of another format/],
    ['foreign', () => writeFileSync(file(), 'hello, this is a text and nothing else'), /cut off or of another format/],
    [
      'another safetensors file',
      () => rewritten('torchlayers.checkpoint', 'torchlayers.whatelse!!'),
      /got a file of another format/,
    ],
    [
      'of a newer version',
      () => rewritten('\\"version\\":1', '\\"version\\":9'),
      /expected a checkpoint of version 1 or older, got version 9\.\n {2}Update torchlayers/,
    ],
    [
      'with a wrong place',
      () => rewritten('\\"epoch\\":1', '\\"epoch\\":-'),
      /: expected the facts of a checkpoint, got something else\.\n {2}Delete the file to start anew\./,
    ],
    [
      'with entries that overlap',
      () => rewritten('"data_offsets":[192', '"data_offsets":[191'),
      /expected a sound entry/,
    ],
    ['with another dtype', () => rewritten('"F32"', '"X32"'), /expected a sound entry/],
  ];
  test.each(damages)('%s', async (_, damage, text) => {
    await smallModel().fit(x, y, { ...quiet, resume: dir });
    damage();
    await expect(again()).rejects.toThrow(FileFormatError);
    await expect(again()).rejects.toThrow(text);
  });

  test.each([
    [3, /^fit: resume: expected the path of a folder or an object of options, got 3\./],
    ['', /resume: dir: expected the path of a folder/],
    [{ dir: 'x', every: 0 }, /resume: every \(or 'epoch'\): expected a whole number of at least 1, got 0/],
    [{ dir: 'x', often: 3 }, /unknown option 'often'/],
    [{ every: 3 }, /resume: dir: expected the path of a folder, got undefined/],
  ])('options %j', async (resume, text) => {
    await expect(smallModel().fit(x, y, { ...quiet, resume: resume as never })).rejects.toThrow(text);
  });
});

describe('BackupAndRestore', () => {
  const failAt = (at: number): callbacks.Callback =>
    new callbacks.LambdaCallback({
      onEpochBegin: (epoch) => (epoch === at ? Promise.reject(new Error('interrupted')) : undefined),
    });
  const backup = (options: Partial<callbacks.BackupAndRestoreOptions> = {}): callbacks.BackupAndRestore =>
    new callbacks.BackupAndRestore({ backupDir: dir, ...options });

  test('goes on after an interruption, and leaves nothing at the end', async () => {
    const whole = smallModel();
    const expected = await ending(whole, () => whole.fit(x, y, { ...quiet, epochs: 5 }));
    const first = smallModel().fit(x, y, { ...quiet, epochs: 5, callbacks: [backup(), failAt(3)] });
    await expect(first).rejects.toThrow('interrupted');
    expect(existsSync(file())).toBe(true);
    const seen: number[] = [];
    const watch = new callbacks.LambdaCallback({ onEpochBegin: (epoch) => void seen.push(epoch) });
    const model = smallModel({ seed: 2 });
    expect(await ending(model, () => model.fit(x, y, { ...quiet, epochs: 5, callbacks: [backup(), watch] }))).toEqual(
      expected,
    );
    expect(seen).toEqual([3, 4]);
    expect(existsSync(dir)).toBe(false);
  });

  test('deletes only what is its own, or nothing', async () => {
    await smallModel().fit(x, y, {
      ...quiet,
      callbacks: [backup({ deleteCheckpoint: false, doubleCheckpoint: true })],
      epochs: 3,
    });
    expect(readdirSync(dir).sort()).toEqual(['checkpoint.safetensors', 'previous.safetensors']);
    writeFileSync(join(dir, 'mine.txt'), '');
    await smallModel().fit(x, y, { ...quiet, callbacks: [backup({ doubleCheckpoint: true })], epochs: 4 });
    expect(readdirSync(dir)).toEqual(['mine.txt']);
  });

  test('goes on from the checkpoint before, where the newest can not be read', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const whole = smallModel();
    const expected = await ending(whole, () => whole.fit(x, y, { ...quiet, epochs: 4 }));
    const options = { doubleCheckpoint: true, deleteCheckpoint: false };
    // A run that ends has written its newest checkpoint.
    for (const epoch of [2, 3]) {
      const run = smallModel().fit(x, y, { ...quiet, epochs: 4, callbacks: [backup(options), failAt(epoch)] });
      await expect(run).rejects.toThrow('interrupted');
    }
    truncateSync(file(), 1000);
    const model = smallModel({ seed: 2 });
    expect(await ending(model, () => model.fit(x, y, { ...quiet, epochs: 4, callbacks: [backup(options)] }))).toEqual(
      expected,
    );
    expect(String(warned.mock.calls[0]?.[0])).toContain('going on from the checkpoint before the newest one');
    vi.restoreAllMocks();
  });

  test('one of the two ways at a time', async () => {
    const run = smallModel().fit(x, y, { ...quiet, resume: join(dir, 'a'), callbacks: [backup()] });
    await expect(run).rejects.toThrow('fit: expected one of resume and BackupAndRestore, got 2 of them.');
  });
});
