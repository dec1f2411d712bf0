export { Activation, type ActivationOptions } from './activation.js';
export { Dense, type DenseOptions } from './dense.js';
export { Embedding, type EmbeddingOptions } from './embedding.js';
export { Identity } from './identity.js';
export { Input, InputLayer, type InputLayerOptions, type InputOptions } from './input-layer.js';
export { Lambda, type LambdaFunction, type LambdaOptions } from './lambda.js';
export { Masking, type MaskingOptions } from './masking.js';
