import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { callValue } from '../../lib/core/call.js';
import { native } from '../../lib/core/native.js';
import {
  type Batch,
  type CompileOptions,
  Input,
  Layer,
  layers,
  losses,
  Model,
  metrics,
  ops,
  Sequential,
  type Shape,
  StateError,
  type StepLogs,
  type Tensor,
  type Variable,
} from '../../lib/index.js';
import { smallData } from './small-model.js';

const { x, y } = smallData(40);
const quiet = { verbose: 0 as const, batchSize: 16, shuffle: false };
const file = fileURLToPath(import.meta.url);
const lines = readFileSync(file, 'utf8').split('\n');

/** A number from a tensor, in ways that a recording can't follow; each stands on a line of its own. */
const reads: Record<string, (t: Tensor) => number> = {
  item: (t) => ops.sum(t).item(),
  dataSync: (t) => Number(ops.sum(t).dataSync()[0]),
  arraySync: (t) => ops.sum(t).arraySync() as number,
  number: (t) => Number(ops.sum(t)),
  compare: (t) => ((ops.sum(t) as unknown as number) > 0 ? 1 : 0),
  plus: (t) => (ops.sum(t) as unknown as number) - 1,
  nonzero: (t) => (ops.nonzero(ops.reshape(t, [-1]))[0] as Tensor).size,
  data: (t) => ops.sum(t).data() as unknown as number,
  array: (t) => ops.sum(t).array() as unknown as number,
};
/** JavaScript's operators refuse tensors always; these alone are right eagerly. */
const readable = ['item', 'dataSync', 'arraySync', 'nonzero'];
const lineOf = (name: string): number => lines.findIndex((line) => line.startsWith(`  ${name}: (t) =>`)) + 1;

class Reading extends Layer {
  readonly read: (t: Tensor) => number;
  constructor(read: (t: Tensor) => number) {
    super();
    this.read = read;
  }
  override call(inputs: Tensor): Tensor {
    return this.read(inputs) > 0 ? ops.multiply(inputs, 2) : ops.negative(inputs);
  }
}

/** As above, for where shapes are asked for before there are values. */
class ShapedReading extends Reading {
  override computeOutputShape(inputShape: Shape): Shape {
    return inputShape;
  }
}

class Wrapped extends Model {
  readonly dense: layers.Dense = new layers.Dense({ units: 3, kernelInitializer: 'ones' });
  readonly inner: (t: Tensor) => Tensor;
  constructor(inner: (t: Tensor) => Tensor = (t) => t) {
    super({});
    this.inner = inner;
  }
  override call(inputs: Tensor): Tensor {
    return this.inner(this.dense.apply<Tensor>(inputs));
  }
}

const mse = (a: Tensor, b: Tensor): Tensor => ops.mean(ops.square(ops.subtract(a, b)), { axis: -1 });
type Read = (t: Tensor) => number;
/** A value decides which of two equal formulas is taken. */
const either = (value: number, formula: () => Tensor): Tensor => (value > 0 ? formula() : ops.multiply(formula(), 1));

const places: Record<string, (read: Read) => { model: () => Model; compile: CompileOptions }> = {
  'the call of a layer': (read) => {
    const layer = new Reading(read);
    return { model: () => new Wrapped((t) => layer.apply(t)), compile: { loss: 'mse' } };
  },
  'the call of a model': (read) => ({
    model: () => new Wrapped((t) => (read(t) > 0 ? t : ops.negative(t))),
    compile: { loss: 'mse' },
  }),
  'a loss': (read) => {
    class Own extends losses.Loss {
      override call(yTrue: Tensor, yPred: Tensor): Tensor {
        return either(read(yPred), () => mse(yTrue, yPred));
      }
    }
    return { model: () => new Wrapped(), compile: { loss: new Own() } };
  },
  'a function as loss': (read) => ({
    model: () => new Wrapped(),
    compile: { loss: (yTrue: Tensor, yPred: Tensor) => either(read(yPred), () => mse(yTrue, yPred)) },
  }),
  'a metric': (read) => {
    class Own extends metrics.Metric {
      readonly total: Variable = this.addVariable({ name: 'total' });
      override updateState(_: Tensor, yPred: Tensor): void {
        this.total.assignAdd(read(yPred) > 0 ? 1 : 0.5);
      }
      override result(): Tensor {
        return this.total.value;
      }
    }
    return { model: () => new Wrapped(), compile: { loss: 'mse', metrics: [new Own({ name: 'own' })] } };
  },
  'a trainStep': (read) => {
    class Own extends Wrapped {
      override trainStep(batch: Batch): StepLogs {
        const logs = super.trainStep(batch);
        return read(logs['loss'] as Tensor) > 0 ? logs : {};
      }
    }
    return { model: () => new Own(), compile: { loss: 'mse' } };
  },
};

