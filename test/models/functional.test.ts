import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { resetNames } from '../../lib/core/names.js';
import { leaves } from '../../lib/core/tree.js';
import {
  grad,
  Input,
  jit,
  Layer,
  layers,
  Model,
  ops,
  Sequential,
  SymbolicTensor,
  type Tensor,
  tensor,
} from '../../lib/index.js';
import { deserialize, serialize } from '../../lib/layers/family.js';
import type { SummaryOptions } from '../../lib/models/summary.js';
import { fromKerasConfig, type KerasObject, toKerasConfig } from '../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectClose, sample } from '../support/layer-suite.js';
import { graphs } from './functional-models.js';

interface GraphCase {
  kind: string;
  serialized: KerasObject;
  summaries: { options: SummaryOptions; columns: number; text: string }[];
  layers: string[];
  operations: string[];
  paths: string[];
  revivedPaths: string[];
  trainable: string[];
  weights: GoldenArray[];
  x: GoldenArray[];
  y: GoldenArray[] | null;
  outputNames: string[];
  inputShape: unknown;
  outputShape: unknown;
}

const cases = loadGolden<GraphCase>('functional').cases.filter(({ kind }) => kind === 'graph');
const { COLUMNS } = process.env;

beforeEach(() => resetNames());
afterEach(() => {
  if (COLUMNS === undefined) delete process.env.COLUMNS;
  else process.env.COLUMNS = COLUMNS;
});

function built(name: string): Model {
  return (graphs[name] as () => Model)();
}

/** What `compile` was given is written when a model is saved; a config alone has none. */
function plainConfig(config: unknown): unknown {
  return JSON.parse(JSON.stringify(config, (key, value) => (key === 'compile_config' ? undefined : value)));
}

function given({ x }: GraphCase, model: Model): Tensor | Tensor[] | Record<string, Tensor> {
  const tensors = x.map((one) => tensor(one));
  if (model.input instanceof SymbolicTensor) return tensors[0] as Tensor;
  return Array.isArray(model.input)
    ? tensors
    : Object.fromEntries(Object.keys(model.input).map((key, i) => [key, tensors[i] as Tensor]));
}

describe('a graph is what Keras makes of it', () => {
  test.each(cases)('$name: layers, weights, shapes, outputs', async (one) => {
    const model = built(one.name);
    expect(model.layers.map((layer) => layer.name)).toEqual(one.layers);
    expect(model.operations?.map((layer) => layer.name)).toEqual(one.operations);
    expect(model.weights.map((weight) => weight.path)).toEqual(one.paths);
    expect(model.trainableWeights.map((weight) => weight.path)).toEqual(one.trainable);
    expect(model.outputNames).toEqual(one.outputNames);
    expect(model.inputShape).toEqual(one.inputShape);
    expect(model.outputShape).toEqual(one.outputShape);
    model.setWeights(one.weights);
    if (one.y === null) return;
    const x = given(one, model);
    const outputs = {
      eager: model.apply<unknown>(x),
      recorded: jit((inputs: Tensor) => model.apply<Tensor>(inputs))(x as Tensor),
      predicted: await model.predict<unknown>(x, { verbose: 0 }),
    };
    for (const results of Object.values(outputs)) {
      const flat = leaves(results) as Tensor[];
      expect(flat).toHaveLength(one.y.length);
      for (const [i, y] of one.y.entries()) expectClose(flat[i] as Tensor, y);
    }
  });

  test.each(cases)('$name: config, both ways', (one) => {
    const model = built(one.name);
    const written = toKerasConfig(JSON.parse(JSON.stringify(serialize(model))));
    expect(plainConfig(written)).toEqual(plainConfig(one.serialized));
    resetNames();
    const twin = deserialize(fromKerasConfig(JSON.parse(JSON.stringify(one.serialized))) as never) as Model;
    expect(plainConfig(toKerasConfig(serialize(twin)))).toEqual(plainConfig(one.serialized));
    expect(twin.weights.map((weight) => weight.path)).toEqual(one.revivedPaths);
    twin.setWeights(one.weights);
    if (one.y === null) return;
    const flat = leaves(twin.apply<unknown>(given(one, twin))) as Tensor[];
    for (const [i, y] of one.y.entries()) expectClose(flat[i] as Tensor, y);
  });

  test.each(cases.flatMap(({ name, summaries }) => summaries.map((summary) => ({ name, ...summary }))))(
    '$name: summary at $columns columns, letter for letter',
    ({ name, options, columns, text }) => {
      process.env.COLUMNS = String(columns);
      const printed: string[] = [];
      built(name).summary({ ...options, printFn: (line) => printed.push(line) });
      expect(printed.join('\n')).toBe(text);
    },
  );
});

