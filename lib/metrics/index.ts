export { binaryCrossentropy, categoricalCrossentropy, sparseCategoricalCrossentropy } from '../losses/crossentropy.js';
export { categoricalHinge, hinge, squaredHinge } from '../losses/hinge.js';
export { klDivergence, poisson } from '../losses/probabilistic.js';
export {
  huber,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
} from '../losses/regression.js';
export {
  type BinaryAccuracyFunctionOptions,
  binaryAccuracy,
  categoricalAccuracy,
  type SparseTopKFunctionOptions,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  type TopKFunctionOptions,
  topKCategoricalAccuracy,
} from './accuracy.js';
export {
  Accuracy,
  BinaryAccuracy,
  type BinaryAccuracyOptions,
  CategoricalAccuracy,
  SparseCategoricalAccuracy,
  SparseTopKCategoricalAccuracy,
  type SparseTopKCategoricalAccuracyOptions,
  TopKCategoricalAccuracy,
  type TopKCategoricalAccuracyOptions,
} from './accuracy-metrics.js';
export {
  type ConfusionCountOptions,
  type ConfusionOptions,
  FalseNegatives,
  FalsePositives,
  Precision,
  Recall,
  TrueNegatives,
  TruePositives,
} from './confusion.js';
export { accuracyFor, checkMetric, deserialize, get, metricFor, names, serialize } from './family.js';
export {
  BinaryCrossentropy,
  type BinaryCrossentropyOptions,
  CategoricalCrossentropy,
  type CategoricalCrossentropyOptions,
  CategoricalHinge,
  CosineSimilarity,
  type CosineSimilarityOptions,
  Hinge,
  KLDivergence,
  LogCoshError,
  MeanAbsoluteError,
  MeanAbsolutePercentageError,
  MeanSquaredError,
  MeanSquaredLogarithmicError,
  Poisson,
  RootMeanSquaredError,
  SparseCategoricalCrossentropy,
  type SparseCategoricalCrossentropyOptions,
  SquaredHinge,
} from './loss-metrics.js';
export { Mean, Sum } from './mean.js';
export { Metric, type MetricOptions, type MetricVariableOptions, type UpdateOptions } from './metric.js';
export { MeanMetricWrapper, type MeanMetricWrapperOptions, type MetricFunction } from './wrapper.js';
