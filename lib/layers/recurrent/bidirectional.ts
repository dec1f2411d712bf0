import { ArgumentError, StateError } from '../../core/errors.js';
import { type Fields, is, optional, required, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor, TensorLike } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import * as ops from '../../ops/index.js';
import { serialize } from '../family.js';
import type { InputSpec } from '../input-spec.js';
import { flattenInputs, type LayerInputs, type MaskTree } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { layerField, nestedLayer } from './nested.js';
import type { RNNCallOptions } from './rnn.js';
import { inDType } from './states.js';

/** A layer over steps as {@link Bidirectional} runs it: RNN, LSTM, GRU, SimpleRNN, or one with the same properties. */
export interface SequenceLayer extends Layer {
  readonly goBackwards: boolean;
  readonly returnSequences: boolean;
  readonly returnState: boolean;
  readonly stateful: boolean;
  zeroOutputForMask?: boolean;
  readonly states?: readonly (Variable | readonly Variable[])[] | null;
  resetState?(): void;
}

/** How {@link Bidirectional} joins the outputs of both ways; null answers both. */
export type MergeMode = 'sum' | 'mul' | 'ave' | 'concat' | null;

/** Options of {@link Bidirectional}. */
export interface BidirectionalOptions extends LayerOptions {
  /** The layer for the way from first to last step; a copy of it, without its weights, is what runs. */
  layer: SequenceLayer;
  /** How the outputs of both ways are joined; null answers both. @default 'concat' */
  mergeMode?: MergeMode;
  /** First values of the weights: those of the way there, then of the way back. @default null */
  weights?: readonly TensorLike[] | null;
  /** The layer for the way from last to first step. @default a copy of `layer` with goBackwards */
  backwardLayer?: SequenceLayer | null;
}

const flags = ['goBackwards', 'returnSequences', 'returnState', 'stateful'] as const;

function checkSequenceLayer(value: unknown, where: string): SequenceLayer {
  const layer = nestedLayer(value, where) as SequenceLayer;
  const missing = flags.find((name) => typeof layer[name] !== 'boolean');
  if (missing === undefined) return layer;
  throw new ArgumentError(
    `${where}: expected a layer over steps, got ${layer.title} without '${missing}'.`,
    'Give an LSTM, GRU, SimpleRNN or RNN.',
  );
}

function checkWeights(value: unknown, where: string): readonly TensorLike[] {
  if (Array.isArray(value) && value.length % 2 === 0) return value as TensorLike[];
  throw new ArgumentError(
    `${where}: expected an array with the weights of both ways, got ${show(value)}.`,
    'Give what getWeights() answers: the weights of the way there, then of the way back.',
  );
}

/** A layer with the same options, another name and weights of its own. */
function copyOf(layer: SequenceLayer, prefix: string, changes: object = {}): SequenceLayer {
  const name = layer.name.startsWith(prefix) ? layer.name : `${prefix}${layer.name}`;
  const copy = layer.type.fromConfig({ ...layer.getConfig(), name, ...changes }) as unknown as SequenceLayer;
  // Not in configs, but a choice all the same.
  if ('useCudnn' in layer) Object.assign(copy, { useCudnn: layer.useCudnn });
  return copy;
}

/**
 * Runs a recurrent layer over the steps from first to last and a second one from last to first, and joins their outputs.
 *
 * Outputs `[batch, 2 * units]` ('concat'), or `[batch, steps, 2 * units]` where the layer returns sequences, both ways in the order of the inputs; with
 * `returnState` `[output, ...states there, ...states back]`. Masked steps put out 0 where sequences are returned.
 *
 * Source: Schuster & Paliwal 1997; `keras.layers.Bidirectional`. Difference: `weights` are set when the layer is built; Keras leaves them aside.
 *
 * @throws {ArgumentError} for wrong options, or two layers that don't fit each other
 * @example
 * ```ts
 * const both = new layers.Bidirectional({ layer: new layers.LSTM({ units: 4 }) });
 * both.apply(ops.ones([2, 5, 3])).shape; // [2, 8]
 * ```
 */
