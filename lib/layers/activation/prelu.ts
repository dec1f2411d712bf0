import { type Constraint, constraintField } from '../../constraints.js';
import { ArgumentError } from '../../core/errors.js';
import { type Fields, optional, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import * as ops from '../../ops/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type { ConstraintIdentifier, InitializerIdentifier, RegularizerIdentifier } from '../identifiers.js';
import { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link PReLU}. */
export interface PReLUOptions extends LayerOptions {
  /** First values of the slopes. @default 'zeros' */
  alphaInitializer?: InitializerIdentifier;
  /** Penalty on the slopes. @default null */
  alphaRegularizer?: RegularizerIdentifier;
  /** Applied to the slopes after each update. @default null */
  alphaConstraint?: ConstraintIdentifier;
  /** Axes (counted with the batch, from 1) along which one slope is shared. @default null: none */
  sharedAxes?: number | readonly number[] | null;
}

const axes = (value: unknown, where: string): readonly number[] | null => {
  if (value === null) return null;
  const list = Array.isArray(value) ? value : [value];
  if (!list.every((axis) => Number.isSafeInteger(axis) && axis >= 1)) {
    throw new ArgumentError(`${where}: expected axes of at least 1 (0 is the batch), got ${show(value)}.`);
  }
  return list;
};

/**
 * x above 0, `alpha` · x below, where the slopes `alpha` are weights of the shape of a sample.
 *
 * Source: He et al. 2015; `keras.layers.PReLU`.
 *
 * @throws {ArgumentError} for wrong options
 * @example
 * ```ts
 * new layers.PReLU({ alphaInitializer: 'ones' }).apply(tensor([[-1, 2]])); // [[-1, 2]]
 * ```
 */
export class PReLU extends Layer {
  static override readonly className: string = 'PReLU';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    alphaInitializer: initializerField('zeros'),
    alphaRegularizer: regularizerField(null),
    alphaConstraint: constraintField(null),
    sharedAxes: optional(axes, null),
  };

  declare readonly alphaInitializer: Initializer;
  declare readonly alphaRegularizer: Regularizer | null;
  declare readonly alphaConstraint: Constraint | null;
  declare readonly sharedAxes: readonly number[] | null;
  /** The slopes. Made by `build`. */
  declare alpha: Variable;
  override supportsMasking = true;

  constructor(options: PReLUOptions = {}) {
    super(options);
  }

  override build(inputShape: Shape): void {
    const shared = this.sharedAxes ?? [];
    this.alpha = this.addWeight({
      name: 'alpha',
      shape: inputShape.slice(1).map((size, i) => (shared.includes(i + 1) ? 1 : size)) as number[],
      initializer: this.alphaInitializer,
      regularizer: this.alphaRegularizer,
      constraint: this.alphaConstraint,
    });
    const fixed = inputShape.map((size, axis) => [axis, axis === 0 || shared.includes(axis) ? null : size] as const);
    this.inputSpec = new InputSpec({ ndim: inputShape.length, axes: Object.fromEntries(fixed) });
  }

  override call(x: Tensor): Tensor {
    const alpha = this.alpha;
    return ops.subtract(ops.relu(x), ops.multiply(alpha, ops.relu(ops.negative(x))));
  }
}
