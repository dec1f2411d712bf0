import type { SymbolicTensor } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import type { LayerInputs, SymbolicInputs } from '../inputs.js';
import type { LayerOptions } from '../layer-options.js';
import { Concatenate, type ConcatenateOptions } from './concatenate.js';
import { Dot, type DotOptions } from './dot.js';
import { Add, Average, Maximum, Minimum, Multiply, Subtract } from './elementwise.js';
import type { Merge } from './merge.js';

/** A merging layer as a function of its inputs: tensors give a tensor, symbolic tensors a symbolic one. */
export interface MergeFunction<Options> {
  (inputs: readonly SymbolicTensor[], options?: Options): SymbolicTensor;
  (inputs: readonly LayerInputs[], options?: Options): Tensor;
}

function functionOf<Options>(make: (options: Options | undefined) => Merge): MergeFunction<Options> {
  return ((inputs: SymbolicInputs, options?: Options): unknown =>
    make(options).apply<unknown>(inputs)) as unknown as MergeFunction<Options>;
}

/** {@link Add} as a function: `layers.add([a, b])`. */
export const add: MergeFunction<LayerOptions> = functionOf((options) => new Add(options));

/** {@link Subtract} as a function. */
export const subtract: MergeFunction<LayerOptions> = functionOf((options) => new Subtract(options));

/** {@link Multiply} as a function. */
export const multiply: MergeFunction<LayerOptions> = functionOf((options) => new Multiply(options));

/** {@link Average} as a function. */
export const average: MergeFunction<LayerOptions> = functionOf((options) => new Average(options));

/** {@link Maximum} as a function. */
export const maximum: MergeFunction<LayerOptions> = functionOf((options) => new Maximum(options));

/** {@link Minimum} as a function. */
export const minimum: MergeFunction<LayerOptions> = functionOf((options) => new Minimum(options));

/** {@link Concatenate} as a function: `layers.concatenate([a, b], { axis: 1 })`. */
export const concatenate: MergeFunction<ConcatenateOptions> = functionOf((options) => new Concatenate(options));

/** {@link Dot} as a function; `axes` is -1 where it isn't given. */
export const dot: MergeFunction<Partial<DotOptions>> = functionOf((options) => new Dot({ axes: -1, ...options }));
