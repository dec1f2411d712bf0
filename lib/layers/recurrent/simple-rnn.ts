import type { ActivationFunction } from '../../activations.js';
import type { Constraint } from '../../constraints.js';
import { type Fields, is, optional } from '../../core/fields.js';
import type { Initializer } from '../../initializers/index.js';
import type { Regularizer } from '../../regularizers.js';
import { type RecurrentOptions, recurrentFields } from './cell.js';
import { CellLayer } from './cell-layer.js';
import type { RNNOptions, SequenceOptions } from './rnn.js';
import { SimpleRNNCell } from './simple-rnn-cell.js';

/** Options of {@link SimpleRNN}. */
export interface SimpleRNNOptions extends RecurrentOptions, SequenceOptions {}

/**
 * A plain recurrent layer over `[batch, steps, features]`: the recurrence of {@link SimpleRNNCell}.
 *
 * Outputs `[batch, units]`, or `[batch, steps, units]` with `returnSequences`; with `returnState` `[output, h]`. A mask `[batch, steps]` skips steps.
 * Recordings unroll the loop over steps.
 *
 * Source: `keras.layers.SimpleRNN`. Differences: `unroll` changes no numbers.
 *
 * @throws {ArgumentError} for wrong options, or states that don't fit
 * @throws {ShapeError} for inputs of another rank, without steps, or of other features than the layer was built for
 * @example
 * ```ts
 * new layers.SimpleRNN({ units: 4 }).apply(ops.ones([2, 5, 3])).shape; // [2, 4]
 * ```
 */
export class SimpleRNN extends CellLayer {
  static override readonly className: string = 'SimpleRNN';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    ...recurrentFields,
    // Keras leaves it out of this layer's config.
    seed: optional(is.nullable(is.integer({ min: 0 })), null, { writes: false }),
  };

  declare readonly cell: SimpleRNNCell;
  declare readonly units: number;
  declare readonly activation: ActivationFunction;
  declare readonly useBias: boolean;
  declare readonly kernelInitializer: Initializer;
  declare readonly recurrentInitializer: Initializer;
  declare readonly biasInitializer: Initializer;
  declare readonly kernelRegularizer: Regularizer | null;
  declare readonly recurrentRegularizer: Regularizer | null;
  declare readonly biasRegularizer: Regularizer | null;
  declare readonly kernelConstraint: Constraint | null;
  declare readonly recurrentConstraint: Constraint | null;
  declare readonly biasConstraint: Constraint | null;
  declare readonly dropout: number;
  declare readonly recurrentDropout: number;
  declare readonly seed: number | null;

  constructor(options: SimpleRNNOptions) {
    super(options as unknown as RNNOptions);
  }

  protected override get cellClass(): typeof SimpleRNNCell {
    return SimpleRNNCell;
  }
}
