import * as constraints from '../constraints.js';
import { type ConfigurableClass, configKey, fieldsOf, type SerializedObject } from '../core/configurable.js';
import { customObject } from '../core/family.js';
import { takesFractions } from '../core/fields.js';
import { toCamelCase, toSnakeCase } from '../core/names.js';
import { isPlainObject } from '../core/tree.js';
import * as initializers from '../initializers/index.js';
import { DTypePolicy } from '../layers/dtype-policy.js';
import { layerClasses } from '../layers/family.js';
import * as losses from '../losses/index.js';
import * as metrics from '../metrics/index.js';
import * as optimizers from '../optimizers/index.js';
import * as regularizers from '../regularizers.js';

/** An object with its class as Keras' files hold it. */
export interface KerasObject {
  module: string | null;
  class_name: string;
  config: unknown;
  registered_name: string | null;
  shared_object_id?: number;
  build_config?: unknown;
  compile_config?: unknown;
}

// Keys that hold an object's place, not its options: the same for every class.
const frame: Readonly<Record<string, string>> = {
  className: 'class_name',
  registeredName: 'registered_name',
  buildConfig: 'build_config',
  compileConfig: 'compile_config',
  inboundNodes: 'inbound_nodes',
  sharedObjectId: 'shared_object_id',
};

// Keys of configs that a class writes beside its fields.
const beside: Readonly<Record<string, string>> = {
  buildInputShape: 'build_input_shape',
  inputShape: 'input_shape',
  shapesDict: 'shapes_dict',
};

/** The class that a config names: a user's own, or one of the package's. Nothing is looked up anywhere else. @internal */
export function classOf(object: {
  module: string | null;
  className: string;
  registeredName: string | null;
}): ConfigurableClass | undefined {
  // Operations share names with layers: Add, Relu.
  if (object.module?.startsWith('keras.src.ops.')) return undefined;
  const own = object.registeredName == null ? undefined : customObject(object.registeredName);
  const places: Record<string, () => object> = {
    'keras.layers': layerClasses,
    keras: () => ({ ...layerClasses(), DTypePolicy }),
    'keras.initializers': () => initializers,
    'keras.regularizers': () => regularizers,
    'keras.constraints': () => constraints,
    'keras.losses': () => losses,
    'keras.metrics': () => metrics,
    'keras.optimizers': () => optimizers,
    'keras.optimizers.schedules': () => optimizers.schedules,
  };
  // Older files name no modules.
  const anywhere = (): object => Object.assign({}, ...Object.values(places).map((classes) => classes()));
  const found = own ?? (places[object.module ?? ''] ?? anywhere)()[object.className as never];
  return typeof found === 'function' && 'fields' in found ? (found as unknown as ConfigurableClass) : undefined;
}

function isSerialized(value: Record<string, unknown>): boolean {
  return typeof value.className === 'string' && 'config' in value;
}

/**
 * The same object with Keras' own keys, as files hold it: `{ module, class_name, config, registered_name }`. Each class's table of fields says its
 * keys (`beta1` is `beta_1`), so a config comes out as Keras itself writes it.
 */
export function toKerasConfig(object: SerializedObject): KerasObject {
  return convert(object) as KerasObject;
}

// Rates that may be schedules too, or lists.
const rates = new Set(['learningRate', 'initialLearningRate', 'values', 'threshold']);

// While a text is made: whole numbers that are fractions to Keras, which refuses some that are none, are marked.
let marking = false;
const mark = '\u0000';

/** As {@link toKerasConfig}, with marks that {@link configText} understands. @internal */
export function toMarkedConfig(object: SerializedObject): KerasObject {
  marking = true;
  try {
    return convert(object) as KerasObject;
  } finally {
    marking = false;
  }
}

/** JSON of what {@link toMarkedConfig} answered: fractions have a point, as Python tells 1.0 from 1. @internal */
export function configText(config: unknown): string {
  return JSON.stringify(config).replace(/"\\u0000(-?[\d.e+]+)"/g, '$1');
}

function asFraction(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asFraction);
  return Number.isInteger(value) ? `${mark}${/e/.test(String(value)) ? value : `${value}.0`}` : value;
}

function convert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(convert);
  if (!isPlainObject(value)) return value;
  if (!isSerialized(value))
    return Object.fromEntries(Object.entries(value).map(([key, child]) => [beside[key] ?? key, convert(child)]));
  const object = value as unknown as SerializedObject;
  const type = classOf(object);
  const fields = type === undefined ? {} : fieldsOf(type);
  const config = isPlainObject(object.config)
    ? Object.fromEntries(
        Object.entries(object.config).map(([name, child]) => {
          const field = fields[name];
          if (field === undefined) return [beside[name] ?? toSnakeCase(name), convert(child)];
          const fraction = marking && (takesFractions(field.check as never) || rates.has(name));
          return [configKey(name, field), fraction ? asFraction(convert(child)) : convert(child)];
        }),
      )
    : object.config;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      frame[key] ?? key,
      key === 'config'
        ? config
        : key === 'inboundNodes'
          ? renameOptions(convert(child), toSnakeCase)
          : key === 'compileConfig'
            ? renameKeys(convert(child), toSnakeCase)
            : convert(child),
    ]),
  );
}

function renameKeys(object: unknown, rename: (name: string) => string): unknown {
  if (!isPlainObject(object)) return object;
  return Object.fromEntries(Object.entries(object).map(([key, child]) => [rename(key), child]));
}

/** Applications of a layer with the keys of their options in another spelling. */
function renameOptions(nodes: unknown, rename: (name: string) => string): unknown {
  if (!Array.isArray(nodes)) return nodes;
  return nodes.map((node: unknown) => {
    if (!isPlainObject(node) || !isPlainObject(node.kwargs)) return node;
    const kwargs = Object.entries(node.kwargs).map(([key, child]) => [rename(key), child]);
    return { ...node, kwargs: Object.fromEntries(kwargs) };
  });
}

/** The object of a Keras file with our own keys, ready for `deserialize` or `fromConfig`. */
export function fromKerasConfig(object: KerasObject): SerializedObject {
  return revert(object) as SerializedObject;
}

const frameNames = new Map(Object.entries(frame).map(([name, key]) => [key, name]));

function revert(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revert);
  if (!isPlainObject(value)) return value;
  const besideNames = new Map(Object.entries(beside).map(([name, key]) => [key, name]));
  if (typeof value.class_name !== 'string' || !('config' in value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, child]) => [besideNames.get(key) ?? key, revert(child)]),
    );
  }
  const object = value as unknown as KerasObject;
  const type = classOf({
    module: object.module ?? null,
    className: object.class_name,
    registeredName: object.registered_name ?? null,
  });
  const names = new Map(
    type === undefined ? [] : Object.entries(fieldsOf(type)).map(([name, field]) => [configKey(name, field), name]),
  );
  const config = isPlainObject(object.config)
    ? Object.fromEntries(
        Object.entries(object.config).map(([key, child]) => [names.get(key) ?? toCamelCase(key), revert(child)]),
      )
    : object.config;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      frameNames.get(key) ?? key,
      key === 'config'
        ? config
        : key === 'inbound_nodes'
          ? renameOptions(revert(child), toCamelCase)
          : key === 'compile_config'
            ? renameKeys(revert(child), toCamelCase)
            : revert(child),
    ]),
  );
}
