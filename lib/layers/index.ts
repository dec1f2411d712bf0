export * from './activation/index.js';
export * from './convolution/index.js';
export * from './core/index.js';
export { deserialize, type SerializedLayer, serialize } from './family.js';
export type {
  ActivationIdentifier,
  ConstraintIdentifier,
  InitializerIdentifier,
  RegularizerIdentifier,
} from './identifiers.js';
export { InputSpec, type InputSpecOptions } from './input-spec.js';
export type { CallOptions, LayerInputs, MaskTree, ShapeTree, SymbolicInputs } from './inputs.js';
export { type BuildConfig, Layer, type LayerNode } from './layer.js';
export type { LayerOptions, WeightOptions } from './layer-options.js';
export * from './merging/index.js';
export * from './normalization/index.js';
export * from './pooling/index.js';
export * from './recurrent/index.js';
export * from './regularization/index.js';
export * from './reshaping/index.js';
export type { SpecTree } from './specs.js';
