import { type Constraint, constraintField } from '../../constraints.js';
import { config } from '../../core/config.js';
import { isFloat } from '../../core/dtype.js';
import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type Fields, is, optional, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import * as ops from '../../ops/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from '../identifiers.js';
import { InputSpec } from '../input-spec.js';
import type { CallOptions } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { type NormalizedBatch, normalizeByBatch, normalizeByStatistics } from './channels.js';

/** Options of {@link BatchNormalization}. */
export interface BatchNormalizationOptions extends LayerOptions {
  /** Axis of the channels, each of which is normalized by itself. @default -1 */
  axis?: number;
  /** How much of the moving statistics a step keeps, 0 to 1. @default 0.99 */
  momentum?: number;
  /** Added to the variance, at least 0. @default 0.001 */
  epsilon?: number;
  /** Whether `beta` is added. @default true */
  center?: boolean;
  /** Whether outputs are multiplied by `gamma`. @default true */
  scale?: boolean;
  /** First values of beta. @default 'zeros' */
  betaInitializer?: InitializerIdentifier;
  /** First values of gamma. @default 'ones' */
  gammaInitializer?: InitializerIdentifier;
  /** First values of the moving mean. @default 'zeros' */
  movingMeanInitializer?: InitializerIdentifier;
  /** First values of the moving variance. @default 'ones' */
  movingVarianceInitializer?: InitializerIdentifier;
  /** Penalty on beta. @default null */
  betaRegularizer?: RegularizerIdentifier;
  /** Penalty on gamma. @default null */
  gammaRegularizer?: RegularizerIdentifier;
  /** Applied to beta after each update. @default null */
  betaConstraint?: ConstraintIdentifier;
  /** Applied to gamma after each update. @default null */
  gammaConstraint?: ConstraintIdentifier;
  /** Kept for Keras' configs; only false. @default false */
  renorm?: false;
  /** Kept for Keras' configs; only null. @default null */
  renormClipping?: null;
  /** Kept for Keras' configs; without effect. @default 0.99 */
  renormMomentum?: number;
  /** Whether replicas share their statistics; on one device without effect. @default false */
  synchronized?: boolean;
}

const only = (expected: false | null) => (value: unknown, where: string) => {
  if (value === expected) return expected;
  throw new ArgumentError(
    `${where}: expected ${expected}, got ${show(value)}.`,
    'Batch renormalization is not offered: leave the option out.',
  );
};

/**
 * Normalizes each channel to mean 0 and deviation 1: `gamma · (x - mean) / sqrt(variance + epsilon) + beta`.
 *
 * In training, mean and variance are the batch's, and moving averages of them are kept: `moving · momentum + batch · (1 - momentum)`, the variance
 * divided by the number of values. Elsewhere, and in a layer that is not `trainable`, the moving averages take their place. Outputs have the inputs'
 * shape. A mask of one axis less than the inputs leaves its steps out of the statistics.
 *
 * Source: Ioffe and Szegedy 2015; `keras.layers.BatchNormalization`, without renorm.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs without the axis, of another number of channels, or a mask of another rank
 * @example
 * ```ts
 * new layers.BatchNormalization().apply(ops.zeros([32, 10]), { training: true }).shape; // [32, 10]
 * ```
 */
export class BatchNormalization extends Layer {
  static override readonly className: string = 'BatchNormalization';
  static override readonly module: string | null = 'keras.layers';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { mask: null };
  static override readonly fields: Fields = {
    axis: optional(is.integer(), -1),
    momentum: optional(is.number({ min: 0, max: 1 }), 0.99),
    epsilon: optional(is.number({ min: 0 }), 1e-3),
    center: optional(is.boolean, true),
    scale: optional(is.boolean, true),
    betaInitializer: initializerField('zeros'),
    gammaInitializer: initializerField('ones'),
    movingMeanInitializer: initializerField('zeros'),
    movingVarianceInitializer: initializerField('ones'),
    betaRegularizer: regularizerField(null),
    gammaRegularizer: regularizerField(null),
    betaConstraint: constraintField(null),
    gammaConstraint: constraintField(null),
    synchronized: optional(is.boolean, false),
    renorm: optional(only(false), false),
    renormClipping: optional(only(null), null),
    renormMomentum: optional(is.number(), 0.99),
  };

  declare readonly axis: number;
  declare readonly momentum: number;
  declare readonly epsilon: number;
  declare readonly center: boolean;
  declare readonly scale: boolean;
  declare readonly betaInitializer: Initializer;
  declare readonly gammaInitializer: Initializer;
  declare readonly movingMeanInitializer: Initializer;
  declare readonly movingVarianceInitializer: Initializer;
  declare readonly betaRegularizer: Regularizer | null;
  declare readonly gammaRegularizer: Regularizer | null;
  declare readonly betaConstraint: Constraint | null;
  declare readonly gammaConstraint: Constraint | null;
  declare readonly synchronized: boolean;
  declare readonly renorm: false;
  declare readonly renormClipping: null;
  declare readonly renormMomentum: number;