describe.each(Object.keys(places))('a value read in %s', (place) => {
  const make = places[place] as (typeof places)[string];

  test.each(Object.keys(reads))('by %s is an error with the line and the way out', async (name) => {
    const { model: modelOf, compile } = make(reads[name] as Read);
    const model = modelOf();
    model.compile({ optimizer: 'sgd', ...compile });
    const error = await model.fit(x, y, quiet).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error).toBeInstanceOf(StateError);
    const { message } = error as Error;
    expect(message).toContain(`${file}:${lineOf(name)}:`);
    expect(message.split('\n')[1]).toMatch(/^ {2}.*ops\.where.*runEagerly: true/);
    // Nothing is left recording.
    expect(native.recordDepth()).toBe(0);
  });

  test.each(readable)('by %s works with runEagerly, and gives the same numbers', async (name) => {
    const run = async (read: Read, runEagerly: boolean): Promise<Record<string, number[]>> => {
      const { model: modelOf, compile } = make(read);
      const model = modelOf();
      model.compile({ optimizer: 'sgd', ...compile, runEagerly });
      return (await model.fit(x, y, { ...quiet, epochs: 2 })).history;
    };
    // Both take the same branch, the one after reading a value.
    const seen: number[] = [];
    const eager = await run((t) => {
      seen.push((reads[name] as Read)(t));
      return 1;
    }, true);
    const recorded = await run(() => 1, false);
    expect(seen.length).toBeGreaterThan(5);
    expect(seen.every(Number.isFinite)).toBe(true);
    expect(Object.keys(eager)).toEqual(Object.keys(recorded));
    for (const [key, values] of Object.entries(recorded))
      for (const [epoch, value] of values.entries()) expect(eager[key]?.[epoch], key).toBeCloseTo(value, 5);
  });
});

describe('where shapes are inferred before there are values', () => {
  test.each([
    ['a stack', (layer: Layer) => new Sequential([Input({ shape: [6] }), new layers.Dense({ units: 3 }), layer])],
    [
      'a graph',
      (layer: Layer) => {
        const input = Input({ shape: [6] });
        return new Model({ inputs: input, outputs: layer.apply(new layers.Dense({ units: 3 }).apply(input)) });
      },
    ],
    ['a stack without Input', (layer: Layer) => new Sequential([new layers.Dense({ units: 3 }), layer])],
  ])('%s asks for computeOutputShape, and runs eagerly then', async (_, modelOf) => {
    const lossWith = async (layer: Layer): Promise<number> => {
      const model = modelOf(layer);
      model.compile({ optimizer: 'sgd', loss: 'mse', runEagerly: true });
      return (await model.fit(x, y, quiet)).history['loss']?.[0] as number;
    };
    await expect((async () => lossWith(new Reading(reads['item'] as Read)))()).rejects.toThrow(
      /Shapes are inferred here, without values: a layer that needs them also overrides computeOutputShape\.\n {2}In Reading "reading/,
    );
    expect(await lossWith(new ShapedReading(reads['item'] as Read))).toBeGreaterThan(0);
  });
});

test('an asynchronous call, step or loss is refused, and what it rejects with disturbs nobody', async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown): void => void unhandled.push(reason);
  process.on('unhandledRejection', note);
  const broken = async (): Promise<never> => {
    throw new Error('too late');
  };
  class AsyncStep extends Wrapped {
    override trainStep(): StepLogs {
      return broken() as never;
    }
  }
  const attempts: [Model, CompileOptions, RegExp][] = [
    [new Wrapped(() => broken() as never), { loss: 'mse' }, /expected call to answer a tensor.*got Promise/],
    [new AsyncStep(), { loss: 'mse' }, /expected trainStep to answer an object of tensors by name, got Promise/],
    [new Wrapped(), { loss: () => broken() as never }, /expected the function to answer a tensor, got Promise/],
    [
      new Wrapped(),
      { loss: 'mse', metrics: [() => broken() as never] },
      /expected the function to answer a tensor, got Promise/,
    ],
  ];
  for (const [model, compile, message] of attempts) {
    model.compile({ optimizer: 'sgd', ...compile });
    await expect(model.fit(x, y, quiet)).rejects.toThrow(message);
  }
  await new Promise((resolve) => setTimeout(resolve, 20));
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

test('operators of libtorch that answer values say whose line asked', async () => {
  const equals = (t: Tensor): Tensor => (callValue('aten::equal', t, t) ? t : ops.negative(t));
  const model = new Wrapped(equals);
  model.compile({ optimizer: 'sgd', loss: 'mse' });
  const line = lines.findIndex((text) => text.includes('const equals =')) + 1;
  const error = (await model.fit(x, y, quiet).catch((reason: unknown) => reason)) as Error;
  expect(error).toBeInstanceOf(StateError);
  expect(error.message).toMatch(/^aten::equal answers a value, which isn't known while recording, at /);
  expect(error.message).toContain(`${file}:${line}:`);
  expect(error.message).toContain('runEagerly: true');
  expect(error.stack).toContain(error.message);
});
