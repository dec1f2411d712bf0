import { afterEach, describe, expect, it } from 'vitest';
import { valueAndGrad } from '../../lib/core/autograd.js';
import { call } from '../../lib/core/call.js';
import { config } from '../../lib/core/config.js';
import { StateError } from '../../lib/core/errors.js';
import { native, type SessionHandle, type StepJob } from '../../lib/core/native.js';
import { type Program, record } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

const spec = (...shape: number[]) => ({ shape, dtype: 'float32', device: 'cpu' }) as const;
const open: SessionHandle[] = [];
const session = (variables: Variable[]): SessionHandle => {
  const made = native.sessionCreate(
    variables.map((v) => v.handle),
    1,
  );
  open.push(made);
  return made;
};
afterEach(async () => {
  for (const made of open.splice(0)) await native.sessionClose(made);
});

const rows = (n: number) => tensor(Float32Array.from({ length: n }, (_, i) => i));
const job = (program: Program, data: Tensor, batchSize: number, more: Partial<StepJob> = {}): StepJob => {
  const samples = data.shape[0] as number;
  return {
    program: program.handle,
    lastProgram: null,
    data: [data.handle],
    samples,
    batchSize,
    from: 0,
    to: Math.ceil(samples / batchSize),
    shuffled: false,
    collect: false,
    logs: null,
    onProgress: null,
    ...more,
  };
};