  /** [channels], or null without `scale`. Made by `build`. */
  declare gamma: Variable | null;
  /** [channels], or null without `center`. Made by `build`. */
  declare beta: Variable | null;
  /** Moving statistics, [channels] each. Made by `build`. */
  declare movingMean: Variable;
  declare movingVariance: Variable;
  override supportsMasking = true;

  constructor(options: BatchNormalizationOptions = {}) {
    super(options);
  }

  override build(inputShape: Shape): void {
    const channels = inputShape.at(this.axis);
    if (channels == null || this.axis >= inputShape.length) {
      throw new ShapeError(
        `${this.title}: expected an input shape with a known size along axis ${this.axis}, got ${formatShape(inputShape)}.`,
        'axis counts with the batch: -1 is the last axis, 1 the first after the batch.',
      );
    }
    const weight = (name: string, initializer: Initializer, trainable: boolean): Variable =>
      this.addWeight({
        name,
        shape: [channels],
        initializer,
        trainable,
        autocast: false,
        ...(name === 'gamma' && { regularizer: this.gammaRegularizer, constraint: this.gammaConstraint }),
        ...(name === 'beta' && { regularizer: this.betaRegularizer, constraint: this.betaConstraint }),
      });
    this.gamma = this.scale ? weight('gamma', this.gammaInitializer, true) : null;
    this.beta = this.center ? weight('beta', this.betaInitializer, true) : null;
    this.movingMean = weight('moving_mean', this.movingMeanInitializer, false);
    this.movingVariance = weight('moving_variance', this.movingVarianceInitializer, false);
    this.inputSpec = new InputSpec({ ndim: inputShape.length, axes: { [this.axis]: channels } });
  }

  override call(inputs: Tensor, { training, mask }: CallOptions = {}): Tensor {
    // Sums in half precision overflow, and whole numbers have no deviation of their own: float32 at least.
    const half = inputs.dtype === 'float16' || inputs.dtype === 'bfloat16';
    const x = isFloat(inputs.dtype) && !half ? inputs : ops.cast(inputs, 'float32');
    // An empty batch has no statistics.
    if (x.size === 0) return ops.cast(x, this.computeDtype);
    const axis = this.axis < 0 ? this.axis + x.ndim : this.axis;
    const like = (weight: Tensor | null): Tensor | null => (weight === null ? null : ops.cast(weight, x.dtype));
    const scale = { gamma: like(this.gamma), beta: like(this.beta), epsilon: this.epsilon };
    const moving = { mean: like(this.movingMean) as Tensor, variance: like(this.movingVariance) as Tensor };
    if (mask instanceof Tensor) this.#checkMask(mask, x);
    if (!training || !this.trainable) {
      return ops.cast(normalizeByStatistics(x, axis, moving, scale), this.computeDtype);
    }
    const batch =
      mask instanceof Tensor ? this.#normalizeMasked(x, axis, mask, scale) : normalizeByBatch(x, axis, scale);
    const mix = (old: Tensor, now: Tensor): Tensor =>
      ops.add(ops.multiply(old, this.momentum), ops.multiply(ops.stopGradient(now), 1 - this.momentum));
    this.movingMean.assign(mix(moving.mean, batch.mean));
    this.movingVariance.assign(mix(moving.variance, batch.variance));
    return ops.cast(batch.outputs, this.computeDtype);
  }

  #normalizeMasked(
    x: Tensor,
    axis: number,
    mask: Tensor,
    { gamma, beta, epsilon }: { gamma: Tensor | null; beta: Tensor | null; epsilon: number },
  ): NormalizedBatch {
    const kept = ops.broadcastTo(ops.cast(ops.expandDims(mask, -1), 'bool'), x.shape);
    const axes = x.shape.map((_, i) => i).filter((i) => i !== axis);
    const total = (values: Tensor): Tensor => ops.sum(values, { axis: axes, keepdims: true });
    const size = ops.add(total(ops.cast(kept, x.dtype)), config.epsilon());
    const mean = ops.divide(total(ops.where(kept, x, 0)), size);
    const variance = ops.divide(total(ops.square(ops.where(kept, ops.subtract(x, mean), 0))), size);
    const channels = [x.shape[axis] as number];
    const statistics = { mean: ops.reshape(mean, channels), variance: ops.reshape(variance, channels) };
    const options = { offset: beta, scale: gamma, epsilon };
    return {
      ...statistics,
      outputs: ops.batchNormalization(x, statistics.mean, statistics.variance, axis, options),
    };
  }

  #checkMask(mask: Tensor, x: Tensor): void {
    if (mask.ndim === x.ndim - 1) return;
    throw new ShapeError(
      `${this.title}: expected a mask of rank ${x.ndim - 1} for inputs ${formatShape(x.shape)}, got ${formatShape(mask.shape)}.`,
      'A mask has the axes of the inputs but the last.',
    );
  }
}
