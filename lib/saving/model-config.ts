import { ArgumentError, FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import { type CustomObjects, findObject, withObjects } from '../core/registry.js';
import { withSharing } from '../core/sharing.js';
import { isPlainObject } from '../core/tree.js';
import { deserialize, layerClasses, type SerializedLayer, serialize } from '../layers/family.js';
import { withWeightBudget } from '../layers/weight-budget.js';
import { Model } from '../models/model.js';
import { fromKerasConfig, type KerasObject, toMarkedConfig } from './config-keys.js';
import { modernConfig } from './legacy-config.js';

const maxDepth = 100;

/** A model's config in Keras' keys, for {@link configText}. */
export function modelConfig(model: Model): KerasObject {
  return withSharing(() => toMarkedConfig(serialize(model)));
}

/** Where a config came from, for errors. */
export interface Origin {
  /** '"model.keras": config.json' or 'modelFromJson'. */
  where: string;
  customObjects?: CustomObjects | null | undefined;
  compile?: boolean;
  /** Bytes of weights that the file has; none for a config alone. */
  weightBytes?: number;
}

/** Reads JSON that may be hostile. @throws {FileFormatError} for other text, nesting beyond reason, and names that JavaScript gives a meaning */
export function parseConfig(text: string, where: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new FileFormatError(`${where}: expected JSON, got other text: ${reason}.`, 'Save the model anew.', {
      cause: error,
    });
  }
  const visit = (node: unknown, depth: number): void => {
    if (typeof node !== 'object' || node === null) return;
    if (depth > maxDepth) {
      throw new FileFormatError(`${where}: expected at most ${maxDepth} levels, got more.`, 'Save the model anew.');
    }
    if (!Array.isArray(node) && Object.hasOwn(node, '__proto__')) {
      throw new FileFormatError(`${where}: expected keys of Keras' configs, got "__proto__".`, 'Save the model anew.');
    }
    for (const child of Object.values(node)) visit(child, depth + 1);
  };
  visit(value, 1);
  if (isPlainObject(value)) return value;
  throw new FileFormatError(`${where}: expected an object, got ${show(value)}.`, 'Save the model anew.');
}

/**
 * Makes a model of a config: looks names up among the package's classes and the user's own, and nowhere else.
 * @throws {FileFormatError} that says where an unknown layer stands, and how to make it known
 */
export function modelFromConfig(config: Record<string, unknown>, origin: Origin): Model {
  const { where, customObjects, compile = true, weightBytes } = origin;
  const make = (): Model => {
    const modern = modernConfig(config, where);
    checkNames(modern, where);
    const object = fromKerasConfig(modern as unknown as KerasObject) as SerializedLayer;
    if (!compile) dropCompileState(object);
    const layer = deserialize(object, where);
    if (layer instanceof Model) return layer;
    throw new FileFormatError(`${where}: expected a model, got ${layer.title}.`, 'Save a Model or Sequential.');
  };
  try {
    return withObjects(customObjects ?? {}, () =>
      withSharing(() => (weightBytes === undefined ? make() : withWeightBudget(weightBytes, make))),
    );
  } catch (error) {
    if (!(error instanceof Error) || (error instanceof FileFormatError && error.message.startsWith(where))) throw error;
    // The first line says which file, the second what is wrong with it.
    throw new FileFormatError(
      `${where}: expected the config of a model, got one that can't be followed.`,
      error.message,
      { cause: error },
    );
  }
}

/** Only the outermost model's: models inside keep theirs, as in Keras. */
function dropCompileState(config: SerializedLayer): void {
  delete config.compileConfig;
}

/** Refuses unknown layers and code before anything is made, so that the error says where they stand. */
function checkNames(config: unknown, where: string): void {
  const known = Object.keys(layerClasses());
  const visit = (node: unknown, path: string): void => {
    if (Array.isArray(node)) {
      for (const [index, child] of node.entries()) visit(child, `${path}[${index}]`);
      return;
    }
    if (!isPlainObject(node)) return;
    const { class_name: name, registered_name: registered, module, config: inner } = node;
    let here = path;
    if (typeof name === 'string' && 'config' in node) {
      if (name === '__lambda__' || (name === 'Lambda' && holdsCode(inner))) {
        throw new FileFormatError(
          `${where}: expected a function's name at ${path}, got the code of a Python lambda.`,
          "Code in files is never run. In Python, give the function a name and save again; here, register one of that name: saving.registerKerasSerializable({ package: null, name: 'fn' })(fn).",
        );
      }
      const own = isPlainObject(inner) && typeof inner.name === 'string' ? ` "${inner.name}"` : '';
      here = `${path} (${name}${own})`;
      const layerPlace = /\.layers\[\d+\]$/.test(path) || module === 'keras.layers' || path === 'model';
      const operation = typeof module === 'string' && module.startsWith('keras.src.ops.');
      const found = known.includes(name) || (typeof registered === 'string' && findObject(registered) !== undefined);
      if (layerPlace && !operation && !found && findObject(name) === undefined)
        throw unknownLayer(node, path, known, where);
    }
    for (const [key, child] of Object.entries(node)) visit(child, key === 'config' ? here : `${here}.${key}`);
  };
  visit(config, 'model');
}

/** Keras 2 wrote code as an array: bytes, defaults, closure. */
function holdsCode(config: unknown): boolean {
  const { function: fn, function_type: type } = (isPlainObject(config) ? config : {}) as Record<string, unknown>;
  return Array.isArray(fn) || type === 'lambda';
}

function unknownLayer(
  node: Record<string, unknown>,
  path: string,
  known: readonly string[],
  where: string,
): FileFormatError {
  const name = String(node.class_name);
  const { config, registered_name: registered } = node;
  const own = isPlainObject(config) && typeof config.name === 'string' ? ` "${config.name}"` : '';
  const title =
    typeof registered === 'string' && registered !== name ? `${name} (registered as '${registered}')` : name;
  const [packageName, bare] = typeof registered === 'string' && registered.includes('>') ? registered.split('>') : [];
  const near = nearestName(name, known);
  const register =
    bare === undefined
      ? `saving.registerKerasSerializable({ package: null, name: '${name}' })(${name})`
      : `saving.registerKerasSerializable({ package: '${packageName}', name: '${bare}' })(${bare})`;
  return new FileFormatError(
    `${where}: expected known layers, got the unknown layer ${title}${own} at ${path}.`,
    `Write a class for it and make it known: ${register}, or loadModel(path, { customObjects: { ${bare ?? name} } }).${near === null ? '' : ` The nearest known layer is ${near}.`}`,
  );
}

/** The objects that a user named. @throws {ArgumentError} for other values */
export function checkCustomObjects(where: string, objects: unknown): CustomObjects {
  if (objects == null) return {};
  const wrong = isPlainObject(objects) ? Object.entries(objects).find(([, one]) => typeof one !== 'function') : objects;
  if (wrong === undefined) return objects as CustomObjects;
  throw new ArgumentError(
    `${where}: customObjects: expected an object of classes and functions, got ${Array.isArray(wrong) && isPlainObject(objects) ? `${show(wrong[1])} for '${wrong[0]}'` : show(objects)}.`,
    'Write customObjects: { MyLayer }.',
  );
}
