import type { Constraint } from '../../constraints.js';
import { callList } from '../../core/call.js';
import type { Fields } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import type { Initializer } from '../../initializers/index.js';
import type { Regularizer } from '../../regularizers.js';
import { FusedLayer, type FusedOptions } from './cell-layer.js';
import { GRUCell, type GRUSharedOptions, gruFields } from './gru-cell.js';
import type { LoopResult } from './loop.js';
import type { RNNOptions, SequenceOptions } from './rnn.js';
import type { StateTree } from './states.js';

/** Options of {@link GRU}. */
export interface GRUOptions extends GRUSharedOptions, SequenceOptions, FusedOptions {}

/**
 * Gated recurrent units over `[batch, steps, features]`: the recurrence of {@link GRUCell}.
 *
 * Outputs `[batch, units]`, or `[batch, steps, units]` with `returnSequences`; with `returnState` `[output, h]`. A mask `[batch, steps]` skips steps.
 * With 'tanh', 'sigmoid' and `resetAfter` the whole sequence is one native operator, masks and recurrent dropout included; else the steps are
 * unrolled.
 *
 * Source: Cho et al. 2014; `keras.layers.GRU`. Difference: `unroll` changes no numbers.
 *
 * @throws {ArgumentError} for wrong options, or states that don't fit
 * @throws {ShapeError} for inputs of another rank, without steps, or of other features than the layer was built for
 * @example
 * ```ts
 * new layers.GRU({ units: 4, returnSequences: true }).apply(ops.ones([2, 5, 3])).shape; // [2, 5, 4]
 * ```
 */
export class GRU extends FusedLayer {
  static override readonly className: string = 'GRU';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = gruFields;

  declare readonly cell: GRUCell;
  declare readonly units: number;
  declare readonly useBias: boolean;
  declare readonly resetAfter: boolean;
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

  constructor(options: GRUOptions) {
    super(options as unknown as RNNOptions);
  }

  protected override get cellClass(): typeof GRUCell {
    return GRUCell;
  }

  protected override obstacle(x: Tensor, training: boolean): string | null {
    return this.resetAfter ? super.obstacle(x, training) : 'resetAfter: true';
  }

  protected override fused(x: Tensor, first: StateTree, mask: Tensor | null, dropped: Tensor | null): LoopResult {
    const { kernel, recurrentKernel, bias } = this.cell;
    const { returnSequences, goBackwards, zeroOutputForMask } = this;
    const [sequence, h] = callList(
      'torchlayers::gru',
      x,
      first[0] as Tensor,
      kernel,
      recurrentKernel,
      bias,
      mask,
      dropped,
      returnSequences,
      goBackwards,
      zeroOutputForMask,
    ) as [Tensor, Tensor];
    return { output: returnSequences ? sequence : this.lastOutput(h, mask), states: [h] };
  }
}
