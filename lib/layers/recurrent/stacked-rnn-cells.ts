import { ArgumentError } from '../../core/errors.js';
import { type Field, type Fields, required, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import type { CallOptions, LayerInputs } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { layerField, nestedLayer } from './nested.js';
import { firstStates, type RNNCell, type StateSize, type StateTree, sizesOf } from './states.js';

/** Options of {@link StackedRNNCells}. */
export interface StackedRNNCellsOptions extends LayerOptions {
  /** The cells, first to last. */
  cells: readonly RNNCell[];
}

function checkCells(value: unknown, where: string): RNNCell[] {
  if (!Array.isArray(value) || value.length === 0)
    throw new ArgumentError(`${where}: expected an array of cells, got ${show(value)}.`);
  return value.map((one, i) => {
    const cell = nestedLayer(one, `${where}[${i}]`) as RNNCell;
    if (cell.stateSize === undefined) {
      throw new ArgumentError(
        `${where}[${i}]: expected a cell: a layer with a stateSize, got ${cell.title}.`,
        'Give layers.LSTMCell({ units }), or a layer whose call(x, states) answers [output, newStates].',
      );
    }
    return cell;
  });
}

/**
 * Several cells as one: each takes the output of the one before it.
 *
 * The states are an array with one entry a cell.
 *
 * Source: `keras.layers.StackedRNNCells`.
 *
 * @throws {ArgumentError} for wrong options
 * @example
 * ```ts
 * const cells = [new layers.LSTMCell({ units: 4 }), new layers.GRUCell({ units: 2 })];
 * const y = new layers.RNN({ cell: new layers.StackedRNNCells({ cells }) }).apply(ops.ones([2, 5, 3]));
 * y.shape; // [2, 2]
 * ```
 */
export class StackedRNNCells extends Layer {
  static override readonly className: string = 'StackedRNNCells';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    cells: required(checkCells, {
      toConfig: ((cells: RNNCell[]) => cells.map((cell) => layerField.toConfig?.(cell as never))) as NonNullable<
        Field['toConfig']
      >,
    }),
  };

  declare readonly cells: readonly RNNCell[];

  constructor(options: StackedRNNCellsOptions) {
    super(options);
  }

  /** Units of each state, one entry a cell. */
  get stateSize(): StateSize {
    return this.cells.map((cell) => cell.stateSize as number | readonly number[]);
  }

  /** Size of the last cell's outputs. */
  get outputSize(): number {
    return outputOf(this.cells[this.cells.length - 1] as RNNCell);
  }

  override build(inputShape: Shape, ..._states: never[]): void {
    let shape = inputShape;
    for (const cell of this.cells) {
      if (!cell.built) cell.build(shape);
      shape = [shape[0] as number | null, outputOf(cell)];
    }
  }

  /** States before the first step, one entry a cell. */
  getInitialState({ batchSize }: { batchSize: number }): StateTree {
    return this.cells.map((cell) => firstStates(cell, batchSize) as Tensor[]);
  }

  /** Runs `fn`, in which the cells drop the same numbers at all steps. @internal */
  inSequence<T>(fn: () => T): T {
    const inner = this.cells.reduce<() => T>((run, cell) => {
      const { inSequence } = cell as { inSequence?: (fn: () => T) => T };
      return inSequence === undefined ? run : () => inSequence.call(cell, run);
    }, fn);
    return inner();
  }

  override call(inputs: Tensor, states: StateTree, { training }: CallOptions = {}): [Tensor, StateTree] {
    let x = inputs;
    const next = this.cells.map((cell, i) => {
      const given = states[i] as Tensor | Tensor[];
      const list = Array.isArray(given) ? given : [given];
      const [output, after] = cell.apply<[Tensor, Tensor | Tensor[]]>(x, list as LayerInputs, {
        training: training ?? null,
      });
      x = output;
      const all = Array.isArray(after) ? after : [after];
      return Array.isArray(given) ? all : (all[0] as Tensor);
    });
    return [x, next];
  }
}

function outputOf(cell: RNNCell): number {
  return cell.outputSize ?? ([sizesOf(cell.stateSize)[0]].flat()[0] as number);
}
