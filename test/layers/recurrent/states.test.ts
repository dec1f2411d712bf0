import { describe, expect, test } from 'vitest';
import {
  grad,
  Input,
  jit,
  layers,
  Model,
  ops,
  Sequential,
  type Shape,
  type Tensor,
  tensor,
} from '../../../lib/index.js';
import { type GoldenArray, goldenRow, loadGolden } from '../../support/golden.js';
import { expectClose, sample } from '../../support/layer-suite.js';

interface StatefulCase {
  kind: string;
  layer: { className: 'LSTM' | 'GRU' | 'SimpleRNN'; options: { units: number } };
  weights: GoldenArray[];
  batches: GoldenArray;
  outputs: GoldenArray;
  states: GoldenArray[];
  paths: string[];
}

const classes = [layers.LSTM, layers.GRU, layers.SimpleRNN] as const;

describe('stateful layers', () => {
  const cases = loadGolden<StatefulCase>('recurrent').cases.filter(({ kind }) => kind === 'stateful');
  const build = (one: StatefulCase): layers.LSTM => {
    const { className, options } = one.layer;
    const layer = new layers[className]({ ...options, name: `stateful_${className.toLowerCase()}` }) as layers.LSTM;
    layer.build(one.batches.shape.slice(1));
    layer.setWeights(one.weights);
    return layer;
  };

  test.each(cases)('$name: go on from batch to batch', (one) => {
    const layer = build(one);
    expect(layer.weights).toHaveLength(3);
    expect(layer.states?.map((state) => (state as { path: string }).path)).toEqual(one.paths);
    const recorded = jit((x: Tensor) => layer.apply(x));
    for (const step of [0, 1, 2]) {
      if (step === 2) layer.resetStates();
      // Recorded and not, by turns.
      const x = tensor(goldenRow(one.batches, step));
      expectClose(step === 1 ? recorded(x) : layer.apply(x), goldenRow(one.outputs, step));
    }
    for (const [i, state] of one.states.entries()) expectClose(layer.states?.[i] as Tensor, state);
    const copy = layer.states?.map((state) => (state as Tensor).dataSync().slice());
    layer.computeOutputShape(one.batches.shape.slice(1));
    layer.computeOutputSpec(Input({ batchShape: one.batches.shape.slice(1) }));
    expect(layer.states?.map((state) => (state as Tensor).dataSync())).toEqual(copy);
  });

  test.each(classes)('%o need a batch of one known size', (LayerOf) => {
    const name = LayerOf.className;
    const layer = new LayerOf({ units: 2, stateful: true, name: 's' });
    expect(() => layer.apply(Input({ shape: [4, 3] }))).toThrow(
      new RegExp(
        `^${name} "s": expected a known batch size for stateful: true, got \\[null, 4, 3\\]\\.\\n {2}Give it in Input`,
      ),
    );
    expect([...layer.apply(Input({ batchShape: [2, 4, 3] })).shape]).toEqual([2, 2]);
    layer.apply(ops.ones([2, 4, 3]));
    expect(() => layer.apply(ops.ones([3, 4, 3]))).toThrow(
      new RegExp(`^${name} "s": expected a batch of 2, got 3\\.\\n {2}A stateful layer goes on`),
    );
  });

  test('train in a model', async () => {
    const model = new Sequential([
      Input({ batchShape: [4, 5, 3] }),
      new layers.GRU({ units: 4, stateful: true }),
      new layers.Dense({ units: 1 }),
    ]);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await model.fit(sample([8, 5, 3]), sample([8, 1], 2), { batchSize: 4, epochs: 2, verbose: 0, shuffle: false });
    const layer = model.layers[0] as layers.GRU;
    const states = layer.states?.flat() as Tensor[];
    expect(ops.any(ops.notEqual(states[0] as Tensor, 0)).item()).toBeTruthy();
    layer.resetState();
    expect(ops.any(ops.notEqual(states[0] as Tensor, 0)).item()).toBeFalsy();
  });
});

