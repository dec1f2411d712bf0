import { type SerializedObject, serialized } from '../core/configurable.js';
import { defineFamily, type Family } from '../core/family.js';
import * as activation from './activation/index.js';
import * as convolution from './convolution/index.js';
import * as core from './core/index.js';
import { type BuildConfig, Layer } from './layer.js';
import * as merging from './merging/index.js';
import * as normalization from './normalization/index.js';
import * as pooling from './pooling/index.js';
import * as recurrent from './recurrent/index.js';
import * as regularization from './regularization/index.js';
import * as reshaping from './reshaping/index.js';

/** A layer as a config holds it, with what its weights were built for. */
export interface SerializedLayer extends SerializedObject {
  buildConfig?: BuildConfig;
  compileConfig?: Record<string, unknown>;
}

// Models are layers too, but live above: they add themselves when they are loaded.
const models: Record<string, unknown> = {};

/** Makes classes of models known as layers. @internal */
export function addLayerClasses(classes: Readonly<Record<string, unknown>>): void {
  Object.assign(models, classes);
}

/** Every class that a layer's config may name. @internal */
export function layerClasses(): Record<string, unknown> {
  return {
    ...core,
    ...activation,
    ...convolution,
    ...merging,
    ...normalization,
    ...pooling,
    ...recurrent,
    ...regularization,
    ...reshaping,
    ...models,
  };
}

function isLayerClass(member: unknown): boolean {
  return typeof member === 'function' && member.prototype instanceof Layer;
}

const family: Family<Layer> = defineFamily({
  kind: 'layer',
  members: () => {
    // Beside the classes stand functions: Input, add, concatenate.
    const classes = Object.entries(layerClasses()).filter(([, member]) => isLayerClass(member));
    return Object.fromEntries(classes);
  },
  accepts: (value) => value instanceof Layer,
});

/** A layer with its class, for configs: keys in camelCase. */
export function serialize(layer: Layer): SerializedLayer {
  const result: SerializedLayer = serialized(layer);
  const buildConfig = layer.getBuildConfig();
  if (buildConfig !== null) result.buildConfig = buildConfig;
  const { getCompileConfig } = layer as { getCompileConfig?: () => Record<string, unknown> | null };
  const compileConfig = getCompileConfig?.call(layer);
  if (compileConfig != null) result.compileConfig = compileConfig;
  return result;
}

/**
 * Makes a layer from what `serialize` answered, and builds it if it was built.
 * @throws {ArgumentError} for an unknown class; a class of one's own is made known by `utils.registerCustomObject`
 */
export function deserialize(config: SerializedLayer | Layer, where = 'layers.deserialize'): Layer {
  const layer = family.get(config, where);
  const buildConfig = config instanceof Layer ? undefined : config.buildConfig;
  if (buildConfig !== undefined && !layer.built) layer.buildFromConfig(buildConfig);
  const compileConfig = config instanceof Layer ? undefined : config.compileConfig;
  const { compileFromConfig } = layer as { compileFromConfig?: (config: Record<string, unknown>) => void };
  if (compileConfig != null && Object.keys(compileConfig).length > 0) compileFromConfig?.call(layer, compileConfig);
  return layer;
}
