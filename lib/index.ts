// Every public name. Families are namespaces, as in Keras; what every program needs stands at the top.

export * as activations from './activations.js';
export * as callbacks from './callbacks/index.js';
export * as constraints from './constraints.js';
export {
  type GradientOf,
  type GradOptions,
  grad,
  noGrad,
  type ValueAndGrads,
  valueAndGrad,
} from './core/autograd.js';
export { type CallArgument, call, callList, callValue, schemaOf } from './core/call.js';
export type { DataFormat } from './core/config.js';
export { Configurable, type ConfigurableClass, type SerializedObject } from './core/configurable.js';
export { type CustomGradientResult, cond, customGradient } from './core/control.js';
export { type DeviceInfo, devices, withDevice } from './core/device.js';
export type { DType, NumericArray } from './core/dtype.js';
export * as errors from './core/errors.js';
export {
  ArgumentError,
  DeviceError,
  DisposedError,
  DTypeError,
  type ErrorCode,
  FileFormatError,
  NativeError,
  ShapeError,
  StateError,
  TorchLayersError,
} from './core/errors.js';
export { type Checker, type Field, type Fields, is, optional, required } from './core/fields.js';
export { type MemoryInfo, memory, trimMemory } from './core/memory.js';
export { type JitFunction, jit, type Program } from './core/program.js';
export { SeedGenerator } from './core/random.js';
export { type Shape, type SymbolicSpec, SymbolicTensor } from './core/symbolic.js';
export {
  type NestedArray,
  type NestedValues,
  type ShapedData,
  Tensor,
  type TensorLike,
  type TensorOptions,
  tensor,
} from './core/tensor.js';
export { keep, tidy } from './core/tidy.js';
export type { Tree } from './core/tree.js';
export { Variable, type VariableOptions } from './core/variable.js';
export * as datasets from './datasets/index.js';
export * as initializers from './initializers/index.js';
export { Input, type InputOptions } from './layers/core/input-layer.js';
export { DTypePolicy, type DTypePolicyName, type DTypePolicyOptions } from './layers/dtype-policy.js';
export * as layers from './layers/index.js';
export { InputSpec, Layer } from './layers/index.js';
export { nameScope } from './layers/name-scope.js';
export * as losses from './losses/index.js';
export * as metrics from './metrics/index.js';
export { Model, type ModelOptions, Sequential, type SequentialOptions } from './models/index.js';
export type { SummaryOptions } from './models/summary.js';
export { type Ops, ops } from './models/symbolic-ops.js';
export * as models from './models.js';
export { stopGradient } from './ops/index.js';
export * as optimizers from './optimizers/index.js';
export * as random from './random/index.js';
export * as regularizers from './regularizers.js';
export * as reports from './reports/index.js';
export * as saving from './saving/index.js';
export { config, type Settings } from './settings.js';
export * as summary from './summary/index.js';
export type { CompileOptions, LossIdentifier, MetricIdentifier } from './training/compile.js';
export type { BatchIterable } from './training/data/iterable.js';
export type { Batch, DataTree, LabelTree } from './training/data/layout.js';
export type { EvaluateOptions } from './training/evaluate.js';
export type { FitOptions, ValidationData } from './training/fit.js';
export type { TestOnBatchOptions, TrainOnBatchOptions } from './training/on-batch.js';
export type { PredictOptions } from './training/predict.js';
export type { ResumeOptions } from './training/resume.js';
export type { StepLogs } from './training/steps.js';
export * as tuner from './tuner/index.js';
export * as utils from './utils/index.js';
