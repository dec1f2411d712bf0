import { describe, expect, test } from 'vitest';
import { ArgumentError, DTypeError, ShapeError, StateError } from '../../lib/core/errors.js';
import { jit } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import * as ops from '../../lib/ops/index.js';
import * as random from '../../lib/random/index.js';
import { messageOf } from './support.js';

const matrix = tensor([
  [1, 2, 3],
  [4, 5, 6],
]);
const half = ops.cast(matrix, 'float16');

// Each wrong call: eager and while recording it must be the same error, before libtorch sees it.
const wrong: [call: string, run: (x: Tensor) => unknown, type: new (...args: never[]) => Error, message: string][] = [
  [
    'add',
    (x) => ops.add(x, tensor([1, 2])),
    ShapeError,
    'ops.add: expected shapes that broadcast, got [2, 3] and [2].',
  ],
  [
    'divide',
    (x) => ops.divide(x, ops.ones([4])),
    ShapeError,
    'ops.divide: expected shapes that broadcast, got [2, 3] and [4].',
  ],
  [
    'matmul',
    (x) => ops.matmul(x, x),
    ShapeError,
    "ops.matmul: expected the last axis of x1 to fit x2's last axis but one, got [2, 3] and [2, 3].",
  ],
  [
    'matmul of numbers',
    (x) => ops.matmul(x, tensor(1)),
    ShapeError,
    'ops.matmul: expected tensors with axes, got [2, 3] and [].',
  ],
  [
    'matmul of batches',
    () => ops.matmul(ops.ones([4, 2, 2]), ops.ones([3, 2, 2])),
    ShapeError,
    'ops.matmul: expected leading axes that broadcast, got [4, 2, 2] and [3, 2, 2].',
  ],
  [
    'sum axis',
    (x) => ops.sum(x, { axis: 2 }),
    ShapeError,
    'ops.sum: expected axis from -2 to 1 for shape [2, 3], got 2.',
  ],
  [
    'sum axes',
    (x) => ops.sum(x, { axis: [0, -2] }),
    ArgumentError,
    'ops.sum: expected different axes, got [0, -2] for shape [2, 3].',
  ],
  [
    'sum axis of a number',
    () => ops.sum(3, { axis: 0 }),
    ShapeError,
    'ops.sum: expected a tensor with axes, got shape [] and axis 0.',
  ],
  [
    'sum(x, 1)',
    (x) => ops.sum(x, 1 as never),
    ArgumentError,
    'ops.sum: expected options as one object, got 1.\n  Write ops.sum(x, { axis: 1 }).',
  ],
  [
    'sum(x, { axes })',
    (x) => ops.sum(x, { axes: 1 } as never),
    ArgumentError,
    "ops.sum: unknown option 'axes'.\n  Did you mean 'axis'?",
  ],
  [
    'max of none',
    () => ops.max(ops.zeros([0, 2]), { axis: 0 }),
    ShapeError,
    'ops.max: expected at least one element along the axis, got shape [0, 2].',
  ],
  [
    'argmax of none',
    () => ops.argmax(ops.zeros([0])),
    ShapeError,
    'ops.argmax: expected at least one element along the axis, got shape [0].',
  ],
  [
    'reshape',
    (x) => ops.reshape(x, [4, 2]),
    ShapeError,
    'ops.reshape: expected a shape of 6 elements for [2, 3], got [4, 2].',
  ],
  [
    'reshape -1',
    (x) => ops.reshape(x, [-1, 4]),
    ShapeError,
    'ops.reshape: expected a shape of 6 elements for [2, 3], got [-1, 4].',
  ],
  ['reshape -1 -1', (x) => ops.reshape(x, [-1, -1]), ShapeError, 'ops.reshape: expected at most one -1, got [-1, -1].'],
  [
    'reshape half',
    (x) => ops.reshape(x, [1.5, 4]),
    ArgumentError,
    'ops.reshape: expected a shape: an array of whole numbers of at least -1, got [1.5, 4].',
  ],
  [
    'squeeze',
    (x) => ops.squeeze(x, { axis: 0 }),
    ShapeError,
    'ops.squeeze: expected size 1 at axis 0, got shape [2, 3].',
  ],
  [
    'transpose',
    (x) => ops.transpose(x, { axes: [0] }),
    ShapeError,
    'ops.transpose: expected 2 axes for shape [2, 3], got [0].',
  ],
  [
    'transpose([1, 0])',
    (x) => ops.transpose(x, [1, 0] as never),
    ArgumentError,
    'ops.transpose: expected options as one object, got [1, 0].\n  Write ops.transpose(x, { axes: [1, 0] }).',
  ],
  [
    'broadcastTo',
    (x) => ops.broadcastTo(x, [2, 4]),
    ShapeError,
    'ops.broadcastTo: expected a shape that [2, 3] broadcasts to, got [2, 4].',
  ],
  [
    'concatenate',
    (x) => ops.concatenate([x, ops.ones([3, 3])], { axis: 1 }),
    ShapeError,
    'ops.concatenate: expected shapes that differ in axis 1 only, got [2, 3] and [3, 3].',
  ],
  [
    'concatenate of one',
    (x) => ops.concatenate(x as never),
    ArgumentError,
    'ops.concatenate: expected an array of tensors, got Tensor.',
  ],
  [
    'concatenate of none',
    () => ops.concatenate([]),
    ArgumentError,
    'ops.concatenate: expected an array of tensors, got an empty one.',
  ],
  ['stack', (x) => ops.stack([x, ops.ones([3])]), ShapeError, 'ops.stack: expected equal shapes, got [2, 3] and [3].'],
  [
    'split',
    (x) => ops.split(x, 2, { axis: 1 }),
    ShapeError,
    'ops.split: expected a size that 2 divides at axis 1, got shape [2, 3].',
  ],
  [
    'pad',
    (x) =>
      ops.pad(x, [
        [1, 1],
        [1, 1],
        [1, 1],
      ]),
    ArgumentError,
    'ops.pad: expected a whole number, [before, after], or that for each of the 2 axes, got [[1, 1], [1, 1], [1, 1]].',
  ],
  [
    'pad values',
    (x) => ops.pad(x, 1, { mode: 'edge', constantValues: 2 }),
    ArgumentError,
    "ops.pad: expected constantValues with mode 'constant' only, got mode 'edge'.",
  ],
  [
    'take',
    (x) => ops.take(x, tensor([0.5])),
    DTypeError,
    'ops.take: expected indices of an integer dtype, got float32.',
  ],
  [
    'takeAlongAxis',
    (x) => ops.takeAlongAxis(x, [0, 1], { axis: 1 }),
    ShapeError,
    'ops.takeAlongAxis: expected indices of rank 2 like [2, 3], got shape [2].',
  ],
  [
    'slice',
    (x) => ops.slice(x, [0], [1]),
    ShapeError,
    'ops.slice: expected a start and a size for each of the 2 axes of [2, 3], got [0] and [1].',
  ],
  [
    'scatter',
    () => ops.scatter([[0, 0, 0]], [1], [2, 2]),
    ShapeError,
    'ops.scatter: expected indices whose last axis has 1 to 2 numbers, one per axis, got shape [1, 3].',
  ],
  [
    'oneHot',
    () => ops.oneHot([0], -1),
    ArgumentError,
    'ops.oneHot: expected numClasses to be a whole number of at least 0, got -1.',
  ],
  ['topK', (x) => ops.topK(x, 4), ShapeError, 'ops.topK: expected k of at most 3 for shape [2, 3], got 4.'],
  [
    'searchsorted',
    (x) => ops.searchsorted(x, 1),
    ShapeError,
    'ops.searchsorted: expected a vector to search, got shape [2, 3].',
  ],
  [
    'tensordot',
    (x) => ops.tensordot(x, x, { axes: 1 }),
    ShapeError,
    'ops.tensordot: expected equal sizes along axes [1] and [0], got [2, 3] and [2, 3].',
  ],
  [
    'einsum',
    (x) => ops.einsum('ij,jk->ik', [x]),
    ArgumentError,
    "ops.einsum: expected 2 operands for 'ij,jk->ik', got 1.",
  ],
  [
    'einsum sizes',
    (x) => ops.einsum('ij,jk->ik', [x, x]),
    ShapeError,
    "ops.einsum: expected one size for 'j' in 'ij,jk->ik', got 3 and 2.",
  ],
  [
    'einsum rank',
    (x) => ops.einsum('ijk->i', [x]),
    ShapeError,
    "ops.einsum: expected 3 axes for 'ijk', got shape [2, 3].",
  ],
  ['inv', (x) => ops.inv(x), ShapeError, 'ops.inv: expected square matrices [..., n, n], got shape [2, 3].'],
  ['qr of half', () => ops.qr(half), DTypeError, 'ops.qr: expected float32 or float64, got float16.'],
  ['bitwiseAnd', (x) => ops.bitwiseAnd(x, 1), DTypeError, 'ops.bitwiseAnd: expected integers or bools, got float32.'],
  [
    'sign of complex',
    () => ops.sign(ops.ones([1], { dtype: 'complex64' })),
    DTypeError,
    'ops.sign: expected real numbers, got complex64.',
  ],
  [
    'softmax',
    (x) => ops.softmax(x, { axis: 2 }),
    ShapeError,
    'ops.softmax: expected axis from -2 to 1 for shape [2, 3], got 2.',
  ],
  [
    'normalize',
    (x) => ops.normalize(x, { order: 0 }),
    ArgumentError,
    'ops.normalize: expected order to be a whole number of at least 1, got 0.',
  ],
  [
    'batchNormalization',
    (x) => ops.batchNormalization(x, [1, 2], [1, 2, 3], 1),
    ShapeError,
    'ops.batchNormalization: expected mean of 3 numbers for axis 1 of [2, 3], got shape [2].',
  ],
  [
    'binaryCrossentropy',
    (x) => ops.binaryCrossentropy([1], x),
    ShapeError,
    'ops.binaryCrossentropy: expected target and output of one shape, got [1] and [2, 3].',
  ],
  [
    'sparseCategoricalCrossentropy',
    (x) => ops.sparseCategoricalCrossentropy(x, x),
    ShapeError,
    'ops.sparseCategoricalCrossentropy: expected target of shape [2] for output [2, 3], got [2, 3].',
  ],
  [
    'arange',
    () => ops.arange('3' as never),
    ArgumentError,
    'ops.arange: expected start to be a finite number, got "3".',
  ],
  ['arange step', () => ops.arange(0, 3, 0), ArgumentError, 'ops.arange: expected a step other than 0.'],
  [
    'zeros',
    () => ops.zeros([2, -1]),
    ArgumentError,
    'ops.zeros: expected a shape: an array of whole numbers of at least 0, got [2, -1].',
  ],
  [
    'zeros dtype',
    () => ops.zeros([2], 'int32' as never),
    ArgumentError,
    'ops.zeros: expected options as one object, got "int32".\n  Write ops.zeros(shape, { dtype: "int32" }).',
  ],
  ['cast', (x) => ops.cast(x, 'float31' as never), DTypeError, 'dtype: expected one of'],
  [
    'where',
    (x) => ops.where(x, 1 as never, undefined as never),
    ArgumentError,
    'ops.where: expected x1 and x2 together, got one of them.',
  ],
  [
    'getItem',
    (x) => ops.getItem(x, 1 as never),
    ArgumentError,
    'ops.getItem: expected an array of keys, got 1.\n  Write ops.getItem(x, [1]).',
  ],
  [
    'getItem place',
    (x) => ops.getItem(x, [2]),
    ShapeError,
    'ops.getItem: expected a place from -2 to 1 at axis 0, got 2.',
  ],
  ['dropout', (x) => random.dropout(x, 1.5), ArgumentError, 'random.dropout: expected rate from 0 to 1, got 1.5.'],
  [
    'dropout noiseShape',
    (x) => random.dropout(x, 0.5, { noiseShape: [2, 2] }),
    ShapeError,
    'random.dropout: expected a noiseShape that broadcasts to [2, 3], got [2, 2].',
  ],
  [
    'uniform',
    () => random.uniform([2], { minval: 2, maxval: 1 }),
    ArgumentError,
    'random.uniform: expected minval of at most maxval, got 2 and 1.',
  ],
  [
    'uniform dtype',
    () => random.uniform([2], { dtype: 'int32' }),
    DTypeError,
    'random.uniform: expected a float dtype, got int32.',
  ],
  [
    'normal',
    () => random.normal([2], { stddev: -1 }),
    ArgumentError,
    'random.normal: expected stddev to be at least 0, got -1.',
  ],
  [
    'randint',
    () => random.randint([2], 3, 3),
    ArgumentError,
    'random.randint: expected minval below maxval, got 3 and 3.',
  ],
  [
    'categorical',
    () => random.categorical([1, 2], 2),
    ShapeError,
    'random.categorical: expected logits of shape [batch, classes], got [2].',
  ],
  [
    'seed',
    () => random.uniform([2], { seed: -1 }),
    ArgumentError,
    'random: expected seed to be a SeedGenerator or a whole number of at least 0, got -1.',
  ],
];

