import { beforeEach, describe, expect, test, vi } from 'vitest';
import { resetNames } from '../../lib/core/names.js';
import {
  ArgumentError,
  Input,
  jit,
  layers,
  memory,
  Sequential,
  ShapeError,
  StateError,
  type Tensor,
  tensor,
  tidy,
} from '../../lib/index.js';
import { deserialize, serialize } from '../../lib/layers/family.js';
import * as ops from '../../lib/ops/index.js';
import { fromKerasConfig, type KerasObject, toKerasConfig } from '../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectClose, sample } from '../support/layer-suite.js';
import { type LayerSpec, sequentialFrom } from '../support/models.js';

interface ModelCase {
  model: LayerSpec;
  inputShape: (number | null)[] | null;
  x: GoldenArray;
  weights: GoldenArray[];
  paths: string[];
  y: GoldenArray;
  serialized: KerasObject;
  inputShapeAfter: (number | null)[];
  outputShape: (number | null)[];
  countParams: number;
}

const { Activation, Dense, Dropout, Flatten, InputLayer, Reshape } = layers;

/** What compile was given is written when a model is saved; a config alone has none. */
function withoutCompile(config: unknown): unknown {
  return JSON.parse(JSON.stringify(config, (key, value) => (key === 'compile_config' ? undefined : value)));
}

beforeEach(() => resetNames());

describe('Sequential as Keras', () => {
  test.each(loadGolden<ModelCase>('models').cases)('$name', (one) => {
    const model = sequentialFrom(one.model);
    if (one.inputShape !== null) model.build(one.inputShape);
    const x = tensor(one.x);
    model.apply(x);
    expect(model.weights.map(({ path }) => path)).toEqual(one.paths);
    model.setWeights(one.weights);
    expectClose(model.apply(x), one.y, 1e-5);
    expect(model.inputShape).toEqual(one.inputShapeAfter);
    expect(model.outputShape).toEqual(one.outputShape);
    expect(model.countParams()).toBe(one.countParams);
    expect(withoutCompile(toKerasConfig(serialize(model)))).toEqual(withoutCompile(one.serialized));
    const twin = deserialize(fromKerasConfig(one.serialized) as never) as Sequential;
    twin.setWeights(one.weights);
    expectClose(twin.apply(x), one.y, 1e-5);
    expect(twin.getConfig()).toEqual(model.getConfig());
  });
});

