import type { DType } from '../core/dtype.js';
import type { Shape } from '../core/symbolic.js';
import type { VariableOptions } from '../core/variable.js';
import type { DTypePolicy, DTypePolicyName } from './dtype-policy.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from './identifiers.js';

/** Options that every layer takes. */
export interface LayerOptions {
  /** Name, unique in a model; without '/'. @default the class's name in snake_case with a number: 'dense', 'dense_1' */
  name?: string | null;
  /** Whether optimizers change the weights. @default true */
  trainable?: boolean;
  /** Dtype of computations and weights, or a policy: 'mixed_bfloat16'. @default the global policy */
  dtype?: DTypePolicyName | DTypePolicy | null;
  /** Penalty on the outputs, added to the model's loss. @default null */
  activityRegularizer?: RegularizerIdentifier;
  /** Whether float inputs are cast to the layer's compute dtype. @default true */
  autocast?: boolean;
  /** Shape of one sample, for the first layer of a `Sequential`; an `Input` says the same. */
  inputShape?: Shape | null;
  /** Short for `inputShape: [inputDim]`. */
  inputDim?: number | null;
}

/** Options of `layer.addWeight`. */
export interface WeightOptions {
  /** Sizes of the axes. @default [] */
  shape?: readonly number[];
  /** First values. @default 'glorot_uniform' for floats, else 'zeros' */
  initializer?: InitializerIdentifier;
  /** Element type. @default the layer's variable dtype */
  dtype?: DType;
  /** Whether optimizers change it. @default true */
  trainable?: boolean;
  /** Penalty added to the layer's losses. @default null */
  regularizer?: RegularizerIdentifier;
  /** Applied after each update. @default null */
  constraint?: ConstraintIdentifier;
  /** Name, without its place in a model. @default 'variable' with a number */
  name?: string;
  /** Whether the layer reads it in its compute dtype under a mixed policy. @default true */
  autocast?: boolean;
  /** How replicas combine it: kept for Keras' configs. @default 'none' */
  aggregation?: VariableOptions['aggregation'];
}
