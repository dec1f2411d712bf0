import { type ActivationFunction, activationField } from '../../activations.js';
import { type Constraint, constraintField } from '../../constraints.js';
import type { DType } from '../../core/dtype.js';
import { ShapeError } from '../../core/errors.js';
import { type Fields, is, optional, required } from '../../core/fields.js';
import { SeedGenerator } from '../../core/random.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape, type Tensor } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import * as ops from '../../ops/index.js';
import { dropout } from '../../random/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import type {
  ActivationIdentifier,
  ConstraintIdentifier,
  InitializerIdentifier,
  RegularizerIdentifier,
} from '../identifiers.js';
import type { CallOptions } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { inDType, type StateSize, type StateTree } from './states.js';

/** Options that all recurrent cells and layers share. */
export interface RecurrentOptions {
  /** Size of the states and outputs, at least 1. */
  units: number;
  /** Applied to new outputs. @default 'tanh' */
  activation?: ActivationIdentifier;
  /** Whether a bias is added. @default true */
  useBias?: boolean;
  /** First values of the kernel for the inputs. @default 'glorot_uniform' */
  kernelInitializer?: InitializerIdentifier;
  /** First values of the kernel for the state. @default 'orthogonal' */
  recurrentInitializer?: InitializerIdentifier;
  /** First values of the bias. @default 'zeros' */
  biasInitializer?: InitializerIdentifier;
  /** Penalty on the kernel. @default null */
  kernelRegularizer?: RegularizerIdentifier;
  /** Penalty on the recurrent kernel. @default null */
  recurrentRegularizer?: RegularizerIdentifier;
  /** Penalty on the bias. @default null */
  biasRegularizer?: RegularizerIdentifier;
  /** Applied to the kernel after each update. @default null */
  kernelConstraint?: ConstraintIdentifier;
  /** Applied to the recurrent kernel after each update. @default null */
  recurrentConstraint?: ConstraintIdentifier;
  /** Applied to the bias after each update. @default null */
  biasConstraint?: ConstraintIdentifier;
  /** Share of the inputs to drop in training, 0 to 1; the same inputs at all steps. @default 0 */
  dropout?: number;
  /** Share of the state to drop in training, 0 to 1; the same units at all steps. @default 0 */
  recurrentDropout?: number;
  /** Seed of the patterns of dropped numbers. @default null: from the global seed */
  seed?: number | null;
}

/** Options that cells and layers with gates have too. */
export interface GatedOptions extends RecurrentOptions {
  /** Applied to the gates. @default 'sigmoid' */
  recurrentActivation?: ActivationIdentifier;
  /** 1 drops other inputs for each gate, 2 the same for all; with recurrentDropout it is 1. @default 2 */
  implementation?: 1 | 2;
}

/** Rows of the tables of fields of cells, and of layers that make one. @internal */
export const recurrentFields: Fields = {
  units: required(is.integer({ min: 1 })),
  activation: activationField('tanh'),
  useBias: optional(is.boolean, true),
  kernelInitializer: initializerField('glorot_uniform'),
  recurrentInitializer: initializerField('orthogonal'),
  biasInitializer: initializerField('zeros'),
  kernelRegularizer: regularizerField(null),
  recurrentRegularizer: regularizerField(null),
  biasRegularizer: regularizerField(null),
  kernelConstraint: constraintField(null),
  recurrentConstraint: constraintField(null),
  biasConstraint: constraintField(null),
  dropout: optional(is.number({ min: 0, max: 1 }), 0),
  recurrentDropout: optional(is.number({ min: 0, max: 1 }), 0),
  seed: optional(is.nullable(is.integer({ min: 0 })), null),
};

/** As {@link recurrentFields}, with gates. @internal */
export const gatedFields: Fields = {
  ...recurrentFields,
  recurrentActivation: activationField('sigmoid'),
  implementation: optional(is.integer({ min: 1, max: 2 }), 2, { writes: false }),
};

/** Options of a built-in cell. */
export type CellOptions<Options extends RecurrentOptions> = Options & LayerOptions;

/** What the cells of SimpleRNN, LSTM and GRU share: weights, and masks that hold for a whole sequence. */
export abstract class RecurrentCell extends Layer {
  static override readonly fields: Fields = recurrentFields;

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

  /** [features, gates * units]. Made by `build`. */
  declare kernel: Variable;
  /** [units, gates * units]. Made by `build`. */
  declare recurrentKernel: Variable;
  /** [gates * units], or null. Made by `build`. */
  declare bias: Variable | null;
  /** Stream of random numbers that patterns of dropped numbers are drawn from. */
  readonly seedGenerator: SeedGenerator;

