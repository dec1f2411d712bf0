import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import {
  accuracy,
  binaryAccuracy,
  categoricalAccuracy,
  sparseCategoricalAccuracy,
  sparseTopKCategoricalAccuracy,
  topKCategoricalAccuracy,
} from './accuracy.js';
import { FunctionMetric } from './mean.js';
import { type MetricOptions, nameField } from './metric.js';

/**
 * Share of predictions that equal their labels. Source: Keras' `Accuracy`. The name 'accuracy' in `compile` means the binary, sparse or categorical
 * accuracy that fits the shapes, not this class.
 *
 * @example
 * ```ts
 * new Accuracy().apply([1, 2, 3, 4], [0, 2, 3, 4]).item(); // 0.75
 * ```
 */
export class Accuracy extends FunctionMetric {
  static override readonly className: string = 'Accuracy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('accuracy') };
  override readonly direction = 'up';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return accuracy(yTrue, yPred);
  }
}

/** Options of {@link BinaryAccuracy}. */
export interface BinaryAccuracyOptions extends MetricOptions {
  /** Predictions above it count as 1. @default 0.5 */
  threshold?: number;
}

/**
 * Share of labels (0 or 1) that equal `yPred > threshold`. Source: Keras' `BinaryAccuracy`.
 *
 * @example
 * ```ts
 * new BinaryAccuracy().apply([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]]).item(); // 0.75
 * ```
 */
export class BinaryAccuracy extends FunctionMetric {
  static override readonly className: string = 'BinaryAccuracy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField('binary_accuracy'),
    threshold: optional(is.number(), 0.5),
  };
  override readonly direction = 'up';
  declare readonly threshold: number;

  constructor(options: BinaryAccuracyOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return binaryAccuracy(yTrue, yPred, { threshold: this.threshold });
  }
}

/**
 * Share of samples whose largest prediction is that of the true class, for one-hot labels. Source: Keras' `CategoricalAccuracy`.
 *
 * @example
 * ```ts
 * new CategoricalAccuracy().apply([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]).item(); // 0.5
 * ```
 */
export class CategoricalAccuracy extends FunctionMetric {
  static override readonly className: string = 'CategoricalAccuracy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('categorical_accuracy') };
  override readonly direction = 'up';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return categoricalAccuracy(yTrue, yPred);
  }
}

/**
 * Share of samples whose largest prediction is that of the true class, for class numbers. Source: Keras' `SparseCategoricalAccuracy`.
 *
 * @example
 * ```ts
 * new SparseCategoricalAccuracy().apply([[2], [1]], [[0.1, 0.6, 0.3], [0.05, 0.95, 0]]).item(); // 0.5
 * ```
 */
export class SparseCategoricalAccuracy extends FunctionMetric {
  static override readonly className: string = 'SparseCategoricalAccuracy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('sparse_categorical_accuracy') };
  override readonly direction = 'up';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return sparseCategoricalAccuracy(yTrue, yPred);
  }
}

/** Options of {@link TopKCategoricalAccuracy}. */
export interface TopKCategoricalAccuracyOptions extends MetricOptions {
  /** How many of the best predictions are looked at. @default 5 */
  k?: number;
}

/**
 * Share of samples whose true class is among the k largest predictions, for one-hot labels. Source: Keras' `TopKCategoricalAccuracy`.
 *
 * @example
 * ```ts
 * new TopKCategoricalAccuracy({ k: 1 }).apply([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]).item(); // 0.5
 * ```
 */
export class TopKCategoricalAccuracy extends FunctionMetric {
  static override readonly className: string = 'TopKCategoricalAccuracy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField('top_k_categorical_accuracy'),
    k: optional(is.integer({ min: 1 }), 5),
  };
  override readonly direction = 'up';
  declare readonly k: number;

  constructor(options: TopKCategoricalAccuracyOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return topKCategoricalAccuracy(yTrue, yPred, { k: this.k });
  }
}

/** Options of {@link SparseTopKCategoricalAccuracy}. */
export interface SparseTopKCategoricalAccuracyOptions extends TopKCategoricalAccuracyOptions {
  /** `yPred` holds class numbers, the best first, instead of scores. @default false */
  fromSortedIds?: boolean;
}

/**
 * Share of samples whose true class is among the k largest predictions, for class numbers. Source: Keras' `SparseTopKCategoricalAccuracy`.
 *
 * @example
 * ```ts
 * new SparseTopKCategoricalAccuracy({ k: 1 }).apply([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]).item(); // 0.5
 * ```
 */
export class SparseTopKCategoricalAccuracy extends FunctionMetric {
  static override readonly className: string = 'SparseTopKCategoricalAccuracy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField('sparse_top_k_categorical_accuracy'),
    k: optional(is.integer({ min: 1 }), 5),
    fromSortedIds: optional(is.boolean, false),
  };
  override readonly direction = 'up';
  declare readonly k: number;
  declare readonly fromSortedIds: boolean;

  constructor(options: SparseTopKCategoricalAccuracyOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return sparseTopKCategoricalAccuracy(yTrue, yPred, { k: this.k, fromSortedIds: this.fromSortedIds });
  }

  /** Keras writes `from_sorted_ids` only where it is true. */
  override getConfig(): Record<string, unknown> {
    const { fromSortedIds, ...rest } = super.getConfig();
    return fromSortedIds === true ? { ...rest, fromSortedIds } : rest;
  }
}
