import { describe, expect, test } from 'vitest';
import { leaves } from '../../lib/core/tree.js';
import { Input, Model, ops, type SymbolicTensor, Tensor, tensor } from '../../lib/index.js';
import { operationTable } from '../../lib/models/operation-table.js';
import { sample } from '../support/layer-suite.js';

type AnyFunction = (...args: unknown[]) => unknown;

/** Inputs that suit functions of one or two tensors: floats, square matrices of them, whole numbers. */
const choices: readonly (() => Tensor)[] = [
  () => ops.add(ops.multiply(ops.abs(sample([2, 3])), 0.25), 0.25),
  () => ops.add(ops.matmul(sample([1, 3, 3]), ops.transpose(sample([1, 3, 3]), { axes: [0, 2, 1] })), ops.eye(3)),
  () =>
    tensor(
      [
        [3, 1, 2],
        [2, 7, 5],
      ],
      { dtype: 'int32' },
    ),
  () => tensor([[true, false, true]]),
  () => sample([2, 2]),
  () => ops.cast(sample([2, 2]), 'complex64'),
];

/** Take an array, or two tensors of different kinds; answer a number. */
const others = ['stack', 'sparseCategoricalCrossentropy', 'ndim', 'size'];
/** The shape of what they answer follows from the numbers. */
const dataDependent = ['bincount', 'histogram', 'nonzero', 'unique'];

/** Functions of ops whose required parameters are tensors. */
const functions = Object.entries(operationTable).flatMap(([name, text]) => {
  const required = text
    .split(' ')
    .slice(1)
    .filter((word) => !word.includes('='));
  const tensors = required.length > 0 && required.every((word) => /^(x|x1|x2|y|a|target|output)$/.test(word));
  return tensors && Object.hasOwn(ops, name) && !others.includes(name)
    ? [{ name, count: required.length, className: text.split(' ')[0]?.split('.').at(-1) }]
    : [];
});

function suited(fn: AnyFunction, count: number): { x: Tensor; results: Tensor[] } | null {
  for (const choose of choices) {
    const x = choose();
    try {
      const results = leaves(fn(...Array.from({ length: count }, () => x)));
      if (results.every((result) => result instanceof Tensor)) return { x, results };
    } catch {
      // Takes other numbers.
    }
  }
  return null;
}

test('facts need no operation', () => {
  const x = Input({ shape: [3, null] });
  expect([ops.ndim(x as never), ops.size(x as never), ops.size(Input({ batchShape: [2, 3] }) as never)]).toEqual([
    3,
    null,
    6,
  ]);
});

describe('functions of ops in a graph', () => {
  test('are many', () => expect(functions.length).toBeGreaterThan(150));

  test.each(functions)('$name', ({ name, count, className }) => {
    const fn = (ops as unknown as Record<string, AnyFunction>)[name] as AnyFunction;
    const found = suited(fn, count);
    if (found === null) return expect.fail('no choice of inputs suits it');
    const { x, results } = found;
    const input = Input({ batchShape: x.shape, dtype: x.dtype, name: 'x' });
    if (dataDependent.includes(name)) {
      expect(() => fn(...Array.from({ length: count }, () => input))).toThrow(
        /the shape of the result depends on the data/,
      );
      return;
    }
    const symbols = leaves(fn(...Array.from({ length: count }, () => input))) as SymbolicTensor[];
    expect(symbols.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
      results.map(({ shape, dtype }) => ({ shape, dtype })),
    );
    const model = new Model({ inputs: input, outputs: symbols });
    expect(model.operations?.at(-1)?.title).toMatch(new RegExp(`^${className} "`));
    const twin = Model.fromConfig(JSON.parse(JSON.stringify(model.getConfig()))) as Model;
    expect(twin.getConfig()).toEqual(model.getConfig());
    const values = leaves(twin.apply(x)) as Tensor[];
    expect(values.map((value) => value.arraySync())).toEqual(results.map((value) => value.arraySync()));
  });
});
