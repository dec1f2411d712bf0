import type { DType } from '../core/dtype.js';
import { ShapeError } from '../core/errors.js';
import type { Shape } from '../core/symbolic.js';
import { formatShape, type Tensor } from '../core/tensor.js';
import { cast, expandDims, squeeze } from '../ops/index.js';

/**
 * Brings data to the dtype and rank of a model's input, as Keras does: images of bytes are cast, and a last axis of 1 is added or removed.
 * `where` is 'Sequential "sequential"'. @internal
 */
export function adaptInput(
  x: Tensor,
  expected: { readonly shape: Shape; readonly dtype: DType },
  where: string,
): Tensor {
  const { mask } = x;
  const { shape, dtype } = expected;
  let adapted = x.dtype === dtype ? x : cast(x, dtype);
  if (x.ndim === shape.length + 1 && x.shape.at(-1) === 1) adapted = squeeze(adapted, { axis: -1 });
  else if (x.ndim === shape.length - 1 && shape.at(-1) === 1) adapted = expandDims(adapted, -1);
  else if (x.ndim !== shape.length) {
    throw new ShapeError(
      `${where}: expected input of shape ${formatShape(shape)}, got rank ${x.ndim} ${formatShape(x.shape)}.`,
      'Reshape the data: ops.reshape(x, shape); null stands for any size.',
    );
  }
  if (adapted !== x) adapted.mask = mask;
  return adapted;
}
