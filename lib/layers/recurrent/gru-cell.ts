import type { ActivationFunction } from '../../activations.js';
import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import type { CallOptions } from '../inputs.js';
import { type CellOptions, type GatedOptions, gatedFields, gateProduct, RecurrentCell } from './cell.js';
import { inDType } from './states.js';

/** Options that {@link GRUCell} and {@link GRU} share. */
export interface GRUSharedOptions extends GatedOptions {
  /** Whether the reset gate is applied after the state's product (and both products have a bias) or before it. @default true */
  resetAfter?: boolean;
}

/** Options of {@link GRUCell}. */
export type GRUCellOptions = CellOptions<GRUSharedOptions>;

/** Rows of the tables of fields of {@link GRUCell} and {@link GRU}. @internal */
export const gruFields: Fields = { ...gatedFields, resetAfter: optional(is.boolean, true) };

/**
 * One step of a GRU: update gate z and reset gate r from inputs and state, `n = tanh(x · kernel_n + r * (h · recurrent_n))` and
 * `h' = z * h + (1 - z) * n`.
 *
 * `cell.apply(x, [h])` with x `[batch, features]` and state `[batch, units]` answers `[h', [h']]`. The kernels hold the gates in the order z, r, n;
 * the bias is `[2, 3 * units]` (inputs, state), or `[3 * units]` with `resetAfter: false`.
 *
 * Source: Cho et al. 2014; `keras.layers.GRUCell`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs that are no single step
 * @example
 * ```ts
 * const cell = new layers.GRUCell({ units: 4 });
 * const [output] = cell.apply<[Tensor, Tensor[]]>(ops.ones([2, 3]), cell.getInitialState({ batchSize: 2 }));
 * output.shape; // [2, 4]
 * ```
 */
export class GRUCell extends RecurrentCell {
  static override readonly className: string = 'GRUCell';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = gruFields;

  declare readonly recurrentActivation: ActivationFunction;
  declare readonly resetAfter: boolean;
  declare readonly implementation: 1 | 2;

  constructor(options: GRUCellOptions) {
    super(options);
  }

  protected override get gates(): number {
    return 3;
  }

  protected override get maskCount(): number {
    return this.implementation === 1 || this.recurrentDropout > 0 ? 3 : 1;
  }

  protected override get biasShape(): readonly number[] {
    return this.resetAfter ? [2, 3 * this.units] : [3 * this.units];
  }

  override call(
    inputs: Tensor,
    states: Tensor | readonly Tensor[],
    options: CallOptions = {},
  ): [Tensor, Tensor | Tensor[]] {
    const { dtype } = this.kernel;
    const { state: h, wrapped } = this.single(states, dtype);
    const [inputBias, stateBias] = this.#biases();
    const product = gateProduct(this.dropped(inDType(inputs, dtype), 'inputs', options), this.kernel);
    const fromInputs = inputBias === null ? product : ops.add(product, inputBias);
    const [xz, xr, xn] = ops.split(fromInputs, 3, { axis: 1 }) as [Tensor, Tensor, Tensor];
    const hs = this.dropped(h, 'state', options);
    const { recurrentActivation: gate } = this;
    let z: Tensor;
    let candidate: Tensor;
    if (this.resetAfter) {
      const plain = gateProduct(hs, this.recurrentKernel);
      const fromState = stateBias === null ? plain : ops.add(plain, stateBias);
      const [hz, hr, hn] = ops.split(fromState, 3, { axis: 1 }) as [Tensor, Tensor, Tensor];
      z = gate(ops.add(xz, hz));
      candidate = ops.add(xn, ops.multiply(gate(ops.add(xr, hr)), hn));
    } else {
      const [kz, kr, kn] = ops.split(this.recurrentKernel, 3, { axis: 1 }) as [Tensor, Tensor, Tensor];
      const at = (index: number): Tensor => (hs[index] ?? hs[0]) as Tensor;
      z = gate(ops.add(xz, ops.matmul(at(0), kz)));
      const r = gate(ops.add(xr, ops.matmul(at(1), kr)));
      candidate = ops.add(xn, ops.matmul(ops.multiply(r, at(2)), kn));
    }
    const output = ops.add(ops.multiply(z, h), ops.multiply(ops.subtract(1, z), this.activation(candidate)));
    return [output, wrapped ? [output] : output];
  }

  #biases(): readonly (Tensor | null)[] {
    if (this.bias === null) return [null, null];
    return this.resetAfter ? ops.unstack(this.bias) : [this.bias, null];
  }
}
