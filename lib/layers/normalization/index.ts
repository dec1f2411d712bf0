export { BatchNormalization, type BatchNormalizationOptions } from './batch-normalization.js';
export { LayerNormalization, type LayerNormalizationOptions } from './layer-normalization.js';
