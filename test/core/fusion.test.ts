import { afterEach, describe, expect, test } from 'vitest';
import {
  cond,
  config,
  grad,
  Input,
  jit,
  layers,
  type Model,
  memory,
  ops,
  optimizers,
  Sequential,
  type Tensor,
  tensor,
  utils,
  Variable,
  valueAndGrad,
} from '../../lib/index.js';
import { numbers } from '../training/small-model.js';

afterEach(() => config.setFusion(true));

type Programs = Map<string, { toString(options?: { lines?: boolean }): string }>;

function trainText(model: Model): string {
  const programs = (model as unknown as { trainingState: { programs: Programs } }).trainingState.programs;
  for (const [key, program] of programs) if (key.startsWith('["train"')) return program.toString({ lines: false });
  throw new Error('no program');
}

function mnistModel(): Sequential {
  utils.setRandomSeed(3);
  return new Sequential([
    Input({ shape: [12] }),
    new layers.Dense({ units: 16, activation: 'relu', name: 'a' }),
    new layers.Dropout({ rate: 0.3, name: 'drop_a' }),
    new layers.Dense({ units: 16, activation: 'relu', name: 'b' }),
    new layers.Dropout({ rate: 0.3, name: 'drop_b' }),
    new layers.Dense({ units: 4, activation: 'softmax', name: 'c' }),
  ]);
}

const samples = 24;
const x = tensor(numbers(samples * 12, 5), { shape: [samples, 12] });
const classes = tensor(Int32Array.from({ length: samples }, (_, i) => (i * 7) % 4));
const oneHot = utils.toCategorical(classes, { numClasses: 4 });