describe('initialState', () => {
  const x = sample([2, 5, 3]);

  test.each(classes)('%o go on where they left off', (LayerOf) => {
    const layer = new LayerOf({ units: 4, returnState: true });
    const [, ...half] = layer.apply<Tensor[]>(
      ops.getItem(x, [
        [0, null],
        [0, 2],
      ] as never),
    );
    const [rest] = layer.apply<Tensor[]>(
      ops.getItem(x, [
        [0, null],
        [2, null],
      ] as never),
      { initialState: half },
    );
    const [whole] = layer.apply<Tensor[]>(x);
    expectClose(rest as Tensor, whole as Tensor, 1e-6);
  });

  test('may be numbers, one tensor for one state, and symbolic', () => {
    const layer = new layers.GRU({ units: 2 });
    const state: number[][] = [
      [0.5, -0.5],
      [1, 2],
    ];
    const expected = layer.apply(x, { initialState: [tensor(state)] });
    expectClose(layer.apply<Tensor>(x, { initialState: [state] }), expected, 0);
    expectClose(layer.apply(x, { initialState: tensor(state) }), expected, 0);
    const inputs = Input({ shape: [5, 3] });
    const first = Input({ shape: [2] });
    const model = new Model({ inputs: [inputs, first], outputs: layer.apply(inputs, { initialState: [first] }) });
    expectClose(model.apply<Tensor>([x, tensor(state)]), expected, 1e-6);
    const twin = Model.fromConfig(JSON.parse(JSON.stringify(model.getConfig())));
    twin.setWeights(model.getWeights());
    expectClose(twin.apply<Tensor>([x, tensor(state)]), expected, 1e-6);
  });

  test.each(classes)('%o refuse states that do not fit', (LayerOf) => {
    const layer = new LayerOf({ units: 4, name: 'r' });
    const count = layer.getInitialState(2).length;
    const where = `${LayerOf.className} "r": `;
    const states = Array.from({ length: count }, () => ops.zeros([2, 3]));
    expect(() => layer.apply(x, { initialState: states })).toThrow(
      `${where}initialState[0]: expected shape [2, 4], got [2, 3].\n  A state is [batch, units]`,
    );
    expect(() => layer.apply(x, { initialState: [...states, ...states, ...states] })).toThrow(
      `${where}initialState: expected ${count} state${count === 1 ? '' : 's'}, got ${3 * count}.\n`,
    );
    expect(() => layer.apply(x, { initialStates: states })).toThrow(
      `${where}unknown option 'initialStates'.\n  Did you mean 'initialState'?`,
    );
    expect(() => layer.apply(x, { mask: tensor([true, false]) })).toThrow(
      `${where}mask: expected shape [2, 5], got [2].\n  A mask says for each sample`,
    );
  });
});

describe('masks', () => {
  const mask = tensor([
    [true, true, false],
    [true, false, false],
  ]);

  test.each(classes)('%o pass a mask on with sequences only', (LayerOf) => {
    const x = sample([2, 3, 2]);
    x.mask = mask;
    expect(new LayerOf({ units: 2 }).apply(x).mask).toBeUndefined();
    expect(new LayerOf({ units: 2, returnSequences: true }).apply(x).mask).toBe(mask);
    const outputs = new LayerOf({ units: 2, returnSequences: true, returnState: true }).apply<Tensor[]>(x);
    expect(outputs.map((output) => output.mask)).toEqual([mask, ...outputs.slice(1).map(() => undefined)]);
  });

  test('come from an Embedding', () => {
    const embedding = new layers.Embedding({ inputDim: 6, outputDim: 3, maskZero: true });
    const layer = new layers.LSTM({ units: 2 });
    const padded = layer.apply(embedding.apply<Tensor>(tensor([[3, 4, 0, 0]], { dtype: 'int32' })));
    const short = layer.apply(embedding.apply<Tensor>(tensor([[3, 4]], { dtype: 'int32' })));
    expectClose(padded, short, 1e-6);
  });

  test('may be whole numbers, and have a last axis of 1', () => {
    const x = sample([2, 3, 2]);
    const layer = new layers.GRU({ units: 2 });
    const expected = layer.apply(x, { mask });
    expectClose(layer.apply(x, { mask: ops.cast(mask, 'int32') }), expected, 0);
    expectClose(layer.apply(x, { mask: ops.expandDims(mask, -1) }), expected, 0);
  });
});

