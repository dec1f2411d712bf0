import { stripVTControlCharacters } from 'node:util';
import { afterEach, describe, expect, test, vi } from 'vitest';
import type { LambdaCallbackOptions } from '../../lib/callbacks/index.js';
import { callbacks, StateError } from '../../lib/index.js';
import { smallData, smallModel } from '../training/small-model.js';

const { Callback, CallbackList, EarlyStopping, History, LambdaCallback, LearningRateScheduler, ProgbarLogger } =
  callbacks;
const { x, y } = smallData(50);
const quiet = { verbose: 0 as const };

const hooks = Object.getOwnPropertyNames(Callback.prototype).filter((name) => name.startsWith('on'));
/** Hooks that come once a step. */
const batchHooks = hooks.filter((name) => name.includes('Batch'));

afterEach(() => {
  vi.restoreAllMocks();
});

/** A callback that writes down each call of these hooks. */
function recorder(
  names: readonly string[],
  extra: LambdaCallbackOptions = {},
): { calls: string[]; callback: callbacks.Callback } {
  const calls: string[] = [];
  const options: Record<string, unknown> = { ...extra };
  for (const name of names) {
    options[name] = (...args: unknown[]) => {
      const logs = Object.keys(args.at(-1) as object).join();
      calls.push(`${name}(${[...args.slice(0, -1), `{${logs}}`].join(', ')})`);
    };
  }
  return { calls, callback: new LambdaCallback(options) };
}

const direct = hooks.filter((name) => name !== 'onBatchBegin' && name !== 'onBatchEnd');

describe('hooks', () => {
  test('Keras has these', () => {
    expect(hooks.toSorted()).toEqual(
      [
        ...[
          'onBatchBegin',
          'onBatchEnd',
          'onEpochBegin',
          'onEpochEnd',
          'onPredictBatchBegin',
          'onPredictBatchEnd',
          'onPredictBegin',
          'onPredictEnd',
        ],
        ...[
          'onTestBatchBegin',
          'onTestBatchEnd',
          'onTestBegin',
          'onTestEnd',
          'onTrainBatchBegin',
          'onTrainBatchEnd',
          'onTrainBegin',
          'onTrainEnd',
        ],
      ].toSorted(),
    );
  });

  test.each([false, true])('their order and logs in fit (eager: %s)', async (runEagerly) => {
    const { calls, callback } = recorder(direct);
    await smallModel({ runEagerly }).fit(x, y, {
      ...quiet,
      epochs: 2,
      validationSplit: 0.2,
      validationFreq: 2,
      callbacks: [callback],
    });
    const trained = [0, 1].flatMap((batch) => [
      `onTrainBatchBegin(${batch}, {})`,
      `onTrainBatchEnd(${batch}, {accuracy,loss})`,
    ]);
    expect(calls).toEqual([
      'onTrainBegin({})',
      'onEpochBegin(0, {})',
      ...trained,
      'onEpochEnd(0, {accuracy,loss})',
      'onEpochBegin(1, {})',
      ...trained,
      'onTestBegin({})',
      'onTestBatchBegin(0, {})',
      'onTestBatchEnd(0, {accuracy,loss})',
      'onTestEnd({accuracy,loss})',
      'onEpochEnd(1, {accuracy,loss,val_accuracy,val_loss})',
      'onTrainEnd({accuracy,loss,val_accuracy,val_loss})',
    ]);
  });

  test('in evaluate and predict', async () => {
    const { calls, callback } = recorder(direct);
    const model = smallModel();
    await model.evaluate(x, y, { ...quiet, callbacks: [callback] });
    await model.predict(x, { ...quiet, callbacks: [callback] });
    expect(calls).toEqual([
      'onTestBegin({})',
      ...[0, 1].flatMap((batch) => [`onTestBatchBegin(${batch}, {})`, `onTestBatchEnd(${batch}, {accuracy,loss})`]),
      'onTestEnd({accuracy,loss})',
      'onPredictBegin({})',
      ...[0, 1].flatMap((batch) => [`onPredictBatchBegin(${batch}, {})`, `onPredictBatchEnd(${batch}, {})`]),
      'onPredictEnd({})',
    ]);
  });

  test('onBatchBegin and onBatchEnd are called for training steps', async () => {
    const { calls, callback } = recorder(['onBatchBegin', 'onBatchEnd']);
    await smallModel().fit(x, y, { ...quiet, validationSplit: 0.5, callbacks: [callback] });
    expect(calls).toEqual(['onBatchBegin(0, {})', 'onBatchEnd(0, {accuracy,loss})']);
  });

  test.each(batchHooks.filter((name) => name.startsWith('onTrain')))('%s is awaited', async (hook) => {
    let inside = 0;
    let most = 0;
    const callback = new LambdaCallback({
      [hook]: async () => {
        most = Math.max(most, ++inside);
        await new Promise((resolve) => setImmediate(resolve));
        inside--;
      },
    });
    await smallModel().fit(x, y, { ...quiet, callbacks: [callback] });
    expect([inside, most]).toEqual([0, 1]);
  });

  test('merged events: the last step of every epoch is among them, none twice', async () => {
    const seen: number[] = [];
    const callback = new LambdaCallback({ batchEvents: 'merged', onTrainBatchEnd: (batch) => void seen.push(batch) });
    await smallModel().fit(x, y, { ...quiet, batchSize: 5, epochs: 3, callbacks: [callback] });
    expect(seen.filter((batch) => batch === 9).length).toBe(3);
    for (const [i, batch] of seen.entries()) expect(batch > (seen[i - 1] ?? -1) || seen[i - 1] === 9).toBe(true);
  });

  test('params and model are set before the first hook', async () => {
    const model = smallModel();
    let seen: unknown;
    const callback: callbacks.Callback = new LambdaCallback({
      onTrainBegin: () => {
        seen = { ...callback.params, model: callback.model };
      },
    });
    expect(() => callback.model).toThrow(StateError);
    await model.fit(x, y, { ...quiet, epochs: 2, callbacks: [callback] });
    expect(seen).toEqual({ verbose: 0, epochs: 2, steps: 2, model });
  });
});

