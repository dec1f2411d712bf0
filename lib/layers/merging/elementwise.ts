import type { Tensor } from '../../core/tensor.js';
import {
  add as addOf,
  any,
  broadcastTo,
  cast,
  divide,
  expandDims,
  logicalOr,
  maximum as maximumOf,
  minimum as minimumOf,
  multiply as multiplyOf,
  subtract as subtractOf,
  where,
} from '../../ops/index.js';
import { Merge } from './merge.js';

/**
 * Sum of several tensors, element by element: `[batch, ...]` each, with broadcasting. Tensors of fewer axes get new ones after the batch.
 *
 * Source: `keras.layers.Add`.
 *
 * @throws {ShapeError} if the shapes don't broadcast
 * @example
 * ```ts
 * new layers.Add().apply([tensor([[1, 2]]), tensor([[3, 4]])]); // [[4, 6]]
 * ```
 */
export class Add extends Merge {
  static override readonly className: string = 'Add';
  static override readonly module: string | null = 'keras.layers';

  protected override merge([first, ...others]: readonly Tensor[]): Tensor {
    return others.reduce(addOf, first as Tensor);
  }
}

/**
 * The first tensor less the second, element by element.
 *
 * Source: `keras.layers.Subtract`.
 *
 * @throws {ArgumentError} unless there are exactly two inputs
 */
export class Subtract extends Merge {
  static override readonly className: string = 'Subtract';
  static override readonly module: string | null = 'keras.layers';

  protected override get inputCount(): number {
    return 2;
  }

  protected override merge([first, second]: readonly Tensor[]): Tensor {
    return subtractOf(first as Tensor, second as Tensor);
  }
}

/**
 * Product of several tensors, element by element. Masked steps count as 1; where every input has a mask and none counts, the result is 0.
 *
 * Source: `keras.layers.Multiply`.
 */
export class Multiply extends Merge {
  static override readonly className: string = 'Multiply';
  static override readonly module: string | null = 'keras.layers';

  protected override merge(inputs: readonly Tensor[]): Tensor {
    const masks = inputs.map(spreadMask);
    const factors = inputs.map((x, i) => (masks[i] === null ? x : where(masks[i] as Tensor, x, cast(1, x.dtype))));
    const [first, ...others] = factors;
    const product = others.reduce(multiplyOf, first as Tensor);
    if (masks.some((mask) => mask === null)) return product;
    const mask = (masks as Tensor[]).reduce(logicalOr);
    const output = where(mask, product, cast(0, product.dtype));
    output.mask = any(mask, { axis: -1 });
    return output;
  }
}

/**
 * Mean of several tensors, element by element.
 *
 * Source: `keras.layers.Average`.
 */
export class Average extends Merge {
  static override readonly className: string = 'Average';
  static override readonly module: string | null = 'keras.layers';

  protected override merge(inputs: readonly Tensor[]): Tensor {
    const [first, ...others] = inputs;
    return divide(others.reduce(addOf, first as Tensor), inputs.length);
  }
}

/** Joins two by two; a masked step takes the other tensor's numbers. */
function extreme(pick: (a: Tensor, b: Tensor) => Tensor, inputs: readonly Tensor[]): Tensor {
  let output = inputs[0] as Tensor;
  let outputMask = spreadMask(output);
  for (const given of inputs.slice(1)) {
    const mask = spreadMask(given);
    const x = mask === null ? given : where(mask, given, output);
    if (outputMask !== null) output = where(outputMask, output, x);
    outputMask = mask !== null && outputMask !== null ? logicalOr(outputMask, mask) : null;
    output = pick(output, x);
  }
  if (outputMask !== null && inputs.length > 1) output.mask = any(outputMask, { axis: -1 });
  return output;
}

/**
 * The largest of several tensors, element by element. Masked steps don't count where another tensor's do.
 *
 * Source: `keras.layers.Maximum`.
 */
export class Maximum extends Merge {
  static override readonly className: string = 'Maximum';
  static override readonly module: string | null = 'keras.layers';

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return extreme(maximumOf, inputs);
  }
}

/**
 * The smallest of several tensors, element by element. Masked steps don't count where another tensor's do.
 *
 * Source: `keras.layers.Minimum`.
 */
export class Minimum extends Merge {
  static override readonly className: string = 'Minimum';
  static override readonly module: string | null = 'keras.layers';

  protected override merge(inputs: readonly Tensor[]): Tensor {
    return extreme(minimumOf, inputs);
  }
}

/** The mask that rides on a tensor, one value for each of its elements. */
function spreadMask(x: Tensor): Tensor | null {
  return x.mask === undefined ? null : broadcastTo(expandDims(x.mask, -1), x.shape);
}
