import type { Constraint } from '../../constraints.js';
import { callList } from '../../core/call.js';
import type { Fields } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import type { Initializer } from '../../initializers/index.js';
import type { Regularizer } from '../../regularizers.js';
import { FusedLayer, type FusedOptions } from './cell-layer.js';
import type { LoopResult } from './loop.js';
import { LSTMCell, type LSTMSharedOptions, lstmFields } from './lstm-cell.js';
import type { RNNOptions, SequenceOptions } from './rnn.js';
import type { StateTree } from './states.js';

/** Options of {@link LSTM}. */
export interface LSTMOptions extends LSTMSharedOptions, SequenceOptions, FusedOptions {}

/**
 * Long short-term memory over `[batch, steps, features]`: the recurrence of {@link LSTMCell}.
 *
 * Outputs `[batch, units]`, or `[batch, steps, units]` with `returnSequences`; with `returnState` `[output, h, c]`. A mask `[batch, steps]` skips
 * steps. With 'tanh' and 'sigmoid' the whole sequence is one native operator, masks and recurrent dropout included; with other activations the
 * steps are unrolled.
 *
 * Source: Hochreiter & Schmidhuber 1997; `keras.layers.LSTM`. Difference: `unroll` changes no numbers.
 *
 * @throws {ArgumentError} for wrong options, or states that don't fit
 * @throws {ShapeError} for inputs of another rank, without steps, or of other features than the layer was built for
 * @example
 * ```ts
 * const [output, h, c] = new layers.LSTM({ units: 4, returnState: true }).apply<Tensor[]>(ops.ones([2, 5, 3]));
 * c!.shape; // [2, 4]
 * ```
 */
export class LSTM extends FusedLayer {
  static override readonly className: string = 'LSTM';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = lstmFields;

  declare readonly cell: LSTMCell;
  declare readonly units: number;
  declare readonly useBias: boolean;
  declare readonly unitForgetBias: boolean;
  declare readonly kernelInitializer: Initializer;
  declare readonly recurrentInitializer: Initializer;
  declare readonly biasInitializer: Initializer;
  declare readonly kernelRegularizer: Regularizer | null;
  declare readonly recurrentRegularizer: Regularizer | null;
  declare readonly biasRegularizer: Regularizer | null;
  declare readonly kernelConstraint: Constraint | null;
  declare readonly recurrentConstraint: Constraint | null;
  declare readonly biasConstraint: Constraint | null;
  declare readonly seed: number | null;

  constructor(options: LSTMOptions) {
    super(options as unknown as RNNOptions);
  }

  protected override get cellClass(): typeof LSTMCell {
    return LSTMCell;
  }

  protected override fused(x: Tensor, first: StateTree, mask: Tensor | null, dropped: Tensor | null): LoopResult {
    const { kernel, recurrentKernel, bias } = this.cell;
    const [h0, c0] = first as [Tensor, Tensor];
    const { returnSequences, goBackwards, zeroOutputForMask } = this;
    const [sequence, h, c] = callList(
      'torchlayers::lstm',
      x,
      h0,
      c0,
      kernel,
      recurrentKernel,
      bias,
      mask,
      dropped,
      returnSequences,
      goBackwards,
      zeroOutputForMask,
    ) as [Tensor, Tensor, Tensor];
    return { output: returnSequences ? sequence : this.lastOutput(h, mask), states: [h, c] };
  }
}
