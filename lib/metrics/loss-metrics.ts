import { type Fields, is, optional } from '../core/fields.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { asTensor, matchedPair } from '../losses/arguments.js';
import { binaryCrossentropy, categoricalCrossentropy, sparseCategoricalCrossentropy } from '../losses/crossentropy.js';
import { categoricalHinge, hinge, squaredHinge } from '../losses/hinge.js';
import { klDivergence, poisson } from '../losses/probabilistic.js';
import {
  cosineSimilarity,
  logCosh,
  meanAbsoluteError,
  meanAbsolutePercentageError,
  meanSquaredError,
  meanSquaredLogarithmicError,
} from '../losses/regression.js';
import { checkOptions } from '../ops/arguments.js';
import * as ops from '../ops/index.js';
import { Average, FunctionMetric } from './mean.js';
import { type MetricOptions, nameField, type UpdateOptions } from './metric.js';

/** Mean over all samples of {@link meanSquaredError}. Source: Keras' `MeanSquaredError`. */
export class MeanSquaredError extends FunctionMetric {
  static override readonly className: string = 'MeanSquaredError';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('mean_squared_error') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return meanSquaredError(yTrue, yPred);
  }
}

/** Mean over all samples of {@link meanAbsoluteError}. Source: Keras' `MeanAbsoluteError`. */
export class MeanAbsoluteError extends FunctionMetric {
  static override readonly className: string = 'MeanAbsoluteError';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('mean_absolute_error') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return meanAbsoluteError(yTrue, yPred);
  }
}

/** Mean over all samples of {@link meanAbsolutePercentageError}. Source: Keras' `MeanAbsolutePercentageError`. */
export class MeanAbsolutePercentageError extends FunctionMetric {
  static override readonly className: string = 'MeanAbsolutePercentageError';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('mean_absolute_percentage_error') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return meanAbsolutePercentageError(yTrue, yPred);
  }
}

/** Mean over all samples of {@link meanSquaredLogarithmicError}. Source: Keras' `MeanSquaredLogarithmicError`. */
export class MeanSquaredLogarithmicError extends FunctionMetric {
  static override readonly className: string = 'MeanSquaredLogarithmicError';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('mean_squared_logarithmic_error') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return meanSquaredLogarithmicError(yTrue, yPred);
  }
}

/**
 * Square root of the mean of the squared differences over all values: `sqrt(mean((yTrue - yPred)^2))`. Source: Keras' `RootMeanSquaredError`.
 *
 * @example
 * ```ts
 * new RootMeanSquaredError().apply([[0, 0]], [[3, 3]]).item(); // 3
 * ```
 */
export class RootMeanSquaredError extends Average {
  static override readonly className: string = 'RootMeanSquaredError';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('root_mean_squared_error') };
  override readonly direction = 'down';

  /** @throws {ShapeError} if labels, predictions or weights don't fit each other */
  override updateState(yTrue: TensorLike, yPred: TensorLike, options: UpdateOptions = {}): void {
    const where = `${this.type.className} "${this.name}"`;
    checkOptions('metric.updateState', options, ['sampleWeight'], 'yTrue, yPred');
    const [labels, predictions] = matchedPair(where, yTrue, asTensor(yPred, this.dtype));
    this.accumulate(ops.square(ops.subtract(predictions, labels)), options.sampleWeight);
  }

  override result(): Tensor {
    return ops.sqrt(super.result());
  }
}

/** Options of {@link CosineSimilarity}. */
export interface CosineSimilarityOptions extends MetricOptions {
  /** Axis of the vectors. @default -1 */
  axis?: number;
}

/**
 * Mean cosine of the angle between labels and predictions, 1 for the same direction (the loss of that name has the other sign).
 * Source: Keras' `CosineSimilarity` (whose config doesn't hold `axis` either).
 */
export class CosineSimilarity extends FunctionMetric {
  static override readonly className: string = 'CosineSimilarity';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField('cosine_similarity'),
    axis: optional(is.integer(), -1, { writes: false }),
  };
  override readonly direction = 'up';
  declare readonly axis: number;

  constructor(options: CosineSimilarityOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return ops.negative(cosineSimilarity(yTrue, yPred, { axis: this.axis }));
  }
}

/** Mean over all samples of {@link logCosh}. Source: Keras' `LogCoshError`. */
export class LogCoshError extends FunctionMetric {
  static override readonly className: string = 'LogCoshError';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('logcosh') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return logCosh(yTrue, yPred);
  }
}

/** Mean over all samples of {@link hinge}. Source: Keras' `Hinge`. */
export class Hinge extends FunctionMetric {
  static override readonly className: string = 'Hinge';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('hinge') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return hinge(yTrue, yPred);
  }
}

