import { open, readFile, realpath, stat } from 'node:fs/promises';
import { dirname, resolve, sep } from 'node:path';
import { FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import { isPlainObject } from '../core/tree.js';
import type { Variable } from '../core/variable.js';
import type { Model } from '../models/model.js';
import { explainSystemError } from './atomic.js';
import type { LoadOptions } from './keras-file.js';
import { modelFromConfig, parseConfig } from './model-config.js';
import { parseManifest, type ShardGroup, type StoredWeight, tensorOfStored } from './tfjs-manifest.js';

/** A config longer than this is none; it is read at once. */
const maxJsonBytes = 64 * 1024 * 1024;
const blockBytes = 4 * 1024 * 1024;

function refuse(
  path: string,
  problem: string,
  hint = 'The file is damaged, or of another format: convert the model anew.',
) {
  return new FileFormatError(`"${path}": ${problem}.`, hint);
}

/**
 * Reads a model that TensorFlow.js or its converter wrote: model.json of the 'layers-model' format, and the files beside it that hold the weights.
 * Those files are in the folder of model.json or below it, after links are followed; nothing else is opened.
 * @throws {FileFormatError}
 */
export async function readTfjsModel(path: string, options: LoadOptions): Promise<Model> {
  const { customObjects, compile = true, signal } = options;
  const json = parseConfig(await readText(path), `"${path}"`);
  const { format, modelTopology: topology, weightsManifest: manifest } = json;
  if (format === 'graph-model' || (isPlainObject(topology) && Array.isArray(topology.node))) {
    throw refuse(
      path,
      "expected a model of layers (format 'layers-model'), got a graph of TensorFlow operations",
      'Convert the Keras model itself: tensorflowjs_converter --input_format=keras.',
    );
  }
  if (!isPlainObject(topology) || (format !== undefined && format !== 'layers-model')) {
    const got = isPlainObject(topology) ? `format ${show(format)}` : `modelTopology ${show(topology)}`;
    throw refuse(path, `expected a model.json of TensorFlow.js, with modelTopology and weightsManifest, got ${got}`);
  }
  const groups = parseManifest(manifest, path);
  const shards = new Shards(path);
  for (const group of groups) await shards.check(group);
  const config = isPlainObject(topology.model_config) ? topology.model_config : topology;
  // TensorFlow.js writes null for what was not given.
  const own = String(topology.keras_version).startsWith('tfjs');
  const { class_name, config: inner } = own ? (withoutNulls(config) as Record<string, unknown>) : config;
  let bytes = 1 << 20;
  for (const { weights } of groups) for (const { size } of weights) bytes += 2 * 4 * size;
  const model = modelFromConfig(
    { class_name, config: inner },
    { where: `"${path}": modelTopology`, customObjects, compile: false, weightBytes: bytes },
  );
  await readWeights(model, groups, shards, path, signal);
  if (compile && (json.trainingConfig != null || topology.training_config != null)) {
    process.emitWarning(`"${path}": how the model was compiled stays in TensorFlow.js: compile it.`, 'SavingWarning');
  }
  return model;
}

function withoutNulls(node: unknown): unknown {
  if (Array.isArray(node)) return node.map(withoutNulls);
  if (!isPlainObject(node)) return node;
  const given = Object.entries(node).filter(([, value]) => value !== null);
  return Object.fromEntries(given.map(([key, value]) => [key, withoutNulls(value)]));
}

async function readText(path: string): Promise<string> {
  try {
    const { size } = await stat(path);
    if (size > maxJsonBytes) throw refuse(path, `expected at most ${maxJsonBytes} bytes of JSON, got ${size}`);
    return await readFile(path, 'utf8');
  } catch (error) {
    throw explainSystemError(error, path, 'read');
  }
}

/** The weights of a manifest and where they go: by the names of their layers and their own. */
function plan(model: Model, groups: readonly ShardGroup[], path: string): Map<StoredWeight, Variable> {
  // The innermost layer that a variable stands in.
  const layerOf = new Map<Variable, string>();
  for (const layer of [model, ...model.layersDeep()]) for (const one of layer.weights) layerOf.set(one, layer.name);
  const byName = new Map<string, Variable[]>();
  for (const [variable, layer] of layerOf) {
    const key = JSON.stringify([layer, variable.name]);
    byName.set(key, [...(byName.get(key) ?? []), variable]);
  }
  const planned = new Map<StoredWeight, Variable>();
  const taken = new Set<Variable>();
  for (const weight of groups.flatMap(({ weights }) => weights)) {
    const parts = weight.name.replace(/:\d+$/, '').split('/');
    const last = parts.pop() as string;
    // The layer's name stands before the weight's; names of models and scopes may stand around it.
    const found = parts.reverse().flatMap((layer) => byName.get(JSON.stringify([layer, last])) ?? []);
    const variable = found.find((one) => !taken.has(one));
    if (variable === undefined) {
      throw refuse(path, `expected weights of the model's layers, got "${weight.name}"`);
    }
    if (formatShape(weight.shape) !== formatShape(variable.shape)) {
      throw refuse(
        path,
        `expected shape ${formatShape(variable.shape)} for "${weight.name}", got ${formatShape(weight.shape)}`,
      );
    }
    taken.add(variable);
    planned.set(weight, variable);
  }
  const missing = model.weights.find((variable) => !taken.has(variable));
  if (missing !== undefined) throw refuse(path, `expected weights for "${missing.path}" in weightsManifest, got none`);
  return planned;
}

async function readWeights(
  model: Model,
  groups: readonly ShardGroup[],
  shards: Shards,
  path: string,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  const planned = plan(model, groups, path);
  const values: [Variable, Tensor][] = [];
  try {
    for (const group of groups) {
      let offset = 0;
      for (const weight of group.weights) {
        const bytes = await shards.read(group, offset, weight.bytes, signal);
        offset += weight.bytes;
        values.push([planned.get(weight) as Variable, tensorOfStored(weight, bytes)]);
      }
    }
    tidy(() => {
      for (const [variable, value] of values) variable.assign(value);
    });
  } finally {
    for (const [, value] of values) value.dispose();
  }
}

/** The files beside a model.json. */
class Shards {
  readonly #path: string;
  readonly #files = new Map<string, { real: string; size: number }>();

  constructor(path: string) {
    this.#path = path;
  }

  /** Finds a group's files and holds their sizes against the manifest. */
  async check({ paths, weights }: ShardGroup): Promise<void> {
    let found = 0;
    for (const name of paths) found += (await this.#find(name)).size;
    const wanted = weights.reduce((sum, { bytes }) => sum + bytes, 0);
    if (found === wanted) return;
    throw refuse(
      this.#path,
      `expected ${wanted} bytes in ${paths.map((name) => `"${name}"`).join(', ')}, got ${found}`,
    );
  }

  async #find(name: string): Promise<{ real: string; size: number }> {
    const known = this.#files.get(name);
    if (known !== undefined) return known;
    const file = resolve(dirname(this.#path), name);
    try {
      const [folder, real] = await Promise.all([realpath(dirname(this.#path)), realpath(file)]);
      const inside = folder.endsWith(sep) ? folder : folder + sep;
      if (!real.startsWith(inside)) {
        throw refuse(this.#path, `expected weights in its own folder, got a link out of it: "${name}"`);
      }
      const found = await stat(real);
      if (!found.isFile()) throw refuse(this.#path, `expected "${name}" to be a file, got something else`);
      const result = { real, size: found.size };
      this.#files.set(name, result);
      return result;
    } catch (error) {
      throw explainSystemError(error, file, 'read');
    }
  }

  /** Bytes of a group's files, taken one after the other. */
  async read(group: ShardGroup, offset: number, bytes: number, signal?: AbortSignal | null): Promise<ArrayBuffer> {
    const result = new Uint8Array(bytes);
    let done = 0;
    let start = 0;
    for (const name of group.paths) {
      const { real, size } = await this.#find(name);
      const end = start + size;
      if (offset + done < end && done < bytes) {
        const file = await open(real, 'r').catch((error) => {
          throw explainSystemError(error, real, 'read');
        });
        try {
          while (done < bytes && offset + done < end) {
            signal?.throwIfAborted();
            const place = offset + done - start;
            const count = Math.min(blockBytes, bytes - done, size - place);
            const { bytesRead } = await file.read(result, done, count, place);
            if (bytesRead === 0) throw refuse(this.#path, `expected ${size} bytes in "${name}", got ${place}`);
            done += bytesRead;
          }
        } finally {
          await file.close();
        }
      }
      start = end;
    }
    return result.buffer;
  }
}
