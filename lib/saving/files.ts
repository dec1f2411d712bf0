import { open, stat } from 'node:fs/promises';
import { ArgumentError, FileFormatError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import type { CustomObjects } from '../core/registry.js';
import { Model } from '../models/model.js';
import type { LoadWeightsOptions, SaveModelOptions, SaveWeightsOptions } from '../models/persistence.js';
import { checkOptions } from '../training/compile.js';
import { explainSystemError } from './atomic.js';
import { configText } from './config-keys.js';
import { openHdf5, readKerasFile, readKerasWeights, writeKerasFile, writeWeightsFile } from './keras-file.js';
import { readLegacyModel, readLegacyWeights, writeLegacyFile } from './legacy-h5.js';
import { checkCustomObjects, modelConfig, modelFromConfig, parseConfig } from './model-config.js';
import { readNpzWeights, writeNpzWeights } from './npz-weights.js';
import { checkMetadata, readSafetensorsWeights, writeSafetensorsWeights } from './safetensors.js';
import { readTfjsModel } from './tfjs.js';
import { checkIdle, checkSkipped, readWeights } from './weights.js';

/** Options of {@link loadModel}. */
export interface LoadModelOptions {
  /** Classes and functions that the file names, by their names there; beside those registered. @default {} */
  customObjects?: CustomObjects | null;
  /** Whether the model is compiled as it was when it was saved, with the optimizer's state. @default true */
  compile?: boolean;
  /** Taken for Keras' sake: loading is always safe. `false` is an error, as code in files is never run. @default true */
  safeMode?: boolean;
  /** Ends the reading. */
  signal?: AbortSignal | null;
}

/** Options of {@link modelFromJson}. */
export interface ModelFromJsonOptions {
  /** Classes and functions that the text names, by their names there; beside those registered. @default {} */
  customObjects?: CustomObjects | null;
}

function checkModel(where: string, model: unknown): asserts model is Model {
  if (!(model instanceof Model)) throw new ArgumentError(`${where}: expected a model, got ${show(model)}.`);
}

function checkPath(where: string, path: unknown, endings: readonly string[]): asserts path is string {
  const known = endings.map((ending) => `'${ending}'`).join(', ');
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new ArgumentError(`${where}: path: expected the path of a file, got ${show(path)}.`);
  }
  if (endings.some((ending) => path.endsWith(ending))) return;
  throw new ArgumentError(
    `${where}: path: expected a name that ends in ${known}, got ${show(path)}.`,
    'The ending says the format of the file.',
  );
}

function checkFlags(where: string, options: object, names: readonly string[]): void {
  for (const name of names) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined || typeof value === 'boolean') continue;
    throw new ArgumentError(`${where}: ${name}: expected true or false, got ${show(value)}.`);
  }
  const { signal } = options as { signal?: unknown };
  if (signal == null || signal instanceof AbortSignal) return;
  throw new ArgumentError(`${where}: signal: expected an AbortSignal, got ${show(signal)}.`);
}

async function checkOverwrite(where: string, path: string, overwrite: boolean): Promise<void> {
  if (overwrite || (await stat(path).catch(() => null)) === null) return;
  throw new StateError(`${where}: expected no file at "${path}", got one.`, 'Give another path, or overwrite: true.');
}

/**
 * Writes a model to a file: `keras.saving.save_model`, and {@link Model.save}.
 *
 * @param path ends in '.keras', or in '.h5' or '.hdf5' for Keras' older format
 * @throws {ArgumentError} for another ending and wrong options
 * @throws {StateError} while `fit` runs, outside its hooks; with `overwrite: false`, if there is a file
 * @throws a system error that names the file: no such folder, no permission, no space
 * @example
 * ```ts
 * await saving.saveModel(model, 'model.keras');
 * ```
 */
export async function saveModel(model: Model, path: string, options: SaveModelOptions = {}): Promise<void> {
  checkModel('saveModel', model);
  checkOptions('saveModel', options, ['overwrite', 'includeOptimizer', 'signal']);
  checkPath('saveModel', path, ['.keras', '.h5', '.hdf5']);
  checkFlags('saveModel', options, ['overwrite', 'includeOptimizer']);
  checkIdle(model, 'saveModel');
  const { overwrite = true, includeOptimizer = true, signal } = options;
  await checkOverwrite('saveModel', path, overwrite);
  if (!model.built) {
    process.emitWarning(
      `saveModel: ${model.title} is not built: the file gets no weights. Apply it to data first, or call build.`,
      'SavingWarning',
    );
  }
  if (path.endsWith('.keras')) return writeKerasFile(model, path, signal);
  return writeLegacyFile(model, path, includeOptimizer, signal);
}