describe('a model made from inputs and outputs', () => {
  const head = (): { x: SymbolicTensor; h: SymbolicTensor; y: SymbolicTensor } => {
    const x = Input({ shape: [4], name: 'x' });
    const h = new layers.Dense({ units: 3, activation: 'relu', name: 'h' }).apply(x);
    return { x, h, y: new layers.Dense({ units: 2, name: 'y' }).apply(h) };
  };

  test('is a Model, and a layer of its own name', () => {
    const { x, y } = head();
    const model = new Model({ inputs: x, outputs: y });
    expect(model).toBeInstanceOf(Model);
    expect(model.name).toBe('functional');
    expect(String(model)).toBe('<Functional "functional", built>');
    expect(model.inputs).toEqual([x]);
    expect(model.outputs).toEqual([y]);
    expect([model.input, model.output]).toEqual([x, y]);
    expect(model.getLayer({ name: 'h' })).toBe(model.layers[1]);
    expect(model.getLayer({ index: -1 }).name).toBe('y');
  });

  test('takes inputs by position, by name, and with an axis of 1 more or less', () => {
    const model = built('branches');
    const [a, b] = [sample([2, 4]), sample([2, 3], 2)];
    const { p } = model.apply<{ p: Tensor }>([a, b]);
    expectClose(model.apply<{ p: Tensor }>({ b, a }).p, p, 0);
    expectClose(model.apply<{ p: Tensor }>([ops.expandDims(a, -1), b]).p, p, 0);
    expectClose(model.apply<{ p: Tensor }>([ops.cast(a, 'float64'), b]).p, p, 0);
    expect(
      model.computeOutputShape([
        [7, 4],
        [7, 3],
      ]),
    ).toEqual({ p: [7, 4], q: [7, 4], r: [7, 5, 1] });
  });

  test('casts each input to its own dtype', () => {
    const codes = Input({ shape: [2], dtype: 'int32' });
    const wide = Input({ shape: [2], dtype: 'float64' });
    const model = new Model({ inputs: [codes, wide], outputs: [ops.add(codes, 1), ops.multiply(wide, 1)] });
    const third = 1 / 3;
    const [a, b] = model.apply<[Tensor, Tensor]>([tensor([[1, 2]]), tensor([[third, 0]], { dtype: 'float64' })]);
    expect([a.dtype, b.dtype]).toEqual(['int32', 'float64']);
    expect(b.dataSync()[0]).toBe(third);
    expect(model.computeOutputSpec([codes, wide])).toMatchObject([{ dtype: 'int32' }, { dtype: 'float64' }]);
  });

  test('hands training to its layers, unless the graph says otherwise', () => {
    const x = Input({ shape: [100] });
    const layer = new layers.Dropout({ rate: 0.5 });
    const model = new Model({ inputs: x, outputs: [layer.apply(x), layer.apply(x, { training: true })] });
    const zeros = (y: Tensor): number => ops.countNonzero(ops.equal(y, 0)).item();
    const ones = ops.ones([1, 100]);
    const [free, fixed] = model.apply<[Tensor, Tensor]>(ones);
    expect(zeros(free)).toBe(0);
    expect(zeros(fixed)).toBeGreaterThan(20);
    expect(zeros(model.apply<[Tensor, Tensor]>(ones, { training: true })[0])).toBeGreaterThan(20);
  });

  test('carries masks through the graph', () => {
    const x = Input({ shape: [3, 2] });
    const masked = new layers.Masking().apply(x);
    const model = new Model({ inputs: x, outputs: new layers.Identity().apply(masked) });
    const data = tensor([
      [
        [1, 2],
        [0, 0],
        [3, 4],
      ],
    ]);
    expect(model.apply(data).mask?.arraySync()).toEqual([[true, false, true]]);
    const pass = new Model({ inputs: x, outputs: new layers.Identity().apply(x) });
    const mask = tensor([[true, true, false]]);
    expect(pass.apply(data, { mask }).mask).toBe(mask);
    expect(data.mask).toBeUndefined();
    expect(pass.apply(data).mask).toBeUndefined();
  });

  test('collects losses and has gradients as the layers alone', () => {
    const { x, h, y } = head();
    const penalized = new layers.ActivityRegularization({ l2: 0.5 }).apply(y);
    const model = new Model({ inputs: x, outputs: penalized });
    const data = sample([2, 4]);
    const out = model.apply(data);
    expect(model.losses).toHaveLength(1);
    expectClose(model.losses[0] as Tensor, ops.divide(ops.multiply(ops.sum(ops.square(out)), 0.5), 2));
    const kernels = model.trainableWeights;
    const [slope] = grad((_: Tensor[]) => ops.sum(model.apply(data)))(kernels) as Tensor[];
    const direct = model.getLayer({ name: 'y' }).apply<Tensor>(model.getLayer({ name: 'h' }).apply<Tensor>(data));
    expectClose(out, direct, 0);
    expect(slope?.shape).toEqual([4, 3]);
    expect(h.shape).toEqual([null, 3]);
  });

  test('may begin in the middle of another graph, and shares its weights', () => {
    const { x, h, y } = head();
    const whole = new Model({ inputs: x, outputs: y });
    const start = new Model({ inputs: x, outputs: h, name: 'start' });
    const end = new Model({ inputs: h, outputs: y, name: 'end' });
    expect(end.layers.map((layer) => layer.constructor.name)).toEqual(['InputLayer', 'Dense']);
    expect(end.weights).toEqual(whole.weights.slice(2));
    const data = sample([2, 4]);
    expectClose(end.apply(start.apply(data)), whole.apply(data), 0);
    const twin = deserialize(JSON.parse(JSON.stringify(serialize(end)))) as Model;
    expect(twin.getConfig()).toEqual(end.getConfig());
    expect(whole.layers).toHaveLength(3);
  });

  test('keeps inputs that no output needs', () => {
    const { x, y } = head();
    const model = new Model({ inputs: [x, Input({ shape: [1], name: 'unused' })], outputs: y });
    expect(model.layers.map((layer) => layer.name)).toContain('unused');
    expect(model.apply([sample([2, 4]), sample([2, 1])]).shape).toEqual([2, 2]);
  });

  test('can be deeper than a call stack', () => {
    const x = Input({ shape: [1] });
    let y = x;
    for (let i = 0; i < 3000; i++) y = new layers.Identity().apply(y);
    const model = new Model({ inputs: x, outputs: y });
    expect(model.layers).toHaveLength(3001);
    expect(model.apply(tensor([[3]])).item()).toBe(3);
  });

  test('can stand in a Sequential, and a Sequential in it', () => {
    const { x, y } = head();
    const model = new Sequential([new Model({ inputs: x, outputs: y }), new layers.Dense({ units: 1 })]);
    expect(model.outputShape).toEqual([null, 1]);
    expect(model.weights).toHaveLength(6);
  });

  test('a subclass may have a graph and steps of its own', () => {
    class Own extends Model {
      readonly twice = (x: Tensor): Tensor => ops.multiply(this.apply(x), 2);
    }
    const { x, y } = head();
    const model = new Own({ inputs: x, outputs: y });
    expect(model.name).toBe('own');
    const data = sample([2, 4]);
    expectClose(model.twice(data), ops.multiply(model.apply(data), 2), 0);
    const twin = Own.fromConfig(JSON.parse(JSON.stringify(model.getConfig())));
    expect(twin).toBeInstanceOf(Own);
    expect(twin.getConfig()).toEqual(model.getConfig());
  });
});

