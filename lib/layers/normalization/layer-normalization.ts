import { type Constraint, constraintField } from '../../constraints.js';
import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type Fields, is, optional, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import * as ops from '../../ops/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from '../identifiers.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link LayerNormalization}. */
export interface LayerNormalizationOptions extends LayerOptions {
  /** Axis, or axes, that are normalized together. @default -1 */
  axis?: number | readonly number[];
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
  /** Penalty on beta. @default null */
  betaRegularizer?: RegularizerIdentifier;
  /** Penalty on gamma. @default null */
  gammaRegularizer?: RegularizerIdentifier;
  /** Applied to beta after each update. @default null */
  betaConstraint?: ConstraintIdentifier;
  /** Applied to gamma after each update. @default null */
  gammaConstraint?: ConstraintIdentifier;
  /** Kept for Keras' configs; only false: `RMSNormalization` is the layer for it. @default false */
  rmsScaling?: false;
}

/**
 * Normalizes each sample to mean 0 and deviation 1 along some axes: `gamma · (x - mean) / sqrt(variance + epsilon) + beta`.
 *
 * Outputs have the inputs' shape; `gamma` and `beta` have the sizes of the axes. Training and inference are the same.
 *
 * Source: Ba et al. 2016; `keras.layers.LayerNormalization`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs without an axis, or with an unknown size along it
 * @example
 * ```ts
 * new layers.LayerNormalization().apply(tensor([[1, 3]])); // [[-1, 1]], nearly
 * ```
 */
export class LayerNormalization extends Layer {
  static override readonly className: string = 'LayerNormalization';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    axis: optional(is.either(is.integer(), is.listOf(is.integer()), 'a whole number, or an array of them'), -1),
    epsilon: optional(is.number({ min: 0 }), 1e-3),
    center: optional(is.boolean, true),
    scale: optional(is.boolean, true),
    rmsScaling: optional((value, where) => {
      if (value === false) return value;
      throw new ArgumentError(`${where}: expected false, got ${show(value)}.`, 'Use ops.rmsNormalization.');
    }, false),
    betaInitializer: initializerField('zeros'),
    gammaInitializer: initializerField('ones'),
    betaRegularizer: regularizerField(null),
    gammaRegularizer: regularizerField(null),
    betaConstraint: constraintField(null),
    gammaConstraint: constraintField(null),
  };

  /** A number until `build`, then the axes in order, as Keras writes them. */
  declare axis: number | readonly number[];
  declare readonly epsilon: number;
  declare readonly center: boolean;
  declare readonly scale: boolean;
  declare readonly rmsScaling: false;
  declare readonly betaInitializer: Initializer;
  declare readonly gammaInitializer: Initializer;
  declare readonly betaRegularizer: Regularizer | null;
  declare readonly gammaRegularizer: Regularizer | null;
  declare readonly betaConstraint: Constraint | null;
  declare readonly gammaConstraint: Constraint | null;

  /** Sizes of the axes, or null without `scale`. Made by `build`. */
  declare gamma: Variable | null;
  /** Sizes of the axes, or null without `center`. Made by `build`. */
  declare beta: Variable | null;
  override supportsMasking = true;

  constructor(options: LayerNormalizationOptions = {}) {
    super(options);
    // Half-precision inputs are normalized in float32 and cast afterwards.
    Object.assign(this, { autocast: false });
  }

  override build(inputShape: Shape): void {
    const axes = typeof this.axis === 'number' ? [this.axis] : [...this.axis].sort((a, b) => a - b);
    const shape = axes.map((axis) => (axis < inputShape.length ? inputShape.at(axis) : null));
    if (shape.some((size) => size == null) || axes.some((axis) => axis < -inputShape.length)) {
      throw new ShapeError(
        `${this.title}: expected an input shape with known sizes along axis ${formatShape(axes)}, got ${formatShape(inputShape)}.`,
        'axis counts with the batch: -1 is the last axis, 1 the first after the batch.',
      );
    }
    this.axis = axes;
    const sizes = shape as number[];
    this.gamma = this.scale
      ? this.addWeight({
          name: 'gamma',
          shape: sizes,
          autocast: false,
          initializer: this.gammaInitializer,
          regularizer: this.gammaRegularizer,
          constraint: this.gammaConstraint,
        })
      : null;
    this.beta = this.center
      ? this.addWeight({
          name: 'beta',
          shape: sizes,
          autocast: false,
          initializer: this.betaInitializer,
          regularizer: this.betaRegularizer,
          constraint: this.betaConstraint,
        })
      : null;
  }

  override call(x: Tensor): Tensor {
    const { gamma, beta, axis, epsilon } = this;
    return ops.cast(ops.layerNormalization(x, { gamma, beta, axis, epsilon }), this.computeDtype);
  }
}
