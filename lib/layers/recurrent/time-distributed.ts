import { ArgumentError, ShapeError } from '../../core/errors.js';
import { show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import { currentCall } from '../call-context.js';
import type { CallOptions } from '../inputs.js';
import { Wrapper, type WrapperOptions } from './wrapper.js';

/** Options of {@link TimeDistributed}. */
export type TimeDistributedOptions = WrapperOptions;

/**
 * Applies one layer to each step of `[batch, steps, ...]`: outputs `[batch, steps, ...]`.
 *
 * A mask `[batch, steps]` passes through, and each step's part of it reaches the layer inside. Recordings unroll the loop over steps.
 *
 * Source: `keras.layers.TimeDistributed`.
 *
 * @throws {ArgumentError} for what is no layer
 * @throws {ShapeError} for inputs of rank below 3, or a mask of other steps
 * @example
 * ```ts
 * const steps = new layers.TimeDistributed({ layer: new layers.Dense({ units: 2 }) });
 * steps.apply(ops.ones([4, 5, 3])).shape; // [4, 5, 2]
 * ```
 */
export class TimeDistributed extends Wrapper {
  static override readonly className: string = 'TimeDistributed';
  static override readonly module: string | null = 'keras.layers';
  override supportsMasking = true;

  override build(inputShape: Shape): void {
    if (inputShape.length < 3) {
      throw new ShapeError(
        `${this.title}: expected an input shape [batch, steps, ...] of rank 3 or more, got ${formatShape(inputShape)}.`,
        'Apply the layer inside by itself to inputs without steps.',
      );
    }
    const [batch, , ...rest] = inputShape;
    super.build([batch as number | null, ...rest]);
  }

  override call(inputs: Tensor, { training, mask }: CallOptions = {}): Tensor {
    const [batch, steps] = inputs.shape as [number, number];
    const masks = mask instanceof Tensor ? this.#masksFor(mask, batch, steps) : null;
    const [first, ...others] = ops.unstack(inputs, { axis: 1 });
    if (first === undefined) {
      throw new ShapeError(`${this.title}: expected at least one step, got ${formatShape(inputs.shape)}.`);
    }
    const step = (x: Tensor, index: number): Tensor => {
      const output = this.layer.apply(x, { training: training ?? null, mask: masks?.[index] ?? null });
      if (output instanceof Tensor) return output;
      throw new ArgumentError(`${this.title}: expected ${this.layer.title} to answer one tensor, got ${show(output)}.`);
    };
    const start = step(first, 0);
    if (currentCall()?.symbolic !== true)
      return ops.stack([start, ...others.map((x, i) => step(x, i + 1))], { axis: 1 });
    // One step tells the shape of all, also where their number is unknown.
    const [size, ...rest] = start.shape as number[];
    return ops.broadcastTo(ops.expandDims(start, 1), [size as number, steps, ...rest]);
  }

  #masksFor(mask: Tensor, batch: number, steps: number): Tensor[] {
    if (mask.ndim < 2 || mask.shape[0] !== batch || mask.shape[1] !== steps) {
      throw new ShapeError(
        `${this.title}: mask: expected shape [${batch}, ${steps}], got ${formatShape(mask.shape)}.`,
        'A mask says for each sample and step whether it counts.',
      );
    }
    return ops.unstack(mask, { axis: 1 });
  }
}
