import { createWriteStream } from 'node:fs';
import { copyFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { ZipFile } from 'yazl';
import { FileFormatError, Input, layers, models, Sequential } from '../../lib/index.js';
import { scratch, unpack } from './files.js';

let hostile: string;
const folder = scratch();
let good: Buffer;
let count = 0;

beforeAll(async () => {
  hostile = await unpack('hostile.zip');
  good = await readFile(join(hostile, 'good.weights.h5'));
});

const model = () => new Sequential({ layers: [Input({ shape: [2] }), new layers.Dense({ units: 2, name: 'dense' })] });
const metadata = JSON.stringify({ keras_version: '3.15.1' });

type Entries = Record<string, string | Buffer>;

async function zipped(entries: Entries, compress = false): Promise<string> {
  const path = join(folder, `made${count++}.keras`);
  const zip = new ZipFile();
  for (const [name, data] of Object.entries(entries)) zip.addBuffer(Buffer.from(data), name, { compress });
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(path));
  return path;
}

/** A '.keras' file around a config (of a Dense, if none is given). */
function keras(config: unknown = JSON.parse(model().toJson()), further: Entries = {}): Promise<string> {
  const text = typeof config === 'string' ? config : JSON.stringify(config);
  return zipped({ 'metadata.json': metadata, 'config.json': text, 'model.weights.h5': good, ...further });
}

/** A Sequential whose only layer is this. */
function stack(layer: object): unknown {
  const config = JSON.parse(model().toJson());
  config.config.layers[1] = layer;
  return config;
}

async function refused(path: string): Promise<string> {
  const error = await models.loadModel(path).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FileFormatError);
  const { message } = error as Error;
  expect(message.split('\n')[0]).toContain(`"${path}": `);
  return message.replaceAll(path, 'FILE');
}

describe('configs', () => {
  test('a file made for these tests loads', async () => {
    const loaded = await models.loadModel(await keras());
    expect(loaded.getWeights()[0]?.data).toEqual(Float32Array.of(1, 1, 1, 1));
  });

  test.each(['lambda.keras', 'lambda.h5'])('code in %s is refused (CVE-2024-3660, CVE-2025-9905)', async (name) => {
    const message = await refused(join(hostile, name));
    expect(message).toMatch(/expected a function's name at .*, got the code of a Python lambda\./);
    expect(message).toContain("saving.registerKerasSerializable({ package: null, name: 'fn' })(fn)");
  });

  test('code of Keras 2, a list with bytes, is refused', async () => {
    const layer = {
      class_name: 'Lambda',
      config: { name: 'f', function: ['4wEAAAAAAAAA\n', null, null], function_type: 'lambda' },
    };
    expect(await refused(await keras(stack(layer)))).toMatch(
      /expected a function's name at .*, got the code of a Python lambda/,
    );
  });

  test('safeMode: false is no way around', async () => {
    await expect(models.loadModel(join(hostile, 'lambda.keras'), { safeMode: false })).rejects.toThrow(
      /safeMode: expected true, got false\.\n {2}Code in files is never run/,
    );
  });

  test.each([
    ['CVE-2025-1550', { module: 'subprocess', class_name: 'run', config: ['id'], registered_name: 'run' }],
    [
      'CVE-2025-8747',
      {
        module: 'keras.utils',
        class_name: 'get_file',
        config: { origin: 'file:///etc/passwd' },
        registered_name: null,
      },
    ],
    [
      'CVE-2025-9906',
      { module: 'keras.config', class_name: 'enable_unsafe_deserialization', config: {}, registered_name: null },
    ],
    [
      'a module of Node',
      { module: 'node:child_process', class_name: 'execSync', config: { command: 'id' }, registered_name: null },
    ],
    [
      'a name that objects have',
      { module: 'keras.layers', class_name: 'constructor', config: {}, registered_name: null },
    ],
    [
      'a name that objects have',
      { module: 'keras.layers', class_name: '__proto__', config: {}, registered_name: null },
    ],
    ['a function of layers', { module: 'keras.layers', class_name: 'concatenate', config: {}, registered_name: null }],
  ])('%s: names are looked up among known classes only', async (_, layer) => {
    expect(await refused(await keras(stack(layer)))).toMatch(/config.json: expected/);
  });

  test('functions of other modules as activations are unknown names', async () => {
    const layer = {
      module: 'keras.layers',
      class_name: 'Dense',
      config: {
        units: 2,
        activation: { module: 'os', class_name: 'function', config: 'system', registered_name: 'system' },
      },
      registered_name: null,
    };
    expect(await refused(await keras(stack(layer)))).toMatch(/unknown activation "system"/);
  });

  test.each(['/etc/passwd', 'http://127.0.0.1:1/words'])(
    'a vocabulary %s is never opened (CVE-2025-12058)',
    async (vocabulary) => {
      const fetched = vi.spyOn(globalThis, 'fetch');
      const layer = {
        module: 'keras.layers',
        class_name: 'StringLookup',
        config: { name: 'look', vocabulary },
        registered_name: null,
      };
      const message = await refused(await keras(stack(layer)));
      expect(message).toContain('got the unknown layer StringLookup "look" at model (Sequential');
      expect(message).toContain(
        "saving.registerKerasSerializable({ package: null, name: 'StringLookup' })(StringLookup)",
      );
      expect(fetched).not.toHaveBeenCalled();
      fetched.mockRestore();
    },
  );

  test("an own class's name tells how to register it", async () => {
    const layer = { module: 'my', class_name: 'Weigher', config: { name: 's' }, registered_name: 'my>Weigher' };
    const message = await refused(await keras(stack(layer)));
    expect(message).toContain('unknown layer Weigher (registered as \'my>Weigher\') "s" at model (Sequential');
    expect(message).toContain('.layers[1].');
    expect(message).toContain(
      "saving.registerKerasSerializable({ package: 'my', name: 'Weigher' })(Weigher), or loadModel(path, { customObjects: { Weigher } })",
    );
  });

  test.each([
    ['text', 'nothing', /config.json: expected JSON, got other text/],
    ['an array', '[]', /config.json: expected an object, got \[\]/],
    ['another object', '{"a": 1}', /config.json: expected/],
    ['deep nesting', `${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}`, /at most 100 levels/],
    ['__proto__', '{"class_name": "Sequential", "config": {"__proto__": {"x": 1}}}', /got "__proto__"/],
    [
      'a layer',
      JSON.stringify({ module: 'keras.layers', class_name: 'Dense', config: { units: 1 }, registered_name: null }),
      /expected a model, got Dense/,
    ],
  ])('%s is no model', async (_, text, expected) => {
    expect(await refused(await keras(text))).toMatch(expected);
  });

  test('layers larger than the weights of the file are refused before memory is taken', async () => {
    const config = JSON.parse(model().toJson());
    config.config.layers[1].config.units = 2 ** 40;
    expect(await refused(await keras(config))).toMatch(
      /expected a weight that the file has values for, got shape \[2, 1099511627776\]/,
    );
  });

  test('prototypes stay as they are', async () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    await refused(
      await keras('{"class_name": "Sequential", "config": {"constructor": {"prototype": {"polluted": 1}}}}'),
    );
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  });

  test.each([
    ['4.0.0', /expected a file of Keras 3 or older, got keras_version "4.0.0"\.\n {2}Update torchlayers/],
    ['x', /got keras_version "x"/],
  ])('keras_version %s is another format', async (version, expected) => {
    expect(
      await refused(await keras(undefined, { 'metadata.json': JSON.stringify({ keras_version: version }) })),
    ).toMatch(expected);
  });
});

