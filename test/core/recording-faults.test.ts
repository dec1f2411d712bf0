// Faults of recordings that would be silent: layouts, memory that is shared, generators, places that stand-ins must not reach.
import { describe, expect, it } from 'vitest';
import { grad, valueAndGrad } from '../../lib/core/autograd.js';
import { call, callList, callValue } from '../../lib/core/call.js';
import { StateError } from '../../lib/core/errors.js';
import { native } from '../../lib/core/native.js';
import { jit } from '../../lib/core/program.js';
import { setRandomSeed } from '../../lib/core/random.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

const sum = (x: Tensor): Tensor => call('aten::sum', x);
const mul = (a: Tensor, b: Tensor): Tensor => call('aten::mul.Tensor', a, b);
const wave = (...shape: number[]): Tensor => {
  const size = shape.reduce((a, b) => a * b, 1);
  return tensor(
    Float32Array.from({ length: size }, (_, i) => Math.sin(i + 1)),
    { shape },
  );
};

describe('layouts', () => {
  const expectClose = (actual: Tensor, expected: Tensor, what: string): void => {
    expect(actual.shape, what).toEqual(expected.shape);
    const difference = call('aten::amax', call('aten::abs', call('aten::sub.Tensor', actual, expected, 1)));
    expect(difference.item(), what).toBeLessThan(1e-4);
  };
  const flip = (x: Tensor): Tensor => call('aten::transpose.int', x, -1, -2);
  const layouts: [string, () => Tensor][] = [
    ['transposed', () => flip(wave(2, 4, 6, 8))],
    ['a window', () => call('aten::slice.Tensor', wave(2, 4, 8, 12), 3, 1, 12, 2)],
    ['expanded', () => call('aten::expand', wave(2, 1, 8, 1), [2, 4, 8, 6])],
    ['channels last', () => call('aten::contiguous', wave(2, 4, 8, 6), 'channels_last')],
    ['reversed axes', () => call('aten::permute', wave(6, 8, 4, 2), [3, 2, 1, 0])],
  ];
  const functions: [string, (x: Tensor) => Tensor][] = [
    ['matmul', (x) => call('aten::matmul', x, flip(x))],
    ['attention', (x) => call('aten::scaled_dot_product_attention', x, x, x, null, 0, false, null, false)],
    ['pooling', (x) => call('aten::max_pool2d', x, [2, 2])],
    ['pixel shuffle', (x) => call('aten::pixel_shuffle', x, 2)],
    ['reshape', (x) => call('aten::reshape', flip(x), [2, -1])],
    ['softmax', (x) => call('aten::softmax.int', x, 1)],
    ['layer norm', (x) => call('aten::layer_norm', x, [x.shape[3] as number])],
    ['convolution', (x) => call('aten::conv2d', x, wave(3, x.shape[1] as number, 2, 2))],
    ['sort', (x) => callList('aten::sort', x, 1)[0] as Tensor],
    ['index', (x) => call('aten::index_select', x, 2, tensor([1n, 0n]))],
  ];
  it.each(functions)('of inputs and constants do not matter: %s', (_, fn) => {
    for (const [name, make] of layouts) {
      const x = make();
      const expected = fn(x);
      const w = new Variable(x);
      expectClose(jit(fn)(x), expected, `${name}, as an input`);
      expectClose(jit(() => fn(x))(), expected, `${name}, as a constant`);
      expectClose(jit(() => fn(w))(), expected, `${name}, as a Variable`);
      const slope = (y: Tensor): Tensor => grad((z: Tensor) => sum(mul(fn(z), fn(z))))(y);
      expectClose(jit(slope)(x), slope(x), `${name}, gradient`);
    }
  });
});

describe('memory that is shared', () => {
  it('by a result and a Variable is copied before the Variable is written', () => {
    const w = new Variable([1, 2]);
    const write = (): unknown => callValue('torchlayers::sgd_', [w], [tensor([1, 1])], [], tensor(1), 0, false);
    const f = jit(() => [w, call('aten::reshape', w, [2, 1]), w.value]);
    const results = f();
    write();
    jit(write)();
    expect(results.map((t) => t.arraySync())).toEqual([
      [1, 2],
      [[1], [2]],
      [1, 2],
    ]);
    expect(w.arraySync()).toEqual([-1, 0]);
  });

  it('by inputs and what is made of them is never written', () => {
    const data = wave(4);
    const before = data.arraySync();
    for (const write of [
      (x: Tensor) => call('aten::add_.Tensor', x, x, 1),
      (x: Tensor) => call('aten::mul_.Scalar', call('aten::slice.Tensor', x, 0, 0, 2), 2),
      (x: Tensor) => callValue('aten::_foreach_add_.List', [x], [x]),
    ]) {
      expect(() => jit(write)(data)).toThrow(/takes Variables there; tensors never change/);
      expect(() => write(data)).toThrow(/takes Variables there; tensors never change/);
    }
    expect(data.arraySync()).toEqual(before);
  });

  it('by two Variables stays apart', () => {
    const a = new Variable([1, 2]);
    const b = new Variable(a);
    const c = new Variable([0, 0]);
    jit(() => {
      c.assign(a);
      callValue('torchlayers::sgd_', [a], [tensor([1, 1])], [], tensor(1), 0, false);
      return [];
    })();
    expect([a, b, c].map((v) => v.arraySync())).toEqual([
      [0, 1],
      [1, 2],
      [1, 2],
    ]);
  });
});