/** Operators of the nodes of a program, with what they stand for. */
function operators(text: string): string[] {
  return text
    .split('\n')
    .slice(1, -2)
    .map((line) => {
      const [, name = ''] = /(?:= |^ {2})([\w:.]+)\(/.exec(line) ?? [];
      const [, note] = / {2}# (.*)$/.exec(line) ?? [];
      return note === undefined ? name : `${name} <- ${note}`;
    });
}

describe('the step of the MNIST classifier', () => {
  test('is fourteen nodes', async () => {
    const model = mnistModel();
    model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
    await model.fit(x, oneHot, { batchSize: 24, verbose: 0 });
    expect(operators(trainText(model))).toMatchInlineSnapshot(`
      [
        "read",
        "torchlayers::dense <- dense: addmm + relu + dropout",
        "read",
        "torchlayers::dense <- dense: addmm + relu + dropout",
        "torchlayers::dense <- dense: addmm",
        "torchlayers::crossentropy <- crossentropy: softmax + sum + div + clamp + log + mul + sum + neg + mean",
        "torchlayers::crossentropy_backward <- gradient",
        "torchlayers::dense_backward <- gradient",
        "torchlayers::dense_backward <- gradient",
        "torchlayers::dense_backward <- gradient",
        "aten::mul.Tensor",
        "torchlayers::adam_",
        "torchlayers::correct_predictions <- accuracy: argmax + argmax + eq + to + sum",
        "torchlayers::accumulate_ <- accumulate: add + assign + add + assign + add + assign + add + assign + add + assign + add + assign + add + assign",
      ]
    `);
  });

  test.each(['sgd', 'rmsprop', 'adam'])('%s: fused and operator by operator agree', async (optimizer) => {
    const run = async (fusion: boolean): Promise<number[][]> => {
      config.setFusion(fusion);
      const model = mnistModel();
      model.compile({ optimizer, loss: 'categorical_crossentropy', metrics: ['accuracy'] });
      const history = await model.fit(x, oneHot, { batchSize: 8, epochs: 3, verbose: 0 });
      const weights = model.weights.map((weight) => Array.from(weight.dataSync() as Float32Array));
      return [...weights, history.history['loss'] as number[], history.history['accuracy'] as number[]];
    };
    const fused = await run(true);
    const plain = await run(false);
    for (const [i, values] of fused.entries()) {
      expect(values).toEqual((plain[i] as number[]).map((value) => expect.closeTo(value, 4)));
    }
  });

  test('takes no new memory after its first steps', async () => {
    const model = mnistModel();
    model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
    const allocated = async (epochs: number): Promise<number> => {
      const before = memory().allocations;
      await model.fit(x, oneHot, { batchSize: 8, epochs, verbose: 0, shuffle: false });
      return memory().allocations - before;
    };
    await allocated(20);
    const short = await allocated(5);
    const long = await allocated(105);
    // 300 more steps. (With `shuffle` an epoch makes a tensor, freed when JavaScript collects it.)
    expect(long - short).toBeLessThan(10);
  });

  test('an error names the line that recorded it', () => {
    const w = new Variable([[1], [2]], { name: 'w' });
    const pick = jit((table: Tensor, index: Tensor) => ops.take(ops.relu(ops.matmul(table, w)), index, { axis: 0 }));
    const table = tensor([[1, 2]]);
    expect(pick.programFor(table, tensor([5n])).toString({ lines: false })).toContain('torchlayers::dense(');
    expect(() => pick(table, tensor([5n]))).toThrow(/Recorded at .*fusion\.test\.ts/);
  });
});

describe('config.setFusion', () => {
  test('off: programs stay as recorded', () => {
    const layer = new layers.Dense({ units: 2, activation: 'relu' });
    layer.build([null, 3]);
    const f = jit((a: Tensor) => layer.apply(a));
    const a = tensor([[1, 2, 3]]);
    expect(f.programFor(a).size).toBe(1);
    config.setFusion(false);
    expect(f.programFor(a).size).toBe(2);
    expect(f.programFor(a).toString()).not.toContain('torchlayers::');
    expect(config.fusion()).toBe(false);
  });

  test('takes true and false', () => {
    expect(() => config.setFusion(1 as unknown as boolean)).toThrow('config.setFusion: expected true or false, got 1.');
  });
});

describe('gradients', () => {
  test('of gradients are as without fusion', () => {
    const w = new Variable(
      [
        [0.3, -0.2],
        [0.5, 0.1],
      ],
      { name: 'w' },
    );
    const second = jit((a: Tensor) => {
      const slope = (b: Tensor) => ops.sum(ops.square(grad((c: Tensor) => ops.sum(ops.tanh(ops.matmul(c, w))))(b)));
      return grad(slope)(a);
    });
    const a = tensor([[1, 2]]);
    const fused = second(a).dataSync();
    config.setFusion(false);
    expect([...fused]).toEqual(Array.from(second(a).dataSync() as Float32Array, (v) => expect.closeTo(v, 5)));
  });

  test('go through a program that a gradient outside watches', () => {
    const w = new Variable([[0.3], [-0.2]], { name: 'w' });
    const f = jit((a: Tensor) => ops.sum(ops.sigmoid(ops.matmul(a, w))));
    const a = tensor([[1, 2]]);
    const { grads } = valueAndGrad((_: readonly Variable[]) => f(a))([w]);
    expect(Math.abs((grads[0] as Tensor).dataSync()[0] as number)).toBeGreaterThan(0.1);
  });

  test('stop where a branch chosen without gradient hands its input on', () => {
    const f = jit((a: Tensor, on: Tensor) =>
      grad((b: Tensor) =>
        ops.sum(
          ops.multiply(
            b,
            cond(
              on,
              () => ops.relu(b),
              () => b,
            ),
          ),
        ),
      )(a),
    );
    expect([...f(tensor([2, 3]), tensor(true)).dataSync()]).toEqual([4, 6]);
  });
});

/** Numbers from 0 to n - 1 that follow from a seed. */
function chooser(seed: number): (n: number) => number {
  let state = (seed * 2654435761) >>> 0;
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * n);
  };
}

const hidden = [null, 'relu', 'sigmoid', 'tanh', 'gelu', 'silu', 'elu', 'softplus', 'linear'] as const;

