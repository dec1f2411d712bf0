import { Input, layers, Sequential, type SymbolicTensor } from '../../lib/index.js';
import type { Layer } from '../../lib/layers/index.js';

/** A layer or model as golden scripts describe it, options in camelCase. */
export interface LayerSpec {
  className: string;
  options: Record<string, unknown>;
  layers?: LayerSpec[];
  trainable?: boolean;
}

/** The layer (for `Input`, the symbolic tensor) that a golden script's description stands for. */
export function layerFrom(spec: LayerSpec): Layer | SymbolicTensor {
  if (spec.layers !== undefined) return new Sequential({ ...spec.options, layers: spec.layers.map(layerFrom) });
  if (spec.className === 'Input') return Input(spec.options);
  const LayerOf = layers[spec.className as keyof typeof layers] as unknown as new (options: object) => Layer;
  const layer = new LayerOf(spec.options);
  layer.trainable = spec.trainable ?? true;
  return layer;
}

/** The Sequential that a golden script's description stands for. */
export function sequentialFrom(spec: LayerSpec): Sequential {
  return layerFrom(spec) as unknown as Sequential;
}