/**
 * Reads a model from a file that Keras 2, Keras 3 or this package wrote, or from a model.json of TensorFlow.js with the weights beside it:
 * `keras.saving.load_model`. The ending doesn't matter, the file's first bytes do.
 *
 * Names in the file are looked up among this package's classes and those that you registered, and nowhere else: no code of the file is run, no path
 * or URL in it is followed.
 *
 * @throws {FileFormatError} for files of other formats, damaged ones, those of a newer version, and those that name unknown layers (it says where they
 * stand, and how to make them known)
 * @throws a system error that names the file: no such file, no permission
 * @example
 * ```ts
 * await model.save('model.keras');
 * const same = await models.loadModel('model.keras', { compile: false });
 * ```
 */
export async function loadModel(path: string, options: LoadModelOptions = {}): Promise<Model> {
  checkOptions('loadModel', options, ['customObjects', 'compile', 'safeMode', 'signal']);
  checkPath('loadModel', path, ['']);
  checkFlags('loadModel', options, ['compile', 'safeMode']);
  if (options.safeMode === false) {
    throw new ArgumentError(
      'loadModel: safeMode: expected true, got false.',
      'Code in files is never run: register the functions that the file names, saving.registerKerasSerializable().',
    );
  }
  const { compile = true, signal } = options;
  const customObjects = checkCustomObjects('loadModel', options.customObjects);
  signal?.throwIfAborted();
  const format = await formatOf(path);
  if (format === 'zip') return readKerasFile(path, { customObjects, compile, signal });
  if (format === 'json') return readTfjsModel(path, { customObjects, compile, signal });
  return readLegacyModel(path, { customObjects, compile, signal });
}

/**
 * Writes a model's weights, and its optimizer's state: `keras.saving.save_weights`, and {@link Model.saveWeights}.
 *
 * @param path ends in '.weights.h5', or in '.safetensors' or '.npz' for the weights by their paths, without the optimizer's state
 * @throws as {@link saveModel} @throws {StateError} for a model that isn't built
 * @example
 * ```ts
 * await saving.saveWeights(model, 'model.weights.h5', { objectsToSkip: [model.optimizer!] });
 * ```
 */
export async function saveWeights(model: Model, path: string, options: SaveWeightsOptions = {}): Promise<void> {
  checkModel('saveWeights', model);
  checkOptions('saveWeights', options, ['overwrite', 'objectsToSkip', 'metadata', 'signal']);
  checkPath('saveWeights', path, ['.weights.h5', '.safetensors', '.npz']);
  checkFlags('saveWeights', options, ['overwrite']);
  checkBuilt('saveWeights', model);
  checkIdle(model, 'saveWeights');
  const skip = checkSkipped('saveWeights', options.objectsToSkip);
  const metadata = checkMetadata('saveWeights', options.metadata);
  if (options.metadata != null && !path.endsWith('.safetensors')) {
    throw new ArgumentError(`saveWeights: metadata: expected it with '.safetensors' files only, got ${show(path)}.`);
  }
  await checkOverwrite('saveWeights', path, options.overwrite ?? true);
  const { signal } = options;
  if (path.endsWith('.safetensors')) await writeSafetensorsWeights(model, path, { metadata, skip, signal });
  else if (path.endsWith('.npz')) await writeNpzWeights(model, path, { skip, signal });
  else await writeWeightsFile(model, path, { skip, signal });
}

/**
 * Reads weights into a model: `keras.saving.load_weights`, and {@link Model.loadWeights}. Nothing changes unless all fit.
 *
 * @param path a '.weights.h5', '.keras', '.safetensors' or '.npz' file, or one of Keras' older format ('.h5', '.hdf5')
 * @throws {FileFormatError} for other files, and for weights that don't fit the model
 * @throws {StateError} for a model that isn't built, and while `fit` runs
 * @example
 * ```ts
 * await saving.saveWeights(model, 'model.weights.h5');
 * await saving.loadWeights(model, 'model.weights.h5', { skipMismatch: true });
 * ```
 */
