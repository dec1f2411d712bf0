import { config } from '../core/config.js';
import { Configurable } from '../core/configurable.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError } from '../core/errors.js';
import { type Field, type Fields, is, optional, show } from '../core/fields.js';
import { toSnakeCase, uniqueName } from '../core/names.js';
import { Tensor, type TensorLike } from '../core/tensor.js';
import { checkOptions } from '../ops/arguments.js';
import * as ops from '../ops/index.js';
import { asTensor, toSameRank } from './arguments.js';
import { type Reduction, reduceWeighted, reductions } from './reduction.js';

/** Options that every loss takes. */
export interface LossOptions {
  /** Name in logs of models with several outputs. @default the class's name in snake_case */
  name?: string | null;
  /** How the losses of samples become one number. @default 'sum_over_batch_size' */
  reduction?: Reduction;
  /** Dtype to compute in. @default floatx */
  dtype?: DType | null;
}

/** Options of {@link Loss.apply}. */
export interface LossApplyOptions {
  /** Weights of the samples: a number, [batch], or the shape of the losses. @default all 1 */
  sampleWeight?: TensorLike | null;
}

const checkReduction = is.nullable(is.oneOf(...reductions));

/** Field of a loss's name, with the name it has when none is given. @internal */
export function nameField(value: string | null): Field {
  return optional(is.nullable(is.string), value);
}

/**
 * Base of losses: numbers that say how far predictions are from labels, and that training makes small.
 *
 * A subclass implements `call(yTrue, yPred)`, which answers one loss per sample; `apply` casts to the loss's dtype, weights the samples, leaves out
 * masked steps and reduces to one number:
 *
 * `loss = sum(losses * sampleWeight) / count(losses)` (for the default reduction).
 *
 * Source: Keras' `Loss`.
 *
 * @example
 * ```ts
 * class Quartic extends Loss {
 *   override call(yTrue: Tensor, yPred: Tensor): Tensor {
 *     return ops.mean(ops.power(ops.subtract(yPred, yTrue), 4), { axis: -1 });
 *   }
 * }
 * const loss = new Quartic();
 * loss.apply([[0, 1]], [[1, 1]]).item(); // 0.5
 * ```
 */
export abstract class Loss extends Configurable {
  static override readonly fields: Fields = {
    name: nameField(null),
    reduction: optional(checkReduction, 'sum_over_batch_size'),
    dtype: optional(is.nullable(is.dtype), null, { writes: false }),
  };

  /** Name in logs and configs. */
  declare readonly name: string;
  /** How the losses of samples become one number. */
  declare readonly reduction: Reduction;
  /** Dtype that the loss is computed in. */
  declare readonly dtype: DType;
  /** False where labels are class numbers, which stay integers. @internal */
  readonly castsLabels: boolean = true;

  constructor(options: LossOptions = {}) {
    super(options);
    if ((this.name as string | null) === null) this.name = uniqueName(toSnakeCase(this.type.className));
    if ((this.dtype as DType | null) === null) this.dtype = config.floatx();
  }

  /** One loss per sample, [batch, ...]. Written by subclasses; use {@link apply} to compute a loss. */
  abstract call(yTrue: Tensor, yPred: Tensor): Tensor;

  /**
   * The loss of predictions, reduced as `reduction` says. A mask that rides on `yPred` leaves out the masked steps.
   * @throws {ShapeError} if labels, predictions or weights don't fit each other
   */
  apply(yTrue: TensorLike, yPred: TensorLike, options: LossApplyOptions = {}): Tensor {
    const where = `${this.type.className} "${this.name}"`;
    checkOptions('loss.apply', options, ['sampleWeight'], 'yTrue, yPred');
    const inputMask = yPred instanceof Tensor ? yPred.mask : undefined;
    const losses = this.call(
      this.castsLabels ? asTensor(yTrue, this.dtype) : asTensor(yTrue),
      asTensor(yPred, this.dtype),
    );
    if (!(losses instanceof Tensor)) {
      throw new ArgumentError(`${where}: expected call(yTrue, yPred) to answer a tensor, got ${show(losses)}.`);
    }
    const mask =
      inputMask !== undefined && losses.mask !== undefined
        ? ops.logicalAnd(inputMask, losses.mask)
        : (inputMask ?? losses.mask);
    return reduceWeighted(where, losses, {
      sampleWeight: options.sampleWeight ?? null,
      ...(mask !== undefined && { mask }),
      reduction: this.reduction,
      dtype: this.dtype,
    });
  }
}

/** A loss made of a function of labels and predictions. @internal */
export abstract class FunctionLoss extends Loss {
  /** The function, with this loss's options. */
  protected abstract compute(yTrue: Tensor, yPred: Tensor): Tensor;

  override call(yTrue: Tensor, yPred: Tensor): Tensor {
    return this.compute(...toSameRank(yTrue, yPred));
  }
}
