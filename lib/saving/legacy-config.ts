import { configKey, fieldsOf } from '../core/configurable.js';
import { FileFormatError } from '../core/errors.js';
import { findObject } from '../core/registry.js';
import { isPlainObject } from '../core/tree.js';
import { layerClasses } from '../layers/family.js';
import { classOf } from './config-keys.js';

type Config = Record<string, unknown>;

// Options that Keras 3 has no more; where a class still knows one, it is kept.
const retired = new Set([
  'adjustment',
  'batch_input_shape',
  'decay',
  'fused',
  'implementation',
  'input_length',
  'is_legacy_optimizer',
  'jit_compile',
  'ragged',
  'renorm',
  'renorm_clipping',
  'renorm_momentum',
  'time_major',
  'virtual_batch_size',
]);

/** Options that have another name today. */
const renamed: Readonly<Record<string, Readonly<Record<string, string>>>> = { LeakyReLU: { alpha: 'negative_slope' } };

/**
 * A model's config as Keras 3 writes it in '.keras' files, from any that Keras 2 or 3 wrote: with modules, applications of layers as arguments, shapes
 * of inputs in an InputLayer.
 */
export function modernConfig(config: Config, where: string): Config {
  return modernObject(config, where) as Config;
}

function modernObject(node: unknown, where: string): unknown {
  if (Array.isArray(node)) return node.map((child) => modernObject(child, where));
  if (!isPlainObject(node)) return node;
  if (typeof node.class_name !== 'string' || !('config' in node)) return mapValues(node, where);
  const named = withModule(node);
  const { class_name: name, config, ...frame } = named;
  if (name === 'Policy' && isPlainObject(config)) return config.name;
  const given = Array.isArray(config) && name === 'Sequential' ? { name: 'sequential', layers: config } : config;
  if (!isPlainObject(given)) return named;
  let inner = mapValues(given, where);
  if (name === 'Functional' && Array.isArray(inner.layers)) inner = modernGraph(inner, where);
  else if (name === 'Sequential' && Array.isArray(inner.layers)) inner = modernStack(inner, given);
  return { ...mapValues(frame, where), class_name: name, config: modernOptions(named, inner) };
}

function mapValues(node: Config, where: string): Config {
  return Object.fromEntries(Object.entries(node).map(([key, child]) => [key, modernObject(child, where)]));
}

/** Older files give classes by their names alone; a user's as 'package>Name'. */
function withModule(node: Config): Config {
  const given = String(node.class_name);
  const module = typeof node.module === 'string' ? node.module : null;
  // Keras 2 called models otherwise, and kept them elsewhere.
  const engine = module !== null && /^(?:tf_)?keras\.(?:src\.)?engine\./.test(module);
  if (given === 'Model' || given === 'Functional') {
    const own = typeof node.registered_name === 'string' && findObject(node.registered_name) !== undefined;
    if (own) return node;
    return { ...node, module: 'keras.src.models.functional', class_name: 'Functional', registered_name: 'Functional' };
  }
  if ('module' in node && !engine) return node;
  const name = given.split('>').pop() as string;
  if (findObject(given) !== undefined) return { ...node, module: null, class_name: name, registered_name: given };
  const isLayer = name in layerClasses();
  if (!isLayer && !engine) {
    // Keras 2 wrote some of its own classes as if they were a user's.
    const builtIn = given !== name && classOf({ module: null, className: name, registeredName: null }) !== undefined;
    return builtIn ? { ...node, class_name: name } : node;
  }
  return { ...node, module: name === 'Sequential' ? 'keras' : 'keras.layers', registered_name: null };
}

/** Options without those that are gone, and in today's spelling. */
function modernOptions(node: Config, config: Config): Config {
  const type = classOf({
    module: (node.module as string | undefined) ?? null,
    className: String(node.class_name),
    registeredName: (node.registered_name as string | undefined) ?? null,
  });
  if (type === undefined) return config;
  const known = new Set(Object.entries(fieldsOf(type)).map(([name, field]) => configKey(name, field)));
  const names = renamed[String(node.class_name)] ?? {};
  const entries = Object.entries(config)
    .filter(([key]) => known.has(key) || !retired.has(key))
    .map(([key, value]) => [known.has(key) ? key : (names[key] ?? key), value]);
  const result = Object.fromEntries(entries);
  if (node.class_name === 'InputLayer' && Array.isArray(config.batch_input_shape)) {
    result.batch_shape = config.batch_input_shape;
  }
  // A function by its name alone; code is refused later.
  if (node.class_name === 'Lambda' && config.function_type === 'function' && typeof config.function === 'string') {
    for (const key of ['function_type', 'module', 'output_shape_type', 'output_shape_module']) delete result[key];
    result.function = {
      module: 'builtins',
      class_name: 'function',
      config: config.function,
      registered_name: 'function',
    };
  }
  // A list of one axis, where there was never more than one.
  if (node.class_name === 'BatchNormalization' && Array.isArray(config.axis)) result.axis = config.axis[0];
  return result;
}