describe('session', () => {
  it('runs full batches and the short last one over every row, in order or shuffled, without JavaScript', async () => {
    const seen = new Variable(0, { name: 'seen' });
    const first = new Variable(-1, { name: 'first' });
    const step = (x: Tensor) => {
      seen.assignAdd(call('aten::sum', x));
      first.assign(call('aten::select.int', x, 0, 0));
      return [];
    };
    const full = record([spec(32)], ([x]) => step(x as Tensor));
    const last = record([spec(4)], ([x]) => step(x as Tensor));
    const s = session([seen, first]);
    const data = rows(100);
    const total = (99 * 100) / 2;
    const before = native.crossings();
    const result = await native.sessionRun(s, job(full, data, 32, { lastProgram: last.handle }));
    expect([result.steps, result.stopped]).toEqual([4, false]);
    native.sessionShuffle(s, 100, tensor(new BigInt64Array([1n, 0n])).handle);
    await native.sessionRun(s, job(full, data, 32, { lastProgram: last.handle, shuffled: true }));
    const shuffledFirst = Number((await first.data())[0]);
    expect(native.crossings() - before).toBeLessThan(12);
    await native.sessionClose(s);
    expect(seen.item()).toBe(2 * total);
    expect(shuffledFirst).not.toBe(96);
  });

  it('collects outputs along the batch', async () => {
    const double = (n: number) => record([spec(n)], ([x]) => [call('aten::mul.Scalar', x as Tensor, 2)]);
    const s = session([]);
    const result = await native.sessionRun(
      s,
      job(double(8), rows(20), 8, { lastProgram: double(4).handle, collect: true }),
    );
    const outputs = (result.outputs ?? []).map((handle) => Array.from(native.read(handle), Number));
    expect(outputs).toEqual([Array.from({ length: 20 }, (_, i) => 2 * i)]);
  });

  it('owns its variables until it closes; they can be read between steps', async () => {
    const w = new Variable([1], { name: 'w' });
    const s = session([w]);
    const slow = record([spec(1)], ([x]) => {
      w.assignAdd(x as Tensor);
      return [];
    });
    expect(() => w.dataSync()).toThrow(StateError);
    expect(() => call('aten::neg', w)).toThrow(/Variable "w" belongs to a running fit/);
    expect(() => w.assign([2])).toThrow(StateError);
    expect(() => w.dispose()).toThrow(StateError);
    expect(() => session([w])).toThrow(/belongs to another running fit/);
    const running = native.sessionRun(s, job(slow, tensor(new Float32Array(20_000).fill(1)), 1));
    const between = Number((await w.data())[0]);
    expect(between).toBeGreaterThanOrEqual(1);
    await running;
    expect(await w.array()).toEqual([20_001]);
    await native.sessionClose(s);
    expect(w.arraySync()).toEqual([20_001]);
  });

  it('takes the variables of a program that were not listed', async () => {
    const hidden = new Variable([0], { name: 'hidden' });
    const s = session([]);
    const program = record([spec(1)], ([x]) => {
      hidden.assignAdd(x as Tensor);
      return [];
    });
    const running = native.sessionRun(s, job(program, rows(3), 1));
    expect(() => hidden.dataSync()).toThrow(StateError);
    await running;
    await native.sessionClose(s);
    expect(hidden.arraySync()).toEqual([3]);
  });

  it('shows the newest logs and never piles up', async () => {
    const total = new Variable(0, { name: 'total' });
    const step = record([spec(1)], ([x]) => {
      total.assignAdd(call('aten::sum', x as Tensor));
      return [];
    });
    const logs = record([], () => call('aten::stack', [call('aten::to.dtype', total, 'float64')], 0));
    const s = session([total]);
    const shown: number[] = [];
    const n = 50_000;
    const result = await native.sessionRun(
      s,
      job(step, tensor(new Float32Array(n).fill(1)), 1, {
        logs: logs.handle,
        onProgress: (at, values) => shown.push(at, values[0] as number),
      }),
    );
    expect(result.logs).toEqual(new Float64Array([n]));
    expect(shown.length).toBeGreaterThan(0);
    expect(shown.length / 2).toBeLessThan(Math.max(10, result.seconds * 40 + 5));
    for (let i = 0; i < shown.length; i += 2) expect(shown[i + 1]).toBe((shown[i] as number) + 1);
  });

  it('stops after the step at hand', async () => {
    const count = new Variable(0, { name: 'count' });
    const step = record([spec(1)], ([x]) => {
      count.assignAdd(call('aten::sum', x as Tensor));
      return [];
    });
    const s = session([count]);
    const running = native.sessionRun(s, job(step, tensor(new Float32Array(1_000_000).fill(1)), 1));
    await count.data();
    native.sessionStop(s);
    const result = await running;
    expect(result.stopped).toBe(true);
    expect(Number((await count.data())[0])).toBe(result.steps);
    expect(result.steps).toBeLessThan(1_000_000);
    // The next job starts afresh.
    expect((await native.sessionRun(s, job(step, rows(5), 1))).steps).toBe(5);
  });

  it('brings the error of a step back, and goes on', async () => {
    const table = new Variable([1, 2, 3], { name: 'table' });
    const pick = record([{ shape: [1], dtype: 'int64', device: 'cpu' }], ([i]) => {
      call('aten::index_select', table, 0, i as Tensor);
      return [];
    });
    const s = session([table]);
    const bad = native.sessionRun(s, job(pick, tensor([0n, 9n]), 1));
    await expect(bad).rejects.toMatchObject({ code: 'ERR_NATIVE', node: 0 });
    const error = await bad.catch((reason: unknown) => pick.explain(reason) as Error);
    expect((error as Error).message).toMatch(/aten::index_select.*failed.*Recorded at .*session\.test\.ts/s);
    expect((await native.sessionRun(s, job(pick, tensor([0n, 1n]), 1))).steps).toBe(2);
  });

  it('trains as eager code does', async () => {
    const data = tensor(
      Float32Array.from({ length: 64 }, (_, i) => Math.sin(i)),
      { shape: [16, 4] },
    );
    const update = (w: Variable) => (x: Tensor) => {
      const { grads } = valueAndGrad((_: Variable[]) => {
        const y = call('aten::mm', x, w);
        return call('aten::mean', call('aten::mul.Tensor', y, y));
      })([w]);
      w.assignSub(call('aten::mul.Scalar', grads[0] as Tensor, 0.1));
      return [];
    };
    const [a, b] = [new Variable([[1], [1], [1], [1]]), new Variable([[1], [1], [1], [1]])];
    const s = session([a]);
    // Operator by operator: fused, the sums round in another order.
    config.setFusion(false);
    const program = record([spec(4, 4)], ([x]) => update(a)(x as Tensor));
    config.setFusion(true);
    for (let epoch = 0; epoch < 5; epoch++) await native.sessionRun(s, job(program, data, 4));
    await native.sessionClose(s);
    for (let epoch = 0; epoch < 5; epoch++) {
      for (let i = 0; i < 4; i++) update(b)(call('aten::slice.Tensor', data, 0, 4 * i, 4 * i + 4));
    }
    expect(a.arraySync()).toEqual(b.arraySync());
  });

  it.each([
    [{ to: 9 }, /steps 0 to 9 don't fit/],
    [{ from: 3, to: 1 }, /steps 3 to 1 don't fit/],
    [{ batchSize: 0 }, /don't fit/],
    [{ samples: 200 }, /don't fit|with 200 samples/],
    [{ program: {} as never }, /expected a program of this thread/],
    [{ shuffled: true }, /order of the samples has not been shuffled/],
  ])('refuses wrong jobs %#', async (more, message) => {
    const program = record([spec(1)], () => []);
    const s = session([]);
    await expect((async () => native.sessionRun(s, job(program, rows(5), 1, more)))()).rejects.toThrow(message);
  });
});
