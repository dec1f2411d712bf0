import { type ActivationFunction, sigmoid, tanh } from '../../activations.js';
import { call } from '../../core/call.js';
import { serialized } from '../../core/configurable.js';
import { ArgumentError } from '../../core/errors.js';
import { type Field, type Fields, is, optional, show } from '../../core/fields.js';
import { toSnakeCase } from '../../core/names.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import { InputSpec } from '../input-spec.js';
import type { RecurrentCell } from './cell.js';
import type { LoopResult } from './loop.js';
import { RNN } from './rnn.js';
import type { RNNCell, StateTree } from './states.js';

/** Whether LSTM and GRU take the operator for whole sequences. */
export interface FusedOptions {
  /**
   * 'auto' takes the operator for whole sequences where it can compute what is asked for, `true` insists on it, `false` takes the loop over steps.
   * The operator knows activation 'tanh', recurrentActivation 'sigmoid', float32 and float64 on the CPU. @default 'auto'
   */
  useCudnn?: 'auto' | boolean;
}

/** Row of the tables of fields for `useCudnn`. @internal */
export const cudnnField: Field<'auto' | boolean> = optional(
  (value, where) => {
    if (value === 'auto' || typeof value === 'boolean') return value;
    throw new ArgumentError(`${where}: expected 'auto', true or false, got ${show(value)}.`);
  },
  'auto',
  { writes: false },
);

type CellClass = { new (options: never): RecurrentCell; readonly className: string; readonly fields: Fields };

/** A layer whose options are those of its cell beside a sequence's: SimpleRNN, LSTM, GRU. */
export abstract class CellLayer extends RNN {
  static override readonly fields: Fields = { cell: { check: is.anything, takes: false, writes: false } };

  declare readonly cell: RecurrentCell & RNNCell;
  override inputSpec: InputSpec = new InputSpec({ ndim: 3, axisNames: ['batch', 'steps', 'features'] });

  /** The class of the cell. @internal */
  protected abstract get cellClass(): CellClass;

  protected override makeCell(): RNNCell {
    const { cellClass } = this;
    const own = Object.keys(cellClass.fields).map((name) => [name, (this as unknown as Record<string, unknown>)[name]]);
    return new cellClass({
      ...Object.fromEntries(own),
      name: toSnakeCase(cellClass.className),
      dtype: this.dtypePolicy,
      trainable: this.trainable,
    } as never);
  }

  override build(inputShape: Shape, ...states: never[]): void {
    super.build(inputShape, ...states);
    this.inputSpec = new InputSpec({
      ndim: 3,
      axes: { '-1': inputShape.at(-1) as number },
      axisNames: ['batch', 'steps', 'features'],
    });
  }

  override getConfig(): Record<string, unknown> {
    // Keras always writes it here.
    const { activityRegularizer } = this;
    const config = super.getConfig();
    return { ...config, activityRegularizer: activityRegularizer === null ? null : serialized(activityRegularizer) };
  }
}

/** LSTM and GRU: they have operators for whole sequences. */
export abstract class FusedLayer extends CellLayer {
  static override readonly fields: Fields = { useCudnn: cudnnField };

  declare readonly activation: ActivationFunction;
  declare readonly recurrentActivation: ActivationFunction;
  declare readonly dropout: number;
  declare readonly recurrentDropout: number;
  declare readonly implementation: 1 | 2;
  declare readonly useCudnn: 'auto' | boolean;

  /** The operator's call. `dropped` are the masks of the state, one a gate, stacked. */
  protected abstract fused(x: Tensor, first: StateTree, mask: Tensor | null, dropped: Tensor | null): LoopResult;

  /** Why the operator can't compute what is asked for, or null. */
  protected obstacle(x: Tensor, training: boolean): string | null {
    if (this.activation !== tanh) return "activation: 'tanh'";
    if (this.recurrentActivation !== sigmoid) return "recurrentActivation: 'sigmoid'";
    if (x.dtype !== 'float32' && x.dtype !== 'float64') return `dtype float32 or float64, not ${x.dtype}`;
    if (this.cell.variableDtype !== x.dtype) return `weights of dtype ${x.dtype}`;
    if (x.device.startsWith('cuda')) return `the CPU, not ${x.device}`;
    const perGate = training && this.dropout > 0 && (this.implementation === 1 || this.recurrentDropout > 0);
    return perGate ? 'no dropout that differs between gates (implementation: 1, or with recurrentDropout)' : null;
  }

  /** The last step's output from the last state: the same, but 0 where the last step is masked and `zeroOutputForMask` asks for that. */
  protected lastOutput(h: Tensor, mask: Tensor | null): Tensor {
    if (mask === null || !this.zeroOutputForMask) return h;
    const last = call('aten::select.int', mask, 1, this.goBackwards ? 0 : -1);
    return ops.where(ops.expandDims(last, 1), h, 0);
  }

  protected override run(x: Tensor, first: StateTree, mask: Tensor | null, training: boolean): LoopResult {
    const obstacle = this.useCudnn === false ? 'useCudnn' : this.obstacle(x, training);
    if (obstacle !== null) {
      if (this.useCudnn !== true) return super.run(x, first, mask, training);
      throw new ArgumentError(
        `${this.title}: useCudnn: expected ${obstacle}.`,
        "Write useCudnn: 'auto', which takes the loop over steps where it must.",
      );
    }
    const [batch, , features] = x.shape as [number, number, number];
    const { cell } = this;
    const inputMask = cell.masks('inputs', [batch, features], training)?.[0];
    const stateMasks = cell.masks('state', [batch, cell.units], training);
    const given = inputMask === undefined ? x : ops.multiply(x, ops.expandDims(inputMask, 1));
    return this.fused(given, first, mask, stateMasks === null ? null : ops.stack(stateMasks));
  }
}