describe('the operator for whole sequences', () => {
  const x = sample([3, 6, 5]);
  const mask = tensor([
    [true, true, true, true, true, true],
    [false, true, true, false, true, false],
    [false, false, false, false, false, false],
  ]);
  const options = [
    {},
    { returnSequences: true },
    { returnSequences: true, goBackwards: true },
    { zeroOutputForMask: true, goBackwards: true },
    { returnSequences: true, zeroOutputForMask: true, useBias: false },
    { recurrentDropout: 0.5, seed: 4 },
    { dropout: 0.5, seed: 4, returnSequences: true },
  ];
  const cases = [layers.LSTM, layers.GRU].flatMap((LayerOf) => options.map((given) => ({ LayerOf, given })));

  test.each(cases)('computes as the loop of cells: $LayerOf.className $given', ({ LayerOf, given }) => {
    const make = (useCudnn: boolean): layers.LSTM => {
      const layer = new LayerOf({ units: 4, returnState: true, useCudnn, ...given }) as layers.LSTM;
      layer.build(x.shape);
      return layer;
    };
    const [fused, loop] = [make(true), make(false)];
    loop.setWeights(fused.getWeights());
    const run = (layer: layers.LSTM, value: Tensor, weights: Tensor[]): Tensor => {
      void weights;
      // The same masks of dropped numbers in each.
      layer.cell.seedGenerator.state.assign(tensor([4n, 0n]));
      const outputs = layer.apply<Tensor[]>(value, { mask, training: true });
      return outputs
        .map((y, i) => ops.sum(ops.multiply(y, sample(y.shape as number[], i))))
        .reduce((a, b) => ops.add(a, b));
    };
    expectClose(run(fused, x, []), run(loop, x, []));
    expectClose(grad((value: Tensor) => run(fused, value, []))(x), grad((value: Tensor) => run(loop, value, []))(x));
    const slopes = [fused, loop].map((layer) => grad((w: Tensor[]) => run(layer, x, w))(layer.trainableWeights));
    for (const [i, slope] of (slopes[0] as Tensor[]).entries()) expectClose(slope, slopes[1]?.[i] as Tensor);
  });

  test('is one node of a recording', () => {
    const nodes = (useCudnn: boolean): number => {
      const layer = new layers.LSTM({ units: 4, useCudnn });
      layer.build(x.shape);
      const recorded = jit((value: Tensor) => layer.apply(value));
      recorded(x);
      return (recorded.programs[0]?.toString() ?? '').split('torchlayers::lstm').length - 1;
    };
    expect(nodes(true)).toBe(1);
    expect(nodes(false)).toBe(0);
  });
});

describe('dropout', () => {
  const x = ops.ones([2, 5, 8]);
  const kinds = classes.flatMap((LayerOf) => [
    { LayerOf, more: {} },
    { LayerOf, more: { implementation: 1, useCudnn: false } },
  ]);

  test.each(kinds.filter(({ LayerOf, more }) => LayerOf !== layers.SimpleRNN || !('implementation' in more)))(
    '$LayerOf.className $more drops the same at all steps, and other numbers in each call',
    ({ LayerOf, more }) => {
      const given = { units: 6, activation: null, useBias: false, recurrentInitializer: 'zeros', ...more };
      const layer = new LayerOf({ ...given, returnSequences: true, dropout: 0.5, seed: 2 } as never);
      const quiet = new LayerOf({ ...given, returnSequences: true } as never);
      quiet.build(x.shape);
      layer.build(x.shape);
      quiet.setWeights(layer.getWeights());
      expectClose(layer.apply(x), quiet.apply(x), 1e-6);
      const first = layer.apply(x, { training: true });
      const second = layer.apply(x, { training: true });
      expect(first.dataSync()).not.toEqual(second.dataSync());
      if (LayerOf === layers.SimpleRNN) {
        // Without a state's part, equal inputs give equal outputs where equal features are dropped.
        const steps = ops.unstack(first, { axis: 1 });
        for (const step of steps) expectClose(step, steps[0] as Tensor, 1e-6);
      }
      const twin = new LayerOf({ ...given, returnSequences: true, dropout: 0.5, seed: 2 } as never);
      twin.build(x.shape);
      twin.setWeights(layer.getWeights());
      expectClose(twin.apply(x, { training: true }), first, 1e-6);
    },
  );

  test.each(classes)('%o drop units of the state alone', (LayerOf) => {
    const layer = new LayerOf({ units: 6, recurrentDropout: 0.5, seed: 1 });
    const quiet = new LayerOf({ units: 6 });
    quiet.build(x.shape);
    layer.build(x.shape);
    quiet.setWeights(layer.getWeights());
    const [one, all] = [ops.ones([2, 1, 8]), x];
    // The first step's state is 0: nothing to drop.
    expectClose(layer.apply(one, { training: true }), quiet.apply(one), 1e-6);
    expect(layer.apply(all, { training: true }).dataSync()).not.toEqual(quiet.apply(all).dataSync());
    expectClose(layer.apply(all), quiet.apply(all), 1e-6);
  });
});

