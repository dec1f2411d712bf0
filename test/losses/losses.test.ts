import { describe, expect, test } from 'vitest';
import { grad } from '../../lib/core/autograd.js';
import { serialized } from '../../lib/core/configurable.js';
import { registerCustomObject } from '../../lib/core/family.js';
import { toSnakeCase } from '../../lib/core/names.js';
import { jit } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import * as losses from '../../lib/losses/index.js';
import * as ops from '../../lib/ops/index.js';
import { toKerasConfig } from '../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectValues, load, messageOf } from './support.js';

interface LossCase {
  kind: 'function' | 'class' | 'resolve' | 'config';
  fn: string;
  className: string;
  options: Record<string, unknown>;
  yTrue: GoldenArray;
  yPred: GoldenArray;
  sampleWeight: GoldenArray | null;
  mask: GoldenArray | null;
  y: GoldenArray;
  dtype: string;
  gradient: { upstream: GoldenArray; dPred: GoldenArray } | null;
  identifier: string;
  yTrueShape: number[];
  yPredShape: number[];
  lossName: string;
  serialized: unknown;
}

const golden = loadGolden<LossCase>('losses');
const casesOf = (kind: LossCase['kind']) => golden.cases.filter((one) => one.kind === kind);
const library = losses as unknown as Record<string, never>;

/** `compute`, its recording, and its gradient weighted by `upstream`, against the golden. */
function check(one: LossCase, compute: (yPred: Tensor) => Tensor, tolerance: number): void {
  const yPred = load(one.yPred);
  expectValues(compute(yPred), one.y, tolerance);
  expectValues(jit(compute)(yPred), one.y, tolerance);
  const { gradient } = one;
  if (gradient === null) return;
  const upstream = ops.cast(load(gradient.upstream), 'float32');
  const weighted = (pred: Tensor): Tensor => ops.sum(ops.multiply(ops.cast(compute(pred), 'float32'), upstream));
  expectValues(grad(weighted)(yPred), gradient.dPred, tolerance);
}

describe('functions', () => {
  test.each(casesOf('function'))('$name', (one) => {
    const fn = library[one.fn] as (yTrue: Tensor, yPred: Tensor, options: object) => Tensor;
    check(one, (yPred) => fn(load(one.yTrue), yPred, one.options), 2e-6);
  });
});

describe('classes', () => {
  test.each(casesOf('class'))('$name', (one) => {
    const LossClass = library[one.className] as new (options: object) => losses.Loss;
    const loss = new LossClass(one.options);
    const half = one.dtype === 'float16' ? 2e-3 : one.dtype === 'bfloat16' ? 2e-2 : 2e-6;
    const compute = (yPred: Tensor): Tensor => {
      if (one.mask !== null) yPred.mask = load(one.mask);
      const sampleWeight = one.sampleWeight === null ? null : load(one.sampleWeight);
      const result = loss.apply(load(one.yTrue), yPred, { sampleWeight });
      expect(result.dtype).toBe(one.dtype);
      return result;
    };
    check(one, compute, half);
  });

  test.each(casesOf('config'))('$name', (one) => {
    const LossClass = library[one.className] as new (options: object) => losses.Loss;
    const loss = new LossClass(one.options);
    expect(toKerasConfig(serialized(loss))).toEqual(one.serialized);
    expect(losses.get(serialized(loss)).getConfig()).toEqual(loss.getConfig());
  });
});

/** What Keras calls the object: the function's name, or the class's. */
function nameOf(loss: losses.Loss): string {
  return loss instanceof losses.LossFunctionWrapper ? toSnakeCase(loss.fn.name) : loss.type.className;
}

