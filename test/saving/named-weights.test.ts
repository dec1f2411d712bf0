import { createHash } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { Input, layers, Model, ops, Sequential, saving, type Tensor, tensor } from '../../lib/index.js';
import { scratch, unpack } from './files.js';
import { facts, smallModel, writeAgain } from './named-files.js';

const folder = scratch();
let golden: string;
beforeAll(async () => {
  golden = await unpack('arrays.zip');
});

const values = (model: Model) => model.weights.map((weight) => [...weight.value.dataSync()].map(Number));

describe('files of Python', () => {
  test.each(['weights.safetensors', 'weights.npz', 'compressed.npz'])(
    '%s: the model predicts as in Keras',
    async (name) => {
      const model = smallModel();
      await model.loadWeights(join(golden, name));
      expect(model.weights.map(({ path }) => path)).toEqual(facts.paths);
      const y = (model.apply(tensor(facts.x)) as Tensor).dataSync() as Float32Array;
      for (const [i, value] of facts.y.flat().entries()) expect(y[i]).toBeCloseTo(value, 5);
    },
  );

  test('arrays of other dtypes and in Fortran order are converted', async () => {
    const [model, exact] = [smallModel(), smallModel()];
    await model.loadWeights(join(golden, 'mixed.npz'));
    await exact.loadWeights(join(golden, 'weights.npz'));
    for (const [i, found] of values(model).entries()) {
      for (const [k, value] of (values(exact)[i] as number[]).entries()) expect(found[k]).toBeCloseTo(value, 2);
    }
  });

  test('files written anew have the bytes that Python read back', async () => {
    const to = mkdtempSync(join(folder, 'again-'));
    await writeAgain(golden, to);
    const sums: Record<string, string> = {};
    for (const name of await readdir(to)) {
      sums[name] = createHash('sha256')
        .update(await readFile(join(to, name)))
        .digest('hex');
    }
    expect(sums).toEqual(facts.read);
  });
});

const dense = (units: number, options: object = {}) => new layers.Dense({ units, ...options });

/** Models whose layers have automatic names, so that a second one is named otherwise. */
const kinds: Record<string, () => Model> = {
  sequential: () => new Sequential({ layers: [Input({ shape: [4] }), dense(3), dense(3), new layers.PReLU()] }),
  'functional, shared layer': () => {
    const [a, b] = [Input({ shape: [3] }), Input({ shape: [3] })];
    const shared = dense(4);
    const y = dense(1).apply(new layers.Add().apply([shared.apply(a), shared.apply(b)]));
    return new Model({ inputs: [a, b], outputs: y });
  },
  nested: () => {
    const inner = new Sequential({ layers: [Input({ shape: [4] }), dense(2), new layers.BatchNormalization()] });
    const x = Input({ shape: [4] });
    return new Model({ inputs: x, outputs: dense(2).apply(inner.apply(dense(4).apply(x))) });
  },
  embedding: () =>
    new Sequential({ layers: [Input({ shape: [5] }), new layers.Embedding({ inputDim: 7, outputDim: 3 }), dense(2)] }),
  normalizations: () =>
    new Sequential({
      layers: [Input({ shape: [4] }), new layers.LayerNormalization(), dense(4), new layers.BatchNormalization()],
    }),
  'mixed precision': () => new Sequential({ layers: [Input({ shape: [4] }), dense(3, { dtype: 'mixed_bfloat16' })] }),
  bfloat16: () => new Sequential({ layers: [Input({ shape: [4] }), dense(3, { dtype: 'bfloat16' })] }),
  float64: () => new Sequential({ layers: [Input({ shape: [4], dtype: 'float64' }), dense(3, { dtype: 'float64' })] }),
};

