// Gradient scopes, recordings and noGrad inside each other: whatever is nested in whatever, recorded code must do what eager code does.
import { describe, expect, it } from 'vitest';
import { grad, noGrad, valueAndGrad } from '../../lib/core/autograd.js';
import { call } from '../../lib/core/call.js';
import { cond, customGradient } from '../../lib/core/control.js';
import { ArgumentError, StateError } from '../../lib/core/errors.js';
import { native } from '../../lib/core/native.js';
import { jit, record } from '../../lib/core/program.js';
import { isRecording } from '../../lib/core/recording.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { tidy } from '../../lib/core/tidy.js';
import { Variable } from '../../lib/core/variable.js';

const sum = (x: Tensor) => call('aten::sum', x);
const mul = (a: Tensor, b: Tensor) => call('aten::mul.Tensor', a, b);
const add = (a: Tensor, b: Tensor) => call('aten::add.Tensor', a, b, 1);
const square = (x: Tensor) => mul(x, x);
const positive = (x: Tensor) => call('aten::gt.Scalar', sum(x), 0);

describe('recorded inside, eager outside', () => {
  it('a function first recorded under noGrad has gradients later', () => {
    const f = jit((x: Tensor) => sum(square(x)));
    noGrad(() => f(tensor([3])));
    expect(grad((x: Tensor) => f(x))(tensor([3])).arraySync()).toEqual([6]);
    expect(f.programs.length).toBe(1);
  });

  it('noGrad around a recording comes back when the recording ends, also by an error', () => {
    noGrad(() => {
      jit(() => tensor(1))();
      expect(() =>
        jit(() => {
          throw new Error('mine');
        })(),
      ).toThrow('mine');
      expect(native.setGradEnabled(false)).toBe(false);
    });
    expect(native.setGradEnabled(true)).toBe(true);
  });

  it('the value of a recorded valueAndGrad can be differentiated', () => {
    const f = jit((x: Tensor) => valueAndGrad((y: Tensor) => sum(square(y)))(x).value);
    expect(grad((x: Tensor) => f(x))(tensor([3])).arraySync()).toEqual([6]);
    // Outside of a gradient it has no graph: it may be a constant of another recording.
    const value = f(tensor([3]));
    expect(jit(() => add(value, value))().item()).toBe(18);
  });

  it('the gradients of a recorded function can be differentiated', () => {
    const cubeSlope = jit((x: Tensor) => grad((y: Tensor) => sum(mul(y, square(y))))(x));
    expect(grad((x: Tensor) => sum(cubeSlope(x)))(tensor([2])).arraySync()).toEqual([12]);
  });

  it('noGrad between two gradients cuts the outer one', () => {
    const inner = (x: Tensor) => noGrad(() => grad((z: Tensor) => sum(mul(z, square(z))))(x));
    const f = (x: Tensor) => grad((y: Tensor) => sum(mul(y, inner(y))))(x);
    for (const run of [f, jit(f)]) expect(run(tensor([3])).arraySync()).toEqual([27]);
  });

  it.each([
    ['eager', (f: () => void) => f],
    ['recorded', (f: () => void) => jit(f)],
    ['recorded in a branch', (f: () => void) => jit(() => cond(positive(tensor(1)), f, () => undefined))],
  ])('an assignment inside a gradient is seen by later reads, with its graph: %s', (_, wrap) => {
    const w = new Variable([2]);
    const update = wrap(() => void w.assign(square(w)));
    for (let round = 0; round < 2; round++) {
      w.assign([2]);
      const { grads } = valueAndGrad((_: Variable[]) => {
        update();
        return sum(square(w));
      })([w]);
      // (w^2)^2 by w is 4 w^3.
      expect(grads[0]?.arraySync(), `round ${round}`).toEqual([32]);
      expect(w.arraySync()).toEqual([4]);
    }
  });

  it.each([
    ['eager', <T>(f: () => T): T => f()],
    ['recorded', <T>(f: () => T): T => jit(f)()],
  ])('an assignment inside an inner gradient is seen by the outer one: %s', (_, run) => {
    const w = new Variable([2]);
    const grads = run(
      () =>
        valueAndGrad((_: Variable[]) => {
          valueAndGrad((_: Variable[]) => {
            w.assign(square(w));
            return sum(w);
          })([w]);
          return sum(w);
        })([w]).grads[0] as Tensor,
    );
    expect(grads.arraySync()).toEqual([4]);
    expect(w.arraySync()).toEqual([4]);
  });

  it.each([
    ['eager', <T>(f: () => T): T => f()],
    ['recorded', <T>(f: () => T): T => jit(f)()],
  ])('assigning one Variable to another copies the value of that moment: %s', (_, run) => {
    const [a, b] = [new Variable([1]), new Variable([5])];
    const value = run(
      () =>
        valueAndGrad((_: Variable[]) => {
          a.assign(b);
          b.assign([7]);
          return sum(add(a, b));
        })([a]).value,
    );
    expect(value.item()).toBe(12);
    expect([a.item(), b.item()]).toEqual([5, 7]);
  });

  it('refuses an assignment in a branch to what a gradient of the same recording watches', () => {
    const w = new Variable([2], { name: 'w' });
    const f = jit(
      () =>
        valueAndGrad((_: Variable[]) => {
          cond(
            positive(w),
            () => void w.assign(square(w)),
            () => undefined,
          );
          return sum(square(w));
        })([w]).grads[0] as Tensor,
    );
    expect(f).toThrow(StateError);
    expect(f).toThrow(/Variable "w": can't be assigned in a branch while a gradient is taken for it/);
    expect([native.recordDepth(), w.item()]).toEqual([0, 2]);
  });
});

describe('customGradient', () => {
  // log(1 + e^x): its gradient reads a value that the forward pass computed.
  const softplus = customGradient((x: Tensor) => {
    const e = call('aten::exp', x);
    return { value: call('aten::log1p', e), grad: (u) => mul(u, call('aten::div.Tensor', e, add(e, tensor([1])))) };
  });

  it('can be differentiated again, through what the forward pass computed', () => {
    const slope = (x: Tensor) => grad((y: Tensor) => sum(softplus(y)))(x);
    const second = (x: Tensor) => grad((y: Tensor) => sum(slope(y)))(x);
    const x = tensor([3], { dtype: 'float64' });
    const s = 1 / (1 + Math.exp(-3));
    for (const run of [second, jit(second)]) {
      expect(slope(x).item()).toBeCloseTo(s, 12);
      expect(run(x).item()).toBeCloseTo(s * (1 - s), 12);
    }
  });

  it('does so with the values that its Variables had', () => {
    const w = new Variable([3]);
    const f = customGradient((x: Tensor) => {
      const y = mul(square(x), w);
      return { value: mul(y, x), grad: (u) => mul(u, y) };
    });
    const second = grad((x: Tensor) => {
      const first = grad((y: Tensor) => sum(f(y)))(x);
      w.assign([100]);
      return sum(first);
    });
    expect(second(tensor([2])).arraySync()).toEqual([12]);
  });

  it('refuses it for a function with side effects, instead of doing them twice', () => {
    const count = new Variable([0]);
    const f = customGradient((x: Tensor) => {
      count.assignAdd(1);
      return { value: mul(x, x), grad: (u) => mul(u, x) };
    });
    expect(grad((x: Tensor) => sum(f(x)))(tensor([2])).arraySync()).toEqual([2]);
    expect(() => grad((x: Tensor) => sum(grad((y: Tensor) => sum(f(y)))(x)))(tensor([2]))).toThrow(
      /customGradient: a second-order gradient needs a function that assigns no Variable/,
    );
    expect(count.item()).toBe(2);
  });

  it('refuses Variables that a session owns', async () => {
    const w = new Variable([3], { name: 'owned' });
    const f = customGradient((x: Tensor) => ({ value: mul(x, w), grad: (u) => u }));
    const session = native.sessionCreate([w.handle], 1);
    expect(() => f(tensor([1]))).toThrow(/Variable "owned" belongs to a running fit/);
    await native.sessionClose(session);
    expect(f(tensor([1])).arraySync()).toEqual([3]);
  });
});

describe('jit', () => {
  it('tells arguments apart that print alike', () => {
    const seen: unknown[] = [];
    const f = jit((x: Tensor, option: unknown) => {
      seen.push(option);
      return x;
    });
    const options = [['a;"b"'], ['a', 'b'], 'true', true, '1', 1, 1n, 0, -0, null, undefined, 'null', [], {}, [[]]];
    for (const option of [...options, ...options]) f(tensor(1), option);
    expect(seen).toEqual(options);
  });

  it('passes masks in and out', () => {
    const f = jit((x: Tensor) => {
      const y = call('aten::mul.Tensor', x, x.mask ?? tensor([9, 9]));
      y.mask = x.mask && call('aten::logical_not', x.mask);
      return y;
    });
    const x = tensor([3, 4]);
    expect(f(x).arraySync()).toEqual([27, 36]);
    x.mask = tensor([true, false]);
    const y = f(x);
    expect([y.arraySync(), y.mask?.arraySync()]).toEqual([
      [3, 0],
      [false, true],
    ]);
    x.mask = tensor([false, true]);
    expect(f(x).arraySync()).toEqual([0, 4]);
    expect(f.programs.length).toBe(2);
  });

  it('answers constants of branches only if they are the same', () => {
    const f = (a: unknown, b: unknown) =>
      jit((x: Tensor) =>
        cond(
          positive(x),
          () => ({ y: x, constant: a }),
          () => ({ y: square(x), constant: b }),
        ),
      )(tensor([-3]));
    expect(f('same', 'same')).toMatchObject({ constant: 'same' });
    expect(f(1, 1).y.arraySync()).toEqual([9]);
    for (const [a, b] of [
      [1, 2],
      [[1], 1],
      [{ k: 1 }, { l: 1 }],
      [tensor(1), 1],
      [undefined, null],
    ]) {
      expect(() => f(a, b)).toThrow(ArgumentError);
      expect(() => f(a, b)).toThrow(/cond: expected both branches to return the same structure and the same constants/);
    }
    expect(native.recordDepth()).toBe(0);
  });

  it('passes masks out of branches', () => {
    const x = tensor([1, 2]);
    x.mask = tensor([true, false]);
    const f = jit((y: Tensor) =>
      cond(
        positive(y),
        () => y,
        () => y,
      ),
    );
    expect(f(x).mask?.arraySync()).toEqual([true, false]);
  });
});

describe('a recording that throws', () => {
  const w = new Variable([2], { name: 'w' });
  const flag = tensor([1]);

  /** Goes through every construct, and throws at the n-th place. */
  function through(n: number): (x: Tensor) => Tensor {
    let place = 0;
    const at = <T>(value: T): T => {
      if (place++ === n) throw new Error(`place ${n}`);
      return value;
    };
    return (x) => {
      at(0);
      const scaled = at(mul(at(x), w));
      const custom = customGradient((y: Tensor) => {
        at(0);
        return { value: at(mul(y, scaled)), grad: (u) => at(mul(at(u), scaled)) };
      });
      const picked = cond(
        at(positive(add(x, flag))),
        () => {
          w.assign(at(square(w)));
          return cond(
            positive(x),
            () => at(x),
            () => at(square(x)),
          );
        },
        () => noGrad(() => at(x)),
      );
      const { value, grads } = valueAndGrad(
        (v: Variable, y: Tensor) => {
          at(0);
          const first = grad((z: Tensor) => sum(at(custom(z))))(y);
          at(new Variable(() => at([1])));
          return sum(at(mul(mul(first, v), picked)));
        },
        { argnums: [0, 1] },
      )(w, at(x));
      return tidy(() => at(add(value, sum(at(grads[1])))));
    };
  }

  it('leaves nothing open and nothing changed, wherever it throws', () => {
    const x = tensor([3]);
    const before = w.value;
    let places = 0;
    for (; ; places++) {
      let result: Tensor | undefined;
      try {
        result = jit(through(places))(x);
      } catch (error) {
        expect((error as Error).message).toBe(`place ${places}`);
      }
      expect([native.recordDepth(), isRecording(), native.recordPosition()], `place ${places}`).toEqual([0, false, -1]);
      // No scope is open either, and operators run eagerly and unwatched.
      expect(() => native.gradCompute([x.handle], null)).toThrow(/no open gradient scope/);
      expect(() => native.resume()).toThrow(/resume without suspend/);
      expect(native.setGradEnabled(true)).toBe(true);
      expect(jit((y: Tensor) => add(y, square(x)))(x).arraySync()).toEqual([12]);
      if (result !== undefined) break;
      expect(w.arraySync()).toEqual(before.arraySync());
    }
    expect(places).toBeGreaterThan(15);
    w.assign(before);
    expect(record([{ shape: [1], dtype: 'float32', device: 'cpu' }], ([y]) => through(-1)(y as Tensor)).size).toBe(
      jit(through(-1)).programFor(x).size,
    );
  });
});
