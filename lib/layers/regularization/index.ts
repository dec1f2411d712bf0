export { ActivityRegularization, type ActivityRegularizationOptions } from './activity-regularization.js';
export { Dropout, type DropoutOptions } from './dropout.js';
export { GaussianNoise, type GaussianNoiseOptions } from './gaussian-noise.js';
