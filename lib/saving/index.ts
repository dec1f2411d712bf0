export { registerCustomObject } from '../core/family.js';
export { fromKerasConfig, type KerasObject, toKerasConfig } from './config-keys.js';
