import type { ActivationFunction } from '../activations.js';
import type { Constraint } from '../constraints.js';
import type { SerializedObject } from '../core/configurable.js';
import type { Initializer } from '../initializers/index.js';
import type { Regularizer } from '../regularizers.js';

/** A name ('relu'), a function of a tensor, or null for none ('linear'). */
export type ActivationIdentifier = string | ActivationFunction | SerializedObject | null;

/** A name ('glorot_uniform'), an initializer or its config. */
export type InitializerIdentifier = string | Initializer | SerializedObject;

/** A name ('l2'), a regularizer or its config, or null for none. */
export type RegularizerIdentifier = string | Regularizer | SerializedObject | null;

/** A name ('max_norm'), a constraint or its config, or null for none. */
export type ConstraintIdentifier = string | Constraint | SerializedObject | null;
