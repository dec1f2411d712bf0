import { FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import type { Variable } from '../core/variable.js';
import type { Layer } from '../layers/layer.js';
import type { Model } from '../models/model.js';
import { writeAtomically } from './atomic.js';
import { configText, type KerasObject } from './config-keys.js';
import { type Hdf5Reader, Hdf5Writer } from './hdf5/session.js';
import { kerasVersion, type LoadOptions, openHdf5, weightBytes } from './keras-file.js';
import { modelConfig, modelFromConfig, parseConfig } from './model-config.js';
import { ownVariables } from './state.js';
import { blocksOf, fileDType, tensorOf } from './values.js';
import { matching } from './weights.js';

const weightsGroup = 'model_weights';
const optimizerGroup = 'optimizer_weights';
const topGroup = 'top_level_model_weights';

/** Reads a whole model from Keras' older format. @throws {FileFormatError} */
export async function readLegacyModel(path: string, options: LoadOptions): Promise<Model> {
  const { customObjects, compile = true, signal } = options;
  const reader = await openHdf5(path);
  try {
    const root = reader.nodes.get('');
    const { model_config: text, training_config: training } = root?.kind === 'group' ? root.attributes : {};
    if (typeof text !== 'string') {
      throw new FileFormatError(
        `"${path}": expected a file with a whole model (attribute model_config), got an HDF5 file without.`,
        'If it holds weights only, make the model and call model.loadWeights(path).',
      );
    }
    checkVersion(path, reader);
    const config = parseConfig(text, `"${path}": model_config`);
    const trainingConfig = compile && typeof training === 'string' ? compileConfig(training, path) : null;
    const model = modelFromConfig(trainingConfig === null ? config : { ...config, compile_config: trainingConfig }, {
      where: `"${path}": model_config`,
      customObjects,
      weightBytes: weightBytes(reader),
    });
    await readLegacyWeights(model, reader, path, { signal });
    if (trainingConfig !== null) await readOptimizer(model, reader, path);
    else if (compile) {
      process.emitWarning(`"${path}" says not how the model was compiled: compile it.`, 'SavingWarning');
    }
    return model;
  } finally {
    await reader.close();
  }
}

function checkVersion(path: string, reader: Hdf5Reader): void {
  const found = [reader.nodes.get(''), reader.nodes.get(weightsGroup)].map((node) =>
    node?.kind === 'group' ? node.attributes.keras_version : undefined,
  );
  const version = found.find((one) => typeof one === 'string') as string | undefined;
  if (version === undefined || Number.parseInt(version, 10) <= 3) return;
  throw new FileFormatError(
    `"${path}": expected a file of Keras 3 or older, got keras_version ${show(version)}.`,
    'Update torchlayers, or save the model with an older Keras.',
  );
}

/** Keras' `training_config` as a compile config. */
function compileConfig(text: string, path: string): Record<string, unknown> {
  const { optimizer_config: optimizer, ...rest } = parseConfig(text, `"${path}": training_config`);
  const metrics = Object.fromEntries(
    ['metrics', 'weighted_metrics'].map((key) => [key, metricsWithoutWrappers(rest[key] ?? null)]),
  );
  return { ...rest, ...metrics, optimizer };
}

/** Keras 2 writes a metric that a name stood for as a wrapper of its function, and lists one list for each output. */
function metricsWithoutWrappers(metrics: unknown): unknown {
  if (Array.isArray(metrics)) {
    const items = metrics.map(metricsWithoutWrappers);
    return items.length === 1 && Array.isArray(items[0]) ? items[0] : items;
  }
  const { class_name: name, config } = (metrics ?? {}) as { class_name?: unknown; config?: Record<string, unknown> };
  if (name === 'MeanMetricWrapper' && typeof config?.name === 'string') return config.name;
  return metrics;
}

/** How weights of the older format are read. */
export interface LegacyOptions {
  skipMismatch?: boolean;
  byName?: boolean;
  signal?: AbortSignal | null | undefined;
}

/** Keras' older order: trainable weights, then the others. */
function legacyWeights(layer: Layer): Variable[] {
  return [...layer.trainableWeights, ...layer.nonTrainableWeights];
}

/** A list among the attributes; long ones are kept in parts. */
function listOf(reader: Hdf5Reader, group: string, name: string): string[] {
  const node = reader.nodes.get(group);
  const attributes = node?.kind === 'group' ? node.attributes : {};
  const whole = attributes[name];
  if (Array.isArray(whole)) return whole.map(String);
  const parts: string[] = [];
  for (let part = 0; Array.isArray(attributes[`${name}${part}`]); part++) {
    parts.push(...(attributes[`${name}${part}`] as string[]).map(String));
  }
  return parts;
}

interface Pair {
  title: string;
  variables: readonly Variable[];
  places: readonly string[];
}

/**
 * Reads weights of the older format into a model, by the order of its layers or by their names. Nothing changes unless all fit.
 * @throws {FileFormatError} for weights that don't fit
 */
export async function readLegacyWeights(
  model: Model,
  reader: Hdf5Reader,
  path: string,
  { skipMismatch = false, byName = false, signal }: LegacyOptions,
): Promise<void> {
  const root = listOf(reader, '', 'layer_names').length > 0 ? '' : weightsGroup;
  const at = (name: string): string => (root === '' ? name : `${root}/${name}`);
  const names = listOf(reader, root, 'layer_names');
  if (names.length === 0) {
    throw new FileFormatError(
      `"${path}": expected weights of Keras' older format (attribute layer_names), got an HDF5 file without.`,
      "Files that saveWeights writes end in '.weights.h5'.",
    );
  }
  const placesOf = (group: string): string[] => listOf(reader, group, 'weight_names').map((name) => `${group}/${name}`);
  const saved = names.map((name) => ({ name, places: placesOf(at(name)) }));
  const pairs: Pair[] = [];
  if (byName) {
    for (const { name, places } of saved) {
      for (const layer of model.layers.filter((one) => one.name === name)) {
        pairs.push({ title: layer.title, variables: legacyWeights(layer), places });
      }
    }
  } else {
    const layers = model.layers.filter((layer) => layer.weights.length > 0);
    const filled = saved.filter(({ places }) => places.length > 0);
    if (filled.length !== layers.length) {
      throw new FileFormatError(
        `"${path}": expected weights of ${layers.length} layers, got those of ${filled.length}.`,
        `The file belongs to another model; byName: true takes what has the name of a layer: ${filled
          .slice(0, 8)
          .map(({ name }) => name)
          .join(', ')}.`,
      );
    }
    const sameNames = filled.every(({ name }) => layers.some((layer) => layer.name === name));
    for (const [i, { name, places }] of filled.entries()) {
      const layer = (sameNames ? layers.find((one) => one.name === name) : layers[i]) as Layer;
      pairs.push({ title: layer.title, variables: legacyWeights(layer), places });
    }
  }
  if (reader.nodes.has(at(topGroup))) {
    pairs.push({ title: model.title, variables: ownVariables(model), places: placesOf(at(topGroup)) });
  }
  const fitting = pairs.filter((pair) => {
    const problem = mismatch(pair, reader);
    if (problem === null) return true;
    if (!skipMismatch) {
      throw new FileFormatError(
        `"${path}": ${problem}.`,
        'The file belongs to another model; skipMismatch: true leaves such layers as they are.',
      );
    }
    process.emitWarning(`"${path}": ${problem}. The layer stays as it is.`, 'SavingWarning');
    return false;
  });
  await assignAll(fitting, reader, signal);
}

function mismatch({ title, variables, places }: Pair, reader: Hdf5Reader): string | null {
  if (variables.length !== places.length)
    return `expected ${variables.length} weights for ${title}, got ${places.length}`;
  for (const [i, variable] of variables.entries()) {
    const { shape } = reader.dataset(places[i] as string);
    if (formatShape(shape) !== formatShape(variable.shape)) {
      return `expected shape ${formatShape(variable.shape)} for "${variable.path}", got ${formatShape(shape)}`;
    }
  }
  return null;
}

async function assignAll(
  pairs: readonly Pair[],
  reader: Hdf5Reader,
  signal: AbortSignal | null | undefined,
): Promise<void> {
  const values: [Variable, Tensor][] = [];
  try {
    for (const { variables, places } of pairs) {
      for (const [i, variable] of variables.entries()) {
        signal?.throwIfAborted();
        const place = places[i] as string;
        const { shape, dtype } = reader.dataset(place);
        values.push([variable, tensorOf(await reader.read(place), shape, dtype)]);
      }
    }
    signal?.throwIfAborted();
    tidy(() => {
      for (const [variable, value] of values) variable.assign(value);
    });
  } finally {
    for (const [, value] of values) value.dispose();
  }
}

/** Reads the optimizer's state; one of another layout is left, with a warning. */
async function readOptimizer(model: Model, reader: Hdf5Reader, path: string): Promise<void> {
  const { optimizer } = model;
  if (optimizer === null || !reader.nodes.has(optimizerGroup)) return;
  const places = listOf(reader, optimizerGroup, 'weight_names').map((name) => `${optimizerGroup}/${name}`);
  const pair = { title: `optimizer "${optimizer.name}"`, variables: matching(optimizer, places.length), places };
  const problem = mismatch(pair, reader);
  if (problem === null) await assignAll([pair], reader, null);
  else process.emitWarning(`"${path}": ${problem}. The optimizer starts anew.`, 'SavingWarning');
}

/** Attributes are at most 64 kB; a name takes 16 bytes of that. */
const namesPerAttribute = 3000;

/** Writes a model in Keras' older format. */
export function writeLegacyFile(
  model: Model,
  path: string,
  includeOptimizer: boolean,
  signal?: AbortSignal | null,
): Promise<void> {
  const { class_name, config, compile_config: compiled } = modelConfig(model);
  const parts = [...model.layers]
    .map((layer) => ({ name: layer.name, variables: legacyWeights(layer) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  parts.push({ name: topGroup, variables: ownVariables(model) });
  const snapshot = (variables: readonly Variable[]): [string, Tensor][] => {
    const used = new Set<string>();
    return variables.map((variable) => {
      let name = variable.path;
      for (let count = 1; used.has(name); count++) name = `${variable.path}_${count}`;
      used.add(name);
      return [name, variable.value];
    });
  };
  const groups = parts.map(({ name, variables }) => ({
    group: `${weightsGroup}/${name}`,
    values: snapshot(variables),
  }));
  const { optimizer } = model;
  if (includeOptimizer && optimizer !== null && compiled !== undefined) {
    groups.push({ group: optimizerGroup, values: snapshot(optimizer.variables) });
  }
  const write = async (writer: Hdf5Writer): Promise<void> => {
    await writer.attribute('', 'keras_version', kerasVersion);
    await writer.attribute('', 'backend', 'torch');
    await writer.attribute('', 'model_config', configText({ class_name, config }));
    if (includeOptimizer && compiled !== undefined) {
      const { optimizer: object, ...rest } = compiled as { optimizer: KerasObject };
      const training = { ...rest, optimizer_config: { class_name: object.class_name, config: object.config } };
      await writer.attribute('', 'training_config', configText(training));
    }
    await writer.group(weightsGroup);
    await writer.attribute(weightsGroup, 'keras_version', kerasVersion);
    await writer.attribute(weightsGroup, 'backend', 'torch');
    await writeList(
      writer,
      weightsGroup,
      'layer_names',
      model.layers.map((layer) => layer.name),
    );
    for (const { group, values } of groups) {
      await writer.group(group);
      await writeList(
        writer,
        group,
        'weight_names',
        values.map(([name]) => name),
      );
      const made = new Set([group]);
      for (const [name, value] of values) {
        const place = `${group}/${name}`;
        const folders = place.split('/').slice(0, -1);
        for (let depth = 1; depth <= folders.length; depth++) {
          const folder = folders.slice(0, depth).join('/');
          if (folder.length <= group.length || made.has(folder)) continue;
          made.add(folder);
          await writer.group(folder);
        }
        await writer.dataset(place, value.shape, fileDType(value.dtype, place), blocksOf(value), signal);
        value.dispose();
      }
    }
  };
  return writeAtomically(
    path,
    async (temporary) => {
      const writer = await Hdf5Writer.create(temporary, path);
      try {
        await write(writer);
      } catch (error) {
        await writer.abandon();
        throw error;
      } finally {
        for (const { values } of groups) for (const [, value] of values) value.dispose();
      }
      await writer.close();
    },
    signal == null ? {} : { signal },
  );
}

async function writeList(writer: Hdf5Writer, group: string, name: string, list: readonly string[]): Promise<void> {
  if (list.length <= namesPerAttribute) return writer.attribute(group, name, list);
  for (let part = 0; part * namesPerAttribute < list.length; part++) {
    const from = part * namesPerAttribute;
    await writer.attribute(group, `${name}${part}`, list.slice(from, from + namesPerAttribute));
  }
}
