import { describe, expect, it } from 'vitest';
import { grad, noGrad, valueAndGrad } from '../../lib/core/autograd.js';
import { call, callValue } from '../../lib/core/call.js';
import { customGradient } from '../../lib/core/control.js';
import { ArgumentError, NativeError, ShapeError, StateError } from '../../lib/core/errors.js';
import { jit } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

const sum = (x: Tensor) => call('aten::sum', x);
const mul = (a: Tensor, b: Tensor) => call('aten::mul.Tensor', a, b);
const cube = (x: Tensor) => mul(x, mul(x, x));

describe('grad', () => {
  it('differentiates by a tensor, by several arguments, by lists', () => {
    expect(grad((x: Tensor) => sum(mul(x, x)))(tensor([1, 2, 3])).arraySync()).toEqual([2, 4, 6]);
    const f = (a: Tensor, b: Tensor) => sum(mul(a, b));
    expect(grad(f, { argnums: 1 })(tensor([1, 2]), tensor([3, 4])).arraySync()).toEqual([1, 2]);
    const both = grad(f, { argnums: [0, 1] })(tensor([1, 2]), tensor([3, 4]));
    expect(both.map((g) => g.arraySync())).toEqual([
      [3, 4],
      [1, 2],
    ]);
    const list = grad((xs: Tensor[]) => sum(mul(xs[0] as Tensor, xs[1] as Tensor)))([tensor([1]), tensor([5])]);
    expect(list.map((g) => g.arraySync())).toEqual([[5], [1]]);
  });

  it('answers value, gradients and auxiliary results, all free of a graph', () => {
    const w = new Variable([2, 3]);
    const { value, grads, aux } = valueAndGrad(
      (_: Variable[]) => {
        const y = mul(w, w);
        return [sum(y), { y }] as [Tensor, { y: Tensor }];
      },
      { hasAux: true },
    )([w]);
    expect(value.item()).toBe(13);
    expect(grads.map((g) => g.arraySync())).toEqual([[4, 6]]);
    expect(aux.y.arraySync()).toEqual([4, 9]);
    // Their graph is cut: they may be constants of a recording.
    expect(jit(() => call('aten::add.Tensor', aux.y, value, 1))().arraySync()).toEqual([17, 22]);
  });

  it('is zero where the function does not depend on the argument', () => {
    expect(grad((_: Tensor) => sum(tensor([1, 2])))(tensor([1, 2])).arraySync()).toEqual([0, 0]);
  });

  it('goes to any order, eagerly and recorded', () => {
    const first = (x: Tensor) => grad((y: Tensor) => sum(cube(y)))(x);
    const second = (x: Tensor) => grad((y: Tensor) => sum(first(y)))(x);
    const third = (x: Tensor) => grad((y: Tensor) => sum(second(y)))(x);
    const x = tensor([1, 2]);
    for (const run of [(f: (x: Tensor) => Tensor) => f, jit] as const) {
      expect(run(first)(x).arraySync()).toEqual([3, 12]);
      expect(run(second)(x).arraySync()).toEqual([6, 12]);
      expect(run(third)(x).arraySync()).toEqual([6, 6]);
    }
  });

  it('sees second-order gradients of our own operators', () => {
    const seed = tensor(new BigInt64Array([1n, 2n]));
    const drop = (x: Tensor) => call('torchlayers::dropout', x, seed, 0.5);
    const x = tensor([1, 2, 3, 4]);
    const mask = drop(tensor([1, 1, 1, 1])).arraySync() as number[];
    const second = grad((y: Tensor) => sum(grad((z: Tensor) => sum(cube(drop(z))))(y)))(x);
    expect(second.arraySync()).toEqual([1, 2, 3, 4].map((v, i) => 6 * v * (mask[i] as number) ** 3));
  });

  it('refuses a backward through a list optimizer instead of answering zeros', () => {
    const w = new Variable([1, 2]);
    const x = tensor([1, 1]);
    const f = () => {
      callValue('torchlayers::sgd_', [w], [x], [], tensor(1), 0, false);
      return sum(mul(w, x));
    };
    // Inside a gradient scope the variable keeps the value that the gradient watches.
    expect(valueAndGrad((_: Variable[]) => f())([w]).grads[0]?.arraySync()).toEqual([1, 1]);
    expect(w.arraySync()).toEqual([0, 1]);
  });

  it('finds gradients of values saved before an update between forward and backward', () => {
    // NATIVE-NOTES: a list operator that writes without a new version gave wrong numbers silently.
    const w = new Variable([3, 5]);
    const step = (): Tensor[] =>
      valueAndGrad((_: Variable[]) => {
        const y = sum(mul(w, w));
        callValue('torchlayers::sgd_', [w], [tensor([1, 1])], [], tensor(1), 0, false);
        return y;
      })([w]).grads;
    expect(step()[0]?.arraySync()).toEqual([6, 10]);
    expect(w.arraySync()).toEqual([2, 4]);
    expect(jit(step)()[0]?.arraySync()).toEqual([4, 8]);
    expect(w.arraySync()).toEqual([1, 3]);
  });

  it('reads an assigned variable with its graph inside a scope, as before outside', () => {
    for (const run of [<T>(f: () => T) => f(), <T>(f: () => T) => jit(f)()]) {
      const w = new Variable([2]);
      const state = new Variable([0]);
      const { grads } = run(() =>
        valueAndGrad((_: Variable[]) => {
          state.assign(mul(w, w));
          return sum(mul(state, w));
        })([w]),
      );
      // d(w^2 w)/dw = 3 w^2 only if the read of `state` sees what was assigned; Variables that are not watched are constants.
      expect(grads[0]?.arraySync()).toEqual([4]);
      expect(state.arraySync()).toEqual([4]);
      const watched = run(() =>
        valueAndGrad((_: Variable[]) => {
          state.assign(mul(w, w));
          return sum(mul(state, w));
        })([w, state]),
      );
      expect(watched.grads[0]?.arraySync()).toEqual([12]);
    }
  });

  it('works through a recorded function called inside an eager gradient', () => {
    const w = new Variable([1, 2]);
    const f = jit((x: Tensor) => sum(mul(x, mul(w, w))));
    const x = tensor([3, 4]);
    expect(valueAndGrad((_: Variable[]) => f(x))([w]).grads[0]?.arraySync()).toEqual([6, 16]);
    expect(grad((y: Tensor) => f(y))(x).arraySync()).toEqual([1, 4]);
  });

  it('leaves no graph behind outside of grad, and noGrad cuts one inside', () => {
    const w = new Variable([2]);
    const f = (x: Tensor) =>
      sum(
        mul(
          x,
          noGrad(() => mul(x, w)),
        ),
      );
    expect(grad(f)(tensor([3])).arraySync()).toEqual([6]);
    expect(jit((x: Tensor) => grad(f)(x))(tensor([3])).arraySync()).toEqual([6]);
    const stopped = (x: Tensor) => sum(mul(x, call('aten::detach', x)));
    expect(grad(stopped)(tensor([3])).arraySync()).toEqual([3]);
  });

  it.each([
    [() => grad(5 as never), ArgumentError, /grad: expected a function, got number/],
    [() => grad((x: Tensor) => x)(tensor([1, 2])), ShapeError, /return one number, got shape \[2\]/],
    [() => grad((() => 5) as never)(tensor([1]) as never), ArgumentError, /return a tensor, got number/],
    [() => grad((x: Tensor) => sum(x))(3 as never), ArgumentError, /expected tensors, Variables or lists/],
    [() => grad((x: Tensor) => sum(x))(tensor([1n])), ArgumentError, /of a float dtype, got int64/],
    [
      () => grad((x: Tensor) => sum(x), { argnums: 2 })(tensor([1])),
      ArgumentError,
      /argnums within the 1 arguments given, got 2/,
    ],
    [() => grad((async (x: Tensor) => sum(x)) as never)(tensor([1]) as never), StateError, /synchronous function/],
  ])('refuses bad uses %#', (use, type, message) => {
    expect(use).toThrow(type);
    expect(use).toThrow(message);
    // The scope is closed: later operations aren't watched.
    expect(grad((x: Tensor) => sum(x))(tensor([1])).arraySync()).toEqual([1]);
  });

  it('names the operator where libtorch has no second derivative', () => {
    const attention = (q: Tensor) =>
      sum(call('aten::scaled_dot_product_attention', q, q, q, null, 0, false, null, false));
    const q = tensor(
      Float32Array.from({ length: 2 * 4 * 8 }, (_, i) => Math.sin(i)),
      { shape: [1, 2, 4, 8] },
    );
    expect(grad(attention)(q).shape).toEqual([1, 2, 4, 8]);
    expect(() => grad((x: Tensor) => sum(mul(grad(attention)(x), x)))(q)).toThrow(NativeError);
  });
});

