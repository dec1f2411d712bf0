import type { ActivationFunction } from '../../activations.js';
import type { DType } from '../../core/dtype.js';
import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { Initializer } from '../../initializers/index.js';
import * as ops from '../../ops/index.js';
import type { CallOptions } from '../inputs.js';
import { type CellOptions, type GatedOptions, gatedFields, gateProduct, RecurrentCell } from './cell.js';
import { inDType, type StateTree } from './states.js';

/** Options that {@link LSTMCell} and {@link LSTM} share. */
export interface LSTMSharedOptions extends GatedOptions {
  /** Whether the forget gate's bias starts at 1. @default true */
  unitForgetBias?: boolean;
}

/** Options of {@link LSTMCell}. */
export type LSTMCellOptions = CellOptions<LSTMSharedOptions>;

/** Rows of the tables of fields of {@link LSTMCell} and {@link LSTM}. @internal */
export const lstmFields: Fields = { ...gatedFields, unitForgetBias: optional(is.boolean, true) };

/** A bias whose second quarter, the forget gate's, is 1. */
class ForgetBias extends Initializer {
  readonly #others: Initializer;

  constructor(others: Initializer) {
    super();
    this.#others = others;
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    const units = (shape[0] as number) / 4;
    const others = (count: number): Tensor => this.#others.apply([count * units], { dtype });
    return ops.concatenate([others(1), ops.ones([units], { dtype }), others(2)]);
  }
}

/**
 * One step of an LSTM: `i, f, g, o` from `x · kernel + h · recurrentKernel + bias`, then
 * `c' = sigmoid(f) * c + sigmoid(i) * tanh(g)` and `h' = sigmoid(o) * tanh(c')`.
 *
 * `cell.apply(x, [h, c])` with x `[batch, features]` and states `[batch, units]` answers `[h', [h', c']]`. The kernels hold the gates in the order
 * i, f, g, o.
 *
 * Source: Hochreiter & Schmidhuber 1997; `keras.layers.LSTMCell`.
 *
 * @throws {ArgumentError} for wrong options
 * @throws {ShapeError} for inputs that are no single step
 * @example
 * ```ts
 * const cell = new layers.LSTMCell({ units: 4 });
 * const states = cell.getInitialState({ batchSize: 2 });
 * const [output] = cell.apply<[Tensor, Tensor[]]>(ops.ones([2, 3]), states);
 * output.shape; // [2, 4]
 * ```
 */
export class LSTMCell extends RecurrentCell {
  static override readonly className: string = 'LSTMCell';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = lstmFields;

  declare readonly recurrentActivation: ActivationFunction;
  declare readonly unitForgetBias: boolean;
  declare readonly implementation: 1 | 2;

  constructor(options: LSTMCellOptions) {
    super(options);
  }

  protected override get gates(): number {
    return 4;
  }

  protected override get maskCount(): number {
    return this.implementation === 1 || this.recurrentDropout > 0 ? 4 : 1;
  }

  protected override get biasStart(): Initializer {
    return this.unitForgetBias ? new ForgetBias(this.biasInitializer) : this.biasInitializer;
  }

  override get stateSize(): readonly number[] {
    return [this.units, this.units];
  }

  override getInitialState({ batchSize }: { batchSize: number }): StateTree {
    const zeros = (): Tensor => ops.zeros([batchSize, this.units], { dtype: this.computeDtype });
    return [zeros(), zeros()];
  }

  override call(inputs: Tensor, states: readonly Tensor[], options: CallOptions = {}): [Tensor, Tensor[]] {
    const { dtype } = this.kernel;
    const [h, c] = states.map((state) => inDType(state, dtype)) as [Tensor, Tensor];
    const fromInputs = gateProduct(this.dropped(inDType(inputs, dtype), 'inputs', options), this.kernel);
    const fromState = gateProduct(this.dropped(h, 'state', options), this.recurrentKernel);
    const sum = ops.add(fromInputs, fromState);
    const z = this.bias === null ? sum : ops.add(sum, this.bias);
    const [zi, zf, zg, zo] = ops.split(z, 4, { axis: 1 }) as [Tensor, Tensor, Tensor, Tensor];
    const gate = this.recurrentActivation;
    const carry = ops.add(ops.multiply(gate(zf), c), ops.multiply(gate(zi), this.activation(zg)));
    const output = ops.multiply(gate(zo), this.activation(carry));
    return [output, [output, carry]];
  }
}
