import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor } from '../core/tensor.js';
import { binaryCrossentropy, categoricalCrossentropy, sparseCategoricalCrossentropy } from './crossentropy.js';
import { FunctionLoss, type LossOptions, nameField } from './loss.js';

const logitsField = optional(is.boolean, false);
const smoothingField = optional(is.number({ min: 0, max: 1 }), 0);
const axisField = optional(is.integer(), -1);

/** Options of {@link BinaryCrossentropy} and {@link CategoricalCrossentropy}. */
export interface CrossentropyLossOptions extends LossOptions {
  /** `yPred` holds scores before the sigmoid or softmax, instead of probabilities. @default false */
  fromLogits?: boolean;
  /** Share of certainty taken off the labels and spread over all classes, from 0 to 1. @default 0 */
  labelSmoothing?: number;
  /** Axis of the classes; for binary cross-entropy the axis of the mean. @default -1 */
  axis?: number;
}

/**
 * Cross-entropy of labels between 0 and 1; see {@link binaryCrossentropy}. Source: Keras' `BinaryCrossentropy`.
 *
 * @example
 * ```ts
 * const loss = new BinaryCrossentropy({ fromLogits: true });
 * loss.apply([[1], [0]], [[0], [0]]).item(); // 0.6931472
 * ```
 */
export class BinaryCrossentropy extends FunctionLoss {
  static override readonly className: string = 'BinaryCrossentropy';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = {
    name: nameField('binary_crossentropy'),
    fromLogits: logitsField,
    labelSmoothing: smoothingField,
    axis: axisField,
  };
  declare readonly fromLogits: boolean;
  declare readonly labelSmoothing: number;
  declare readonly axis: number;

  constructor(options: CrossentropyLossOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits, labelSmoothing, axis } = this;
    return binaryCrossentropy(yTrue, yPred, { fromLogits, labelSmoothing, axis });
  }
}

/**
 * Cross-entropy of one-hot labels; see {@link categoricalCrossentropy}. Source: Keras' `CategoricalCrossentropy`.
 *
 * @example
 * ```ts
 * const loss = new CategoricalCrossentropy({ labelSmoothing: 0.1 });
 * loss.apply([[0, 1]], [[0.5, 0.5]]).item(); // 0.6931472
 * ```
 */
export class CategoricalCrossentropy extends FunctionLoss {
  static override readonly className: string = 'CategoricalCrossentropy';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = {
    name: nameField('categorical_crossentropy'),
    fromLogits: logitsField,
    labelSmoothing: smoothingField,
    axis: axisField,
  };
  declare readonly fromLogits: boolean;
  declare readonly labelSmoothing: number;
  declare readonly axis: number;

  constructor(options: CrossentropyLossOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits, labelSmoothing, axis } = this;
    return categoricalCrossentropy(yTrue, yPred, { fromLogits, labelSmoothing, axis });
  }
}

/** Options of {@link SparseCategoricalCrossentropy}. */
export interface SparseCategoricalCrossentropyOptions extends LossOptions {
  /** `yPred` holds scores before the softmax, instead of probabilities. @default false */
  fromLogits?: boolean;
  /** Class whose positions count for nothing. @default null */
  ignoreClass?: number | null;
  /** Axis of the classes in `yPred`. @default -1 */
  axis?: number;
}

/**
 * Cross-entropy of class numbers; see {@link sparseCategoricalCrossentropy}.
 * Source: Keras' `SparseCategoricalCrossentropy` (whose config doesn't hold `axis` either).
 *
 * @example
 * ```ts
 * const loss = new SparseCategoricalCrossentropy({ ignoreClass: -1 });
 * loss.apply([1, -1], [[0.5, 0.5], [0.1, 0.9]]).item(); // 0.6931472
 * ```
 */
export class SparseCategoricalCrossentropy extends FunctionLoss {
  static override readonly className: string = 'SparseCategoricalCrossentropy';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = {
    name: nameField('sparse_categorical_crossentropy'),
    fromLogits: logitsField,
    ignoreClass: optional(is.nullable(is.integer()), null),
    axis: optional(is.integer(), -1, { writes: false }),
  };
  declare readonly fromLogits: boolean;
  declare readonly ignoreClass: number | null;
  declare readonly axis: number;
  /** @internal */
  override readonly castsLabels: boolean = false;

  constructor(options: SparseCategoricalCrossentropyOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    const { fromLogits, ignoreClass, axis } = this;
    return sparseCategoricalCrossentropy(yTrue, yPred, { fromLogits, ignoreClass, axis });
  }
}
