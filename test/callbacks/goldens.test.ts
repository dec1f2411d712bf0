import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Logs } from '../../lib/callbacks/index.js';
import { formatPython } from '../../lib/callbacks/python-text.js';
import {
  ArgumentError,
  callbacks,
  Input,
  layers,
  type Model,
  metrics,
  optimizers,
  Sequential,
  tensor,
} from '../../lib/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';

interface Case {
  kind: string;
  options: Record<string, unknown>;
  values: Record<string, number[]>;
  metrics: string[];
  epochs?: number[];
  rates: number[];
  error?: string;
  state: Record<string, unknown>;
  batches: number;
  saved: string[];
  best: number | null;
  saveFreq: 'epoch' | number;
  at: number[];
  left: boolean;
  before: string | null;
  lines: Record<string, number | string>[];
  text: string;
  validation: boolean;
  rows: GoldenArray;
  template: string;
  factors: number[];
  method: string;
  calls: [string, number | null, string[]][];
  results: { epoch: number; loss: number | string; text: string }[];
}

const golden = loadGolden<Case>('callbacks');
const of = (kind: string) => golden.cases.filter((one) => one.kind === kind);
const x = tensor(new Float32Array(16), { shape: [8, 2] });
const y = tensor(new Float32Array(8), { shape: [8, 1] });
const quiet = { verbose: 0 as const };
let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlayers-callbacks-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  rmSync(folder, { recursive: true, force: true });
});
afterAll(() => {
  expect(golden.cases.length).toBeGreaterThan(150);
});

function model(options: Record<string, unknown> = {}): Model {
  const dense = new layers.Dense({ units: 1, kernelInitializer: 'ones' });
  const made = new Sequential([Input({ shape: [2] }), dense]);
  made.compile({ optimizer: new optimizers.SGD({ learningRate: 0.5 }), loss: 'mse', ...options });
  return made;
}

/** Puts given numbers into the logs, as if the model had reached them. */
function fake(values: Record<string, number[]>): callbacks.Callback {
  return new callbacks.LambdaCallback({
    onEpochEnd: (epoch, logs) => {
      for (const [name, numbers] of Object.entries(values)) {
        if (numbers[epoch] !== undefined) logs[name] = numbers[epoch] as number;
      }
    },
  });
}

const numberOf = (value: number | string): number => Number(value);

describe('EarlyStopping', () => {
  test.each(of('earlyStopping'))('$name', async ({ options, values, epochs, state }) => {
    const callback = new callbacks.EarlyStopping(options);
    const total = values['number']?.length ?? 0;
    const history = await model().fit(x, y, { ...quiet, epochs: total, callbacks: [fake(values), callback] });
    expect(history.epoch).toEqual(epochs);
    expect(callback).toMatchObject(state);
  });

  test.each(of('auto'))('$name', async ({ options, values, epochs, error, metrics: names }) => {
    vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const total = Object.values(values)[0]?.length ?? 0;
    const run = model({ metrics: names }).fit(x, y, {
      ...quiet,
      epochs: total,
      callbacks: [fake(values), new callbacks.EarlyStopping(options)],
    });
    if (error === undefined) expect((await run).epoch).toEqual(epochs);
    else await expect(run).rejects.toThrow("expected to learn from the metric whether 'nothing' should fall or rise");
  });
});

describe('LearningRateScheduler', () => {
  test.each(of('scheduler'))('$name', async ({ factors, rates }) => {
    const schedule = (epoch: number, rate: number): number => rate * (factors[epoch] as number);
    const callback = new callbacks.LearningRateScheduler({ schedule });
    const { history } = await model().fit(x, y, { ...quiet, epochs: factors.length, callbacks: [callback] });
    expect(history['learning_rate']).toEqual(rates.map((rate) => expect.closeTo(rate, 7)));
  });
});

describe('hooks, their order and their logs', () => {
  test.each(of('hooks'))('$name', async ({ method, calls }) => {
    const seen: unknown[] = [];
    const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const names = calls.map(([name]) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()));
    const all = Object.getOwnPropertyNames(callbacks.Callback.prototype).filter((name) => /^on(?!Batch)/.test(name));
    expect(all).toEqual(expect.arrayContaining(names));
    const hooks = all.map((name) => [
      name,
      (...args: unknown[]): void => {
        const logs = Object.keys(args.at(-1) as object).sort();
        // Keras' predictions stand in its logs; here they are what predict answers.
        seen.push([snake(name), args.length > 1 ? args[0] : null, logs]);
      },
    ]);
    const options = { ...quiet, batchSize: 4, callbacks: [new callbacks.LambdaCallback(Object.fromEntries(hooks))] };
    const made = model({ metrics: ['mae'] });
    if (method === 'fit') await made.fit(x, y, { ...options, epochs: 2 });
    else if (method === 'validated')
      await made.fit(x, y, { ...options, epochs: 2, validationData: [x, y], validationFreq: 2 });
    else if (method === 'evaluate') await made.evaluate(x, y, options);
    else await made.predict(x, options);
    expect(seen).toEqual(calls.map(([name, index, logs]) => [name, index, logs.filter((key) => key !== 'outputs')]));
  });
});