  // Masks of the sequence at hand; outside a sequence each call draws its own.
  #masks: Map<'inputs' | 'state', Tensor[]> | null = null;

  constructor(options: object) {
    super(options);
    this.seedGenerator = new SeedGenerator({ seed: this.seed });
  }

  /** Number of gates: how many blocks of `units` the kernels hold. */
  protected get gates(): number {
    return 1;
  }

  /** Number of masks of dropped numbers: one for all gates, or one for each. */
  protected get maskCount(): number {
    return 1;
  }

  /** Units of each state. */
  get stateSize(): StateSize {
    return this.units;
  }

  /** Size of the outputs. */
  get outputSize(): number {
    return this.units;
  }

  override build(inputShape: Shape, ..._states: never[]): void {
    const features = inputShape.at(-1);
    if (inputShape.length !== 2 || features == null) {
      throw new ShapeError(
        `${this.title}: expected an input shape [batch, features] of one step with known features, got ${formatShape(inputShape)}.`,
        'A cell takes one step; wrap it in layers.RNN({ cell }) for [batch, steps, features].',
      );
    }
    const columns = this.gates * this.units;
    this.kernel = this.addWeight({
      name: 'kernel',
      shape: [features, columns],
      initializer: this.kernelInitializer,
      regularizer: this.kernelRegularizer,
      constraint: this.kernelConstraint,
    });
    this.recurrentKernel = this.addWeight({
      name: 'recurrent_kernel',
      shape: [this.units, columns],
      initializer: this.recurrentInitializer,
      regularizer: this.recurrentRegularizer,
      constraint: this.recurrentConstraint,
    });
    this.bias = this.useBias
      ? this.addWeight({
          name: 'bias',
          shape: this.biasShape,
          initializer: this.biasStart,
          regularizer: this.biasRegularizer,
          constraint: this.biasConstraint,
        })
      : null;
  }

  /** Shape of the bias. */
  protected get biasShape(): readonly number[] {
    return [this.gates * this.units];
  }

  /** What the bias starts from. */
  protected get biasStart(): Initializer {
    return this.biasInitializer;
  }

  /** States before the first step: zeros. */
  getInitialState({ batchSize }: { batchSize: number }): StateTree {
    return [ops.zeros([batchSize, this.units], { dtype: this.computeDtype })];
  }

  /** Runs `fn`, in which all steps drop the same inputs and units. @internal */
  inSequence<T>(fn: () => T): T {
    const outer = this.#masks;
    this.#masks = new Map();
    try {
      return fn();
    } finally {
      this.#masks = outer;
    }
  }

  /** Masks to multiply inputs or state by, already scaled by 1 / (1 - rate); null where nothing is dropped. @internal */
  masks(which: 'inputs' | 'state', shape: readonly number[], training: boolean): Tensor[] | null {
    const rate = which === 'inputs' ? this.dropout : this.recurrentDropout;
    if (!training || !this.drops(rate)) return null;
    const known = this.#masks?.get(which);
    if (known !== undefined) return known;
    const ones = ops.ones(shape, { dtype: this.computeDtype });
    const made = Array.from({ length: this.maskCount }, () => dropout(ones, rate, { seed: this.seedGenerator }));
    this.#masks?.set(which, made);
    return made;
  }

  /** Whether a rate drops anything: as in Keras, a rate of 1 leaves cells with gates alone. */
  protected drops(rate: number): boolean {
    return rate > 0 && rate < 1;
  }

  /** Inputs or state with their masks applied: one tensor for all gates, or one for each. */
  protected dropped(x: Tensor, which: 'inputs' | 'state', { training }: CallOptions): readonly Tensor[] {
    const masks = this.masks(which, x.shape, training === true);
    return masks === null ? [x] : masks.map((mask) => ops.multiply(x, mask));
  }

  /** The state that a cell with one state was given, and whether it came in an array. */
  protected single(states: Tensor | readonly Tensor[], dtype: DType): { state: Tensor; wrapped: boolean } {
    const wrapped = Array.isArray(states);
    return { state: inDType((wrapped ? states[0] : states) as Tensor, dtype), wrapped };
  }
}

/** x · weight, where `xs` holds one x for all gates or one for each. @internal */
export function gateProduct(xs: readonly Tensor[], weight: Tensor): Tensor {
  if (xs.length === 1) return ops.matmul(xs[0] as Tensor, weight);
  const parts = ops.split(weight, xs.length, { axis: 1 });
  return ops.concatenate(
    xs.map((x, i) => ops.matmul(x, parts[i] as Tensor)),
    { axis: 1 },
  );
}
