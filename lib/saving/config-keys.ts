import * as constraints from '../constraints.js';
import { type ConfigurableClass, configKey, fieldsOf, type SerializedObject } from '../core/configurable.js';
import { customObject } from '../core/family.js';
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
};

// Keys of configs that a class writes beside its fields.
const beside: Readonly<Record<string, string>> = {
  buildInputShape: 'build_input_shape',
  inputShape: 'input_shape',
  shapesDict: 'shapes_dict',
};

function classOf(object: {
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
  const found = own ?? (places[object.module ?? ''] ?? layerClasses)()[object.className as never];
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
          return [field === undefined ? (beside[name] ?? toSnakeCase(name)) : configKey(name, field), convert(child)];
        }),
      )
    : object.config;
  return Object.fromEntries(
    Object.entries(value).map(([key, child]) => [
      frame[key] ?? key,
      key === 'config' ? config : key === 'inboundNodes' ? renameOptions(convert(child), toSnakeCase) : convert(child),
    ]),
  );
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
      key === 'config' ? config : key === 'inbound_nodes' ? renameOptions(revert(child), toCamelCase) : revert(child),
    ]),
  );
}
