import { describe, expect, it } from 'vitest';
import { grad, valueAndGrad } from '../../lib/core/autograd.js';
import { call } from '../../lib/core/call.js';
import { cond } from '../../lib/core/control.js';
import { NativeError, ShapeError, StateError } from '../../lib/core/errors.js';
import { native } from '../../lib/core/native.js';
import { jit, record } from '../../lib/core/program.js';
import { SeedGenerator } from '../../lib/core/random.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

const sum = (x: Tensor) => call('aten::sum', x);
const mul = (a: Tensor, b: Tensor) => call('aten::mul.Tensor', a, b);
const spec = (...shape: number[]) => ({ shape, dtype: 'float32', device: 'cpu' }) as const;

describe('jit', () => {
  it('records a training step as one program that prints as text', () => {
    const w = new Variable([[1], [2]], { name: 'kernel' });
    const rate = tensor(0.5);
    const step = jit((x: Tensor) => {
      const { value, grads } = valueAndGrad((_: Variable[]) => sum(call('aten::mm', x, w)))([w]);
      w.assignSub(mul(grads[0] as Tensor, rate));
      return value;
    });
    expect(step(tensor([[1, 1]])).item()).toBe(3);
    expect(w.arraySync()).toEqual([[0.5], [1.5]]);
    expect(step.programs[0]?.toString({ lines: false })).toMatchInlineSnapshot(`
      "program(%0: float32[1, 2]) {
        %2: float32[1, 1], %8: float32[0] = torchlayers::dense(%0, @kernel.0, None, 'none', None, 0., True)  # dense: mm
        %3: float32[] = aten::sum(%2, None)
        %10: float32[0], %11: float32[2, 1], %12: float32[0] = torchlayers::dense_backward(float32[1, 1]#2, %0, @kernel.0, %2, %8, None, 'none', 0., [False, True, False])  # gradient
        %6: float32[2, 1] = aten::mul.Tensor(%11, float32[]#0)
        %7: float32[2, 1] = aten::sub.Tensor(@kernel.0, %6, 1)
        assign(@kernel.0, %7)
        return %3
      }"
    `);
    expect(step.programs[0]?.toString()).toMatch(/torchlayers::dense\(%0, @kernel\.0, .*# dense: mm {2}# core\/program\.test\.ts:\d+:\d+/);
  });

  it('keeps one program a signature', () => {
    let runs = 0;
    const f = jit((x: Tensor, options: { scale: number }) => {
      runs++;
      return mul(x, tensor(options.scale));
    });
    f(tensor([1, 2]), { scale: 2 });
    f(tensor([3, 4]), { scale: 2 });
    expect([runs, f.programs.length]).toEqual([1, 1]);
    f(tensor([1, 2, 3]), { scale: 2 });
    f(tensor([1, 2], { dtype: 'float64' }), { scale: 2 });
    expect(f(tensor([1, 2]), { scale: 3 }).arraySync()).toEqual([3, 6]);
    expect([runs, f.programs.length]).toEqual([4, 4]);
  });

  it('answers trees and constants as the function did', () => {
    const f = jit((x: Tensor) => ({ output: [x, sum(x)], constant: 5, nested: { name: 'n', none: null } }));
    const result = f(tensor([1, 2]));
    expect(result.output.map((t) => t.arraySync())).toEqual([[1, 2], 3]);
    expect([result.constant, result.nested]).toEqual([5, { name: 'n', none: null }]);
  });

  it('changes and computes nothing while recording', () => {
    const v = new Variable([1]);
    const seeds = new SeedGenerator({ seed: 3 });
    const program = record([spec(4)], ([x]) => {
      v.assignAdd(1);
      return call('torchlayers::dropout', x as Tensor, seeds.next(), 0.5);
    });
    expect([v.arraySync(), seeds.state.arraySync()]).toEqual([[1], [3, 0]]);
    program.run([tensor([1, 1, 1, 1])]);
    expect([v.arraySync(), seeds.state.arraySync()]).toEqual([[2], [3, 1]]);
  });

  it('draws anew at each run, and the same as eager code from the same seed', () => {
    const [a, b] = [new SeedGenerator({ seed: 5 }), new SeedGenerator({ seed: 5 })];
    const x = tensor(new Float32Array(64).fill(1));
    const drop = (seeds: SeedGenerator) => (y: Tensor) => call('torchlayers::dropout', y, seeds.next(), 0.5);
    const recorded = jit(drop(a));
    const runs = [recorded(x), recorded(x)].map((t) => t.arraySync());
    expect(runs[0]).not.toEqual(runs[1]);
    expect([drop(b)(x), drop(b)(x)].map((t) => t.arraySync())).toEqual(runs);
  });

  it('creates Variables once, outside the program', () => {
    const made: Variable[] = [];
    const f = jit((x: Tensor) => {
      if (made.length === 0) made.push(new Variable(() => call('aten::zeros', [2], 'float32'), { name: 'late' }));
      const v = made[0] as Variable;
      v.assignAdd(x);
      return call('aten::add.Tensor', v, x, 1);
    });
    f(tensor([1, 2]));
    expect(f(tensor([1, 2])).arraySync()).toEqual([3, 6]);
    expect(f.programs[0]?.toString()).not.toContain('zeros');
    expect(() => jit((x: Tensor) => new Variable(mul(x, x)).value)(tensor([1]))).toThrow(
      /Variable "variable": expected a value, got a tensor of the function being recorded/,
    );
  });

  it('inlines a recorded function called by another', () => {
    const inner = jit((x: Tensor) => mul(x, x));
    const outer = jit((x: Tensor) => inner(inner(x)));
    expect(outer(tensor([2])).arraySync()).toEqual([16]);
    expect([inner.programs.length, outer.programs.length]).toEqual([0, 1]);
  });

  it('checks its inputs before each run', () => {
    const program = record([spec(2, 2)], ([x]) => sum(x as Tensor));
    expect(() => program.run([tensor([[1, 2]])])).toThrow(ShapeError);
    expect(() => program.run([tensor([[1, 2]])])).toThrow('expected input 0 to be float32[2, 2], got float32[1, 2]');
    expect(() =>
      program.run([
        tensor(
          [
            [1, 2],
            [3, 4],
          ],
          { dtype: 'float64' },
        ),
      ]),
    ).toThrow(/got float64/);
    expect(() => program.run([])).toThrow(/expected 1 inputs, got 0/);
  });

  it('takes inputs of any layout', () => {
    const f = jit((x: Tensor) => call('aten::mul.Tensor', x, x));
    const x = call(
      'aten::t',
      tensor([
        [1, 2, 3],
        [4, 5, 6],
      ]),
    );
    expect(f(x).arraySync()).toEqual([
      [1, 16],
      [4, 25],
      [9, 36],
    ]);
  });

  it.each([
    ['reads a value', (x: Tensor) => (x.item() > 0 ? x : x)],
    ['reads a variable', (x: Tensor) => tensor(new Variable([1]).dataSync()) && x],
    ['compares', (x: Tensor) => ((x as never) > 0 ? x : x)],
    ['asks libtorch for a value', (x: Tensor) => tensor(Number(call('aten::nonzero', x).shape[0]))],
    ['indexes by a mask', (x: Tensor) => call('aten::index.Tensor', x, [call('aten::gt.Scalar', x, 0)])],
    ['returns a promise', async (x: Tensor) => x],
  ])('refuses a function that %s, and changes nothing', (_, fn) => {
    const f = jit(fn as (x: Tensor) => unknown);
    const use = () => f(tensor([1]));
    if (_ === 'reads a variable') {
      // A Variable that nobody trains and that the recording has not touched is an ordinary value.
      expect(use).not.toThrow();
      return;
    }
    expect(use).toThrow(StateError);
    expect(native.recordDepth()).toBe(0);
    expect(f.programs.length).toBe(0);
    expect(jit((x: Tensor) => sum(x))(tensor([1, 2])).item()).toBe(3);
  });

  it("names the user's line where a value is read", () => {
    const use = () => jit((x: Tensor) => tensor(x.item()))(tensor([1]));
    expect(use).toThrow(/value of a tensor \(float32\[1\]\) was read while recording, at .*program\.test\.ts:\d+:\d+/);
    expect(use).toThrow(/leave jit out, or compile with runEagerly: true/);
  });

  it('refuses stand-ins outside their recording', () => {
    let leaked: Tensor | undefined;
    const f = jit((x: Tensor) => {
      leaked = mul(x, x);
      return leaked;
    });
    f(tensor([1]));
    expect(() => call('aten::neg', leaked as Tensor)).toThrow(StateError);
    expect(() => jit((x: Tensor) => mul(x, leaked as Tensor))(tensor([1]))).toThrow(/used outside that recording/);
    expect(() => leaked?.dataSync()).toThrow(StateError);
  });

  it('refuses tensors that an enclosing gradient watches as constants', () => {
    expect(() => grad((x: Tensor) => jit(() => sum(x))())(tensor([1]))).toThrow(/as a constant of a recording/);
  });

  it('names the line of a node that fails at a run', () => {
    const index = new Variable([0n]);
    const f = jit((x: Tensor) => call('aten::index_select', x, 0, index));
    f(tensor([1, 2]));
    index.assign([7n]);
    const use = () => f(tensor([1, 2]));
    expect(use).toThrow(NativeError);
    expect(use).toThrow(
      /aten::index_select\(.*\) failed: .*\n {2}Given .*\n {2}Recorded at .*program\.test\.ts:\d+:\d+/s,
    );
  });

  it('holds captured tensors for as long as the program lives', () => {
    const constant = tensor([5]);
    const f = jit((x: Tensor) => mul(x, constant));
    f(tensor([1]));
    constant.dispose();
    for (let i = 0; i < 50; i++) tensor(new Float32Array(1).fill(i));
    expect(f(tensor([2])).arraySync()).toEqual([10]);
  });
});

describe('cond', () => {
  it('runs one branch at each run, with assignments and captured tensors', () => {
    const count = new Variable(0, { name: 'count' });
    const f = jit((x: Tensor) => {
      const doubled = mul(x, tensor(2));
      return cond(
        call('aten::gt.Scalar', sum(x), 0),
        () => {
          count.assignAdd(1);
          return doubled;
        },
        () => call('aten::neg', doubled),
      );
    });
    expect(f(tensor([1, 2])).arraySync()).toEqual([2, 4]);
    expect(f(tensor([-1, -2])).arraySync()).toEqual([2, 4]);
    expect(count.item()).toBe(1);
  });

  it('passes gradients of the branch that ran, eagerly and recorded', () => {
    const f = (x: Tensor) =>
      sum(
        cond(
          call('aten::gt.Scalar', sum(x), 0),
          () => mul(x, x),
          () => x,
        ),
      );
    for (const g of [grad(f), jit((x: Tensor) => grad(f)(x))]) {
      expect(g(tensor([3])).arraySync()).toEqual([6]);
      expect(g(tensor([-3])).arraySync()).toEqual([1]);
    }
  });

  it('nests, and returns nothing where the branches do', () => {
    const v = new Variable(0);
    const f = jit((x: Tensor) => {
      const positive = call('aten::gt.Scalar', x, 0);
      const large = call('aten::gt.Scalar', x, 10);
      return cond(
        positive,
        () =>
          cond(
            large,
            () => void v.assign(2),
            () => void v.assign(1),
          ),
        () => void v.assign(-1),
      );
    });
    const results = [5, 50, -5].map((x) => [f(tensor(x)), v.item()]);
    expect(results).toEqual([
      [undefined, 1],
      [undefined, 2],
      [undefined, -1],
    ]);
  });

  it('refuses branches that differ, and predicates of many elements', () => {
    const p = call('aten::gt.Scalar', tensor(1), 0);
    expect(() =>
      jit((x: Tensor) =>
        cond(
          call('aten::gt.Scalar', sum(x), 0),
          () => x,
          () => sum(x),
        ),
      )(tensor([1])),
    ).toThrow(/both branches to return the same shapes and dtypes, got float32\[1\] and float32\[\]/);
    expect(() =>
      cond(
        tensor([1, 2]),
        () => p,
        () => p,
      ),
    ).toThrow(/predicate of one element, got shape \[2\]/);
    expect(() =>
      cond(
        1 as never,
        () => p,
        () => p,
      ),
    ).toThrow(/got number/);
  });
});
