import { describe, expect, test } from 'vitest';
import { grad } from '../lib/core/autograd.js';
import { serialized } from '../lib/core/configurable.js';
import { jit } from '../lib/core/program.js';
import { type Tensor, type TensorLike, tensor } from '../lib/core/tensor.js';
import * as ops from '../lib/ops/index.js';
import * as regularizers from '../lib/regularizers.js';
import { toKerasConfig } from '../lib/saving/config-keys.js';
import { expectValues, messageOf } from './losses/support.js';
import { type GoldenArray, loadGolden } from './support/golden.js';

interface RegularizerCase {
  kind: string;
  className: string;
  options: object;
  penalties: { x: GoldenArray; y: number; gradient: GoldenArray | null }[];
  serialized: unknown;
}

const golden = loadGolden<RegularizerCase>('regularizers');
const library = regularizers as unknown as Record<string, new (options: object) => regularizers.Regularizer>;

test.each(golden.cases.filter(({ kind }) => kind === 'regularizer'))('$name', (one) => {
  const Class = library[one.className] as (typeof library)[string];
  const regularizer = new Class(one.options);
  const apply = (x: Tensor): Tensor => regularizer.apply(x);
  for (const { x, y, gradient } of one.penalties) {
    const weight = tensor(x.data, { shape: x.shape });
    for (const penalty of [apply(weight), jit(apply)(weight)]) {
      expect(penalty.shape).toEqual([]);
      expect(Math.abs(penalty.item() - y), `${penalty.item()} instead of ${y}`).toBeLessThan(1e-5 * (1 + Math.abs(y)));
    }
    if (gradient !== null) expectValues(grad(apply)(weight), gradient, 1e-5);
  }
  expect(toKerasConfig(serialized(regularizer))).toEqual(one.serialized);
  expect(regularizers.get(serialized(regularizer))?.getConfig()).toEqual(regularizer.getConfig());
});

test.each(Object.entries(golden.facts.regularizers as Record<string, string>))('get %s', (name, expected) => {
  expect(regularizers.get(name)?.type.className).toBe(expected);
});

describe('other ways to name one', () => {
  test('factories', () => {
    const made = [
      regularizers.l1({ l1: 0.5 }),
      regularizers.l2({ l2: 0.5 }),
      regularizers.l1L2({ l1: 1, l2: 2 }),
      regularizers.orthogonalRegularizer({ mode: 'columns' }),
    ];
    expect(made.map((regularizer) => regularizer.getConfig())).toEqual([
      { l1: 0.5 },
      { l2: 0.5 },
      { l1: 1, l2: 2 },
      { factor: Math.fround(0.01), mode: 'columns' },
    ]);
    expect(regularizers.get('l1_l2')).toBeInstanceOf(regularizers.L1L2);
  });

  test('null, a function, a subclass', () => {
    expect(regularizers.get(null)).toBeNull();
    expect(
      regularizers
        .get((x: Tensor) => ops.max(x))
        ?.apply([1, 3])
        .item(),
    ).toBe(3);
    class Largest extends regularizers.Regularizer {
      override apply(x: TensorLike): Tensor {
        return ops.max(x);
      }
    }
    expect(regularizers.get(Largest)?.apply([1, 3]).item()).toBe(3);
  });

  test('as the option of a layer', () => {
    const field = regularizers.regularizerField('l2', { key: 'kernel_regularizer' });
    expect(field.key).toBe('kernel_regularizer');
    expect(field.check(field.default, 'Dense: kernelRegularizer')).toBeInstanceOf(regularizers.L2);
    expect(regularizers.regularizerField().check(null, 'Dense: kernelRegularizer')).toBeNull();
    expect(() => field.check('l3', 'Dense: kernelRegularizer')).toThrow(
      'Dense: kernelRegularizer: unknown regularizer "l3".',
    );
  });
});

test.each<[string, () => unknown, string]>([
  ['negative', () => regularizers.l1({ l1: -1 }), 'L1: l1: expected a number of at least 0, got -1.'],
  [
    'infinite',
    () => regularizers.l2({ l2: Infinity }),
    'L2: l2: expected a finite number of at least 0, got Infinity.',
  ],
  [
    'mode',
    () => regularizers.orthogonalRegularizer({ mode: 'row' as never }),
    "OrthogonalRegularizer: mode: expected one of 'rows', 'columns', got \"row\".",
  ],
  [
    'rank',
    () => regularizers.orthogonalRegularizer().apply([1, 2]),
    'OrthogonalRegularizer: expected a matrix, got shape [2].\n  Reshape the weight to [rows, columns], or use another regularizer.',
  ],
  [
    'function',
    () => regularizers.get(() => 1)?.apply([1]),
    'regularizer: expected the function to answer a tensor, got 1.',
  ],
])('error: %s', (_, run, message) => {
  expect(messageOf(run)).toBe(message);
});