/** Mean over all samples of {@link squaredHinge}. Source: Keras' `SquaredHinge`. */
export class SquaredHinge extends FunctionMetric {
  static override readonly className: string = 'SquaredHinge';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('squared_hinge') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return squaredHinge(yTrue, yPred);
  }
}

/** Mean over all samples of {@link categoricalHinge}. Source: Keras' `CategoricalHinge`. */
export class CategoricalHinge extends FunctionMetric {
  static override readonly className: string = 'CategoricalHinge';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('categorical_hinge') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return categoricalHinge(yTrue, yPred);
  }
}

/** Mean over all samples of {@link klDivergence}. Source: Keras' `KLDivergence`. */
export class KLDivergence extends FunctionMetric {
  static override readonly className: string = 'KLDivergence';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('kl_divergence') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return klDivergence(yTrue, yPred);
  }
}

/** Mean over all samples of {@link poisson}. Source: Keras' `Poisson`. */
export class Poisson extends FunctionMetric {
  static override readonly className: string = 'Poisson';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = { name: nameField('poisson') };
  override readonly direction = 'down';

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    return poisson(yTrue, yPred);
  }
}

/** Options of {@link BinaryCrossentropy}. */
export interface BinaryCrossentropyOptions extends MetricOptions {
  /** `yPred` holds scores before the sigmoid, instead of probabilities. @default false */
  fromLogits?: boolean;
  /** Share of certainty taken off the labels, from 0 to 1. @default 0 */
  labelSmoothing?: number;
}

/** Mean over all samples of {@link binaryCrossentropy}. Source: Keras' `BinaryCrossentropy`. */
export class BinaryCrossentropy extends FunctionMetric {
  static override readonly className: string = 'BinaryCrossentropy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField('binary_crossentropy'),
    fromLogits: optional(is.boolean, false),
    labelSmoothing: optional(is.number({ min: 0, max: 1 }), 0),
  };
  override readonly direction = 'down';
  declare readonly fromLogits: boolean;
  declare readonly labelSmoothing: number;

  constructor(options: BinaryCrossentropyOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    const { fromLogits, labelSmoothing } = this;
    return binaryCrossentropy(yTrue, yPred, { fromLogits, labelSmoothing });
  }
}

/** Options of {@link CategoricalCrossentropy}. */
export interface CategoricalCrossentropyOptions extends MetricOptions {
  /** `yPred` holds scores before the softmax, instead of probabilities. @default false */
  fromLogits?: boolean;
  /** Share of certainty taken off the labels and spread over all classes, from 0 to 1. @default 0 */
  labelSmoothing?: number;
  /** Axis of the classes. @default -1 */
  axis?: number;
}

/** Mean over all samples of {@link categoricalCrossentropy}. Source: Keras' `CategoricalCrossentropy`. */
export class CategoricalCrossentropy extends FunctionMetric {
  static override readonly className: string = 'CategoricalCrossentropy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField('categorical_crossentropy'),
    fromLogits: optional(is.boolean, false),
    labelSmoothing: optional(is.number({ min: 0, max: 1 }), 0),
    axis: optional(is.integer(), -1),
  };
  override readonly direction = 'down';
  declare readonly fromLogits: boolean;
  declare readonly labelSmoothing: number;
  declare readonly axis: number;

  constructor(options: CategoricalCrossentropyOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    const { fromLogits, labelSmoothing, axis } = this;
    return categoricalCrossentropy(yTrue, yPred, { fromLogits, labelSmoothing, axis });
  }
}

/** Options of {@link SparseCategoricalCrossentropy}. */
export interface SparseCategoricalCrossentropyOptions extends MetricOptions {
  /** `yPred` holds scores before the softmax, instead of probabilities. @default false */
  fromLogits?: boolean;
  /** Class whose positions have loss 0. @default null */
  ignoreClass?: number | null;
  /** Axis of the classes in `yPred`. @default -1 */
  axis?: number;
}

/** Mean over all samples of {@link sparseCategoricalCrossentropy}. Source: Keras' `SparseCategoricalCrossentropy`. */
export class SparseCategoricalCrossentropy extends FunctionMetric {
  static override readonly className: string = 'SparseCategoricalCrossentropy';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField('sparse_categorical_crossentropy'),
    fromLogits: optional(is.boolean, false),
    ignoreClass: optional(is.nullable(is.integer()), null),
    axis: optional(is.integer(), -1),
  };
  override readonly direction = 'down';
  declare readonly fromLogits: boolean;
  declare readonly ignoreClass: number | null;
  declare readonly axis: number;

  constructor(options: SparseCategoricalCrossentropyOptions = {}) {
    super(options);
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    const { fromLogits, ignoreClass, axis } = this;
    return sparseCategoricalCrossentropy(yTrue, yPred, { fromLogits, ignoreClass, axis });
  }
}