/** A stack whose first layer says the shape of its input gets an InputLayer. */
function modernStack(config: Config, original: Config): Config {
  const [first] = original.layers as unknown[];
  if (!isPlainObject(first) || first.class_name === 'InputLayer' || !isPlainObject(first.config)) return config;
  const { batch_input_shape: shape, dtype, name } = first.config;
  if (!Array.isArray(shape)) return config;
  const input = {
    module: 'keras.layers',
    class_name: 'InputLayer',
    config: { batch_shape: shape, dtype: typeof dtype === 'string' ? dtype : 'float32', name: `${String(name)}_input` },
    registered_name: null,
  };
  return { ...config, layers: [input, ...(config.layers as unknown[])] };
}

/** Applications as lists of places become arguments that are tensors at those places. */
function modernGraph(config: Config, where: string): Config {
  const layers = config.layers as Config[];
  const counted = new Map<string, 'functional' | 'sequential' | null>();
  for (const layer of layers) {
    const kind =
      layer.class_name === 'Functional' ? 'functional' : layer.class_name === 'Sequential' ? 'sequential' : null;
    counted.set(String(layer.name ?? (layer.config as Config | undefined)?.name), kind);
  }
  const isPlace = (value: unknown): value is [string, number, number] =>
    Array.isArray(value) &&
    value.length >= 3 &&
    typeof value[0] === 'string' &&
    counted.has(value[0]) &&
    Number.isInteger(value[1]) &&
    Number.isInteger(value[2]);
  const tensorAt = ([name, node, output]: readonly [string, number, number]): Config => {
    // Models inside began to count at 1.
    const place = counted.get(name) == null ? node : Math.max(0, node - 1);
    return {
      class_name: '__keras_tensor__',
      config: { shape: null, dtype: null, keras_history: [name, place, output] },
    };
  };
  const argument = (value: unknown): unknown => {
    if (isPlace(value) && value.length === 3) return tensorAt(value);
    if (Array.isArray(value)) {
      return value.length === 3 && value[0] === '_CONSTANT_VALUE' ? value[2] : value.map(argument);
    }
    return value;
  };
  let older = false;
  const modernNode = (node: unknown): unknown => {
    if (!Array.isArray(node)) return node;
    older = true;
    const places = isPlace(node) ? [node] : node;
    if (!places.every(isPlace)) {
      throw new FileFormatError(
        `${where}: expected places of layers in inbound_nodes, got ${JSON.stringify(node).slice(0, 100)}.`,
        'Save the model anew.',
      );
    }
    const kwargs = (places as unknown[][])[0]?.[3];
    const tensors = places.map(([name, index, output]) => tensorAt([name, index, output]));
    const named = isPlainObject(kwargs) ? Object.entries(kwargs).map(([key, value]) => [key, argument(value)]) : [];
    return { args: [tensors.length === 1 ? tensors[0] : tensors], kwargs: Object.fromEntries(named) };
  };
  const modern = layers.map((layer) => {
    const nodes = Array.isArray(layer.inbound_nodes) ? layer.inbound_nodes.map(modernNode) : [];
    return { ...layer, name: layer.name ?? (layer.config as Config | undefined)?.name, inbound_nodes: nodes };
  });
  // One place may stand alone or in a list; of stacks inside, the end is counted as in applications.
  const end = (value: unknown): unknown => {
    if (isPlace(value)) {
      const [name, node, output] = value;
      return older && counted.get(name) === 'sequential' ? [name, Math.max(0, node - 1), output] : value;
    }
    if (Array.isArray(value)) return value.map(end);
    return isPlainObject(value) ? Object.fromEntries(Object.entries(value).map(([k, one]) => [k, end(one)])) : value;
  };
  const single = (ends: unknown): unknown =>
    older && Array.isArray(ends) && ends.length === 1 && isPlace(ends[0]) ? end(ends[0]) : end(ends);
  return {
    ...config,
    layers: modern,
    input_layers: single(config.input_layers),
    output_layers: single(config.output_layers),
  };
}