describe('RNN', () => {
  class Decay extends layers.Layer {
    readonly stateSize = 3;
    rate!: Tensor;
    override build(inputShape: Shape): void {
      this.rate = this.addWeight({ name: 'rate', shape: [inputShape.at(-1) as number], initializer: 'ones' });
    }
    override call(x: Tensor, [sum]: readonly Tensor[]): [Tensor, Tensor[]] {
      const next = ops.add(ops.multiply(sum as Tensor, 0.5), ops.multiply(x, this.rate));
      return [next, [next]];
    }
  }

  test("runs a cell of one's own, recorded and trained", async () => {
    const layer = new layers.RNN({ cell: new Decay(), returnSequences: true });
    const x = sample([4, 5, 3]);
    const y = layer.apply(x);
    const values = x.dataSync() as Float32Array;
    const expected = Float32Array.from(values);
    for (let i = 0; i < expected.length; i++) {
      if (Math.floor(i / 3) % 5 > 0) expected[i] = (expected[i - 3] as number) * 0.5 + (values[i] as number);
    }
    expectClose(y, tensor(expected, { shape: [4, 5, 3] }), 1e-6);
    expect(layer.weights.map(({ path }) => path)).toEqual([`${layer.name}/${layer.cell.name}/rate`]);
    const model = new Sequential([layer, new layers.GlobalAveragePooling1D(), new layers.Dense({ units: 1 })]);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    const { history } = await model.fit(x, sample([4, 1], 2), { epochs: 5, verbose: 0 });
    expect(history.loss?.at(-1)).toBeLessThan(history.loss?.[0] as number);
  });

  test('stacks cells, one alone too', () => {
    const cells = () => [new layers.LSTMCell({ units: 4 }), new layers.GRUCell({ units: 2 })];
    const x = sample([2, 5, 3]);
    const stacked = new layers.RNN({ cell: cells(), returnState: true });
    const [y, first, second] = stacked.apply<[Tensor, Tensor[], Tensor[]]>(x);
    expect([...y.shape]).toEqual([2, 2]);
    expect(first.map(({ shape }) => [...shape])).toEqual([
      [2, 4],
      [2, 4],
    ]);
    expect(second.map(({ shape }) => [...shape])).toEqual([[2, 2]]);
    expectClose(second[0] as Tensor, y, 0);
    const [again] = stacked.apply<[Tensor]>(x, { initialState: [first, second] });
    expect(again.dataSync()).not.toEqual(y.dataSync());
    const alone = new layers.RNN({ cell: new layers.StackedRNNCells({ cells: [new layers.LSTMCell({ units: 4 })] }) });
    expect([...alone.apply(x).shape]).toEqual([2, 4]);
  });

  test('refuses what is no cell, and cells that answer something else', () => {
    expect(() => new layers.RNN({ cell: 3 as never })).toThrow(/^RNN: cell: expected a layer, got 3\./);
    expect(() => new layers.RNN({ cell: new layers.Dense({ units: 2, name: 'd' }) as never })).toThrow(
      /^RNN: cell: expected a cell: a layer with a stateSize, got Dense "d"\.\n {2}Give layers\.LSTMCell/,
    );
    expect(() => new layers.StackedRNNCells({ cells: [] })).toThrow(
      /^StackedRNNCells: cells: expected an array of cells/,
    );
    class Wrong extends Decay {
      override call(x: Tensor): [Tensor, Tensor[]] {
        return x as never;
      }
    }
    expect(() => new layers.RNN({ cell: new Wrong({ name: 'w' }), name: 'r' }).apply(sample([2, 5, 3]))).toThrow(
      /^RNN "r": expected Wrong "w" to answer \[output, newStates\], got .*\.\n {2}Return an array/,
    );
    class Many extends Decay {
      override call(x: Tensor): [Tensor, Tensor[]] {
        return [x, [x, x]];
      }
    }
    expect(() => new layers.RNN({ cell: new Many({ name: 'm' }), name: 'r' }).apply(sample([2, 5, 3]))).toThrow(
      /^RNN "r": expected Many "m" to answer 1 states, got 2\./,
    );
    expect(() => new layers.LSTMCell({ units: 2, name: 'c' }).build([null, 5, 3])).toThrow(
      /^LSTMCell "c": expected an input shape \[batch, features\] of one step with known features, got \[null, 5, 3\]\./,
    );
  });

  test('cells compute one step by themselves', () => {
    for (const cell of [
      new layers.LSTMCell({ units: 4 }),
      new layers.GRUCell({ units: 4 }),
      new layers.SimpleRNNCell({ units: 4 }),
    ]) {
      const x = sample([2, 1, 3]);
      const layer = new layers.RNN({ cell });
      const [y, states] = cell.apply<[Tensor, Tensor[]]>(
        ops.squeeze(x, { axis: 1 }),
        cell.getInitialState({ batchSize: 2 }) as Tensor[],
      );
      expectClose(layer.apply(x), y, 1e-6);
      expectClose(states[0] as Tensor, y, 0);
    }
  });
});