describe('archives', () => {
  /** A good file with bytes changed. */
  async function patched(change: (bytes: Buffer) => Buffer): Promise<string> {
    const path = await keras();
    await writeFile(path, change(await readFile(path)));
    return path;
  }
  const central = (bytes: Buffer, index: number): number => {
    let at = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
    for (let i = 0; i < index; i++) at = bytes.indexOf(Buffer.from('PK\x01\x02', 'latin1'), at + 4);
    return at;
  };

  test.each(['../escape.txt', '/tmp/escape.txt', 'C:/escape.txt', 'a\\..\\escape.txt'])(
    'an entry %s is refused, and nothing is unpacked (CVE-2025-12060, GHSA-hqp4-2352-xf5r)',
    async (name) => {
      const plain = `assets/${'x'.repeat(name.length - 7)}`;
      const path = await keras(undefined, { [plain]: 'text' });
      const bytes = await readFile(path);
      for (let at = bytes.indexOf(plain); at >= 0; at = bytes.indexOf(plain, at + 1)) bytes.write(name, at, 'latin1');
      await writeFile(path, bytes);
      const before = await readdir(folder);
      expect(await refused(path)).toMatch(/expected a whole zip archive/);
      expect(await readdir(folder)).toEqual(before);
      await expect(stat(join(folder, '..', 'escape.txt'))).rejects.toThrow('ENOENT');
    },
  );

  test('assets are left alone', async () => {
    const before = await readdir(folder);
    const path = await keras(undefined, { 'assets/layers/dense/words.txt': 'a' });
    await models.loadModel(path);
    expect((await readdir(folder)).length).toBe(before.length + 1);
  });

  test('a bomb is refused by the size that it states', async () => {
    const path = await zipped(
      { 'metadata.json': metadata, 'config.json': ' '.repeat(50e6), 'model.weights.h5': good },
      true,
    );
    expect((await stat(path)).size).toBeLessThan(200e3);
    expect(await refused(path)).toMatch(/expected "config.json" of at most 200 times its \d+ bytes, got 50000000/);
  });

  test('an entry that lies about its size ends with it', async () => {
    const path = await zipped(
      { 'metadata.json': metadata, 'config.json': ' '.repeat(50e6), 'model.weights.h5': good },
      true,
    );
    const bytes = await readFile(path);
    bytes.writeUInt32LE(1000, central(bytes, 1) + 24);
    await writeFile(path, bytes);
    expect(await refused(path)).toMatch(/expected a whole zip archive/);
  });

  test('overlapping entries are refused', async () => {
    const path = await patched((bytes) => {
      bytes.writeUInt32LE(bytes.readUInt32LE(central(bytes, 1) + 42), central(bytes, 2) + 42);
      return bytes;
    });
    expect(await refused(path)).toMatch(/expected entries one after the other/);
  });

  test('two entries of one name are refused', async () => {
    const path = await keras(undefined, { 'config.jsoN': '{}' });
    const bytes = await readFile(path);
    for (let at = bytes.indexOf('config.jsoN'); at >= 0; at = bytes.indexOf('config.jsoN', at + 1))
      bytes.write('config.json', at);
    await writeFile(path, bytes);
    expect(await refused(path)).toMatch(/got two entries "config.json"/);
  });

  test('truncated files, wherever they end, are refused', async () => {
    const whole = await readFile(await keras());
    for (const part of [0.01, 0.3, 0.7, 0.95, 0.999]) {
      const path = join(folder, `cut${count++}.keras`);
      await writeFile(path, whole.subarray(0, Math.floor(whole.length * part)));
      await refused(path);
    }
  });

  test('changed weights are seen by their checksum', async () => {
    const path = await patched((bytes) => {
      const at = bytes.indexOf(Buffer.from(new Float32Array([1, 1, 1, 1]).buffer));
      bytes[at] = 7;
      return bytes;
    });
    expect(await refused(path)).toMatch(/expected the data that its checksum was made of, got damaged data/);
  });

  test('missing entries are named', async () => {
    const path = await zipped({ 'metadata.json': metadata, 'config.json': '{}' });
    expect(await refused(path)).toMatch(/expected an archive with "model.weights.h5", got metadata.json, config.json/);
  });

  test('compressed archives load', async () => {
    const path = await zipped(
      { 'metadata.json': metadata, 'config.json': model().toJson(), 'model.weights.h5': good },
      true,
    );
    const loaded = await models.loadModel(path);
    expect(loaded.getWeights()[0]?.data).toEqual(Float32Array.of(1, 1, 1, 1));
  });
});

