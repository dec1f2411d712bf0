import { copyFile, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { openPromise } from 'yauzl';
import { FileFormatError, models, type Tensor, tensor } from '../../lib/index.js';
import { scratch } from './files.js';

interface Case {
  name: string;
  x: never[];
  y: never[];
}

const read = async (path: string): Promise<Buffer> => readFile(new URL(`../golden/saving/${path}`, import.meta.url));
const cases = JSON.parse((await read('tfjs.json')).toString()) as Case[];
const folder = scratch();

beforeAll(async () => {
  const zip = await openPromise(new URL('../golden/saving/tfjs.zip', import.meta.url).pathname);
  for await (const entry of zip.eachEntry()) {
    const chunks: Buffer[] = [];
    for await (const chunk of await zip.openReadStreamPromise(entry)) chunks.push(chunk as Buffer);
    await mkdir(dirname(join(folder, entry.fileName)), { recursive: true });
    await writeFile(join(folder, entry.fileName), Buffer.concat(chunks));
  }
});

test.each(cases)('$name: predictions are those of TensorFlow.js', async ({ name, x, y }) => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const model = await models.loadModel(join(folder, name, 'model.json'));
  warn.mockRestore();
  const inputs = x.map((one) => tensor(one));
  const outputs = [model.apply((inputs.length === 1 ? inputs[0] : inputs) as never)].flat() as unknown as Tensor[];
  expect(outputs).toHaveLength(y.length);
  for (const [i, output] of outputs.entries()) {
    const expected = tensor(y[i] as never);
    expect(output.shape).toEqual(expected.shape);
    const found = output.dataSync() as Float32Array;
    const wanted = expected.dataSync() as Float32Array;
    for (const [k, value] of wanted.entries()) expect(found[k]).toBeCloseTo(value, 5);
  }
});

test('what the file says of compiling is left, with a warning that compile: false spares', async () => {
  const warnings: string[] = [];
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void warnings.push(String(text)));
  const path = join(folder, 'dense', 'model.json');
  const json = JSON.parse(await readFile(path, 'utf8')) as { trainingConfig: unknown };
  const changed = await made({ trainingConfig: json.trainingConfig ?? { loss: 'mean_squared_error' } });
  await models.loadModel(changed, { compile: false });
  expect(warnings).toEqual([]);
  await models.loadModel(changed);
  warn.mockRestore();
  expect(warnings).toEqual([`"${changed}": how the model was compiled stays in TensorFlow.js: compile it.`]);
});

let count = 0;

/** 'uint8' in a folder of its own, with changes of model.json; a function gets the whole of it. */
async function made(change: object | ((json: Json) => void)): Promise<string> {
  const place = join(folder, `made${count++}`);
  await mkdir(place);
  await copyFile(join(folder, 'uint8', 'group1-shard1of1.bin'), join(place, 'group1-shard1of1.bin'));
  const json = JSON.parse(await readFile(join(folder, 'uint8', 'model.json'), 'utf8')) as Json;
  if (typeof change === 'function') change(json);
  else Object.assign(json, change);
  await writeFile(join(place, 'model.json'), JSON.stringify(json));
  return join(place, 'model.json');
}

interface Json {
  weightsManifest: { paths: unknown[]; weights: Record<string, unknown>[] }[];
  [key: string]: unknown;
}

async function refused(path: string): Promise<string> {
  const error = await models.loadModel(path, { compile: false }).then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(FileFormatError);
  return (error as Error).message.replaceAll(path, 'FILE').split('\n')[0] as string;
}

const group = (json: Json) => json.weightsManifest[0] as Json['weightsManifest'][0];
const first = (json: Json) => group(json).weights[0] as Record<string, unknown>;

describe('hostile', () => {
  test.each([
    '../secret.bin',
    '/etc/passwd',
    'a/../../secret.bin',
    'http://example.com/w.bin',
    'file:///etc/passwd',
    'C:\\w.bin',
    '..\\w.bin',
    '//host/w.bin',
    '',
    '.',
    'a\u0000b',
    7,
  ])('the path %j is not followed', async (name) => {
    expect(
      await refused(
        await made((json) => {
          group(json).paths = [name];
        }),
      ),
    ).toContain('weightsManifest: expected paths of files in the folder of model.json, got');
  });

  test('a link out of the folder is not followed; one inside is', async () => {
    const path = await made((json) => {
      group(json).paths = ['link.bin'];
    });
    await symlink(join(folder, 'dense', 'model.json'), join(dirname(path), 'link.bin'));
    expect(await refused(path)).toBe('"FILE": expected weights in its own folder, got a link out of it: "link.bin".');
    const inside = await made((json) => {
      group(json).paths = ['link.bin'];
    });
    await symlink('group1-shard1of1.bin', join(dirname(inside), 'link.bin'));
    expect((await models.loadModel(inside, { compile: false })).built).toBe(true);
  });

  test('a file that is missing is a system error that names it', async () => {
    const path = await made((json) => {
      group(json).paths = ['none.bin'];
    });
    await expect(models.loadModel(path)).rejects.toMatchObject({
      code: 'ENOENT',
      message: expect.stringContaining('none.bin": expected an existing file'),
    });
  });

  test.each<[string, (json: Json) => void, string]>([
    [
      'a graph',
      (json) => {
        json.format = 'graph-model';
      },
      "expected a model of layers (format 'layers-model')",
    ],
    [
      'no manifest',
      (json) => void delete (json as Partial<Json>).weightsManifest,
      'weightsManifest: expected a list of groups, got',
    ],
    ['no topology', (json) => void delete json.modelTopology, 'with modelTopology and weightsManifest, got'],
    ['a file twice', (json) => void group(json).paths.push(group(json).paths[0]), 'expected each file once, got'],
    ['a weight twice', (json) => void group(json).weights.push(first(json)), 'expected each weight once, got'],
    ['a weight less', (json) => void group(json).weights.pop(), 'expected 40 bytes in "group1-shard1of1.bin", got 43'],
    [
      'a huge shape',
      (json) => {
        first(json).shape = [1e9, 1e9];
      },
      'expected a shape that fits in memory for',
    ],
    [
      'a large shape',
      (json) => {
        first(json).shape = [4, 500];
      },
      'expected 2023 bytes in',
    ],
    [
      'a negative shape',
      (json) => {
        first(json).shape = [-4, -5];
      },
      'expected a shape of whole numbers for',
    ],
    [
      'another shape',
      (json) => {
        first(json).shape = [5, 4];
      },
      'expected shape [4, 5] for',
    ],
    [
      'a text',
      (json) => {
        first(json).dtype = 'string';
      },
      'expected dtype float32, int32, uint8 or bool for',
    ],
    [
      'no scale',
      (json) => {
        first(json).quantization = { dtype: 'uint8' };
      },
      'expected a quantization of float16',
    ],
    [
      'another name',
      (json) => {
        first(json).name = 'other/kernel';
      },
      "expected weights of the model's layers, got",
    ],
  ])('%s', async (_, change, message) => {
    expect(await refused(await made(change))).toContain(message);
  });

  test('a shard cut short', async () => {
    const path = await made({});
    await writeFile(join(dirname(path), 'group1-shard1of1.bin'), Buffer.alloc(10));
    expect(await refused(path)).toBe('"FILE": expected 43 bytes in "group1-shard1of1.bin", got 10.');
  });
});
