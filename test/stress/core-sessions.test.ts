// Many things at once around training threads: garbage collections, sessions on the same Variables, workers.
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { call } from '../../lib/core/call.js';
import { native, type SessionHandle, type StepJob } from '../../lib/core/native.js';
import { type Program, record } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';

declare const gc: () => void;

const job = (program: Program, data: Tensor, steps: number, more: Partial<StepJob> = {}): StepJob => ({
  program: program.handle,
  lastProgram: null,
  data: [data.handle],
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
const adding = (to: Variable): Program =>
  record([{ shape: [1, 8], dtype: 'float32', device: 'cpu' }], ([x]) => {
    to.assignAdd(call('aten::sum', x as Tensor));
    return [];
  });
const ones = (steps: number): Tensor => tensor(new Float32Array(steps * 8).fill(1), { shape: [steps, 8] });

test('garbage collections while steps run, with everything that a job uses forgotten in JavaScript', async () => {
  for (let round = 0; round < 10; round++) {
    const total = new Variable(0);
    let running = true;
    const results = [1, 2, 3].map(() =>
      // Program, data (zero-copy), session and logs are held by the running job alone.
      native.sessionRun(
        native.sessionCreate([], 1),
        job(adding(new Variable(0)), tensor(new Float32Array(8000).fill(1), { shape: [1000, 8], copy: false }), 1000, {
          logs: record([], () => call('aten::stack', [tensor(1, { dtype: 'float64' })], 0)).handle,
          onProgress: () => undefined,
        }),
      ),
    );
    const session = native.sessionCreate([total.handle], 1);
    const mine = native.sessionRun(session, job(adding(total), ones(5000), 5000)).finally(() => {
      running = false;
    });
    while (running) {
      gc();
      for (let i = 0; i < 20; i++) tensor(new Float32Array(20_000)).dataSync();
      await total.data();
    }
    expect(await mine).toMatchObject({ steps: 5000 });
    for (const result of await Promise.all(results)) expect(result).toMatchObject({ steps: 1000, stopped: false });
    await native.sessionClose(session);
    expect(total.item()).toBe(40_000);
  }
});

test('sessions that want the same Variable: one has it, the others are told so', async () => {
  const total = new Variable(0, { name: 'total' });
  const program = adding(total);
  const data = ones(200);
  let done = 0;
  let refused = 0;
  const turn = async (): Promise<void> => {
    const session = native.sessionCreate([], 1);
    try {
      await native.sessionRun(session, job(program, data, 200));
      done++;
    } catch (error) {
      expect(error).toMatchObject({ code: 'ERR_STATE' });
      expect((error as Error).message).toMatch(/Variable "total" belongs to another running fit/);
      refused++;
    } finally {
      await native.sessionClose(session);
    }
  };
  for (let round = 0; round < 20; round++) await Promise.all(Array.from({ length: 8 }, turn));
  expect(done + refused).toBe(160);
  expect(done).toBeGreaterThanOrEqual(20);
  expect(total.item()).toBe(done * 1600);
});

test('starting, stopping, reading, releasing and closing in any order', async () => {
  // The same numbers in every run.
  let state = 12345;
  const random = (below: number): number => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * below);
  };
  const total = new Variable(0);
  const program = adding(total);
  const data = ones(500);
  let session: SessionHandle = native.sessionCreate([total.handle], 1);
  const pending: Promise<unknown>[] = [];
  let steps = 0;
  const settle = async (): Promise<void> => void (await Promise.all(pending.splice(0)));
  for (let action = 0; action < 2000; action++) {
    switch (random(7)) {
      case 0:
      case 1:
        pending.push(
          native.sessionRun(session, job(program, data, 500)).then((result) => {
            steps += result.steps;
          }),
        );
        break;
      case 2:
        native.sessionStop(session);
        break;
      case 3:
        pending.push(total.data());
        break;
      case 4:
        try {
          native.sessionRelease(session);
          expect(total.item()).toBeGreaterThanOrEqual(0);
        } catch (error) {
          expect((error as { code?: string }).code).toBe('ERR_STATE');
        }
        break;
      case 5:
        if (random(4) > 0) break;
        pending.push(native.sessionClose(session));
        if (random(2) === 0) pending.push(total.data());
        await settle();
        session = native.sessionCreate([total.handle], 1);
        break;
      default:
        if (random(3) === 0) await settle();
        else await new Promise((resolve) => setImmediate(resolve));
    }
  }
  await settle();
  await native.sessionClose(session);
  expect(total.item()).toBe(8 * steps);
  expect(() => native.sessionRun(session, job(program, data, 1))).toThrow(/closed/);
});

test('workers that train at once have nothing to do with each other', async () => {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    (async () => {
      const { register } = await import('tsx/esm/api');
      register();
      const { call } = await import(workerData.lib + 'call.ts');
      const { native } = await import(workerData.lib + 'native.ts');
      const { record } = await import(workerData.lib + 'program.ts');
      const { tensor } = await import(workerData.lib + 'tensor.ts');
      const { Variable } = await import(workerData.lib + 'variable.ts');
      const total = new Variable(0);
      const program = record([{ shape: [1], dtype: 'float32', device: 'cpu' }], ([x]) => {
        total.assignAdd(call('aten::sum', x));
        return [];
      });
      const session = native.sessionCreate([total.handle], 1);
      const steps = 3000;
      await native.sessionRun(session, {
        program: program.handle, lastProgram: null,
        data: [tensor(new Float32Array(steps).fill(workerData.value)).handle],
        samples: steps, batchSize: 1, from: 0, to: steps,
        shuffled: false, collect: false, logs: null, onProgress: null,
      });
      await native.sessionClose(session);
      parentPort.postMessage(total.item());
    })();
  `;
  const lib = new URL('../../lib/core/', import.meta.url).href;
  const totals = await Promise.all(
    [1, 2, 3, 4].map(
      (value) =>
        new Promise((resolve, reject) => {
          const worker = new Worker(code, { eval: true, workerData: { lib, value } });
          worker.on('message', resolve);
          worker.on('error', reject);
          worker.on('exit', (exitCode) => reject(new Error(`exited with ${exitCode}`)));
        }),
    ),
  );
  expect(totals).toEqual([3000, 6000, 9000, 12000]);
});