describe('HDF5 files', () => {
  const load = async (name: string): Promise<string> => {
    const path = join(hostile, `${name}.weights.h5`);
    const target = model();
    const before = target.getWeights();
    const error = await target.loadWeights(path).then(
      () => null,
      (reason: unknown) => reason,
    );
    expect(error, name).toBeInstanceOf(FileFormatError);
    expect(target.getWeights()).toEqual(before);
    return (error as Error).message;
  };

  test.each([
    ['external-link', /got an external link, which is never followed/],
    ['soft-link', /got a soft link, which is never followed/],
    ['external-group', /expected 2 variables for Dense "dense" at "layers\/dense\/vars", got 0/],
    ['virtual', /got a virtual data set, which is never followed/],
    ['external-storage', /expected the values of "layers\/dense\/vars\/0"/],
    ['circle', /circles|levels/],
    ['deep', /expected at most 64 levels of groups/],
    ['claims-much', /expected data sets that the file of \d+ bytes can hold/],
    ['bomb', /expected shape \[2, 2\] for ".*kernel" at "layers\/dense\/vars\/0", got \[4194304\]/],
    ['texts', /got data of a type that no weight has/],
    ['pairs', /got data of a type that no weight has/],
  ])('%s', async (name, expected) => {
    expect(await load(name)).toMatch(expected);
  });

  test('compressed data sets load', async () => {
    const target = model();
    await target.loadWeights(join(hostile, 'compressed.weights.h5'));
    expect(target.getWeights()[0]?.data).toEqual(Float32Array.of(1, 1, 1, 1));
  });

  test('changed bytes, wherever they are, end in an error or in weights', async () => {
    const path = join(folder, 'changed.weights.h5');
    const target = model();
    let errors = 0;
    // A fixed sequence, so that a failure comes again.
    let seed = 12345;
    const random = (below: number): number => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31;
      return seed % below;
    };
    for (let round = 0; round < 150; round++) {
      const bytes = Buffer.from(good);
      for (let change = 0; change <= round % 4; change++)
        bytes[random(round % 2 === 0 ? 2048 : bytes.length)] = random(256);
      await writeFile(path, bytes);
      const error = await target.loadWeights(path).then(
        () => null,
        (reason: unknown) => reason,
      );
      if (error !== null) {
        expect(error).toBeInstanceOf(FileFormatError);
        errors++;
      }
    }
    expect(errors).toBeGreaterThan(20);
  }, 120_000);

  test('a model file of another format is named', async () => {
    const path = join(folder, 'notes.keras');
    await writeFile(path, 'These are notes, and no model.');
    expect(await refused(path)).toBe(
      '"FILE": expected a .keras file (a zip archive), an HDF5 file or a model.json of TensorFlow.js, got a file of another format.\n  TensorFlow SavedModels can not be read: load them in Keras and save as .keras.',
    );
    await copyFile(join(hostile, 'good.weights.h5'), join(folder, 'weights.keras'));
    expect(await refused(join(folder, 'weights.keras'))).toMatch(/expected a file with a whole model/);
  });
});
