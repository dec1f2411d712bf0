import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  Input,
  Layer,
  layers,
  type Model,
  Model as ModelClass,
  models,
  ops,
  Sequential,
  saving,
  type Tensor,
  tensor,
  utils,
} from '../../lib/index.js';
import { scratch } from './files.js';

const folder = scratch();
const x = tensor([
  [1, 2, 3, 4],
  [0, -1, 1, 2],
]);
const y = tensor([[1], [0]]);

function make(): Sequential {
  return new Sequential([
    Input({ shape: [4] }),
    new layers.Dense({ units: 3, activation: 'relu', name: 'hidden' }),
    new layers.Dense({ units: 1, name: 'out' }),
  ]);
}

async function trained(): Promise<Model> {
  const model = make();
  model.compile({ optimizer: 'adam', loss: 'mse', metrics: ['mae'] });
  await model.fit(x, y, { epochs: 2, verbose: 0 });
  return model;
}

const predictions = async (model: Model) => [...(await (await model.predict(x, { verbose: 0 })).data())];

describe('whole models', () => {
  let model: Model;
  beforeAll(async () => {
    utils.setRandomSeed(1);
    model = await trained();
  });

  test.each(['a.keras', 'a.h5', 'a.hdf5'])('%s holds weights, compile state and optimizer', async (name) => {
    const path = join(folder, name);
    await model.save(path);
    const loaded = await models.loadModel(path);
    expect(await predictions(loaded)).toEqual(await predictions(model));
    expect(loaded.optimizer?.variables.map((one) => one.arraySync())).toEqual(
      model.optimizer?.variables.map((one) => one.arraySync()),
    );
    expect(await loaded.evaluate(x, y, { verbose: 0 })).toEqual(await model.evaluate(x, y, { verbose: 0 }));
    expect((await models.loadModel(path, { compile: false })).compiled).toBe(false);
  });

  test('training goes on as if there had been no file', async () => {
    const path = join(folder, 'on.keras');
    const [first, second] = [await trained(), make()];
    second.compile({ optimizer: 'adam', loss: 'mse' });
    await first.save(path);
    const loaded = await models.loadModel(path);
    await first.trainOnBatch(x, y);
    await loaded.trainOnBatch(x, y);
    expect(await predictions(loaded)).toEqual(await predictions(first));
  });

  test('overwrite: false keeps a file', async () => {
    const path = join(folder, 'kept.keras');
    await writeFile(path, 'mine');
    await expect(model.save(path, { overwrite: false })).rejects.toThrow(
      `saveModel: expected no file at "${path}", got one.`,
    );
    expect(await readFile(path, 'utf8')).toBe('mine');
  });

  test('wrong arguments are told', async () => {
    await expect(model.save('model.txt')).rejects.toThrow(
      "path: expected a name that ends in '.keras', '.h5', '.hdf5', got \"model.txt\".",
    );
    await expect(model.save('a.keras', { overwite: true } as never)).rejects.toThrow("unknown option 'overwite'");
    await expect(model.saveWeights('a.h5')).rejects.toThrow("expected a name that ends in '.weights.h5'");
    await expect(models.loadModel(5 as never)).rejects.toThrow('path: expected the path of a file, got 5.');
    await expect(models.loadModel('a.keras', { customObjects: { A: 1 } as never })).rejects.toThrow(
      "customObjects: expected an object of classes and functions, got 1 for 'A'",
    );
    await expect(saving.saveModel({} as never, 'a.keras')).rejects.toThrow(
      'saveModel: expected a model, got an object.',
    );
    await expect(
      new Sequential([new layers.Dense({ units: 1 })]).saveWeights(join(folder, 'a.weights.h5')),
    ).rejects.toThrow('expected a built model');
  });

  test('files that are not there are told', async () => {
    const path = join(folder, 'none.keras');
    const error = (await models.loadModel(path).catch((reason) => reason)) as NodeJS.ErrnoException;
    expect(error.message).toContain(`"${path}": expected an existing file, got ENOENT.`);
    expect(error.code).toBe('ENOENT');
    await expect(models.loadModel(folder)).rejects.toThrow(`"${folder}": expected a file, got EISDIR.`);
    const nowhere = join(folder, 'nowhere', 'a.keras');
    await expect(model.save(nowhere)).rejects.toThrow(`"${nowhere}": expected an existing folder, got ENOENT.`);
  });

  test('an abort leaves the old file, and nothing beside it', async () => {
    const own = join(folder, 'own');
    await mkdir(own);
    const path = join(own, 'a.keras');
    await writeFile(path, 'old');
    const reason = new Error('enough');
    await expect(model.save(path, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 1);
    await expect(model.save(path, { signal: controller.signal })).rejects.toBe(reason);
    expect(await readdir(own)).toEqual(['a.keras']);
    expect(await readFile(path, 'utf8')).toBe('old');
    await rm(own, { recursive: true });
  });

  test('while fit runs only hooks may save', async () => {
    const path = join(folder, 'hook.keras');
    const running = await trained();
    const done = running.fit(x, y, {
      epochs: 3,
      verbose: 0,
      callbacks: [
        new (await import('../../lib/index.js')).callbacks.LambdaCallback({
          onEpochEnd: async () => running.save(path),
        }),
      ],
    });
    await expect(running.save(path)).rejects.toThrow(/expected Sequential ".*" while no training step runs/);
    await done;
    expect(await predictions(await models.loadModel(path))).toEqual(await predictions(running));
  });

  test('JSON keeps the architecture alone', async () => {
    const twin = models.modelFromJson(model.toJson());
    expect(twin.layers.map((layer) => layer.name)).toEqual(['hidden', 'out']);
    expect(twin.countParams()).toBe(model.countParams());
    expect(twin.compiled).toBe(true);
    expect(() => models.modelFromJson('{')).toThrow('modelFromJson: expected JSON, got other text');
  });
});

describe('weights', () => {
  test('go to a model of the same layers, and nowhere unless all fit', async () => {
    const [first, second] = [make(), make()];
    const path = join(folder, 'b.weights.h5');
    await first.saveWeights(path);
    await second.loadWeights(path);
    expect(second.getWeights()).toEqual(first.getWeights());
    const other = new Sequential([
      Input({ shape: [4] }),
      new layers.Dense({ units: 3, name: 'same' }),
      new layers.Dense({ units: 2, name: 'wider' }),
    ]);
    const before = other.getWeights();
    await expect(other.loadWeights(path)).rejects.toThrow(
      /expected shape \[3, 2\] for ".*wider\/kernel" at "layers\/dense_1\/vars\/0", got \[3, 1\]\.\n {2}The file belongs to another model; skipMismatch: true/,
    );
    expect(other.getWeights()).toEqual(before);
    await other.loadWeights(path, { skipMismatch: true });
    expect(other.getWeights().slice(0, 2)).toEqual(first.getWeights().slice(0, 2));
    expect(other.getWeights().slice(2)).toEqual(before.slice(2));
  });

  test('objectsToSkip stay out of files, and as they are', async () => {
    const [first, second] = [make(), make()];
    const path = join(folder, 'c.weights.h5');
    await first.saveWeights(path, { objectsToSkip: [first.getLayer({ name: 'out' })] });
    const before = second.getWeights();
    await expect(second.loadWeights(path)).rejects.toThrow('expected 2 variables for Dense "out"');
    await second.loadWeights(path, { objectsToSkip: [second.getLayer({ name: 'out' })] });
    expect(second.getWeights()).toEqual([...first.getWeights().slice(0, 2), ...before.slice(2)]);
  });

  test('come from whole models too', async () => {
    const [first, second] = [await trained(), make()];
    await first.save(join(folder, 'd.keras'));
    await second.loadWeights(join(folder, 'd.keras'));
    expect(second.getWeights()).toEqual(first.getWeights());
  });

  test('a layer may store its state in its own way', async () => {
    class Counting extends Layer {
      words = ['a', 'b'];
      saveOwnVariables(store: Record<string, unknown>): void {
        store.lengths = tensor(Int32Array.from(this.words, (word) => word.length));
      }
      loadOwnVariables(store: Record<string, Tensor>): void {
        this.words = Array.from((store[Object.keys(store)[0] as string] as Tensor).dataSync() as Int32Array, (n) =>
          'x'.repeat(n),
        );
      }
      override call(input: Tensor): Tensor {
        return input;
      }
    }
    saving.registerKerasSerializable({ package: 'files' })(Counting as never);
    const layer = new Counting();
    layer.words = ['abc', 'de'];
    await new Sequential([Input({ shape: [1] }), layer]).save(join(folder, 'e.keras'));
    const loaded = await models.loadModel(join(folder, 'e.keras'));
    expect((loaded.layers[0] as Counting).words).toEqual(['xxx', 'xx']);
  });
});

describe('names of own objects', () => {
  class Halve extends Layer {
    override call(input: Tensor): Tensor {
      return ops.divide(input, 2);
    }
  }

  test('are registered with a package, and found for as long as a scope lasts', async () => {
    const path = join(folder, 'f.keras');
    await new Sequential([Input({ shape: [4] }), new Halve()]).save(path);
    await expect(models.loadModel(path)).rejects.toThrow(
      /the unknown layer Halve "halve.*" at model \(Sequential ".*"\)\.layers\[1\]/,
    );
    const inScope = await saving.customObjectScope({ Halve }, () => models.loadModel(path));
    expect(inScope.layers[0]).toBeInstanceOf(Halve);
    expect((await models.loadModel(path, { customObjects: { Halve } })).layers[0]).toBeInstanceOf(Halve);
    await expect(models.loadModel(path)).rejects.toThrow(/unknown layer/);
    saving.registerKerasSerializable({ package: 'half' })(Halve as never);
    expect(saving.getRegisteredName(Halve as never)).toBe('half>Halve');
    expect(saving.getRegisteredObject('half>Halve')).toBe(Halve);
    expect(saving.getCustomObjects().get('half>Halve')).toBe(Halve);
    expect(saving.getRegisteredObject('nothing')).toBeNull();
    const config = saving.serializeKerasObject(new Halve({ name: 'h' }));
    expect(config).toMatchObject({ module: null, class_name: 'Halve', registered_name: 'half>Halve' });
    expect(saving.deserializeKerasObject(config)).toBeInstanceOf(Halve);
    expect(() =>
      saving.deserializeKerasObject({ module: null, class_name: 'No', config: {}, registered_name: 'No' }),
    ).toThrow('expected a known class or function, got "No".');
  });

  test('one layer in two places is one layer again', async () => {
    class Twice extends Layer {
      static override readonly fields = {
        inner: {
          check: (value: unknown) =>
            value instanceof Layer ? value : saving.deserializeKerasObject(saving.toKerasConfig(value as never)),
        },
      };
      declare readonly inner: Layer;
      override call(input: Tensor): Tensor {
        return this.inner.apply(input);
      }
    }
    saving.registerKerasSerializable({ package: 'files' })(Twice as never);
    const inner = new layers.Dense({ units: 4 });
    const text = new Sequential([
      Input({ shape: [4] }),
      new Twice({ inner } as never),
      new Twice({ inner } as never),
    ]).toJson();
    expect(text.match(/"shared_object_id":1/g)).toHaveLength(2);
  });

  test('of classes without a config are refused', () => {
    expect(() => saving.registerKerasSerializable({ name: 'a>b' })).toThrow(
      'name: expected a name without \'>\', got "a>b".',
    );
    expect(() => saving.registerKerasSerializable()(5 as never)).toThrow(
      'expected a class or a named function, got 5.',
    );
  });

  test('a model of an own class is built again', async () => {
    class Pair extends ModelClass {
      first = new layers.Dense({ units: 2 });
      second = new layers.Dense({ units: 1 });
      override call(input: Tensor): Tensor {
        return this.second.apply(this.first.apply<Tensor>(input));
      }
    }
    const pair = new Pair();
    pair.apply(x);
    await pair.save(join(folder, 'g.keras'));
    const loaded = await models.loadModel(join(folder, 'g.keras'), { customObjects: { Pair } });
    expect(await predictions(loaded)).toEqual(await predictions(pair));

    // The optimizer's state comes back too, and training goes on with it.
    pair.compile({ optimizer: 'adam', loss: 'mse' });
    const train = async (model: Model): Promise<unknown> =>
      (await model.fit(x, ops.ones([x.shape[0] as number, 1]), { epochs: 2, shuffle: false, verbose: 0 })).history;
    await train(pair);
    await pair.save(join(folder, 'g.keras'));
    const again = await models.loadModel(join(folder, 'g.keras'), { customObjects: { Pair } });
    expect(again.optimizer?.iterations.item()).toBe(2);
    expect(await train(again)).toEqual(await train(pair));
  });
});