describe('History', () => {
  test('is returned and kept by the model', async () => {
    const model = smallModel();
    const history = await model.fit(x, y, { ...quiet, epochs: 2, initialEpoch: 1 });
    expect(history).toBeInstanceOf(History);
    expect(model.history).toBe(history);
    expect(history.epoch).toEqual([1]);
    expect(Object.keys(history.history)).toEqual(['accuracy', 'loss']);
    expect(history.model).toBe(model);
    expect(history.params).toEqual({ verbose: 0, epochs: 2, steps: 2 });
  });

  test('a list of callbacks of one’s own is used as it is', async () => {
    const list = new CallbackList({ addHistory: true });
    const history = await smallModel().fit(x, y, { ...quiet, callbacks: list });
    expect(history).toBe(list.history);
  });
});

describe('EarlyStopping', () => {
  /** Epochs that run when the monitored number takes these values. */
  async function epochsFor(values: number[], options: callbacks.EarlyStoppingOptions): Promise<number[]> {
    const fake = new LambdaCallback({
      onEpochEnd: (epoch, logs) => {
        logs['number'] = values[epoch] as number;
      },
    });
    const stopping = new EarlyStopping({ monitor: 'number', ...options });
    return (await smallModel().fit(x, y, { ...quiet, epochs: values.length, callbacks: [fake, stopping] })).epoch;
  }

  test.each([
    [[5, 4, 3, 2], { mode: 'min' }, 4],
    [[5, 4, 4, 2], { mode: 'min' }, 3],
    [[5, 6, 4, 5, 5, 5], { mode: 'min', patience: 2 }, 5],
    [[1, 2, 1, 3], { mode: 'max' }, 3],
    [[5, 4.9, 4.8, 1], { mode: 'min', minDelta: 0.5 }, 2],
    [[9, 8, 7, 6], { mode: 'min', baseline: 1, patience: 2 }, 4],
    [[1, 9, 9, 9], { mode: 'min', startFromEpoch: 3 }, 4],
  ] as const)('%j with %j ends after %i epochs', async (values, options, epochs) => {
    expect((await epochsFor([...values], options)).length).toBe(epochs);
  });

  test('puts the weights of the best epoch back', async () => {
    const model = smallModel();
    const weights: number[][] = [];
    const fake = new LambdaCallback({
      onEpochEnd: (epoch, logs) => {
        logs['number'] = [3, 1, 2, 2][epoch] as number;
        weights.push(Array.from(model.weights[0]?.dataSync() ?? [], Number));
      },
    });
    const stopping = new EarlyStopping({ monitor: 'number', mode: 'min', patience: 2, restoreBestWeights: true });
    await model.fit(x, y, { ...quiet, epochs: 4, callbacks: [fake, stopping] });
    expect(stopping.bestEpoch).toBe(1);
    expect(Array.from(model.weights[0]?.dataSync() ?? [], Number)).toEqual(weights[1]);
    expect(weights[1]).not.toEqual(weights[3]);
  });

  test.each([
    ['accuracy', [0.1, 0.2, 0.1], 3],
    ['loss', [0.1, 0.2, 0.1], 2],
  ] as const)('%s is known to rise or fall', async (monitor, values, epochs) => {
    const fake = new LambdaCallback({
      onEpochEnd: (epoch, logs) => {
        logs[monitor] = values[epoch] as number;
      },
    });
    const { epoch } = await smallModel().fit(x, y, {
      ...quiet,
      epochs: 3,
      callbacks: [fake, new EarlyStopping({ monitor })],
    });
    expect(epoch.length).toBe(epochs);
  });

  test('the loss should fall without being told; a missing number is a warning', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { epoch } = await smallModel().fit(x, y, {
      ...quiet,
      epochs: 2,
      callbacks: [new EarlyStopping({ monitor: 'val_loss' })],
    });
    expect(epoch.length).toBe(2);
    expect(String(warned.mock.calls[0]?.[0])).toContain(
      "expected 'val_loss' in the logs to know when to stop, got accuracy, loss",
    );
  });

  test.each([
    [{ patience: -1 }, /patience: expected a whole number/],
    [{ mode: 'down' }, /mode: expected one of/],
    [{ monitor: 3 }, /monitor: expected a string/],
    [{ baseline: 'x' }, /baseline: expected a number or null/],
  ])('%j', (options, text) => {
    expect(() => new EarlyStopping(options as never)).toThrow(text);
  });
});

