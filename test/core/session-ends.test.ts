// How sessions end: errors on either side, stopping, closing, being forgotten.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it } from 'vitest';
import { call } from '../../lib/core/call.js';
import { native, type SessionHandle, type StepJob } from '../../lib/core/native.js';
import { type Program, record } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const collect = async (): Promise<void> => {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
};

const open: SessionHandle[] = [];
const session = (variables: Variable[] = []): SessionHandle => {
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

const counter = (): { count: Variable; step: Program } => {
  const count = new Variable(0, { name: 'count' });
  const step = record([{ shape: [1], dtype: 'float32', device: 'cpu' }], ([x]) => {
    count.assignAdd(call('aten::sum', x as Tensor));
    return [];
  });
  return { count, step };
};
const ones = (n: number): Tensor => tensor(new Float32Array(n).fill(1));
const job = (program: Program, steps: number, more: Partial<StepJob> = {}): StepJob => ({
  program: program.handle,
  lastProgram: null,
  data: [ones(steps).handle],
  samples: steps,
  batchSize: 1,
  from: 0,
  to: steps,
  shuffled: false,
  collect: false,
  logs: null,
  onProgress: null,
  ...more,
});
/** Longer than any test waits for it. */
const LONG = 3_000_000;

describe('a session', () => {
  it('ends its job and rejects with what onProgress throws, and goes on', async () => {
    const { count, step } = counter();
    const s = session([count]);
    const mine = new Error('from onProgress');
    let calls = 0;
    const onProgress = (): void => {
      calls++;
      throw mine;
    };
    await expect(native.sessionRun(s, job(step, LONG, { onProgress }))).rejects.toBe(mine);
    expect(calls).toBe(1);
    // Anything may be thrown.
    const nothing = (): void => {
      throw undefined;
    };
    await expect(native.sessionRun(s, job(step, LONG, { onProgress: nothing }))).rejects.toBeUndefined();
    const before = Number((await count.data())[0]);
    expect(before).toBeLessThan(2 * LONG);
    expect((await native.sessionRun(s, job(step, 3))).steps).toBe(3);
    expect(Number((await count.data())[0])).toBe(before + 3);
  });

  it('refuses what is no function, or no program for logs', () => {
    const { step } = counter();
    const s = session();
    expect(() => native.sessionRun(s, job(step, 3, { onProgress: 5 as never }))).toThrow(/onProgress to be a function/);
    expect(() => native.sessionRun(s, job(step, 3, { logs: step.handle }))).toThrow(/program for logs/);
    const two = record([], () => [tensor(1), tensor(2)]);
    expect(() => native.sessionRun(s, job(step, 3, { logs: two.handle }))).toThrow(/program for logs/);
  });

  it('stops the job at hand and those that wait, but none that comes after', async () => {
    const { count, step } = counter();
    const s = session([count]);
    const stopped = [native.sessionRun(s, job(step, LONG)), native.sessionRun(s, job(step, LONG))];
    await count.data();
    native.sessionStop(s);
    const after = native.sessionRun(s, job(step, 5));
    const results = await Promise.all([...stopped, after]);
    expect(results.map((result) => result.stopped)).toEqual([true, true, false]);
    expect(results[0]?.steps).toBeLessThan(LONG);
    expect(results.map((result) => result.steps).slice(1)).toEqual([0, 5]);
    expect(Number((await count.data())[0])).toBe((results[0]?.steps as number) + 5);
  });

  it('answers questions while it closes, and closes for everybody who asks', async () => {
    const { count, step } = counter();
    const s = session([count]);
    const running = native.sessionRun(s, job(step, LONG));
    await count.data();
    const order: string[] = [];
    const closings = [1, 2].map((n) =>
      native.sessionClose(s).then(() => {
        order.push(`closed ${n}`);
        // Free from now on, not before.
        return count.item();
      }),
    );
    const read = count.data().then((values) => {
      order.push('read');
      return Number(values[0]);
    });
    const result = await running;
    expect(await Promise.all(closings)).toEqual([result.steps, result.steps]);
    expect(await read).toBeLessThanOrEqual(result.steps);
    expect([...order].sort()).toEqual(['closed 1', 'closed 2', 'read']);
    expect(() => native.sessionRun(s, job(step, 1))).toThrow(/the session is closed/);
    await native.sessionClose(s);
  });

  it('gives its variables back between jobs only', async () => {
    const { count, step } = counter();
    const s = session([count]);
    const running = native.sessionRun(s, job(step, LONG));
    expect(() => native.sessionRelease(s)).toThrow(/a job is running/);
    native.sessionStop(s);
    const { steps } = await running;
    const reads = Array.from({ length: 50 }, () => count.data());
    native.sessionRelease(s);
    count.assign(-5);
    expect(count.item()).toBe(-5);
    // All were answered before the variable was given back.
    for (const values of await Promise.all(reads)) expect(Number(values[0])).toBe(steps);
    await native.sessionRun(s, job(step, 5));
    expect(() => count.item()).toThrow(/belongs to a running fit/);
    await native.sessionClose(s);
    expect(count.item()).toBe(0);
  });

  it('rejects, and does not end the process, when a task between steps fails', async () => {
    const { step } = counter();
    const s = session();
    // A seed that is no seed: the failure happens on the training thread.
    native.sessionShuffle(s, 10, tensor([1, 2, 3]).handle);
    await expect(native.sessionRun(s, job(step, 10, { shuffled: true }))).rejects.toMatchObject({ code: 'ERR_NATIVE' });
    native.sessionShuffle(s, 10, tensor(new BigInt64Array([1n, 0n])).handle);
    expect((await native.sessionRun(s, job(step, 10, { shuffled: true }))).steps).toBe(10);
  });

  it('gives all variables back when one of them is taken', async () => {
    const [a, b] = [new Variable(1, { name: 'a' }), new Variable(2, { name: 'b' })];
    session([b]);
    expect(() => native.sessionCreate([a.handle, b.handle], 1)).toThrow(/Variable "b" belongs to another running fit/);
    expect(a.item()).toBe(1);
  });
});

describe('a forgotten session', () => {
  it('stays until its job is done', async () => {
    const { count, step } = counter();
    let shown = 0;
    const running = native.sessionRun(
      native.sessionCreate([count.handle], 1),
      job(step, 60_000, { onProgress: () => void shown++ }),
    );
    let done = false;
    const result = running.finally(() => {
      done = true;
    });
    while (!done) await collect();
    expect(await result).toMatchObject({ steps: 60_000, stopped: false });
    expect(shown).toBeGreaterThan(0);
    await collect();
    // Collected by now: the variables are free again.
    expect(count.item()).toBe(60_000);
  });

  it('ends when it is collected', async () => {
    const variables = Array.from({ length: 20 }, (_, i) => new Variable(i));
    for (const v of variables) native.sessionCreate([v.handle], 1);
    await collect();
    expect(variables.map((v) => v.item())).toEqual(variables.map((_, i) => i));
  });
});
