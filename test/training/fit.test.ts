import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { callbacks, StateError, type Tensor, tensor } from '../../lib/index.js';
import { expectClose, smallData, smallModel } from './small-model.js';

const { LambdaCallback } = callbacks;
const { x, y, labels } = smallData(100);
const quiet = { verbose: 0 as const };
/** Long enough to be still running when the test does something to it. */
const long = { epochs: 10_000, batchSize: 8, verbose: 0 as const };

afterEach(() => {
  vi.restoreAllMocks();
});

/** Resolves when an epoch of `fit` has ended, without holding it up. */
function started(): { callback: callbacks.Callback; promise: Promise<void> } {
  let resolve: () => void = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { callback: new LambdaCallback({ onTrainBatchEnd: () => resolve(), batchEvents: 'merged' }), promise };
}

const values = (weights: readonly Tensor[]): number[] =>
  weights.flatMap((weight) => Array.from(weight.dataSync(), Number));

describe('ending early', () => {
  test('abort rejects with the reason, after a whole step', async () => {
    const model = smallModel();
    const controller = new AbortController();
    const { callback, promise } = started();
    const running = model.fit(x, y, { ...long, signal: controller.signal, callbacks: [callback] });
    await promise;
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    const steps = model.optimizer?.iterations.item() as number;
    expect(steps).toBeGreaterThan(0);
    await model.fit(x, y, quiet);
    expect(model.optimizer?.iterations.item()).toBe(steps + 4);
  });

  test('an aborted signal starts nothing', async () => {
    const model = smallModel();
    const before = values(model.weights);
    await expect(model.fit(x, y, { ...quiet, signal: AbortSignal.abort() })).rejects.toThrow('aborted');
    expect(values(model.weights)).toEqual(before);
  });

  test('abort while a generator is waiting', async () => {
    const model = smallModel();
    const controller = new AbortController();
    async function* endless(): AsyncGenerator<[Tensor, Tensor]> {
      yield [x, y];
      await new Promise(() => {});
    }
    const running = model.fit(endless(), { ...quiet, signal: controller.signal });
    await sleep(20);
    controller.abort();
    await expect(running).rejects.toThrow('aborted');
  });

  test('stopTraining from outside ends after the step at hand', async () => {
    const model = smallModel();
    const { callback, promise } = started();
    const running = model.fit(x, y, { ...long, callbacks: [callback] });
    await promise;
    model.stopTraining = true;
    const { epoch } = await running;
    expect(epoch.length).toBeLessThan(10_000);
  });

  test('stopTraining in a batch hook ends after exactly that step', async () => {
    const model = smallModel();
    const callback = new LambdaCallback({
      onTrainBatchEnd: (batch) => {
        if (batch === 2) model.stopTraining = true;
      },
    });
    const { epoch } = await model.fit(x, y, { ...long, callbacks: [callback] });
    expect(epoch).toEqual([0]);
    expect(model.optimizer?.iterations.item()).toBe(3);
  });

  test('stopTraining in an epoch hook', async () => {
    const model = smallModel();
    const callback = new LambdaCallback({
      onEpochEnd: (epoch) => {
        if (epoch === 1) model.stopTraining = true;
      },
    });
    expect((await model.fit(x, y, { ...long, callbacks: [callback] })).epoch).toEqual([0, 1]);
  });

  test.each([
    'onTrainBegin',
    'onEpochBegin',
    'onTrainBatchBegin',
    'onTrainBatchEnd',
    'onTestBegin',
    'onTestBatchEnd',
    'onTestEnd',
    'onEpochEnd',
    'onTrainEnd',
  ] as const)('an error in %s rejects fit, and the model goes on', async (hook) => {
    const model = smallModel();
    const error = new Error('from a hook');
    for (const fail of [
      () => {
        throw error;
      },
      () => Promise.reject(error),
    ]) {
      const callback = new LambdaCallback({ [hook]: fail });
      await expect(model.fit(x, y, { ...quiet, validationSplit: 0.2, callbacks: [callback] })).rejects.toBe(error);
    }
    await model.fit(x, y, quiet);
  });

  test('an error in a merged hook rejects fit', async () => {
    const model = smallModel();
    const error = new Error('from a watcher');
    const callback = new LambdaCallback({
      batchEvents: 'merged',
      onTrainBatchEnd: () => {
        throw error;
      },
    });
    await expect(model.fit(x, y, { ...long, callbacks: [callback] })).rejects.toBe(error);
    await model.fit(x, y, quiet);
  });
});