describe('Sequential', () => {
  const mlp = (): Sequential =>
    new Sequential([Input({ shape: [4] }), new Dense({ units: 3, activation: 'relu' }), new Dense({ units: 2 })]);

  test('is an array of layers, or options', () => {
    expect(mlp().layers.map(({ name }) => name)).toEqual(['dense', 'dense_1']);
    const model = new Sequential({ name: 'named', layers: [new Dense({ units: 1, inputShape: [3] })] });
    expect(model.name).toBe('named');
    expect(model.layers).toHaveLength(1);
    expect(model.weights).toHaveLength(2);
    expect(new Sequential().layers).toEqual([]);
  });

  test('builds as it grows, and shrinks', () => {
    const model = new Sequential();
    model.add(Input({ shape: [4] }));
    expect(model.built).toBe(false);
    model.add(new Dense({ units: 3 }));
    expect(model.outputShape).toEqual([null, 3]);
    model.add(new Dense({ units: 2 }));
    expect(model.weights).toHaveLength(4);
    expect(model.weights[2]?.path).toBe('sequential/dense_1/kernel');
    const last = model.pop();
    expect(last.name).toBe('dense_1');
    expect(model.outputShape).toEqual([null, 3]);
    expect(model.apply(sample([2, 4])).shape).toEqual([2, 3]);
    model.pop();
    expect(model.layers).toEqual([]);
    expect(() => model.outputShape).toThrow(StateError);
  });

  test('without an input waits for data', () => {
    const model = new Sequential([new Dense({ units: 3 }), new Dropout({ rate: 0.5 })]);
    expect(model.built).toBe(false);
    expect(() => model.inputs).toThrow('Sequential "sequential": inputs: the model has no input shape yet.');
    expect(model.computeOutputShape([null, 5])).toEqual([null, 3]);
    expect(model.built).toBe(false);
    expect(model.apply(sample([2, 5])).shape).toEqual([2, 3]);
    expect(model.built).toBe(true);
    expect(model.layers).toHaveLength(2);
    expect(model.apply(sample([7, 5])).shape).toEqual([7, 3]);
    const byHand = new Sequential([new Dense({ units: 3 })]);
    byHand.build([null, 5]);
    expect(byHand.inputShape).toEqual([null, 5]);
  });

  test('holds models', () => {
    const inner = mlp();
    const model = new Sequential([inner, new Dense({ units: 1 })]);
    expect(model.inputShape).toEqual([null, 4]);
    expect(model.weights).toHaveLength(6);
    const x = sample([2, 4]);
    expectClose(model.apply(x), (model.layers[1] as layers.Dense).apply(inner.apply(x)), 1e-6);
    inner.trainable = false;
    expect(model.trainableWeights).toHaveLength(2);
  });

  test('brings bytes and missing or extra last axes into form', () => {
    const model = new Sequential([
      Input({ shape: [2, 1] }),
      new Flatten(),
      new Dense({ units: 1, kernelInitializer: 'ones' }),
    ]);
    for (const shape of [
      [3, 2, 1],
      [3, 2],
    ])
      expect(model.apply(tensor(new Uint8Array(6).fill(2), { shape })).arraySync()).toEqual([[4], [4], [4]]);
    const flat = new Sequential([Input({ shape: [2] }), new Dense({ units: 1, kernelInitializer: 'ones' })]);
    expect(flat.apply(ops.ones([3, 2, 1])).shape).toEqual([3, 1]);
  });

  test('records and gives the same; training reaches dropout', () => {
    const model = new Sequential([
      Input({ shape: [4] }),
      new Dense({ units: 3 }),
      new Dropout({ rate: 0.5, seed: 1 }),
      new Activation({ activation: 'tanh' }),
    ]);
    const x = sample([64, 4]);
    const step = jit((given: Tensor) => model.apply(given));
    expectClose(step(x), model.apply(x), 1e-6);
    const zeros = (y: Tensor): number => (y.dataSync() as Float32Array).filter((value) => value === 0).length;
    expect(zeros(model.apply(x))).toBe(0);
    expect(zeros(model.apply(x, { training: true }))).toBeGreaterThan(40);
    expect(zeros(model.apply(x))).toBe(0);
  });

  test('passes a mask to the end', () => {
    const model = new Sequential([
      Input({ shape: [4] }),
      new Dense({ units: 3 }),
      new Activation({ activation: 'relu' }),
    ]);
    const mask = tensor([true, false]);
    expect(model.apply(sample([2, 4]), { mask }).mask).toBe(mask);
    const riding = sample([2, 4]);
    riding.mask = mask;
    expect(model.apply(riding).mask).toBe(mask);
    expect(model.apply(sample([2, 4])).mask).toBeUndefined();
    expect(model.computeMask(sample([2, 4]), mask)).toBe(mask);
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    expect(new Sequential([model, new Flatten()]).apply(riding).mask).toBeUndefined();
    expect(warning).toHaveBeenCalledTimes(1);
    warning.mockRestore();
  });

  test('answers symbolic tensors, its own ends among them', () => {
    const model = mlp();
    expect(model.inputs.map(({ shape }) => shape)).toEqual([[null, 4]]);
    expect(model.outputs[0]).toBe(model.layers[1]?.output);
    expect(model.input).toBe(model.inputs[0]);
    expect(model.output).toBe(model.outputs[0]);
    expect(model.apply(Input({ shape: [4] })).shape).toEqual([null, 2]);
  });

  test('keeps unknown sizes unknown', () => {
    const model = new Sequential([
      Input({ shape: [null, 4] }),
      new Dense({ units: 2 }),
      new Reshape({ targetShape: [-1, 1] }),
    ]);
    expect(model.outputShape).toEqual([null, null, 1]);
    expect(model.computeOutputShape([3, 5, 4])).toEqual([3, 10, 1]);
  });

  test('leaves no tensor behind', () => {
    const model = mlp();
    const x = sample([2, 4]);
    tidy(() => model.apply(x).dispose());
    const { tensors } = memory();
    for (let i = 0; i < 5; i++) tidy(() => model.apply(x).dispose());
    expect(memory().tensors).toBeLessThanOrEqual(tensors);
  });

  test.each<[string, () => unknown, new (...args: never[]) => Error, RegExp]>([
    [
      'a number',
      () => new Sequential([3 as never]),
      ArgumentError,
      /^Sequential "sequential": expected a layer, got 3\.\n {2}Write model\.add\(new layers\.Dense/,
    ],
    ['a class', () => new Sequential([Dense as never]), ArgumentError, /expected a layer, got function Dense/],
    [
      'a symbolic tensor of a layer',
      () => new Sequential([new Dense({ units: 1 }).apply(Input({ shape: [2] }))]),
      ArgumentError,
      /only what Input answers/,
    ],
    [
      'one name twice',
      () => new Sequential([new Dense({ units: 1, name: 'a' }), new Dense({ units: 1, name: 'a' })]),
      ArgumentError,
      /expected layers of different names, got "a" twice/,
    ],
    [
      'a second Input',
      () => new Sequential([Input({ shape: [1] }), Input({ shape: [2] })]),
      ArgumentError,
      /expected one Input, got a second beside \[null, 1\]/,
    ],
    [
      'an Input too late',
      () => new Sequential([new Dense({ units: 1 }), new InputLayer({ shape: [2] })]),
      ArgumentError,
      /expected the Input first, got it after 1 layers/,
    ],
    [
      'layers that are no array',
      () => new Sequential({ layers: new Dense({ units: 1 }) as never }),
      ArgumentError,
      /layers: expected an array of layers, got Dense/,
    ],
    ['an unknown option', () => new Sequential({ layres: [] } as never), ArgumentError, /unknown option 'layres'/],
    ['a pop of nothing', () => new Sequential().pop(), StateError, /pop: expected a layer to remove, there is none/],
    ['a build of nothing', () => new Sequential().build([null, 2]), StateError, /expected layers, there are none/],
    [
      'another shape than its Input has',
      () => mlp().build([null, 5]),
      ShapeError,
      /expected the shape of its Input \[null, 4\], got \[null, 5\]/,
    ],
    [
      'data of other features',
      () => mlp().apply(sample([2, 5])),
      ShapeError,
      /^Sequential "sequential": expected input of shape \[null, 4\], got \[2, 5\]\./,
    ],
    [
      'data of another rank',
      () => mlp().apply(sample([2, 3, 4])),
      ShapeError,
      /expected input of shape \[null, 4\], got \[2, 3, 4\]/,
    ],
    [
      'a config without layers',
      () => Sequential.fromConfig({ name: 'x' }),
      ArgumentError,
      /Sequential\.fromConfig: expected \{ name, layers \}, got keys name/,
    ],
  ])('refuses %s', (_, act, type, message) => {
    resetNames();
    expect(act).toThrow(type);
    resetNames();
    expect(act).toThrow(message);
  });
});
