import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type Field, type Fields, is, optional, required, show } from '../../core/fields.js';
import { nearestName } from '../../core/names.js';
import { suspendRecording } from '../../core/recording.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, Tensor } from '../../core/tensor.js';
import { tidy } from '../../core/tidy.js';
import { Variable } from '../../core/variable.js';
import * as ops from '../../ops/index.js';
import { currentCall } from '../call-context.js';
import { InputSpec } from '../input-spec.js';
import { type CallOptions, flattenInputs, type LayerInputs, type MaskTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { currentPath } from '../name-scope.js';
import { type LoopResult, loopOverSteps, type Step, shapesOfLoop } from './loop.js';
import { layerField, nestedLayer } from './nested.js';
import { StackedRNNCells } from './stacked-rnn-cells.js';
import {
  firstStates,
  givenStates,
  type InitialState,
  inDType,
  mapStates,
  type RNNCell,
  type StateTree,
  stateAt,
} from './states.js';

/** Options of all recurrent layers. */
export interface SequenceOptions extends LayerOptions {
  /** Whether the outputs of all steps are answered, `[batch, steps, units]`, or the last step's. @default false */
  returnSequences?: boolean;
  /** Whether the last states are answered too: `[output, ...states]`. @default false */
  returnState?: boolean;
  /** Whether the steps are taken from last to first; outputs come in the order in which they were computed. @default false */
  goBackwards?: boolean;
  /** Whether a batch starts from the states that the batch before it ended with. @default false */
  stateful?: boolean;
  /** Whether the number of steps must be known when the layer is built. @default false */
  unroll?: boolean;
  /** Whether masked steps put out 0, not the output before them. @default false */
  zeroOutputForMask?: boolean;
}

/** Options of {@link RNN}. */
export interface RNNOptions extends SequenceOptions {
  /** What computes a step: a cell of the package or one's own (a layer with `stateSize` whose `call(x, states)` answers `[output, newStates]`); several are stacked. */
  cell: RNNCell | readonly RNNCell[];
}

/** Options that recurrent layers take when applied. */
export interface RNNCallOptions extends CallOptions {
  /** States to start from: one tensor `[batch, units]` for each state of the cell. @default zeros, or where `stateful` left off */
  initialState?: InitialState | null;
}

const known = ['training', 'mask', 'masks', 'initialState'];

function checkCell(value: unknown, where: string): RNNCell {
  if (Array.isArray(value)) return new StackedRNNCells({ cells: value as RNNCell[] });
  const cell = nestedLayer(value, where) as RNNCell;
  if (cell.stateSize === undefined) {
    throw new ArgumentError(
      `${where}: expected a cell: a layer with a stateSize, got ${cell.title}.`,
      'Give layers.LSTMCell({ units }), or a layer whose call(x, states) answers [output, newStates].',
    );
  }
  return cell;
}

/**
 * Runs a cell over the steps of `[batch, steps, ...]`.
 *
 * Outputs `[batch, units]`, or `[batch, steps, units]` with `returnSequences`; with `returnState` an array of the output and the last states. A mask
 * `[batch, steps]` skips steps: states stay, and the output is that of the step before. Recordings unroll the loop over steps.
 *
 * Source: `keras.layers.RNN`. Difference: `unroll` changes no numbers.
 *
 * @throws {ArgumentError} for wrong options, or states that don't fit the cell
 * @throws {ShapeError} for inputs of rank below 3, without steps, or of another batch than the states that `stateful` keeps
 * @example
 * ```ts
 * class Decay extends layers.Layer {
 *   readonly stateSize = 3;
 *   override call(x: Tensor, [sum]: Tensor[]): [Tensor, Tensor[]] {
 *     const next = ops.add(ops.multiply(sum!, 0.5), x);
 *     return [next, [next]];
 *   }
 * }
 * const y = new layers.RNN({ cell: new Decay() }).apply(ops.ones([2, 5, 3]));
 * y.shape; // [2, 3]
 * ```
 */
export class RNN extends Layer {
  static override readonly className: string = 'RNN';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    cell: required(checkCell, { toConfig: layerField.toConfig as NonNullable<Field['toConfig']> }),
    returnSequences: optional(is.boolean, false),
    returnState: optional(is.boolean, false),
    goBackwards: optional(is.boolean, false),
    stateful: optional(is.boolean, false),
    unroll: optional(is.boolean, false),
    zeroOutputForMask: optional(is.boolean, false),
  };

  /** What computes a step. */
  declare readonly cell: RNNCell;
  declare readonly returnSequences: boolean;
  declare readonly returnState: boolean;
  declare readonly goBackwards: boolean;
  declare readonly stateful: boolean;
  declare readonly unroll: boolean;
  declare zeroOutputForMask: boolean;
  override supportsMasking = true;
  override inputSpec: InputSpec = new InputSpec({ minNdim: 3, axisNames: ['batch', 'steps', '...'] });

  // Kept out of `weights`, as Keras does: they belong to the data at hand.
  #states: (Variable | Variable[])[] | null = null;

  constructor(options: RNNOptions) {
    super(options);
    if (this.cell === undefined) Object.assign(this, { cell: this.makeCell() });
  }

  /** The cell of a layer whose options are its cell's. @internal */
  protected makeCell(): RNNCell {
    throw new ArgumentError(`${this.title}: expected a cell.`);
  }

  /** The states that `stateful` keeps, as Variables; null before `build`, and where nothing is kept. */
  get states(): readonly (Variable | readonly Variable[])[] | null {
    return this.#states;
  }

  override build(inputShape: Shape, ..._states: never[]): void {
    const [batch, steps, ...rest] = inputShape;
    if (this.unroll && steps === null) {
      throw new ShapeError(
        `${this.title}: expected a known number of steps for unroll: true, got ${formatShape(inputShape)}.`,
        'Give the number in Input({ shape: [steps, features] }), or leave unroll out.',
      );
    }
    if (!this.cell.built) this.cell.build([batch as number | null, ...rest]);
    if (!this.stateful) return;
    if (batch == null) {
      throw new ShapeError(
        `${this.title}: expected a known batch size for stateful: true, got ${formatShape(inputShape)}.`,
        'Give it in Input({ batchShape: [batch, steps, features] }).',
      );
    }
    this.#forget();
    this.#states = suspendRecording(() =>
      tidy(() => mapStates(this.getInitialState(batch), (state) => this.#keep(state))),
    );
  }

  /** States that a batch starts from where none are given: the cell's own, else zeros. */
  getInitialState(batchSize: number): StateTree {
    return firstStates(this.cell, batchSize);
  }

  /** Sets the states that `stateful` keeps to 0, as before a new sequence. */
  resetState(): void {
    for (const state of this.#states?.flat() ?? []) state.assign(ops.zeros(state.shape, { dtype: state.dtype }));
  }

  /** The same as {@link RNN.resetState}. */
  resetStates(): void {
    this.resetState();
  }

  override computeMask(_inputs: LayerInputs, mask: MaskTree): MaskTree {
    const own = (flattenInputs(mask)[0] ?? null) as Tensor | null;
    const output = this.returnSequences ? own : null;
    return this.returnState ? [output, ...flattenInputs(this.cell.stateSize).map(() => null)] : output;
  }

  override call(sequences: Tensor, options: RNNCallOptions = {}): Tensor | (Tensor | Tensor[])[] {
    this.#checkOptions(options);
    const { computeDtype } = this.cell;
    const x = inDType(sequences, computeDtype);
    const [batch, steps] = x.shape as [number, number];
    if (steps === 0) {
      throw new ShapeError(
        `${this.title}: expected at least one step, got ${formatShape(x.shape)}.`,
        'Leave empty sequences out, or pad them and give a mask.',
      );
    }
    const mask = this.#maskFor(options.mask, batch, steps);
    const first = this.#startStates(options.initialState ?? null, batch);
    const result = this.run(x, first, mask, options.training === true);
    const states = mapStates(result.states, (state) => inDType(state, this.computeDtype));
    if (this.#states !== null && currentCall()?.symbolic !== true) {
      mapStates(this.#states as StateTree, (kept, path) => (kept as Variable).assign(stateAt(states, path)));
    }
    const output = inDType(result.output, this.computeDtype);
    return this.returnState ? [output, ...states] : output;
  }

  /** Runs the cell over the steps. Layers with an operator for the whole sequence override it. @internal */
  protected run(x: Tensor, first: StateTree, mask: Tensor | null, training: boolean): LoopResult {
    const step: Step = (input, states) => {
      const result = this.cell.apply<[Tensor, Tensor | StateTree]>(input, states as LayerInputs, { training });
      if (!Array.isArray(result) || result.length !== 2 || !(result[0] instanceof Tensor)) {
        throw new ArgumentError(
          `${this.title}: expected ${this.cell.title} to answer [output, newStates], got ${show(result)}.`,
          'Return an array of the output and of an array with one tensor for each state.',
        );
      }
      const [output, next] = result;
      const all = next instanceof Tensor ? [next] : next;
      if (all.length !== states.length) {
        throw new ArgumentError(
          `${this.title}: expected ${this.cell.title} to answer ${states.length} states, got ${all.length}.`,
          'Its stateSize says how many there are.',
        );
      }
      return [output, all];
    };
    const loop = currentCall()?.symbolic === true ? shapesOfLoop : loopOverSteps;
    const { goBackwards, zeroOutputForMask, returnSequences } = this;
    const fn = (): LoopResult => loop(step, x, first, { mask, goBackwards, zeroOutputForMask, returnSequences });
    const { inSequence } = this.cell as { inSequence?: (fn: () => LoopResult) => LoopResult };
    return inSequence === undefined ? fn() : inSequence.call(this.cell, fn);
  }

  #checkOptions(options: RNNCallOptions): void {
    const wrong = Object.keys(options).find((key) => !known.includes(key));
    if (wrong === undefined) return;
    const near = nearestName(wrong, known);
    throw new ArgumentError(
      `${this.title}: unknown option '${wrong}'.`,
      near === null ? 'Options: training, mask, initialState.' : `Did you mean '${near}'?`,
    );
  }

  #maskFor(given: MaskTree, batch: number, steps: number): Tensor | null {
    const mask = flattenInputs(given ?? null)[0] as Tensor | null;
    if (mask === null) return null;
    const flat = mask.ndim === 3 && mask.shape[2] === 1 ? ops.squeeze(mask, { axis: 2 }) : mask;
    if (flat.ndim !== 2 || flat.shape[0] !== batch || flat.shape[1] !== steps) {
      throw new ShapeError(
        `${this.title}: mask: expected shape [${batch}, ${steps}], got ${formatShape(mask.shape)}.`,
        'A mask says for each sample and step whether it counts.',
      );
    }
    return inDType(flat, 'bool');
  }

  #startStates(given: InitialState | null, batch: number): StateTree {
    const { cell } = this;
    if (given !== null) {
      const { computeDtype: dtype, stateSize } = cell;
      return givenStates(given, stateSize, { batchSize: batch, dtype, where: this.title });
    }
    // Shapes are inferred for any batch.
    if (this.#states === null || currentCall()?.symbolic === true) return this.getInitialState(batch);
    const kept = (this.#states.flat()[0] as Variable).shape[0] as number;
    if (kept !== batch) {
      throw new ShapeError(
        `${this.title}: expected a batch of ${kept}, got ${batch}.`,
        'A stateful layer goes on from the batch before: feed batches of one size.',
      );
    }
    return mapStates(this.#states as StateTree, (state) => inDType((state as Variable).value, cell.computeDtype));
  }

  #keep(state: Tensor): Variable {
    const variable = new Variable(state, { trainable: false, dtype: this.variableDtype, name: 'rnn_state' });
    const place = currentPath();
    variable.path = `${place === '' ? this.name : place}/rnn_state`;
    return variable;
  }

  #forget(): void {
    for (const state of this.#states?.flat() ?? []) state.dispose();
    this.#states = null;
  }
}
