import { describe, expect, it } from 'vitest';
import { call, callValue } from '../../lib/core/call.js';
import { DTypeError, ShapeError } from '../../lib/core/errors.js';
import { jit } from '../../lib/core/program.js';
import { tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

describe('Variable', () => {
  it('is assigned, added to and subtracted from, keeping its dtype', () => {
    const v = new Variable([1, 2], { dtype: 'int32', name: 'count' });
    v.assign([5, 6]);
    v.assignAdd(1);
    v.assignSub([1, 3]);
    expect(v.dataSync()).toEqual(new Int32Array([5, 4]));
    v.assign(tensor([1.7, 2.2]));
    expect(v.dataSync()).toEqual(new Int32Array([1, 2]));
    expect(String(v)).toBe('Variable(count: int32[2])');
  });

  it('refuses other shapes, dtypes and values', () => {
    const v = new Variable([1, 2], { name: 'w' });
    expect(() => v.assign([1, 2, 3])).toThrow(ShapeError);
    expect(() => v.assign([1, 2, 3])).toThrow('Variable "w": expected a value of shape [2], got [3].');
    expect(() => v.assign('x' as never)).toThrow(/got string/);
    expect(() => new Variable(1, { dtype: 'f' as never })).toThrow(DTypeError);
  });

  it('values read before an assignment stay as they were: value, views, typed arrays', () => {
    const v = new Variable(new Float32Array(40_000).fill(1));
    const value = v.value;
    const view = call('aten::reshape', v, [200, 200]);
    const array = v.dataSync();
    v.assign(call('aten::add.Tensor', v, tensor(1), 1));
    // An optimizer's operator writes in place; whoever still looks at the memory keeps it.
    callValue('torchlayers::sgd_', [v], [tensor(new Float32Array(40_000).fill(1))], [], tensor(0.5), 0, false);
    expect(v.dataSync()[0]).toBe(1.5);
    expect(value.dataSync()[0]).toBe(1);
    expect(view.dataSync()[0]).toBe(1);
    expect(array[0]).toBe(1);
  });

  it('does not change the tensor that it was made from or that was assigned to it', () => {
    const initial = tensor([1, 2]);
    const v = new Variable(initial);
    const next = tensor([3, 4]);
    const update = () => callValue('torchlayers::sgd_', [v], [tensor([1, 1])], [], tensor(1), 0, false);
    update();
    v.assign(next);
    update();
    expect([initial.arraySync(), next.arraySync(), v.arraySync()]).toEqual([
      [1, 2],
      [3, 4],
      [2, 3],
    ]);
  });

  it('keeps that rule inside a recorded function', () => {
    const v = new Variable([1, 2]);
    const step = jit(() => {
      const before = call('aten::reshape', v, [2, 1]);
      callValue('torchlayers::sgd_', [v], [tensor([1, 1])], [], tensor(1), 0, false);
      return [before, call('aten::add.Tensor', v, tensor(0), 1)];
    });
    const [before, after] = step();
    expect(before?.arraySync()).toEqual([[1], [2]]);
    expect(after?.arraySync()).toEqual([0, 1]);
    expect(v.arraySync()).toEqual([0, 1]);
  });
});