function randomModel(seed: number): { model: Sequential; y: Tensor; text: string } {
  const choose = chooser(seed);
  utils.setRandomSeed(seed);
  const stack: unknown[] = [Input({ shape: [12] })];
  for (let depth = choose(4); depth >= 0; depth--) {
    stack.push(
      new layers.Dense({
        units: 1 + choose(20),
        activation: hidden[choose(hidden.length)] as string | null,
        useBias: choose(4) > 0,
        ...(choose(5) === 0 && { kernelRegularizer: 'l2' }),
      }),
    );
    if (choose(2) === 0) stack.push(new layers.Dropout({ rate: [0, 0.2, 0.5][choose(3)] as number }));
    if (choose(5) === 0) stack.push(new layers.BatchNormalization());
    if (choose(6) === 0) stack.push(new layers.LayerNormalization());
    if (choose(6) === 0) stack.push(new layers.Activation({ activation: 'relu' }));
  }
  const kind = choose(5);
  const last = [
    { units: 4, activation: 'softmax', loss: 'categorical_crossentropy', y: oneHot },
    { units: 4, activation: 'softmax', loss: 'sparse_categorical_crossentropy', y: classes },
    { units: 1, activation: 'sigmoid', loss: 'binary_crossentropy', y: ops.cast(ops.greater(classes, 1), 'float32') },
    { units: 1, activation: null, loss: 'mse', y: ops.cast(classes, 'float32') },
    { units: 4, activation: 'softmax', loss: 'kl_divergence', y: oneHot },
  ][kind] as { units: number; activation: string | null; loss: string; y: Tensor };
  stack.push(new layers.Dense({ units: last.units, activation: last.activation }));
  const model = new Sequential(stack as never);
  // An epsilon that keeps gradients of zero from becoming steps: before a batch normalization a bias has only rounding errors.
  const optimizer = [
    () => new optimizers.SGD({ learningRate: 0.05, momentum: choose(2) === 0 ? 0.9 : 0 }),
    () => new optimizers.Adam({ learningRate: 0.01, epsilon: 1e-3, clipnorm: choose(2) === 0 ? 1 : null }),
    () => new optimizers.AdamW({ learningRate: 0.01, epsilon: 1e-3 }),
    () => new optimizers.RMSprop({ learningRate: 0.01, epsilon: 1e-3, globalClipnorm: choose(2) === 0 ? 1 : null }),
  ][choose(4)] as () => optimizers.Optimizer;
  model.compile({ optimizer: optimizer(), loss: last.loss, metrics: kind === 3 ? ['mae'] : ['accuracy'] });
  return { model, y: last.y, text: JSON.stringify(stack.slice(1).map((layer) => String(layer))) };
}

describe('fifty random models', () => {
  test.each(
    Array.from({ length: 50 }, (_, i) => i + 1),
  )('%i: fused and operator by operator agree', { timeout: 60_000 }, async (seed) => {
    const run = async (fusion: boolean): Promise<{ values: number[][]; text: string }> => {
      config.setFusion(fusion);
      const { model, y } = randomModel(seed);
      const history = await model.fit(x, y, { batchSize: 9, epochs: 2, verbose: 0, shuffle: false });
      const values = model.weights.map((weight) => Array.from(weight.dataSync() as Float32Array));
      for (const name of Object.keys(history.history)) values.push(history.history[name] as number[]);
      return { values, text: trainText(model) };
    };
    const fused = await run(true);
    const plain = await run(false);
    expect(fused.text).toContain('torchlayers::dense(');
    expect(fused.text).toContain('  # dense: ');
    expect(plain.text).not.toContain('  # dense: ');
    for (const [i, values] of fused.values.entries()) {
      for (const [j, value] of values.entries()) {
        const expected = (plain.values[i] as number[])[j] as number;
        expect(Math.abs(value - expected)).toBeLessThanOrEqual(5e-4 * Math.max(1, Math.abs(expected)));
      }
    }
  });
});
