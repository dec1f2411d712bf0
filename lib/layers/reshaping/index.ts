export { Cropping1D, type Cropping1DOptions, Cropping2D, Cropping3D, type CroppingOptions } from './cropping.js';
export { Flatten, type FlattenOptions } from './flatten.js';
export type { Margins } from './margins.js';
export { Permute, type PermuteOptions } from './permute.js';
export { RepeatVector, type RepeatVectorOptions } from './repeat-vector.js';
export { Reshape, type ReshapeOptions } from './reshape.js';
export {
  UpSampling1D,
  type UpSampling1DOptions,
  UpSampling2D,
  type UpSampling2DOptions,
  UpSampling3D,
  type UpSampling3DOptions,
} from './up-sampling.js';
export { ZeroPadding1D, ZeroPadding2D, ZeroPadding3D, type ZeroPaddingOptions } from './zero-padding.js';
