import type { Fields } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import type { CallOptions } from '../inputs.js';
import { type CellOptions, gateProduct, RecurrentCell, type RecurrentOptions, recurrentFields } from './cell.js';
import { inDType } from './states.js';

/** Options of {@link SimpleRNNCell}. */
export type SimpleRNNCellOptions = CellOptions<RecurrentOptions>;

/**
 * One step of a plain recurrent layer: `h' = tanh(x · kernel + h · recurrentKernel + bias)`.
 *
 * `cell.apply(x, [h])` with x `[batch, features]` and state `[batch, units]` answers `[h', [h']]`.
 *
 * Source: `keras.layers.SimpleRNNCell`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs that are no single step
 * @example
 * ```ts
 * const cell = new layers.SimpleRNNCell({ units: 4 });
 * const [output] = cell.apply<[Tensor, Tensor[]]>(ops.ones([2, 3]), cell.getInitialState({ batchSize: 2 }));
 * output.shape; // [2, 4]
 * ```
 */
export class SimpleRNNCell extends RecurrentCell {
  static override readonly className: string = 'SimpleRNNCell';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = recurrentFields;

  constructor(options: SimpleRNNCellOptions) {
    super(options);
  }

  protected override drops(rate: number): boolean {
    return rate > 0;
  }

  override call(
    inputs: Tensor,
    states: Tensor | readonly Tensor[],
    options: CallOptions = {},
  ): [Tensor, Tensor | Tensor[]] {
    const { dtype } = this.kernel;
    const { state: h, wrapped } = this.single(states, dtype);
    const product = gateProduct(this.dropped(inDType(inputs, dtype), 'inputs', options), this.kernel);
    const fromInputs = this.bias === null ? product : ops.add(product, this.bias);
    const fromState = gateProduct(this.dropped(h, 'state', options), this.recurrentKernel);
    const output = this.activation(ops.add(fromInputs, fromState));
    return [output, wrapped ? [output] : output];
  }
}
