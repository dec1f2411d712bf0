import { call, callList } from '../core/call.js';
import type { Tensor } from '../core/tensor.js';
import * as ops from '../ops/index.js';

/** A gradient scaled down to a norm of at most `most`: `g * most / max(|g|, most)`. @internal */
export function clipByNorm(gradient: Tensor, most: number): Tensor {
  const norm = ops.sqrt(ops.sum(ops.square(gradient)));
  return ops.divide(ops.multiply(gradient, most), ops.maximum(norm, most));
}

/** All gradients scaled by one factor, so that their norm together is at most `most`. A norm that isn't finite makes them NaN. @internal */
export function clipByGlobalNorm(gradients: readonly Tensor[], most: number): Tensor[] {
  const norm = call('torchlayers::global_norm', gradients);
  const scale = ops.multiply(ops.minimum(ops.divide(1, norm), 1 / most), most);
  // norm - norm is 0 for a finite norm and NaN for others.
  return callList('aten::_foreach_mul.Tensor', gradients, ops.add(scale, ops.subtract(norm, norm)));
}
