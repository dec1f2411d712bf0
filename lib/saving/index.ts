import { setPersistence } from '../models/persistence.js';
import { loadWeights, modelToJson, saveModel, saveWeights } from './files.js';

export { registerCustomObject } from '../core/family.js';
export type { CustomObjects } from '../core/registry.js';
export type { LoadWeightsOptions, SaveModelOptions, SaveWeightsOptions } from '../models/persistence.js';
export { fromKerasConfig, type KerasObject, toKerasConfig } from './config-keys.js';
export {
  type LoadModelOptions,
  loadModel,
  loadWeights,
  type ModelFromJsonOptions,
  modelFromJson,
  saveModel,
  saveWeights,
} from './files.js';
export {
  customObjectScope,
  type DeserializeOptions,
  deserializeKerasObject,
  getCustomObjects,
  getRegisteredName,
  getRegisteredObject,
  type RegisteredObjectOptions,
  type RegisterOptions,
  registerKerasSerializable,
  serializeKerasObject,
} from './registration.js';

export {
  type LoadSafetensorsOptions,
  loadSafetensors,
  type Safetensors,
  type SaveSafetensorsOptions,
  saveSafetensors,
} from './safetensors.js';

// Models are below: their methods reach files through this.
setPersistence({ saveModel, saveWeights, loadWeights, modelToJson });