describe('several at once', () => {
  test('a second fit of the same model is refused, the first goes on', async () => {
    const model = smallModel();
    const first = model.fit(x, y, quiet);
    const second = model.fit(x, y, quiet);
    await expect(second).rejects.toThrow(StateError);
    await expect(second).rejects.toThrow('another fit of the same model');
    await first;
  });

  test('two models', async () => {
    const [a, b] = [smallModel({ seed: 1 }), smallModel({ seed: 2 })];
    const alone = await smallModel({ seed: 1 }).fit(x, y, { ...quiet, epochs: 3 });
    const [together] = await Promise.all([a.fit(x, y, { ...quiet, epochs: 3 }), b.fit(x, y, { ...quiet, epochs: 3 })]);
    expect(together.history['loss']?.length).toBe(3);
    expect(alone.history['loss']?.length).toBe(3);
  });

  test('evaluate and predict wait for a running fit', async () => {
    const model = smallModel();
    const order: string[] = [];
    const running = model.fit(x, y, { ...quiet, epochs: 2 }).then(() => order.push('fit'));
    const evaluated = model.evaluate(x, y, quiet).then((logs) => {
      order.push('evaluate');
      return logs;
    });
    const predicted = model.predict(x, quiet).then(() => order.push('predict'));
    await Promise.all([running, evaluated, predicted]);
    expect(order.toSorted()).toEqual(['evaluate', 'fit', 'predict']);
    expect(Object.keys(await evaluated)).toEqual(['accuracy', 'loss']);
  });

  test('a hook may evaluate, predict and change the model', async () => {
    const model = smallModel({ dropout: 0 });
    const seen: number[] = [];
    const callback = new LambdaCallback({
      onEpochEnd: async (epoch, logs) => {
        const { loss } = await model.evaluate(x, y, quiet);
        seen.push(loss as number);
        expect((await model.predict(x, quiet)).shape).toEqual([100, 3]);
        // The epoch's own number is a mean over changing weights.
        if (epoch === 0) expect(loss).not.toBe(logs['loss']);
        if (model.optimizer) model.optimizer.learningRate = 0;
      },
    });
    const { history } = await model.fit(x, y, { ...quiet, epochs: 3, callbacks: [callback] });
    expect(seen[1]).toBeCloseTo(seen[0] as number, 5);
    expect(history['loss']?.[2]).toBeCloseTo(seen[0] as number, 4);
  });

  test('evaluating in a batch hook leaves the epoch alone', async () => {
    const run = async (callback?: callbacks.Callback): Promise<number[]> => {
      const { history } = await smallModel({ seed: 5 }).fit(x, y, {
        ...quiet,
        epochs: 2,
        callbacks: callback ? [callback] : [],
      });
      return [...(history['loss'] as number[]), ...(history['accuracy'] as number[])];
    };
    const other = smallData(40);
    const callback: callbacks.Callback = new LambdaCallback({
      onTrainBatchEnd: async () => void (await callback.model.evaluate(other.x, other.y, quiet)),
    });
    const [plain, evaluated] = [await run(), await run(callback)];
    expectClose(evaluated, plain);
  });

  test('variables of a running fit are read between two steps, and refused at once', async () => {
    const model = smallModel();
    const { callback, promise } = started();
    const controller = new AbortController();
    const running = model.fit(x, y, { ...long, callbacks: [callback], signal: controller.signal });
    await promise;
    const kernel = model.weights[0] as Tensor;
    expect(() => kernel.dataSync()).toThrow(StateError);
    expect((await kernel.data()).length).toBe(48);
    controller.abort();
    await expect(running).rejects.toThrow('aborted');
    expect(kernel.dataSync().length).toBe(48);
  });
});