describe('names', () => {
  test.each(Object.entries(golden.facts.get as Record<string, string | null>))('%s', (name, expected) => {
    if (expected === null) return;
    expect(nameOf(losses.get(name))).toBe(expected);
  });

  test.each(casesOf('resolve'))('$name', (one) => {
    const loss = losses.lossFor(one.identifier, one.yTrueShape, one.yPredShape);
    expect(loss.type.className).toBe(one.className);
    expect(loss.name).toBe(one.lossName);
  });

  test.each([
    [[5, 1], [5, 1], 'binary_crossentropy'],
    [[5], [5, 3], 'sparse_categorical_crossentropy'],
    [[5, 1], [5, 3], 'sparse_categorical_crossentropy'],
    [[5, 3], [5, 3], 'categorical_crossentropy'],
    [[null, 1], [null, null], 'sparse_categorical_crossentropy'],
  ])("'crossentropy' for %j and %j is %s", (yTrueShape, yPredShape, expected) => {
    expect(nameOf(losses.lossFor('crossentropy', yTrueShape, yPredShape))).toBe(expected);
  });

  test('every built-in loss has a class and a function, found by both spellings', () => {
    expect(losses.names()).toEqual(expect.arrayContaining(['huber', 'kl_divergence', 'log_cosh', 'squared_hinge']));
    for (const name of losses.names().filter((name) => name !== 'loss_function_wrapper'))
      expect(losses.get(name)).toBeInstanceOf(losses.Loss);
  });

  test("a user's function, class and registered name", () => {
    const half = (yTrue: Tensor, yPred: Tensor): Tensor =>
      ops.mean(ops.multiply(ops.subtract(yPred, yTrue), 0.5), { axis: -1 });
    const loss = losses.get(half);
    expect(loss.name).toBe('half');
    expect(loss.apply([[0, 0]], [[2, 4]]).item()).toBe(1.5);
    expect(losses.get(losses.Huber)).toBeInstanceOf(losses.Huber);
    registerCustomObject(half, 'half_of_it');
    expect(nameOf(losses.get('half_of_it'))).toBe('half');
    expect(losses.get(loss)).toBe(loss);
  });
});

describe('subclasses', () => {
  class Distance extends losses.Loss {
    override call(yTrue: Tensor, yPred: Tensor): Tensor {
      return ops.mean(ops.abs(ops.subtract(yPred, yTrue)), { axis: -1 });
    }
  }

  test('get casts, weights and reductions from the base class', () => {
    const loss = new Distance({ reduction: 'sum', dtype: 'float64' });
    const result = loss.apply([[1, 2]], [[2, 4]], { sampleWeight: 2 });
    expect(result.dtype).toBe('float64');
    expect(result.item()).toBe(3);
    expect(loss.name).toMatch(/^distance/);
    expect(loss.getConfig()).toEqual({ name: loss.name, reduction: 'sum' });
  });

  test('a call that answers no tensor is an error', () => {
    class Broken extends losses.Loss {
      override call(): Tensor {
        return 3 as unknown as Tensor;
      }
    }
    expect(() => new Broken({ name: 'b' }).apply([1], [1])).toThrow(
      'Broken "b": expected call(yTrue, yPred) to answer a tensor, got 3.',
    );
  });

  test.each<[unknown, boolean]>([
    ['sparse_categorical_crossentropy', true],
    [new losses.SparseCategoricalCrossentropy(), true],
    ['categorical_crossentropy', false],
    [new losses.MeanSquaredError(), false],
  ])('class numbers stay integers: %s, %s', (identifier, expected) => {
    let seen: string | undefined;
    const loss = losses.get(identifier);
    const { call } = loss;
    loss.call = (yTrue, yPred) => {
      seen = yTrue.dtype;
      return call.bind(loss)(expected ? yTrue : yPred, yPred);
    };
    loss.apply(tensor([1], { dtype: 'int64' }), [[0.5, 0.5]]);
    expect(seen).toBe(expected ? 'int64' : 'float32');
  });

  test('a wrapper passes options on and writes them', () => {
    const loss = new losses.LossFunctionWrapper({ fn: losses.binaryCrossentropy, fromLogits: true });
    const plain = new losses.BinaryCrossentropy({ fromLogits: true });
    const [yTrue, yPred] = [[[0, 1]], [[-2, 3]]];
    expect(loss.apply(yTrue, yPred).item()).toBe(plain.apply(yTrue, yPred).item());
    expect(loss.getConfig()).toMatchObject({
      fromLogits: true,
      fn: { module: 'builtins', className: 'function', config: 'binary_crossentropy', registeredName: 'function' },
    });
  });
});