export async function loadWeights(model: Model, path: string, options: LoadWeightsOptions = {}): Promise<void> {
  checkModel('loadWeights', model);
  checkOptions('loadWeights', options, ['skipMismatch', 'byName', 'objectsToSkip', 'signal']);
  checkPath('loadWeights', path, ['.weights.h5', '.keras', '.safetensors', '.npz', '.h5', '.hdf5']);
  checkFlags('loadWeights', options, ['skipMismatch', 'byName']);
  checkBuilt('loadWeights', model);
  checkIdle(model, 'loadWeights');
  const { skipMismatch = false, byName = false, signal } = options;
  const skip = checkSkipped('loadWeights', options.objectsToSkip);
  const refuse = (option: string, formats: string): void => {
    throw new ArgumentError(`loadWeights: ${option}: expected it with ${formats} files only, got ${show(path)}.`);
  };
  const weightsFile = path.endsWith('.weights.h5');
  const named = path.endsWith('.safetensors') || path.endsWith('.npz');
  const legacy = !weightsFile && !named && !path.endsWith('.keras');
  if (byName && !legacy) refuse('byName', "'.h5' and '.hdf5'");
  if (options.objectsToSkip != null && !weightsFile && !named) {
    refuse('objectsToSkip', "'.weights.h5', '.safetensors' and '.npz'");
  }
  signal?.throwIfAborted();
  if (named) {
    const read = path.endsWith('.npz') ? readNpzWeights : readSafetensorsWeights;
    return read(model, path, { skipMismatch, skip, signal });
  }
  if ((await formatOf(path)) === 'zip') return readKerasWeights(model, path, { skipMismatch, signal });
  const reader = await openHdf5(path);
  try {
    if (legacy) await readLegacyWeights(model, reader, path, { skipMismatch, byName, signal });
    else await readWeights(model, reader, path, { skipMismatch, skip, signal });
  } finally {
    await reader.close();
  }
}

/** A model's architecture as JSON, in Keras' own keys: {@link Model.toJson}. */
export function modelToJson(model: Model): string {
  checkModel('toJson', model);
  return configText(modelConfig(model));
}

/**
 * A model of the architecture that `model.toJson()`, or Keras' `to_json`, wrote; weights are initialized anew: `keras.models.model_from_json`.
 *
 * @throws {FileFormatError} for other text, and text that names unknown layers
 * @example
 * ```ts
 * const twin = models.modelFromJson(model.toJson());
 * ```
 */
export function modelFromJson(json: string, options: ModelFromJsonOptions = {}): Model {
  checkOptions('modelFromJson', options, ['customObjects']);
  if (typeof json !== 'string') throw new ArgumentError(`modelFromJson: expected JSON, got ${show(json)}.`);
  const customObjects = checkCustomObjects('modelFromJson', options.customObjects);
  return modelFromConfig(parseConfig(json, 'modelFromJson'), { where: 'modelFromJson', customObjects });
}

function checkBuilt(where: string, model: Model): void {
  if (model.built) return;
  throw new StateError(
    `${where}: expected a built model, got ${model.title}.`,
    'Apply it to data, or call model.build(inputShape).',
  );
}

/** What a file is by its first bytes. @throws {FileFormatError} for others */
async function formatOf(path: string): Promise<'zip' | 'hdf5' | 'json'> {
  const bytes = Buffer.alloc(8);
  try {
    const file = await open(path, 'r');
    try {
      const { bytesRead } = await file.read(bytes, 0, 8, 0);
      if (bytesRead >= 4 && bytes.readUInt32LE(0) === 0x04034b50) return 'zip';
      if (bytesRead === 8 && bytes.equals(Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'))) return 'hdf5';
      // A model.json of TensorFlow.js.
      if (bytes.toString('latin1', 0, bytesRead).trimStart().startsWith('{')) return 'json';
    } finally {
      await file.close();
    }
  } catch (error) {
    throw explainSystemError(error, path, 'read');
  }
  throw new FileFormatError(
    `"${path}": expected a .keras file (a zip archive), an HDF5 file or a model.json of TensorFlow.js, got a file of another format.`,
    'TensorFlow SavedModels can not be read: load them in Keras and save as .keras.',
  );
}