describe('LearningRateScheduler', () => {
  test('sets the rate before each epoch and adds it to the logs', async () => {
    const model = smallModel();
    const scheduler = new LearningRateScheduler({ schedule: (epoch, rate) => (epoch === 0 ? 0.5 : rate / 2) });
    const { history } = await model.fit(x, y, { ...quiet, epochs: 3, callbacks: [scheduler] });
    expect(history['learning_rate']).toEqual([0.5, 0.25, 0.125]);
    expect(model.optimizer?.learningRate.item()).toBe(0.125);
  });

  test('refuses what is no function, and what is no number', async () => {
    expect(() => new LearningRateScheduler({ schedule: 3 as never })).toThrow('schedule: expected a function');
    const callback = new LearningRateScheduler({ schedule: () => 'x' as never });
    await expect(smallModel().fit(x, y, { ...quiet, callbacks: [callback] })).rejects.toThrow(
      'expected schedule to return a number',
    );
  });
});

describe('ProgbarLogger', () => {
  test.each([1, 2, 'auto', 0] as const)('verbose %s', async (verbose) => {
    const written: string[] = [];
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      written.push(String(text));
      return true;
    });
    const model = smallModel();
    await model.fit(x, y, { epochs: 2, verbose, validationSplit: 0.2 });
    await model.evaluate(x, y, { verbose });
    await model.predict(x, { verbose });
    vi.restoreAllMocks();
    const text = written.join('');
    if (verbose === 0) {
      expect(text).toBe('');
      return;
    }
    const lines = stripVTControlCharacters(text)
      .replace(/[^\n]*\r/g, '')
      .trimEnd()
      .split('\n');
    const bar = verbose === 2 ? '-' : '━{20}';
    const number = '\\d\\.\\d{4}(?:e-\\d\\d|e\\+00)?';
    const trained = new RegExp(
      `^2/2 ${bar} \\d+s (- )?\\d+[mu]?s/step - accuracy: ${number} - loss: ${number} - val_accuracy: ${number} - val_loss: ${number}$`,
    );
    expect(lines[0]).toBe('Epoch 1/2');
    expect(lines[1]).toMatch(trained);
    expect(lines[2]).toBe('Epoch 2/2');
    expect(lines[3]).toMatch(trained);
    expect(lines[4]).toMatch(
      new RegExp(`^2/2 ${bar} \\d+s (- )?\\d+[mu]?s/step - accuracy: ${number} - loss: ${number}$`),
    );
    expect(lines[5]).toMatch(new RegExp(`^2/2 ${bar} \\d+s (- )?\\d+[mu]?s/step$`));
    expect(lines.length).toBe(6);
  });

  test('watches without being awaited', () => {
    expect(new ProgbarLogger().batchEvents).toBe('merged');
  });
});
