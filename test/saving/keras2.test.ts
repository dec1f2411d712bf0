import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { layers, models, Sequential, tensor } from '../../lib/index.js';
import { unpack } from './files.js';

interface Values {
  shape: number[];
  data: number[];
}

interface Case {
  files: string[];
  x: Values[];
  predictions: Values[];
  y?: Values;
  evaluation?: { loss: number; accuracy: number };
}

const cases = JSON.parse(readFileSync(new URL('../golden/saving/keras2.json', import.meta.url), 'utf8')) as Record<
  string,
  Case
>;
const folder = unpack('keras2.zip');
const files = Object.entries(cases).flatMap(([name, one]) => one.files.map((file) => ({ name, file })));

const values = ({ shape, data }: Values) => tensor(Float32Array.from(data), { shape });

describe("Keras 2's files", () => {
  test.each(files)('$file answers as in Keras 2', async ({ name, file }) => {
    const { x, predictions, y, evaluation } = cases[name] as Case;
    const model = await models.loadModel(join(await folder, file), { compile: y !== undefined });
    const given = x.map(values);
    const answer = [await model.predict<unknown>((given.length === 1 ? given[0] : given) as never)].flat();
    expect(answer).toHaveLength(predictions.length);
    for (const [i, one] of answer.entries()) {
      const { shape, data } = predictions[i] as Values;
      expect([...(one as ReturnType<typeof values>).shape]).toEqual(shape);
      const got = [...(await (one as ReturnType<typeof values>).data())].map(Number);
      for (const [k, value] of data.entries()) expect(got[k]).toBeCloseTo(value, 5);
    }
    if (y === undefined || evaluation === undefined) return;
    const result = await model.evaluate(given[0] as never, values(y), { verbose: 0 });
    expect(result.loss).toBeCloseTo(evaluation.loss, 4);
    expect(result.accuracy).toBeCloseTo(evaluation.accuracy, 5);
    expect(model.optimizer?.iterations.item()).toBe(1);
  });

  const twin = (): Sequential =>
    new Sequential([
      new layers.Dense({ units: 3, inputShape: [4], activation: 'relu', name: 'dense' }),
      new layers.BatchNormalization(),
      new layers.Dropout({ rate: 0.5 }),
      new layers.Dense({ units: 2, activation: 'softmax', name: 'dense_1' }),
    ]);

  test('weights alone go by order, or by name', async () => {
    const { x, predictions } = cases.stack as Case;
    const path = join(await folder, 'stack_weights.h5');
    const model = twin();
    await model.loadWeights(path);
    const got = await (await model.predict(values(x[0] as Values))).data();
    for (const [k, value] of (predictions[0] as Values).data.entries()) expect(got[k]).toBeCloseTo(value, 5);
    const other = new Sequential([
      new layers.Dense({ units: 3, inputShape: [4], name: 'dense' }),
      new layers.Dense({ units: 7, name: 'elsewhere' }),
    ]);
    const [, , untouched] = other.getWeights();
    await other.loadWeights(path, { byName: true });
    expect(other.getWeights()[0]?.data).toEqual(model.getWeights()[0]?.data);
    expect(other.getWeights()[2]?.data).toEqual(untouched?.data);
    await expect(other.loadWeights(path)).rejects.toThrow(/expected weights of 2 layers, got those of 3\./);
    await expect(model.loadWeights(path.replace('.h5', '.weights.h5'), { byName: true })).rejects.toThrow(
      /byName: expected it with '.h5' and '.hdf5' files only/,
    );
  });
});