describe('operators that write in place', () => {
  it.each([
    ['eager', <T>(f: () => T): T => f()],
    ['recorded', <T>(f: () => T): T => jit(f)()],
  ])('leave no graph in a Variable, whatever watches them: %s', (_, run) => {
    const w = new Variable([1, 2]);
    const x = new Variable([3, 4]);
    const update = () =>
      valueAndGrad((_: Variable[]) => {
        call('aten::add_.Tensor', w, x, 1);
        return sum(mul(x, x));
      })([x]).grads[0] as Tensor;
    for (let i = 0; i < 3; i++) expect(run(update).arraySync()).toEqual([6, 8]);
    expect(w.arraySync()).toEqual([10, 14]);
    // With a graph it could be no constant of a recording.
    const value = w.value;
    expect(jit(() => mul(value, value))().arraySync()).toEqual([100, 196]);
  });

  it('work in programs as they do eagerly, in order, with reads between', () => {
    const run = (wrap: (f: (x: Tensor) => Tensor[]) => (x: Tensor) => Tensor[]): unknown => {
      const w = new Variable([1, 2]);
      const f = wrap((x) => {
        const first = mul(w, w);
        const alias = call('aten::add_.Tensor', w, x, 1);
        const second = mul(alias, w);
        callValue('aten::_foreach_mul_.Scalar', [w], 2);
        return [first, alias, second, call('aten::neg', w)];
      });
      return [f(tensor([10, 20])), f(tensor([1, 1])), [w.value]].map((list) => list.map((t) => t.arraySync()));
    };
    expect(run(jit)).toEqual(run((f) => f));
  });
});

describe('recording', () => {
  it('leaves generators where they are', () => {
    const draw = (): Tensor => call('aten::rand', [4], 'float32');
    setRandomSeed(7);
    const expected = [draw(), draw()].map((t) => t.arraySync());
    setRandomSeed(7);
    const first = draw().arraySync();
    jit((x: Tensor) => {
      const noise = [call('aten::rand_like', x), call('aten::bernoulli', x), call('aten::randperm', 5)];
      return [...noise, call('aten::multinomial', call('aten::abs', x), 1), draw()];
    }).programFor(wave(4));
    expect([first, draw().arraySync()]).toEqual(expected);
  });

  it('writes devices as they were given', () => {
    const f = jit(() => call('aten::zeros', [2], 'float32', null, 'cpu'));
    const zeros = f();
    expect([zeros.device, zeros.arraySync()]).toEqual(['cpu', [0, 0]]);
    expect(f.programs[0]?.toString({ lines: false })).toMatchInlineSnapshot(`
      "program() {
        %0: float32[2] = aten::zeros([2], 6, None, cpu, None)
        return %0
      }"
    `);
  });

  it.each([
    ['a Variable made inside it', (x: Tensor) => new Variable(() => mul(x, x)).value],
    ['code that creation suspends it for', (x: Tensor) => new Variable(() => x.dataSync()).value],
  ])('keeps stand-ins out of %s', (_, fn) => {
    expect(() => jit(fn)(tensor([1]))).toThrow(StateError);
    expect(native.recordDepth()).toBe(0);
  });

  it('refuses whatever asks for a value, on stand-ins and on Variables that it touched', () => {
    const w = new Variable(1);
    const asks: [string, (x: Tensor) => unknown][] = [
      ['item', (x) => x.item()],
      ['dataSync', (x) => x.dataSync()],
      ['arraySync', (x) => x.arraySync()],
      ['+', (x) => +(x as never)],
      ['>', (x) => (x as never) > 1],
      ['aten::item', (x) => callValue('aten::item', x)],
      ['aten::equal', (x) => callValue('aten::equal', x, x)],
      ['aten::is_nonzero', (x) => callValue('aten::is_nonzero', x)],
      ['aten::nonzero', (x) => call('aten::nonzero', x)],
      ['aten::where', (x) => callList('aten::where', x)],
      ['aten::nonzero_numpy', (x) => callList('aten::nonzero_numpy', x)],
      ['aten::masked_select', (x) => call('aten::masked_select', x, call('aten::gt.Scalar', x, 0))],
      ['aten::_unique2', (x) => callList('aten::_unique2', x)],
      ['aten::bincount', (x) => call('aten::bincount', call('aten::to.dtype', x, 'int64'))],
      [
        'aten::repeat_interleave',
        (x) => call('aten::repeat_interleave.self_Tensor', x, call('aten::to.dtype', x, 'int64')),
      ],
    ];
    for (const [name, ask] of asks) {
      expect(() => jit((x: Tensor) => [ask(x), x][1])(tensor([1])), name).toThrow(/value|values/);
      expect(native.recordDepth(), name).toBe(0);
    }
    expect(() => jit(() => tensor(+(w as never)))()).toThrow(/can't be used as a JavaScript number/);
  });
});