describe('ReduceLROnPlateau', () => {
  test.each(of('plateau'))('$name', async ({ options, values, rates, state }) => {
    const callback = new callbacks.ReduceLROnPlateau(options);
    const total = values['number']?.length ?? 0;
    const { history } = await model().fit(x, y, { ...quiet, epochs: total, callbacks: [fake(values), callback] });
    expect(history['learning_rate']).toEqual(rates.map((rate) => expect.closeTo(rate, 7)));
    expect(callback).toMatchObject(state);
  });
});

describe('directions of metrics', () => {
  const all = golden.facts['directions'] as { metric: string; options: object; direction: 'up' | 'down' | null }[];
  const classes = metrics as unknown as Record<string, (new (options: object) => metrics.Metric) | undefined>;
  test.each(all.filter(({ metric }) => classes[metric] !== undefined))('$metric: $direction', (one) => {
    const MetricClass = classes[one.metric] as new (options: object) => metrics.Metric;
    expect(new MetricClass(one.options).direction).toBe(one.direction);
  });
});

describe('ModelCheckpoint', () => {
  test.each(of('modelCheckpoint'))('$name', async ({ options, values, batches, saved, best }) => {
    const made = model();
    const paths: string[] = [];
    const note = async (path: string): Promise<void> => void paths.push(relative(folder, path));
    Object.assign(made, { save: note, saveWeights: note });
    const callback = new callbacks.ModelCheckpoint({
      ...options,
      filepath: join(folder, options['filepath'] as string),
    });
    await made.fit(x, y, {
      ...quiet,
      epochs: 6,
      batchSize: 8 / batches,
      shuffle: false,
      callbacks: [fake(values), callback],
    });
    expect(paths).toEqual(saved);
    expect(callback.best).toBe(best);
  });
});

describe('BackupAndRestore', () => {
  test.each(of('backup'))('$name', async ({ saveFreq, at }) => {
    const callback = new callbacks.BackupAndRestore({ backupDir: join(folder, 'b'), saveFreq });
    const { backup } = callback;
    const seen: number[] = [];
    let steps = 0;
    // A state is asked for when a checkpoint is taken.
    class Count extends callbacks.Callback {
      override onTrainBatchEnd(): void {
        steps++;
      }
      override getState(): null {
        seen.push(steps);
        return null;
      }
    }
    await model().fit(x, y, { ...quiet, epochs: 3, batchSize: 2, callbacks: [callback, new Count()] });
    expect(seen).toEqual(at);
    expect(backup.remove).toBe(true);
  });
});

describe('CSVLogger', () => {
  test.each(of('csv'))('$name', async ({ options, before, lines, text }) => {
    const filename = join(folder, 'log.csv');
    if (before !== null) writeFileSync(filename, before);
    const callback = new callbacks.CSVLogger({ filename, ...options });
    for (let repeat = 0; repeat < 2; repeat++) {
      await callback.onTrainBegin({});
      for (const [epoch, line] of lines.entries()) {
        const logs: Logs = Object.fromEntries(Object.entries(line).map(([name, value]) => [name, numberOf(value)]));
        await callback.onEpochEnd(epoch, logs);
      }
      await callback.onTrainEnd({});
    }
    expect(readFileSync(filename, 'utf8')).toBe(text);
  });
});

describe('SwapEMAWeights', () => {
  const data = golden.facts['swapData'] as { x: GoldenArray; y: GoldenArray };
  test.each(of('swap'))('$name', async ({ options, validation, rows }) => {
    const made = model({ optimizer: new optimizers.SGD({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 }) });
    const seen: number[] = [];
    const look = (): void => {
      for (const weight of made.trainableWeights) seen.push(...Array.from(weight.dataSync(), Number));
    };
    await made.fit(data.x, data.y, {
      ...quiet,
      epochs: 3,
      batchSize: 4,
      shuffle: false,
      validationData: validation ? [data.x, data.y] : null,
      callbacks: [
        new callbacks.SwapEMAWeights(options),
        new callbacks.LambdaCallback({ onEpochEnd: look, onTestBegin: look }),
      ],
    });
    look();
    expect(seen).toEqual(Array.from(rows.data as Float32Array, (value) => expect.closeTo(value, 6)));
  });
});

describe("Python's formats", () => {
  test.each(of('format'))('$template', ({ template, results }) => {
    for (const { epoch, loss, text } of results) {
      const values = { epoch: { int: epoch }, loss: { float: numberOf(loss) } };
      expect(formatPython(template, values, 'here')).toBe(text);
    }
  });

  test.each(of('refused'))('$name', ({ template }) => {
    const values = { epoch: { int: 1 }, loss: { float: 0.5 } };
    expect(() => formatPython(template, values, 'here')).toThrow(ArgumentError);
  });
});