describe('operations on symbolic tensors', () => {
  const x = (): SymbolicTensor => Input({ shape: [3, null], name: 'x' });

  test('know shape and dtype', () => {
    const y = ops.sum(ops.cast(x(), 'int32'), { axis: [1, 2] });
    expect([y.shape, y.dtype]).toEqual([[null], 'int32']);
    expect(ops.shape(x())).toEqual([null, 3, null]);
    expect(ops.reshape(x(), [-1]).shape).toEqual([null]);
    const steps = Input({ shape: [null, 2] });
    expect(ops.add(steps, ops.relu(steps)).shape).toEqual([null, null, 2]);
    expect(ops.matmul(x(), ops.transpose(x(), { axes: [0, 2, 1] })).shape).toEqual([null, 3, 3]);
    expect(ops.unstack(x(), { axis: 1 }).map(({ shape }) => shape)).toEqual([
      [null, null],
      [null, null],
      [null, null],
    ]);
  });

  test('compute what functions of tensors compute, constants included', () => {
    const start = Input({ shape: [2] });
    const factor = tensor([[2, 3]]);
    const made = [ops.multiply(start, factor), ops.einsum('ij,kj->ik', [start, factor])];
    const model = new Model({ inputs: start, outputs: made });
    const [a, b] = model.apply<[Tensor, Tensor]>(tensor([[5, 7]]));
    expect([a.arraySync(), b.arraySync()]).toEqual([[[10, 21]], [[31]]]);
    const twin = Model.fromConfig(JSON.parse(JSON.stringify(model.getConfig()))) as Model;
    expect(twin.apply<[Tensor, Tensor]>(tensor([[5, 7]]))[1].arraySync()).toEqual([[31]]);
  });

  test('errors name the operation and the shapes', () => {
    expect(() => ops.matmul(Input({ shape: [3] }), Input({ shape: [4] }))).toThrow(
      /In ops\.matmul, applied to symbolic tensors of float32\[null, 3\], float32\[null, 4\]/,
    );
    expect(() => (ops.sum as (...args: unknown[]) => unknown)(x(), 1)).toThrow(
      /ops\.sum: expected 1 argument and options as one object, got 1\./,
    );
  });

  test('an unknown operation in a config is an error', () => {
    const config = JSON.parse(JSON.stringify(built('operations').getConfig()));
    config.layers.find((one: { className: string }) => one.className === 'Relu').className = 'Nothing';
    expect(() => Model.fromConfig(config)).toThrow(/expected an operation of ops, got keras\.src\.ops\.nn\.Nothing/);
  });
});

