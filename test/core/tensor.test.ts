import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { call } from '../../lib/core/call.js';
import { type DType, dtypes } from '../../lib/core/dtype.js';
import { ArgumentError, DisposedError, NativeError, ShapeError, StateError } from '../../lib/core/errors.js';
import { memory } from '../../lib/core/memory.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { keep, tidy } from '../../lib/core/tidy.js';
import { Variable } from '../../lib/core/variable.js';

describe('tensor', () => {
  it('takes nested arrays: numbers as floatx, booleans as bool, BigInts as int64', () => {
    const cases: [Parameters<typeof tensor>[0], DType, number[]][] = [
      [3, 'float32', []],
      [true, 'bool', []],
      [7n, 'int64', []],
      [[1, 2, 3], 'float32', [3]],
      [
        [
          [1, 2],
          [3, 4],
        ],
        'float32',
        [2, 2],
      ],
      [[[true], [false]], 'bool', [2, 1]],
      [[1n, -2n], 'int64', [2]],
      [[], 'float32', [0]],
      [[[], []], 'float32', [2, 0]],
    ];
    for (const [values, dtype, shape] of cases) {
      const x = tensor(values);
      expect([x.dtype, x.shape], String(values)).toEqual([dtype, shape]);
      expect(x.arraySync()).toEqual(
        JSON.parse(JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? Number(value) : value))),
      );
    }
  });

  it('keeps the dtype of typed arrays and round-trips their values', async () => {
    const arrays = [
      [new Uint8Array([0, 255]), 'uint8'],
      [new Int8Array([-128, 127]), 'int8'],
      [new Uint16Array([0, 65535]), 'uint16'],
      [new Int16Array([-32768, 32767]), 'int16'],
      [new Uint32Array([0, 4294967295]), 'uint32'],
      [new Int32Array([-2147483648, 2147483647]), 'int32'],
      [new BigUint64Array([0n, 18446744073709551615n]), 'uint64'],
      [new BigInt64Array([-9223372036854775808n, 9223372036854775807n]), 'int64'],
      [new Float32Array([1.5, Number.NaN]), 'float32'],
      [new Float64Array([0.1, Number.NEGATIVE_INFINITY]), 'float64'],
    ] as const;
    for (const [array, dtype] of arrays) {
      const x = tensor(array);
      expect(x.dtype).toBe(dtype);
      expect(x.dataSync()).toEqual(array);
      expect(await x.data()).toEqual(array);
    }
  });

  it('makes every dtype that Keras has, and reads it back', () => {
    for (const dtype of dtypes) {
      const complex = dtype.startsWith('complex');
      const x = tensor(complex ? [1, 0, 0, 2] : [1, 0], { dtype, shape: [2] });
      expect(x.dtype).toBe(dtype);
      expect(x.shape).toEqual([2]);
      expect(Array.from(x.dataSync(), Number), dtype).toEqual(complex ? [1, 0, 0, 2] : [1, 0]);
    }
  });

  it('takes real numbers and pairs for complex ones', () => {
    for (const dtype of ['complex64', 'complex128'] as const) {
      expect(tensor([[1, 2]], { dtype }).arraySync()).toEqual([
        [
          [1, 0],
          [2, 0],
        ],
      ]);
      expect(tensor(3, { dtype }).arraySync()).toEqual([3, 0]);
      expect(tensor([1, 2], { dtype, shape: [1] }).arraySync()).toEqual([[1, 2]]);
      expect(() => tensor([1, 2, 3], { dtype, shape: [2] })).toThrow(/expected 4 values for shape \[2\].*got 3/);
    }
  });

  it('reads int64 as numbers where that is safe, else as BigInt', async () => {
    expect(await tensor([1n, 2n ** 60n]).array()).toEqual([1, 2n ** 60n]);
  });

  it.each([
    [() => tensor([[1, 2], [3]]), ShapeError, /expected nested arrays of equal lengths, got length 1 beside 2/],
    [() => tensor([[1], 2] as never), ShapeError, /equal depth, got a number beside an array/],
    [() => tensor([1, [2]] as never), ShapeError, /equal lengths/],
    [() => tensor([1, true] as never), ArgumentError, /values of one kind, got boolean among number/],
    [() => tensor(['a'] as never), ArgumentError, /expected numbers, booleans or BigInts, got string/],
    [() => tensor(null as never), ArgumentError, /got null/],
    [
      () => tensor(new Float32Array(6), { shape: [2, 2] }),
      ShapeError,
      /expected 4 values for shape \[2, 2\] of float32, got 6/,
    ],
    [() => tensor(new Float32Array(1), { shape: [-1] }), ShapeError, /whole numbers of at least 0, got \[-1\]/],
    [() => tensor([1], { dtype: 'float31' as never }), Error, /dtype: expected one of bool, .*got "float31"/],
    [() => tensor(new DataView(new ArrayBuffer(4)) as never), ArgumentError, /typed array of numbers, got DataView/],
    [() => tensor(tensor(1), { dtype: 'int32' }), ArgumentError, /values without options when given a tensor/],
  ])('refuses bad values %#', (make, type, message) => {
    expect(make).toThrow(type);
    expect(make).toThrow(message);
  });

  it('copies by default and shares memory with copy: false', () => {
    const values = new Float32Array(32768).fill(1);
    const copied = tensor(values);
    const shared = tensor(values, { copy: false });
    values[0] = 5;
    expect(copied.dataSync()[0]).toBe(1);
    expect(shared.dataSync()[0]).toBe(5);
  });

  it('hands over large values without copying, and they outlive the tensor', () => {
    const x = tensor(new Float32Array(1 << 20).fill(2));
    const values = x.dataSync();
    expect(x.dataSync().buffer).not.toBe(values.buffer);
    x.dispose();
    // New tensors of the same size must not take the memory that the array still shows.
    for (let i = 0; i < 8; i++) tensor(new Float32Array(1 << 20).fill(i + 3));
    expect(values.every((value) => value === 2)).toBe(true);
  });

  it('is an error to use after dispose, in every place', () => {
    const x = tensor([1, 2]);
    x.dispose();
    x.dispose();
    expect(x.isDisposed).toBe(true);
    expect(String(x)).toBe('Tensor(disposed)');
    for (const use of [
      () => x.shape,
      () => x.dtype,
      () => x.dataSync(),
      () => call('aten::neg', x),
      () => call('aten::cat', [x], 0),
      () => new Variable(x),
      // An optional argument must not pass for "none given".
      () => call('aten::clamp.Tensor', tensor([1]), x, null),
    ]) {
      expect(use).toThrow(DisposedError);
    }
  });

  it("refuses JavaScript's operators with a hint, and shows itself in logs", () => {
    const x = tensor([1, 2]);
    expect(() => (x as never) > 0).toThrow(StateError);
    expect(() => +(x as never)).toThrow(/can't be used as a JavaScript number \(shape \[2\]\)/);
    expect(`${x}`).toBe('Tensor(float32[2])');
    expect(inspect(x)).toBe('Tensor(float32[2])');
    expect(() => x.item()).toThrow(/expected a tensor of one element, got shape \[2\]/);
    expect(tensor([[5]]).item()).toBe(5);
  });

  it('is freed by using', () => {
    const before = memory().tensors;
    {
      using x = tensor([1, 2, 3]);
      expect(memory().tensors).toBeLessThanOrEqual(before + 1);
      expect(x.size).toBe(3);
    }
    expect(memory().tensors).toBeLessThanOrEqual(before);
  });
});

