export { ActivityRegularization, type ActivityRegularizationOptions } from './activity-regularization.js';
export { AlphaDropout } from './alpha-dropout.js';
export { Dropout, type DropoutOptions } from './dropout.js';
export { GaussianDropout, type GaussianDropoutOptions } from './gaussian-dropout.js';
export { GaussianNoise, type GaussianNoiseOptions } from './gaussian-noise.js';
export {
  SpatialDropout1D,
  SpatialDropout2D,
  SpatialDropout3D,
  type SpatialDropoutNDOptions,
  type SpatialDropoutOptions,
} from './spatial-dropout.js';
