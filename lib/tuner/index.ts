export { GridSearch, type GridSearchOptions, RandomSearch } from './algorithms.js';
export { BayesianOptimization, type BayesianOptimizationOptions } from './bayesian.js';
export { Hyperband, type HyperbandOptions } from './hyperband.js';
export { HyperParameters, type ParentOptions } from './hyperparameters.js';
export type { Objective, ObjectiveIdentifier } from './objective.js';
export type { Condition, ParameterConfig, ParameterValue, RangeOptions, Sampling } from './parameter.js';
export { Parameter } from './parameter.js';
export type { TrialResult } from './results.js';
export type { Suggestion } from './store.js';
export type { Bracket, Trial, TrialStatus } from './trial.js';
export {
  type BuildFunction,
  type HyperModel,
  type SearchOptions,
  type SearchState,
  Tuner,
  type TunerOptions,
} from './tuner.js';
export { searchInWorkers, type WorkersOptions } from './workers.js';