describe('errors', () => {
  const logits = [[0.1, 0.2, 0.7]];

  test.each([-1, 3, -100])('class number %d of 3 classes', (label) => {
    const message =
      /^sparseCategoricalCrossentropy: expected class numbers from 0 to 2, got one out of range: .*\n {2}Give the last layer/;
    expect(() => losses.sparseCategoricalCrossentropy([label], logits)).toThrow(message);
    expect(() => losses.sparseCategoricalCrossentropy([label], logits, { fromLogits: true })).toThrow(message);
    const recorded = jit((yTrue: Tensor, yPred: Tensor) => losses.sparseCategoricalCrossentropy(yTrue, yPred));
    expect(() => recorded(tensor([label], { dtype: 'int32' }), tensor(logits)).dataSync()).toThrow(/out of bounds/);
  });

  test.each<[string, () => unknown, string]>([
    [
      'shapes',
      () => losses.meanSquaredError([[1, 2]], [[1, 2, 3]]),
      'meanSquaredError: expected yTrue and yPred of shapes that fit each other, got [1, 2] and [1, 3].\n  Give the labels the shape of the predictions, or change the units of the last layer.',
    ],
    [
      'one-hot labels',
      () => losses.categoricalCrossentropy([[1, 0]], logits),
      'categoricalCrossentropy: expected yTrue of the shape of yPred, [1, 3], got [1, 2].\n  Encode class numbers with utils.toCategorical, or use sparseCategoricalCrossentropy.',
    ],
    [
      'class numbers',
      () => losses.sparseCategoricalCrossentropy([[1, 0, 0]], logits),
      'sparseCategoricalCrossentropy: expected yTrue of shape [1] for yPred of shape [1, 3], got [1, 3].\n  Give one class number per prediction; for one-hot labels use categoricalCrossentropy.',
    ],
    [
      'weights',
      () => new losses.MeanSquaredError().apply([[1], [2]], [[1], [2]], { sampleWeight: [1, 2, 3] }),
      'MeanSquaredError "mean_squared_error": expected sampleWeight of a shape that fits the losses, [2], got [3].\n  Give one weight per sample, [batch], or one per loss value.',
    ],
    [
      'reduction',
      () => new losses.Huber({ reduction: 'average' as never }),
      "Huber: reduction: expected one of 'sum_over_batch_size', 'sum', 'mean', 'mean_with_sample_weight', 'none', got \"average\".",
    ],
    [
      'option',
      () => new losses.Huber({ dleta: 2 } as never),
      "Huber: unknown option 'dleta'.\n  Did you mean 'delta'?",
    ],
    [
      'smoothing',
      () => new losses.BinaryCrossentropy({ labelSmoothing: 2 }),
      'BinaryCrossentropy: labelSmoothing: expected a number from 0 to 1, got 2.',
    ],
    [
      'name',
      () => losses.get('mean_sqared_error'),
      'losses.get: unknown loss "mean_sqared_error".\n  Did you mean \'mean_squared_error\'?',
    ],
    [
      'smoothing of the function',
      () => losses.categoricalCrossentropy([[1, 0]], [[1, 0]], { labelSmoothing: -0.1 }),
      'categoricalCrossentropy: expected labelSmoothing to be a number from 0 to 1, got -0.1.',
    ],
    [
      'options in the wrong place',
      () => losses.binaryCrossentropy([[1]], [[1]], true as never),
      'binaryCrossentropy: expected options as one object, got true.\n  Write binaryCrossentropy(yTrue, yPred, { fromLogits: true }).',
    ],
    [
      'a function without a tensor',
      () => losses.get(() => 2).apply([1], [1]),
      /^Loss ".*": expected the function to answer a tensor, got 2\.\n {2}Compute the loss with ops, without reading values\.$/ as never,
    ],
  ])('%s', (_, run, message) => {
    if (typeof message === 'string') expect(messageOf(run)).toBe(message);
    else expect(messageOf(run)).toMatch(message);
  });
});

test('a batch without samples has loss 0 or none', () => {
  const empty = tensor(new Float32Array(0), { shape: [0, 3] });
  expect(new losses.MeanSquaredError().apply(empty, empty).shape).toEqual([0]);
  const cube = tensor(new Float32Array(0), { shape: [0, 2, 3] });
  expect(new losses.MeanSquaredError().apply(cube, cube).item()).toBe(0);
});
