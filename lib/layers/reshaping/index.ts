export { Flatten, type FlattenOptions } from './flatten.js';
export { Permute, type PermuteOptions } from './permute.js';
export { RepeatVector, type RepeatVectorOptions } from './repeat-vector.js';
export { Reshape, type ReshapeOptions } from './reshape.js';
