export {
  binaryCrossentropy,
  type CrossentropyOptions,
  categoricalCrossentropy,
  type SparseCrossentropyOptions,
  sparseCategoricalCrossentropy,
} from './crossentropy.js';
export {
  BinaryCrossentropy,
  CategoricalCrossentropy,
  type CrossentropyLossOptions,
  SparseCategoricalCrossentropy,
  type SparseCategoricalCrossentropyOptions,
} from './crossentropy-losses.js';
export { deserialize, get, lossFor, names, serialize } from './family.js';
export { CategoricalHinge, categoricalHinge, Hinge, hinge, SquaredHinge, squaredHinge } from './hinge.js';
export { Loss, type LossApplyOptions, type LossOptions } from './loss.js';
export { KLDivergence, klDivergence, Poisson, poisson } from './probabilistic.js';
export type { Reduction } from './reduction.js';
export {
  CosineSimilarity,
  type CosineSimilarityOptions,
  cosineSimilarity,
  Huber,
  type HuberOptions,
  huber,
  LogCosh,
  logCosh,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogarithmicError,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
} from './regression.js';
export { type LossFunction, LossFunctionWrapper, type LossFunctionWrapperOptions } from './wrapper.js';
