import { expect, test } from 'vitest';
import { memory, type Tensor, tensor, tidy } from '../../lib/index.js';
import { smallData, smallModel } from '../training/small-model.js';

declare const gc: () => void;

/** Resident memory in MB, after garbage collections that also let finalizers run. */
async function residentMb(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().rss / 2 ** 20;
}

const { x } = smallData(64);
const calls = 10_000;

const ways: Record<string, (model: ReturnType<typeof smallModel>, row: Tensor) => Promise<ArrayLike<number | bigint>>> =
  {
    'apply, freed at once': async (model, row) => tidy(() => model.apply<Tensor>(row).dataSync().slice()),
    'apply, left to the garbage collector': async (model, row) => model.apply<Tensor>(row).dataSync(),
    predict: async (model, row) => {
      const output = await model.predict(row, { verbose: 0 });
      const values = output.dataSync().slice();
      output.dispose();
      return values;
    },
    'predict, left to the garbage collector': async (model, row) =>
      (await model.predict(row, { verbose: 0 })).dataSync(),
  };

test.each(Object.entries(ways))('10,000 single rows are right and leave nothing behind: %s', async (name, answer) => {
  const model = smallModel();
  const all = (await model.predict(x, { verbose: 0 })).arraySync() as number[][];
  const rows = Array.from({ length: 64 }, (_, i) =>
    tensor(x.slice(i, i + 1).dataSync() as Float32Array, { shape: [1, 6] }),
  );
  const check = async (i: number): Promise<void> => {
    const values = await answer(model, rows[i % 64] as Tensor);
    expect(Math.max(...(all[i % 64] as number[]).map((value, j) => Math.abs(value - Number(values[j]))))).toBeLessThan(
      1e-6,
    );
  };
  for (let i = 0; i < 500; i++) await check(i);
  const before = await residentMb();
  const { tensors } = memory();
  const times: number[] = [];
  for (let i = 0; i < calls; i++) {
    const start = performance.now();
    const values = await answer(model, rows[i % 64] as Tensor);
    times.push(performance.now() - start);
    if (values.length !== 3) throw new Error('a row has three outputs');
    if (i % 100 === 0) await check(i);
  }
  const added = (await residentMb()) - before;
  times.sort((a, b) => a - b);
  const at = (share: number): string => `${(1000 * (times[Math.floor(share * calls)] as number)).toFixed(0)} us`;
  console.log(`${name}: added ${added.toFixed(1)} MB; half of the answers within ${at(0.5)}, 99 % within ${at(0.99)}`);
  expect(added).toBeLessThan(20);
  expect(memory().tensors).toBeLessThanOrEqual(tensors + 1);
});
