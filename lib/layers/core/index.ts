export { Activation, type ActivationOptions } from './activation.js';
export { Dense, type DenseOptions } from './dense.js';
export { Identity } from './identity.js';
export { Input, InputLayer, type InputLayerOptions, type InputOptions } from './input-layer.js';
export { Masking, type MaskingOptions } from './masking.js';
