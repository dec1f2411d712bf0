import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Model, models, type Tensor, tensor } from '../../lib/index.js';
import { Archive } from '../../lib/saving/archive.js';
import { Hdf5Reader } from '../../lib/saving/hdf5/session.js';
import { openHdf5 } from '../../lib/saving/keras-file.js';
import { scratch, unpack } from './files.js';
import './objects.js';

const folder = unpack('files.zip');

interface Values {
  shape: number[];
  data: number[];
}

interface Case {
  files: string[];
  x: Values[];
  predictions: Values[];
  keys: string[] | null;
  y?: Values[];
  outputs?: string[] | null;
  evaluation?: Record<string, number>;
  further?: Values[];
}

const cases = JSON.parse(readFileSync(new URL('../golden/saving/models.json', import.meta.url), 'utf8')) as Record<
  string,
  Case
>;

function dataOf(values: Values[], keys: string[] | null | undefined): never {
  const tensors = values.map(({ shape, data }) => tensor(Float32Array.from(data), { shape }));
  if (keys) return Object.fromEntries([...keys].sort().map((key, i) => [key, tensors[i]])) as never;
  return (tensors.length === 1 ? tensors[0] : tensors) as never;
}

function flat(tree: unknown): Tensor[] {
  if (Array.isArray(tree)) return tree.flatMap(flat);
  const object = tree as Record<string, unknown>;
  if ('shape' in object && 'dtype' in object) return [tree as Tensor];
  return Object.keys(object)
    .sort()
    .flatMap((key) => flat(object[key]));
}

async function near(model: Model, { x, keys }: Case, expected: Values[], tolerance: number): Promise<void> {
  const answer = flat(await model.predict<unknown>(dataOf(x, keys)));
  expect(answer.map(({ shape }) => [...shape])).toEqual(expected.map(({ shape }) => shape));
  for (const [i, one] of answer.entries()) {
    const values = await one.cast('float32').data();
    for (const [k, value] of (expected[i] as Values).data.entries()) {
      expect(Math.abs(Number(values[k]) - value), `output ${i}[${k}]: ${values[k]} for ${value}`).toBeLessThanOrEqual(
        tolerance * (1 + Math.abs(value)),
      );
    }
  }
}

const files = Object.entries(cases).flatMap(([name, one]) => one.files.map((file) => ({ name, file })));

describe("Keras' files", () => {
  test.each(files)('$file predicts, evaluates and trains on as in Keras', async ({ name, file }) => {
    const one = cases[name] as Case;
    const coarse = /16|policy/.test(name) ? 1e-2 : 2e-5;
    const model = await models.loadModel(join(await folder, file));
    await near(model, one, one.predictions, coarse);
    expect(model.compiled).toBe(one.y !== undefined);
    if (one.y === undefined || one.evaluation === undefined) return;
    const y = dataOf(one.y, one.outputs);
    const evaluation = await model.evaluate(dataOf(one.x, one.keys), y, { verbose: 0 });
    expect(Object.keys(evaluation).sort()).toEqual(Object.keys(one.evaluation).sort());
    for (const [key, value] of Object.entries(one.evaluation)) {
      expect(Math.abs((evaluation[key] as number) - value), key).toBeLessThanOrEqual(
        coarse * 10 * (1 + Math.abs(value)),
      );
    }
    await model.trainOnBatch(dataOf(one.x, one.keys), y);
    await near(model, one, one.further as Values[], coarse * 10);
  });
});

const back = JSON.parse(readFileSync(new URL('../golden/saving/back.json', import.meta.url), 'utf8')) as Record<
  string,
  string[]
>;

/**
 * A config without what may differ: numbers of shared objects, Python's modules of own classes, empty compile configs, resolved defaults, how a
 * layer without weights was built. */
function comparable(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(comparable);
  if (typeof node === 'number') return Math.fround(node);
  if (typeof node !== 'object' || node === null) return node;
  const own = 'registered_name' in node && String(node.registered_name).startsWith('golden>');
  const lambda = 'class_name' in node && node.class_name === 'Lambda';
  const entries = Object.entries(node).filter(
    ([key, value]) =>
      key !== 'shared_object_id' &&
      !(lambda && key === 'build_config') &&
      key !== 'jit_compile' &&
      !(key === 'compile_config' && Object.keys(value ?? {}).length === 0),
  );
  return Object.fromEntries(entries.map(([key, value]) => [key, own && key === 'module' ? null : comparable(value)]));
}

describe('files written here', () => {
  const written = scratch();

  test.each(Object.keys(back))('%s is laid out as that which Keras read', async (file) => {
    const model = await models.loadModel(join(await folder, file));
    const path = join(written, file);
    await model.save(path);
    const archive = file.endsWith('.keras') ? await Archive.open(path) : null;
    const { source, crc } = archive === null ? { source: null, crc: null } : await archive.source('model.weights.h5');
    const reader = source === null ? await openHdf5(path) : await Hdf5Reader.open(path, source, crc);
    const nodes = [...reader.nodes]
      .filter(([name]) => name !== '')
      .map(([name, node]) => (node.kind === 'dataset' ? `${name} ${node.dtype} [${node.shape.join(', ')}]` : name));
    await reader.close();
    expect(nodes.sort()).toEqual(back[file]);
    if (archive === null) return;
    const original = await Archive.open(join(await folder, file));
    const [ours, theirs] = await Promise.all(
      [archive, original].map(async (one) => JSON.parse(await one.text('config.json'))),
    );
    // Its class in Python writes fewer options.
    if (file !== 'own_model.keras') expect(comparable(ours)).toEqual(comparable(theirs));
    await Promise.all([archive.close(), original.close()]);
  });
});
