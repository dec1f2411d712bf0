import { describe, expect, test } from 'vitest';
import { DTypeError } from '../../lib/core/errors.js';
import { ArgumentError, grad, Input, jit, Model, ops, ShapeError, type Tensor } from '../../lib/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { sample } from '../support/layer-suite.js';
import { expectValues, load, messageOf } from './support.js';

interface FunctionCase {
  kind: string;
  fn: 'conv' | 'depthwiseConv' | 'separableConv' | 'convTranspose';
  args: GoldenArray[];
  options: object;
  y: GoldenArray;
  upstream: GoldenArray;
  slopes: GoldenArray[];
}

const cases = loadGolden<FunctionCase>('convolutions').cases.filter(({ kind }) => kind === 'function');

describe('as Keras', () => {
  test('has cases', () => expect(new Set(cases.map(({ fn }) => fn)).size).toBe(4));

  test.each(cases)('$name', ({ fn, args, options, y, upstream, slopes }) => {
    const run = ops[fn] as (...given: unknown[]) => Tensor;
    const tensors = args.map(load);
    expectValues(run(...tensors, options), y, 1e-5);
    expectValues(jit((...given: Tensor[]) => run(...given, options))(...tensors), y, 1e-5);
    const weight = load(upstream);
    const found = grad((given: Tensor[]) => ops.sum(ops.multiply(run(...given, options), weight)))(tensors);
    slopes.forEach((slope, i) => {
      expectValues(found[i], slope, 1e-5);
    });
  });
});

test('takes arrays, half precision and an empty batch', () => {
  expect(ops.conv([[[1], [2], [4]]], [[[1]], [[-1]]]).arraySync()).toEqual([[[-1], [-2]]]);
  const half = ops.cast(sample([2, 1, 1]), 'bfloat16');
  expect(ops.conv(sample([1, 4, 1]), half).dtype).toBe('bfloat16');
  expect(ops.conv(ops.zeros([0, 5, 5, 2]), sample([3, 3, 2, 4])).shape).toEqual([0, 3, 3, 4]);
});

test('takes symbolic tensors', () => {
  const images = Input({ shape: [null, null, 2] });
  const kernel = sample([3, 3, 2, 4]);
  const model = new Model({ inputs: images, outputs: ops.conv(images as never, kernel, { padding: 'same' }) as never });
  expect((model.outputs as unknown as Tensor[])[0]?.shape).toEqual([null, null, null, 4]);
  expect((model.apply(sample([1, 5, 4, 2])) as Tensor).shape).toEqual([1, 5, 4, 4]);
});

const x = sample([2, 5, 5, 4]);
const kernel = sample([3, 3, 4, 6]);

test.each<[call: string, run: () => unknown, type: new (...args: never[]) => Error, message: string]>([
  [
    'rank',
    () => ops.conv(sample([2, 5]), kernel),
    ShapeError,
    'ops.conv: expected inputs of rank 3, 4 or 5 [batch, ...spatial, channels], got rank 2 [2, 5].\n  Add an axis: ops.expandDims(x, -1).',
  ],
  [
    "the kernel's rank",
    () => ops.conv(x, sample([3, 4, 6])),
    ShapeError,
    'ops.conv: expected a kernel of rank 4 like the inputs, got [3, 4, 6] for inputs of shape [2, 5, 5, 4].',
  ],
  [
    'channels',
    () => ops.conv(x, sample([3, 3, 3, 6])),
    ShapeError,
    "ops.conv: expected input channels that are a multiple of the kernel's 3, got 4 in [2, 5, 5, 4].\n  The kernel's shape is [...spatial, channels / groups, filters], with dataFormat 'channels_last'.",
  ],
  [
    'groups',
    () => ops.conv(x, sample([3, 3, 1, 6])),
    ShapeError,
    'ops.conv: expected filters that are a multiple of the 4 groups, got 6 in a kernel of shape [3, 3, 1, 6].',
  ],
  [
    'single channels',
    () => ops.depthwiseConv(x, sample([3, 3, 2, 6])),
    ShapeError,
    "ops.depthwiseConv: expected inputs with the kernel's 2 channels, got 4 in [2, 5, 5, 4].\n  Channels stand as dataFormat says, here 'channels_last'.",
  ],
  [
    'channels in front',
    () => ops.convTranspose(x, kernel, { dataFormat: 'channels_first' }),
    ShapeError,
    "ops.convTranspose: expected inputs with the kernel's 6 channels, got 5 in [2, 5, 5, 4].\n  Channels stand as dataFormat says, here 'channels_first'.",
  ],
  [
    'size',
    () => ops.conv(x, kernel, { dilationRate: 3 }),
    ShapeError,
    "ops.conv: expected inputs of at least 7 along axis 1, got [2, 5, 5, 4].\n  Take a smaller kernel, or padding: 'same'.",
  ],
  [
    'dtype',
    () => ops.conv(x, ops.ones([3, 3, 4, 6], { dtype: 'int32' })),
    DTypeError,
    "ops.conv: expected a kernel of a float dtype, got int32.\n  Cast it: kernel.cast('float32').",
  ],
  [
    'strides',
    () => ops.conv(x, kernel, { strides: [1, 2, 3] }),
    ArgumentError,
    'ops.conv: expected strides to be a whole number of at least 1, or one for each of 2 spatial axes, got [1, 2, 3].',
  ],
  [
    'padding',
    () => ops.conv(x, kernel, { padding: 'causal' as never }),
    ArgumentError,
    `ops.conv: expected padding to be one of 'valid', 'same', got "causal".`,
  ],
  [
    'dataFormat',
    () => ops.conv(x, kernel, { dataFormat: 'NHWC' as never }),
    ArgumentError,
    `ops.conv: expected dataFormat to be one of 'channels_last', 'channels_first', got "NHWC".`,
  ],
  [
    'outputPadding',
    () => ops.convTranspose(x, sample([3, 3, 6, 4]), { strides: 2, outputPadding: [1, 2] }),
    ArgumentError,
    'ops.convTranspose: expected outputPadding below strides [2, 2], got [1, 2].',
  ],
  [
    'unknown options',
    () => ops.conv(x, kernel, { stride: 2 } as never),
    ArgumentError,
    "ops.conv: unknown option 'stride'.\n  Did you mean 'strides'?",
  ],
  [
    'options by position',
    () => ops.separableConv(x, kernel, kernel, 2 as never),
    ArgumentError,
    'ops.separableConv: expected options as one object, got 2.\n  Write ops.separableConv(inputs, depthwiseKernel, pointwiseKernel, { strides: 2 }).',
  ],
])('refuses wrong %s', (_, run, type, message) => {
  expect(messageOf(run)).toBe(message);
  expect(run).toThrow(type);
});