describe('refuses', () => {
  const x = Input({ shape: [4], name: 'x' });
  const y = new layers.Dense({ units: 2, name: 'y' }).apply(x);
  const other = Input({ shape: [3], name: 'other' });
  const joined = new layers.Concatenate({ name: 'joined' }).apply([y, other]);
  const stray = new SymbolicTensor({ shape: [null, 2], name: 'stray' });

  test.each([
    [
      'a disconnected graph',
      () => new Model({ inputs: x, outputs: joined }),
      /Functional "functional": the graph is disconnected: Concatenate "joined" needs "other \[null, 3\]", which is not among the inputs\.\n {2}Add it: inputs: \[x, other\]\./,
    ],
    [
      'an input as output of another',
      () => new Model({ inputs: x, outputs: other }),
      /the graph is disconnected: the output "other \[null, 3\]" is not among the inputs/,
    ],
    [
      'an output that no layer made',
      () => new Model({ inputs: x, outputs: stray }),
      /expected tensors made by Input or by layers, got SymbolicTensor\(stray: float32\[null, 2\]\), which no layer made\.\n {2}Write Input/,
    ],
    [
      'two layers of one name',
      () => new Model({ inputs: x, outputs: new layers.Dense({ units: 1, name: 'y' }).apply(y) }),
      /expected layers of different names, got Dense "y" and Dense "y"\.\n {2}Give one of them another/,
    ],
    [
      'an input twice',
      () => new Model({ inputs: [x, x], outputs: y }),
      /inputs: expected each tensor once, got "x" twice/,
    ],
    [
      'tensors as outputs',
      () => new Model({ inputs: x, outputs: tensor([1]) as never }),
      /outputs: expected symbolic tensors, got Tensor\.\n {2}Give what layers answer/,
    ],
    ['inputs alone', () => new Model({ inputs: x }), /outputs: expected symbolic tensors, got undefined/],
    [
      'a misspelled option',
      () => new Model({ input: x, outputs: y } as never),
      /inputs: expected symbolic tensors, got undefined|unknown option 'input'/,
    ],
    [
      'the wrong number of inputs',
      () => new Model({ inputs: [x, other], outputs: joined }).apply(sample([2, 4])),
      /expected 2 inputs, got 1/,
    ],
    [
      'wrong names of inputs',
      () => new Model({ inputs: [x, other], outputs: joined }).apply({ x: sample([2, 4]), othr: sample([2, 3]) }),
      /expected inputs named 'x', 'other', got 'x', 'othr'/,
    ],
    [
      'a wrong shape of an input',
      () => new Model({ inputs: [x, other], outputs: joined }).apply([sample([2, 4]), sample([2, 5])]),
      /expected input 'other' of shape \[null, 3\], got \[2, 5\]/,
    ],
    [
      'an unknown layer',
      () => new Model({ inputs: x, outputs: y }).getLayer({ name: 'z' }),
      /getLayer: expected the name of a layer, got "z"\.\n {2}Layers: x, y\./,
    ],
    [
      'neither name nor index',
      () => new Model({ inputs: x, outputs: y }).getLayer({}),
      /getLayer: expected a name or an index, got neither/,
    ],
    [
      'the graph of a subclass without one',
      () => new (class Own extends Model {})().inputs,
      /made from inputs and outputs/,
    ],
    [
      'a config with a place that is not there',
      () => Model.fromConfig({ ...new Model({ inputs: x, outputs: y }).getConfig(), outputLayers: ['y', 3, 0] }),
      /the config has no tensor at \[y, 3, 0\]/,
    ],
  ])('%s', (_, make, message) => {
    resetNames();
    expect(make).toThrow(message);
  });

  test('a config with a loop', () => {
    const config = JSON.parse(JSON.stringify(new Model({ inputs: x, outputs: y }).getConfig()));
    config.layers[1].inboundNodes[0].args[0].config.kerasHistory = ['y', 0, 0];
    expect(() => Model.fromConfig(config)).toThrow(/the config's graph has a loop or misses tensors, at "y"/);
  });

  test('a model without a call', () => {
    class Empty extends Model {}
    expect(() => new Empty().apply(sample([1, 2]))).toThrow(/Empty "empty": expected the class to have a method call/);
    expect(new Empty()).toBeInstanceOf(Layer);
  });
});
