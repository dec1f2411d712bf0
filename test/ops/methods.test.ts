import { expect, test } from 'vitest';
import { tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';
import * as ops from '../../lib/ops/index.js';

const x = tensor([
  [1, -2, 3],
  [4, 5, -6],
]);
const positive = ops.add(ops.abs(x), 1);

// Each method is the function of its name, with the tensor before the other arguments.
const calls: [method: string, args: unknown[], fn?: string][] = [
  ...[
    'add',
    'subtract',
    'multiply',
    'divide',
    'power',
    'mod',
    'maximum',
    'minimum',
    'equal',
    'notEqual',
    'greater',
    'greaterEqual',
    'less',
  ].map((name): [string, unknown[]] => [name, [2]]),
  ...['lessEqual', 'logicalAnd', 'logicalOr'].map((name): [string, unknown[]] => [name, [1]]),
  ...[
    'negative',
    'abs',
    'sign',
    'square',
    'exp',
    'log',
    'sqrt',
    'rsqrt',
    'floor',
    'ceil',
    'relu',
    'sigmoid',
    'tanh',
    'logicalNot',
  ].map((name): [string, unknown[]] => [name, []]),
  ...['sum', 'mean', 'prod', 'max', 'min', 'var', 'std', 'any', 'all', 'argmax', 'argmin', 'cumsum', 'softmax'].map(
    (name): [string, unknown[]] => [name, [{ axis: 0 }]],
  ),
  ['sub', [2], 'subtract'],
  ['mul', [2], 'multiply'],
  ['div', [2], 'divide'],
  ['pow', [2], 'power'],
  ['neg', [], 'negative'],
  ['flatten', [], 'ravel'],
  ['ravel', []],
  ['clip', [2, 4]],
  ['round', [{ decimals: 1 }]],
  ['matmul', [tensor([1, 2, 3])]],
  ['reshape', [[3, -1]]],
  ['transpose', []],
  ['transpose', [{ axes: [1, 0] }]],
  ['expandDims', [0]],
  ['squeeze', []],
  ['broadcastTo', [[2, 2, 3]]],
  ['cast', ['int32']],
  ['take', [[0, 2], { axis: 1 }]],
  ['getItem', [[1]]],
];

test.each(calls)('x.%s(%j)', (method, args, fn = method) => {
  const own = (positive as unknown as Record<string, (...args: unknown[]) => typeof x>)[method]?.(...args);
  const expected = (ops as unknown as Record<string, (...args: unknown[]) => typeof x>)[fn]?.(positive, ...args);
  expect(own?.shape).toEqual(expected?.shape);
  expect(own?.dtype).toBe(expected?.dtype);
  expect(own?.arraySync()).toEqual(expected?.arraySync());
});

test('slice takes the start and end of JavaScript', () => {
  const rows = [10, 20, 30, 40];
  const vector = tensor(rows);
  for (const [start, end] of [
    [1, 3],
    [-2, undefined],
    [0, -1],
    [2, 100],
    [3, 1],
  ] as const) {
    expect(vector.slice(start, end).arraySync()).toEqual(rows.slice(start, end));
  }
  expect(vector.slice().arraySync()).toEqual(rows);
  expect(x.slice([0, 1], [1, 3]).arraySync()).toEqual([[-2, 3]]);
  expect(x.slice(1).arraySync()).toEqual([[4, 5, -6]]);
});

test('methods chain, and Variables have them', () => {
  const images = tensor(new Uint8Array([0, 128, 255, 64]), { shape: [1, 2, 2] });
  const scaled = images.reshape([-1, 4]).cast('float32').divide(255);
  expect(scaled.shape).toEqual([1, 4]);
  expect(scaled.dtype).toBe('float32');
  expect(new Variable([1, 2]).add(1).arraySync()).toEqual([2, 3]);
});
