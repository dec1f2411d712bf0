/** Models, and how they come from files: `keras.models`. */

export * from './models/index.js';
export {
  type LoadModelOptions,
  loadModel,
  type ModelFromJsonOptions,
  modelFromJson,
  saveModel,
} from './saving/index.js';