describe('tidy', () => {
  it('frees what is not returned, keeps what is, also in objects, nested and kept', () => {
    const before = memory().tensors;
    let kept: Tensor | undefined;
    let variable: Variable | undefined;
    const result = tidy(() => {
      const x = tensor([1, 2]);
      kept = keep(tensor([9]));
      variable = new Variable([1]);
      const inner = tidy(() => ({ list: [call('aten::add.Tensor', x, x, 1)], other: call('aten::neg', x) && 1 }));
      return { ...inner, x };
    });
    expect(result.list[0]?.arraySync()).toEqual([2, 4]);
    expect(result.x.arraySync()).toEqual([1, 2]);
    expect(kept?.arraySync()).toEqual([9]);
    expect(variable?.arraySync()).toEqual([1]);
    expect(memory().tensors).toBeLessThanOrEqual(before + 4);
    for (const t of [result.list[0], result.x, kept, variable]) t?.dispose();
    expect(memory().tensors).toBeLessThanOrEqual(before);
  });

  it('frees everything when the function throws', () => {
    const before = memory().tensors;
    expect(() =>
      tidy(() => {
        tensor([1]);
        throw new Error('mine');
      }),
    ).toThrow('mine');
    expect(memory().tensors).toBeLessThanOrEqual(before);
  });
});

describe('call', () => {
  it('reaches any operator by schema name, with defaults, lists, scalars and dtypes', () => {
    expect(call('aten::arange.start_step', 0, 6, 2, 'int32').dataSync()).toEqual(new Int32Array([0, 2, 4]));
    expect(call('aten::full', [2], 1.5, 'float64').dataSync()).toEqual(new Float64Array([1.5, 1.5]));
    expect(call('aten::stack', [tensor([1]), tensor([2])], 1).arraySync()).toEqual([[1, 2]]);
    expect(
      call(
        'aten::index.Tensor',
        tensor([
          [1, 2],
          [3, 4],
        ]),
        [null, tensor([1n])],
      ).arraySync(),
    ).toEqual([[2], [4]]);
  });

  it.each([
    [() => call('aten::nothing'), ArgumentError, /unknown operator 'aten::nothing'/],
    [() => call('aten::add.Tensor', tensor(1)), ArgumentError, /argument 'other' is missing/],
    [() => call('aten::neg', 'x' as never), ArgumentError, /aten::neg: argument 'self': expected a tensor/],
    [() => call('aten::neg', {} as never), ArgumentError, /expected a tensor/],
    [() => call('aten::sum.dim_IntList', tensor([1]), [0.5]), ArgumentError, /argument 'dim': expected a whole number/],
    [() => call('aten::neg', tensor(1), 2), ArgumentError, /at most 1 arguments, got 2/],
    [() => call('aten::max.dim', tensor([1]), 0), ArgumentError, /expected an operator that answers one tensor/],
    [
      () => call('aten::mm', tensor([[1, 2]]), tensor([[1, 2]])),
      NativeError,
      /aten::mm\(float32\[1, 2\], float32\[1, 2\]\): mat1 and mat2 shapes cannot be multiplied/,
    ],
  ])('explains bad calls %#', (use, type, message) => {
    expect(use).toThrow(type);
    expect(use).toThrow(message);
  });

  it('refuses operators that write in place on anything but Variables', () => {
    expect(() => call('aten::add_.Tensor', tensor(1), tensor(1))).toThrow(
      /takes Variables there; tensors never change/,
    );
  });

  it('answers an error, not a crash, when memory runs out', () => {
    expect(() => call('aten::zeros', [2 ** 40, 2 ** 10], 'float64')).toThrow(NativeError);
    expect(() => call('aten::zeros', [2 ** 31, 2 ** 31, 2 ** 31], 'float64')).toThrow(NativeError);
    expect(tensor([1]).arraySync()).toEqual([1]);
  });
});
