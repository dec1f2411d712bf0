import { describe, expect, it } from 'vitest';
import { call } from '../../lib/core/call.js';
import { NativeError, StateError } from '../../lib/core/errors.js';
import { native } from '../../lib/core/native.js';
import { inferSpecs, type SymbolicSpec, SymbolicTensor } from '../../lib/core/symbolic.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

const infer = (specs: SymbolicSpec[], fn: (...inputs: Tensor[]) => unknown) =>
  inferSpecs(specs, (inputs) => fn(...(inputs as Tensor[])));
const float = (...shape: (number | null)[]): SymbolicSpec => ({ shape, dtype: 'float32' });

describe('inferSpecs', () => {
  it('answers shapes and dtypes without computing', () => {
    const w = new Variable(new Float32Array(12), { name: 'w' }).value;
    const kernel = call('aten::reshape', w, [4, 3]);
    expect(infer([float(null, 4)], (x) => call('aten::mm', x, kernel))).toEqual({ shape: [null, 3], dtype: 'float32' });
    expect(infer([float(2, 4)], (x) => call('aten::argmax', x, 1))).toEqual({ shape: [2], dtype: 'int64' });
    // Nothing of this size could be computed.
    expect(infer([float(2 ** 20, 2 ** 20)], (x) => call('aten::relu', x))).toEqual({
      shape: [2 ** 20, 2 ** 20],
      dtype: 'float32',
    });
  });

  it('keeps unknown dimensions apart from known ones and from each other', () => {
    expect(infer([float(null, null, 8)], (x) => call('aten::transpose.int', x, 1, 2))).toEqual({
      shape: [null, 8, null],
      dtype: 'float32',
    });
    expect(infer([float(null, 64)], (x) => call('aten::sum.dim_IntList', x, [0]))).toEqual({
      shape: [64],
      dtype: 'float32',
    });
    expect(infer([float(null, 8)], (x) => call('aten::reshape', x, [-1]))).toEqual({ shape: [null], dtype: 'float32' });
    expect(infer([float(null, 3), float(null, 3)], (a, b) => call('aten::add.Tensor', a, b, 1))).toEqual(
      float(null, 3),
    );
  });

  it('tries other sizes where the first do not fit', () => {
    // Even sizes only: a split in halves.
    expect(infer([float(null, null)], (x) => call('aten::reshape', x, [2, (x.shape[0] as number) / 2, -1]))).toEqual({
      shape: [2, null, null],
      dtype: 'float32',
    });
    // Odd sizes only.
    const odd = (x: Tensor) => {
      if ((x.shape[0] as number) % 2 === 0) throw new Error('even');
      return x;
    };
    expect(infer([float(null)], odd)).toEqual(float(null));
  });

  it('reports the error when no size fits, and leaves no recording open', () => {
    const bad = () => infer([float(null, 4)], (x) => call('aten::mm', x, tensor([[1, 2]])));
    expect(bad).toThrow(NativeError);
    expect(bad).toThrow(/mat1 and mat2 shapes cannot be multiplied/);
    expect(native.recordDepth()).toBe(0);
    expect(() => infer([float(1)], (x) => tensor(x.item()))).toThrow(StateError);
  });

  it('descends trees of inputs and outputs', () => {
    const result = inferSpecs({ a: float(null, 2), b: [float(3)] }, (inputs) => {
      const { a, b } = inputs as { a: Tensor; b: Tensor[] };
      return { sum: call('aten::sum', a), same: b };
    });
    expect(result).toEqual({ sum: float(), same: [float(3)] });
  });
});

describe('SymbolicTensor', () => {
  it('shows null for unknown dimensions', () => {
    const x = new SymbolicTensor({ shape: [null, 28], name: 'pixels' });
    expect([x.shape, x.dtype, x.ndim, String(x)]).toEqual([
      [null, 28],
      'float32',
      2,
      'SymbolicTensor(pixels: float32[null, 28])',
    ]);
  });
});