export class Bidirectional extends Layer {
  static override readonly className: string = 'Bidirectional';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    layer: required(checkSequenceLayer, { writes: false }),
    mergeMode: optional(is.nullable(is.oneOf('sum', 'mul', 'ave', 'concat')), 'concat'),
    weights: optional(is.nullable(checkWeights), null, { writes: false }),
    backwardLayer: optional(is.nullable(checkSequenceLayer), null, { toConfig: layerField.toConfig as never }),
  };

  declare readonly mergeMode: MergeMode;
  /** The layer for the way from first to last step. */
  declare readonly forwardLayer: SequenceLayer;
  /** The layer for the way from last to first step. */
  declare readonly backwardLayer: SequenceLayer;
  /** As the layer's. */
  readonly returnSequences: boolean;
  /** As the layer's. */
  readonly returnState: boolean;
  /** As the layer's. */
  readonly stateful: boolean;
  override supportsMasking = true;
  readonly #initial: readonly TensorLike[] | null;

  constructor(options: BidirectionalOptions) {
    super(options);
    const own = <T>(name: string): T => {
      const value = Object.getOwnPropertyDescriptor(this, name)?.value as T;
      Reflect.deleteProperty(this, name);
      return value;
    };
    // The layer given is a pattern only; and `weights` are a getter's below.
    const layer = own<SequenceLayer>('layer');
    const backward = own<SequenceLayer | null>('backwardLayer');
    this.#initial = own('weights');
    const forwardLayer = copyOf(layer, 'forward_');
    const backwardLayer = backward ?? copyOf(layer, 'backward_', { goBackwards: true });
    Object.assign(this, { forwardLayer, backwardLayer });
    this.#checkPair();
    for (const one of [forwardLayer, backwardLayer]) {
      if (typeof one.zeroOutputForMask === 'boolean') one.zeroOutputForMask = one.returnSequences;
    }
    this.returnSequences = layer.returnSequences;
    this.returnState = layer.returnState;
    this.stateful = layer.stateful;
    this.inputSpec = layer.inputSpec as InputSpec | null;
  }

  /** The states that `stateful` keeps, of the way there and then of the way back; null where nothing is kept. */
  get states(): readonly (Variable | readonly Variable[])[] | null {
    const { forwardLayer, backwardLayer } = this;
    if (forwardLayer.states == null || backwardLayer.states == null) return null;
    return [...forwardLayer.states, ...backwardLayer.states];
  }

  override build(inputShape: Shape, ..._more: never[]): void {
    const { forwardLayer, backwardLayer } = this;
    if (!forwardLayer.built) forwardLayer.build(inputShape);
    if (!backwardLayer.built) backwardLayer.build(inputShape);
    if (this.#initial === null) return;
    const half = this.#initial.length / 2;
    forwardLayer.setWeights(this.#initial.slice(0, half));
    backwardLayer.setWeights(this.#initial.slice(half));
  }

  /** Sets the states that both ways keep to 0. @throws {StateError} unless the layer is stateful */
  resetState(): void {
    if (!this.stateful) {
      throw new StateError(
        `${this.title}: resetState: expected a stateful layer.`,
        'Give a layer with stateful: true.',
      );
    }
    this.forwardLayer.resetState?.();
    this.backwardLayer.resetState?.();
  }

  /** The same as {@link Bidirectional.resetState}. */
  resetStates(): void {
    this.resetState();
  }

  override computeMask(_inputs: LayerInputs, mask: MaskTree): MaskTree {
    const own = (flattenInputs(mask)[0] ?? null) as Tensor | null;
    const output = this.returnSequences ? own : null;
    // States have no masks, and stand last.
    if (this.mergeMode === null) return [output, output];
    return this.returnState ? [output] : output;
  }

  override call(sequences: Tensor, options: RNNCallOptions = {}): Tensor | Tensor[] {
    const { initialState, training, mask, masks: _masks, ...unknown } = options;
    let states: readonly unknown[] | null = null;
    if (initialState != null) {
      if (!Array.isArray(initialState) || initialState.length % 2 !== 0) {
        throw new ArgumentError(
          `${this.title}: initialState: expected an even number of states, got ${
            Array.isArray(initialState) ? initialState.length : show(initialState)
          }.`,
          'Give the states of the way there, then of the way back.',
        );
      }
      states = initialState;
    }
    const half = (states?.length ?? 0) / 2;
    const run = (layer: SequenceLayer, from: number): Tensor[] => {
      const given = states === null ? null : states.slice(from, from + half);
      const result = layer.apply<Tensor | Tensor[]>(sequences, {
        ...unknown,
        training: training ?? null,
        mask: mask ?? null,
        ...(given !== null && { initialState: given }),
      });
      return Array.isArray(result) ? result : [result];
    };
    const [there, ...statesThere] = run(this.forwardLayer, 0) as [Tensor, ...Tensor[]];
    const [back, ...statesBack] = run(this.backwardLayer, half) as [Tensor, ...Tensor[]];
    const a = inDType(there, this.computeDtype);
    const b = inDType(this.returnSequences ? ops.flip(back, { axis: 1 }) : back, this.computeDtype);
    const outputs = this.mergeMode === null ? [a, b] : [merge(this.mergeMode, a, b)];
    if (this.returnState) return [...outputs, ...statesThere, ...statesBack];
    return outputs.length === 1 ? (outputs[0] as Tensor) : outputs;
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), layer: serialize(this.forwardLayer) };
  }

  #checkPair(): void {
    const { forwardLayer, backwardLayer } = this;
    if (forwardLayer.goBackwards === backwardLayer.goBackwards) {
      throw new ArgumentError(
        `${this.title}: expected layers with different goBackwards, got ${forwardLayer.goBackwards} for both.`,
        'Give backwardLayer with goBackwards: true, or leave it out.',
      );
    }
    for (const name of ['stateful', 'returnSequences', 'returnState'] as const) {
      if (forwardLayer[name] === backwardLayer[name]) continue;
      throw new ArgumentError(
        `${this.title}: expected layers with the same ${name}, got ${forwardLayer[name]} and ${backwardLayer[name]}.`,
        `Give both the same ${name}.`,
      );
    }
  }
}

function merge(mode: Exclude<MergeMode, null>, a: Tensor, b: Tensor): Tensor {
  if (mode === 'concat') return ops.concatenate([a, b], { axis: -1 });
  if (mode === 'mul') return ops.multiply(a, b);
  const sum = ops.add(a, b);
  return mode === 'ave' ? ops.divide(sum, 2) : sum;
}