describe('data', () => {
  const rows = Array.from({ length: 12 }, (_, i) => Array.from({ length: 6 }, (_, j) => (i * j) % 5));
  const oneHot = rows.map((_, i) => [0, 1, 2].map((label) => (i % 3 === label ? 1 : 0)));
  const flat = Float32Array.from(rows.flat());
  const forms: Record<string, unknown> = {
    'nested arrays': rows,
    'a tensor': tensor(rows),
    'data with a shape': { data: flat, shape: [12, 6] },
    'float64 with a shape': { data: Float64Array.from(flat), shape: [12, 6] },
    'bytes with a shape': { data: Uint8Array.from(flat), shape: [12, 6] },
  };
  test.each(Object.entries(forms))('%s', async (_, given) => {
    const expected = await smallModel().fit(tensor(rows), oneHot, quiet);
    const { history } = await smallModel().fit(given as Tensor, oneHot, quiet);
    expect(history['loss']?.[0]).toBeCloseTo(expected.history['loss']?.[0] as number, 5);
  });

  test('large typed and nested arrays are copied whole', async () => {
    const many = 400_000;
    const data = Float32Array.from({ length: many * 6 }, (_, i) => i % 7);
    const model = smallModel({ dropout: 0 });
    const out = await model.predict({ data, shape: [many, 6] }, { ...quiet, batchSize: 50_000 });
    const part = await model.predict({ data: data.slice(-600), shape: [100, 6] }, quiet);
    expect([...out.slice(-100).dataSync()].map(Number)).toEqual(
      [...part.dataSync()].map((value) => expect.closeTo(Number(value), 5)),
    );
    const nested = Array.from({ length: 20_000 }, (_, i) => Array.from(data.subarray(i * 6, i * 6 + 6)));
    const again = await model.predict(nested, { ...quiet, batchSize: 5000 });
    expect([...again.slice(0, 50).dataSync()]).toEqual(
      [...out.slice(0, 50).dataSync()].map((value) => expect.closeTo(Number(value), 5)),
    );
  });

  test.each([false, true])('a generator gives what arrays give (eager: %s)', async (runEagerly) => {
    function* batches(): Generator<[Tensor, Tensor]> {
      for (let from = 0; from < 100; from += 32) yield [x.slice(from, from + 32), y.slice(from, from + 32)];
    }
    const expected = await smallModel().fit(x, y, { ...quiet, shuffle: false, epochs: 2 });
    const model = smallModel({ runEagerly });
    const { history } = await model.fit({ [Symbol.iterator]: batches }, { ...quiet, epochs: 2 });
    expectClose(history['loss'], expected.history['loss'] as number[]);
  });

  test('batches of different sizes, seen first while steps run', async () => {
    const sizes = [5, 32, 1, 32, 7];
    async function* batches(): AsyncGenerator<[Tensor, Tensor]> {
      let from = 0;
      for (const size of sizes) {
        yield [x.slice(from, from + size), y.slice(from, from + size)];
        from += size;
      }
    }
    const model = smallModel({ dropout: 0 });
    const { history } = await model.fit(batches(), quiet);
    const eager = await smallModel({ dropout: 0, runEagerly: true }).fit(batches(), quiet);
    expect(history['loss']?.[0]).toBeCloseTo(eager.history['loss']?.[0] as number, 5);
    expect(model.optimizer?.iterations.item()).toBe(5);
  });

  test('no more than two batches are made ahead, and the generator is closed', async () => {
    let made = 0;
    let closed = false;
    async function* batches(): AsyncGenerator<[Tensor, Tensor]> {
      try {
        for (;;) {
          made++;
          yield [x, y];
        }
      } finally {
        closed = true;
      }
    }
    await smallModel().fit(batches(), { ...quiet, stepsPerEpoch: 3, epochs: 2 });
    expect(made).toBeLessThanOrEqual(9);
    expect(closed).toBe(true);
  });

  test('a generator that ends ends fit, with a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    function* once(): Generator<[Tensor, Tensor]> {
      yield [x, y];
    }
    const { epoch } = await smallModel().fit(once(), { ...quiet, epochs: 3 });
    expect(epoch).toEqual([0]);
    expect(String(warned.mock.calls[0]?.[0])).toContain('ran out');
  });

  test('an error of a generator rejects fit', async () => {
    const error = new Error('no more');
    async function* failing(): AsyncGenerator<[Tensor, Tensor]> {
      yield [x, y];
      throw error;
    }
    await expect(smallModel().fit(failing(), quiet)).rejects.toBe(error);
  });

  test('predict of batches, and in the order of the samples', async () => {
    const model = smallModel();
    const whole = await model.predict(x, quiet);
    const batches = await model.predict([x.slice(0, 60), x.slice(60, 100)][Symbol.iterator](), quiet);
    expect(batches.shape).toEqual([100, 3]);
    expect([...batches.dataSync()]).toEqual([...whole.dataSync()].map((value) => expect.closeTo(Number(value), 6)));
  });

  test('sparse labels of shape [n] and [n, 1]', async () => {
    const flatLabels = await smallModel({ loss: 'sparse_categorical_crossentropy' }).fit(x, labels, quiet);
    const column = await smallModel({ loss: 'sparse_categorical_crossentropy' }).fit(
      x,
      { data: labels, shape: [100, 1] },
      quiet,
    );
    expect(column.history).toEqual(flatLabels.history);
  });
});

describe('logs', () => {
  test('a loss that is not finite is said once', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const bad = tensor(
      Float32Array.from({ length: 600 }, (_, i) => (i === 300 ? Number.NaN : 1)),
      { shape: [100, 6] },
    );
    await smallModel().fit(bad, y, { ...quiet, epochs: 3 });
    expect(warned.mock.calls.length).toBe(1);
    expect(String(warned.mock.calls[0]?.[0])).toContain('expected a finite loss, got NaN in epoch 1');
  });

  test('TerminateOnNaN ends training, or rejects', async () => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
    const bad = tensor(new Float32Array(600).fill(Number.NaN), { shape: [100, 6] });
    const callback = new callbacks.TerminateOnNaN();
    const { epoch } = await smallModel().fit(bad, y, { ...quiet, epochs: 50, callbacks: [callback] });
    expect(epoch).toEqual([0]);
    expect(callback.stoppedBatch).not.toBeNull();
    const strict = new callbacks.TerminateOnNaN({ raiseError: true });
    await expect(smallModel().fit(bad, y, { ...quiet, callbacks: [strict] })).rejects.toThrow(
      'expected a finite loss, got NaN',
    );
  });
});