describe.each(['.safetensors', '.npz'])('%s', (ending) => {
  test.each(Object.entries(kinds))('%s: weights come back bit by bit', async (name, make) => {
    const path = join(folder, `${name.replace(/\W/g, '')}${ending}`);
    const [model, twin] = [make(), make()];
    for (const weight of model.weights) weight.assign(ops.add(weight.value, 0.375));
    await model.saveWeights(path);
    expect(values(twin)).not.toEqual(values(model));
    await twin.loadWeights(path);
    expect(values(twin)).toEqual(values(model));
  });

  test('a file of another model changes nothing', async () => {
    const path = join(folder, `other${ending}`);
    const make = (units: number, name = 'b', last: object[] = []) =>
      new Sequential({
        layers: [Input({ shape: [2] }), dense(3, { name: 'a' }), dense(units, { name }), ...(last as never[])],
        name: 'm',
      });
    await make(2).saveWeights(path);
    const unchanged = async (model: Model, message: string) => {
      const before = values(model);
      await expect(model.loadWeights(path)).rejects.toThrow(`"${path}": ${message}`);
      expect(values(model)).toEqual(before);
    };
    await unchanged(make(4), 'expected shape [3, 4] for "m/b/kernel", got [3, 2].');
    await unchanged(make(2, 'c'), 'expected an array "m/c/kernel", got "m/b/kernel", "m/b/bias".');
    await unchanged(make(2, 'b', [dense(1, { name: 'd' })]), 'expected an array "m/d/kernel", got no other');
    const short = new Sequential({ layers: [Input({ shape: [2] }), dense(3, { name: 'a' })], name: 'm' });
    await unchanged(short, 'expected the 2 weights of');

    const warnings: string[] = [];
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void warnings.push(String(text)));
    const model = make(4);
    const before = values(model);
    await model.loadWeights(path, { skipMismatch: true });
    warn.mockRestore();
    expect(warnings).toEqual([
      `"${path}": expected shape [3, 4] for "m/b/kernel", got [3, 2]. The layer stays as it is.`,
    ]);
    expect(values(model)[0]).not.toEqual(before[0]);
    expect(values(model).slice(2)).toEqual(before.slice(2));
  });

  test('layers that are skipped', async () => {
    const path = join(folder, `skipped${ending}`);
    const make = () => {
      const [a, b] = [dense(3, { name: 'a' }), dense(1, { name: 'b' })];
      return { b, model: new Sequential({ layers: [Input({ shape: [2] }), a, b] }) };
    };
    const [one, two] = [make(), make()];
    await one.model.saveWeights(path, { objectsToSkip: [one.b] });
    const before = values(two.model);
    await expect(two.model.loadWeights(path)).rejects.toThrow(
      /expected an array "sequential_\d+\/b\/kernel", got no other/,
    );
    await two.model.loadWeights(path, { objectsToSkip: [two.b] });
    expect(values(two.model)).toEqual([...values(one.model).slice(0, 2), ...before.slice(2)]);
  });

  test('a damaged file, one of another format, and none', async () => {
    const model = smallModel();
    const path = join(folder, `damaged${ending}`);
    const whole = await readFile(join(golden, `weights${ending}`));
    await writeFile(path, whole.subarray(0, whole.length - 20));
    await expect(model.loadWeights(path)).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT' });
    await copyFile(join(golden, ending === '.npz' ? 'weights.safetensors' : 'weights.npz'), path);
    await expect(model.loadWeights(path)).rejects.toMatchObject({ code: 'ERR_FILE_FORMAT' });
    await expect(model.loadWeights(join(folder, `none${ending}`))).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(model.saveWeights(join(folder, 'none', `a${ending}`))).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('metadata stays beside the weights, in safetensors files only', async () => {
  const path = join(folder, 'metadata.safetensors');
  await smallModel().saveWeights(path, { metadata: { epoch: '7' } });
  expect((await saving.loadSafetensors(path)).metadata).toEqual({ epoch: '7' });
  await expect(smallModel().saveWeights(join(folder, 'a.npz'), { metadata: { epoch: '7' } })).rejects.toThrow(
    "saveWeights: metadata: expected it with '.safetensors' files only, got",
  );
});

test('byName belongs to the older format', async () => {
  await expect(smallModel().loadWeights('a.npz', { byName: true })).rejects.toThrow('byName: expected it with');
});
