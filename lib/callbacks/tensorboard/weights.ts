import { isFloat } from '../../core/dtype.js';
import type { Tensor } from '../../core/tensor.js';
import { tidy } from '../../core/tidy.js';
import type { Variable } from '../../core/variable.js';
import type { Model } from '../../models/model.js';
import * as ops from '../../ops/index.js';
import type { FileWriter } from '../../summary/index.js';

/** Writes a histogram of each weight, and an image where it has a form to look at. @internal */
export async function writeWeights(writer: FileWriter, model: Model, epoch: number, images: boolean): Promise<void> {
  for (const weight of new Set(model.layers.flatMap((layer) => layer.weights))) {
    const name = weight.path.replaceAll(':', '_');
    await writer.histogram(`${name}/histogram`, weight, { step: epoch });
    if (!images) continue;
    const image = asImages(weight);
    if (image === null) continue;
    await writer.image(`${name}/image`, image, { step: epoch });
    image.dispose();
  }
}

/**
 * A weight as gray images [images, height, width, 1] in which 0 is half gray, the largest number by absolute value black or white: a vector is a row, a
 * matrix lies on its longer side, a stack of matrices is one image for each place on the last axis. Null for other ranks.
 */
function asImages(weight: Variable): Tensor | null {
  const sizes = weight.shape.filter((size) => size !== 1);
  if (sizes.length < 1 || sizes.length > 3 || weight.size === 0 || !isFloat(weight.dtype)) return null;
  const [rows = 1, columns = 1, depth = 1] = sizes.length === 1 ? [1, sizes[0]] : sizes;
  return tidy(() => {
    const values = ops.cast(weight.value, 'float32') as Tensor;
    const largest = (ops.max(ops.abs(values)) as Tensor).item();
    const unit = largest > 0 && Number.isFinite(largest) ? 2 * largest : 1;
    const gray = ops.reshape(ops.add(ops.divide(values, unit), 0.5), [rows, columns, depth]);
    const axes = sizes.length === 2 && rows > columns ? [2, 1, 0] : [2, 0, 1];
    return ops.expandDims(ops.transpose(gray, { axes }), -1) as Tensor;
  });
}