describe('wrong arguments', () => {
  test.each(wrong)('%s', (_, run, type, message) => {
    expect(
      messageOf(() => run(matrix)).startsWith(message),
      messageOf(() => run(matrix)),
    ).toBe(true);
    expect(() => run(matrix)).toThrow(type);
    const recorded = jit((x: Tensor) => {
      run(x);
      return x;
    });
    expect(messageOf(() => recorded(matrix))).toBe(messageOf(() => run(matrix)));
  });
});

const dataDependent: [string, (x: Tensor) => unknown][] = [
  ['nonzero', (x: Tensor) => ops.nonzero(x)],
  ['unique', (x: Tensor) => ops.unique(x)],
  ['bincount', (x: Tensor) => ops.bincount(ops.cast(x, 'int32'))],
  ['where', (x: Tensor) => ops.where(x)],
];

test.each(dataDependent)('%s: a shape that depends on data is refused while recording', (_, run) => {
  expect(() => run(tensor([1, 0, 2]))).not.toThrow();
  expect(() => jit(run)(tensor([1, 0, 2]))).toThrow(StateError);
  expect(messageOf(() => jit(run)(tensor([1, 0, 2])))).toMatch(/runEagerly: true/);
});

test('a disposed operand is named', () => {
  const gone = tensor([1]);
  gone.dispose();
  expect(messageOf(() => ops.add(tensor([1]), gone))).toMatch(/disposed/);
});