describe('customGradient', () => {
  const twice = customGradient((x: Tensor) => {
    const y = mul(x, x);
    return { value: y, grad: (upstream) => mul(upstream, mul(y, x)) };
  });

  it('uses the given gradient, with values of the forward pass, eagerly and recorded', () => {
    const x = tensor([1, 2, 3]);
    expect(twice(x).arraySync()).toEqual([1, 4, 9]);
    const f = (v: Tensor) => sum(twice(v));
    expect(grad(f)(x).arraySync()).toEqual([1, 8, 27]);
    expect(jit((v: Tensor) => grad(f)(v))(x).arraySync()).toEqual([1, 8, 27]);
    expect(jit((v: Tensor) => twice(v))(x).arraySync()).toEqual([1, 4, 9]);
  });

  it('reads Variables and tensors around it', () => {
    const w = new Variable([3]);
    const c = tensor([10]);
    const f = customGradient((x: Tensor) => ({ value: mul(x, w), grad: (u) => mul(u, c) }));
    expect(grad((x: Tensor) => sum(f(x)))(tensor([2])).arraySync()).toEqual([10]);
    const inner = jit((x: Tensor) => {
      const scaled = mul(x, c);
      const g = customGradient((y: Tensor) => ({ value: mul(y, scaled), grad: (u) => mul(u, scaled) }));
      return grad((y: Tensor) => sum(g(y)))(x);
    });
    expect(inner(tensor([2])).arraySync()).toEqual([20]);
  });

  it('takes several arguments', () => {
    const f = customGradient((a: Tensor, b: Tensor) => ({ value: mul(a, b), grad: (u) => [u, mul(u, a)] }));
    const grads = grad((a: Tensor, b: Tensor) => sum(f(a, b)), { argnums: [0, 1] })(tensor([2]), tensor([5]));
    expect(grads.map((g) => g.arraySync())).toEqual([[1], [2]]);
  });

  it.each([
    [() => customGradient(1 as never), /expected a function, got number/],
    [() => customGradient(((x: Tensor) => x) as never)(tensor(1) as never), /return \{ value, grad \}/],
    [
      () => customGradient((x: Tensor) => ({ value: x, grad: (u) => [u, u] }))(tensor(1)),
      /expected grad to return 1 gradients, one for each argument, got 2/,
    ],
    [
      () => customGradient((x: Tensor) => ({ value: sum(x), grad: (u) => u }))(tensor([1, 2])),
      /expected gradient 0 of shape \[2\], got \[\]/,
    ],
  ])('refuses bad functions %#', (use, message) => {
    expect(use).toThrow(message);
  });
});
