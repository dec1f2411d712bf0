export { type CloneModelOptions, cloneModel } from './clone.js';
export { Model } from './model.js';
export type { ModelOptions } from './model-graph.js';
export { Sequential, type SequentialOptions } from './sequential.js';
