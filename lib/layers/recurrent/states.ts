import type { DType } from '../../core/dtype.js';
import { ArgumentError, ShapeError } from '../../core/errors.js';
import { show } from '../../core/fields.js';
import { formatShape, type ShapedData, Tensor, type TensorLike, tensor } from '../../core/tensor.js';
import * as ops from '../../ops/index.js';
import type { Layer } from '../layer.js';

/** Units of each state of a cell; a stack of cells has one entry a cell, which is an array where the cell has several states. */
export type StateSize = number | readonly (number | readonly number[])[];

/** States of a cell: one tensor each; a stack of cells has one entry a cell, which is an array where the cell has several states. */
export type StateTree = (Tensor | Tensor[])[];

/** A layer that computes one step: `cell.apply(x, states)` answers `[output, newStates]`. */
export interface RNNCell extends Layer {
  /** Units of each state. */
  readonly stateSize: StateSize;
  /** Size of the outputs. @default the first state's units */
  readonly outputSize?: number;
  /** States before the first step. @default zeros */
  getInitialState?(options: { batchSize: number }): Tensor | StateTree;
}

/** What {@link RNN} takes as states to start from. */
export type InitialState = TensorLike | readonly (TensorLike | readonly TensorLike[])[];

/** `fn` of each state, with the same arrays around the results. @internal */
export function mapStates<T>(states: StateTree, fn: (state: Tensor, path: readonly number[]) => T): (T | T[])[] {
  return states.map((state, i) => (Array.isArray(state) ? state.map((inner, j) => fn(inner, [i, j])) : fn(state, [i])));
}

/** The state at a place that {@link mapStates} named. @internal */
export function stateAt(states: StateTree, [i, j]: readonly number[]): Tensor {
  const state = states[i as number] as Tensor | Tensor[];
  return Array.isArray(state) ? (state[j ?? 0] as Tensor) : state;
}

/** Sizes of all states, one entry a state or a cell. @internal */
export function sizesOf(size: StateSize): readonly (number | readonly number[])[] {
  return typeof size === 'number' ? [size] : size;
}

/** A cell's own first states, else zeros. @internal */
export function firstStates(cell: RNNCell, batchSize: number): StateTree {
  const own = cell.getInitialState?.({ batchSize });
  if (own !== undefined) return Array.isArray(own) ? own : [own as Tensor];
  const zeros = (units: number): Tensor => ops.zeros([batchSize, units], { dtype: cell.computeDtype });
  return sizesOf(cell.stateSize).map((size) => (typeof size === 'number' ? zeros(size) : size.map(zeros)));
}

/**
 * States given by the user as tensors of the cell's dtype, held against the cell's sizes.
 * @throws {ArgumentError} for another number of states
 * @throws {ShapeError} for a state of another shape
 * @internal
 */
export function givenStates(
  given: unknown,
  size: StateSize,
  { batchSize, dtype, where }: { batchSize: number; dtype: DType; where: string },
): StateTree {
  const sizes = sizesOf(size);
  const one = (value: unknown, units: number, place: string): Tensor => {
    const state = value instanceof Tensor ? value : tensor(value as ShapedData | number[], { dtype });
    if (state.ndim === 2 && state.shape[0] === batchSize && state.shape[1] === units) return inDType(state, dtype);
    throw new ShapeError(
      `${where}: ${place}: expected shape [${batchSize}, ${units}], got ${formatShape(state.shape)}.`,
      'A state is [batch, units], as returnState: true answers it.',
    );
  };
  const list = (value: unknown, count: number, place: string): readonly unknown[] => {
    if (count === 1 && (value instanceof Tensor || !Array.isArray(value))) return [value];
    if (Array.isArray(value) && value.length === count) return value;
    throw new ArgumentError(
      `${where}: ${place}: expected ${count} ${count === 1 ? 'state' : 'states'}, got ${
        Array.isArray(value) ? value.length : show(value)
      }.`,
      'Give an array with one tensor for each state of the cell.',
    );
  };
  return list(given, sizes.length, 'initialState').map((value, i) => {
    const units = sizes[i] as number | readonly number[];
    const place = `initialState[${i}]`;
    if (typeof units === 'number') {
      // A cell in a stack may answer its one state in an array.
      if (Array.isArray(value) && value.length === 1 && value[0] instanceof Tensor)
        return [one(value[0], units, place)];
      return one(value, units, place);
    }
    return list(value, units.length, place).map((inner, j) => one(inner, units[j] as number, `${place}[${j}]`));
  });
}

/** The tensor itself, or cast. @internal */
export function inDType(x: Tensor, dtype: DType): Tensor {
  return x.dtype === dtype ? x : ops.cast(x, dtype);
}
