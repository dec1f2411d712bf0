import { type ActivationFunction, activationField } from '../../activations.js';
import { type Constraint, constraintField } from '../../constraints.js';
import type { DataFormat } from '../../core/config.js';
import { ArgumentError, ShapeError } from '../../core/errors.js';
import { type Checker, type Fields, is, optional, required, show } from '../../core/fields.js';
import type { Shape } from '../../core/symbolic.js';
import { formatShape } from '../../core/tensor.js';
import type { Variable } from '../../core/variable.js';
import { type Initializer, initializerField } from '../../initializers/index.js';
import { type Regularizer, regularizerField } from '../../regularizers.js';
import { dataFormatField } from '../data-format.js';
import type {
  ActivationIdentifier,
  ConstraintIdentifier,
  InitializerIdentifier,
  RegularizerIdentifier,
} from '../identifiers.js';
import { InputSpec } from '../input-spec.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';
import { axisNames } from '../pooling/window.js';
import { sizes, spreadSizes } from '../sizes.js';

/** Options that all layers of convolution take. */
export interface ConvolutionOptions extends LayerOptions {
  /** Sizes of the kernel, at least 1: one for all axes, or one each. */
  kernelSize: number | readonly number[];
  /** How far windows are apart, at least 1: one for all axes, or one each. @default 1 */
  strides?: number | readonly number[];
  /** 'valid': windows lie inside the input; 'same': ⌈size / stride⌉ windows, with zeros around the input, the odd one behind. @default 'valid' */
  padding?: 'valid' | 'same';
  /** Where the channels stand: [batch, ..., channels] or [batch, channels, ...]. @default config.imageDataFormat() */
  dataFormat?: DataFormat | null;
  /** How far the numbers that a kernel takes are apart, at least 1: one for all axes, or one each. @default 1 */
  dilationRate?: number | readonly number[];
  /** Applied to the outputs. @default null */
  activation?: ActivationIdentifier;
  /** Whether a bias is added, a number for each output channel. @default true */
  useBias?: boolean;
  /** First values of the bias. @default 'zeros' */
  biasInitializer?: InitializerIdentifier;
  /** Penalty on the bias. @default null */
  biasRegularizer?: RegularizerIdentifier;
  /** Applied to the bias after each update. @default null */
  biasConstraint?: ConstraintIdentifier;
}

/** Checks a way of padding, in capitals too. @internal */
export function paddingOf<T extends string>(...choices: readonly T[]): Checker<T> {
  return (value, where) => is.oneOf(...choices)(typeof value === 'string' ? value.toLowerCase() : value, where);
}

/** What layers of convolution share; a subclass says how many spatial axes there are, and which kernels it has. @internal */
export abstract class ConvolutionLayer extends Layer {
  static override readonly fields: Fields = {
    kernelSize: required(sizes()),
    strides: optional(sizes(), 1),
    padding: optional(paddingOf('valid', 'same'), 'valid'),
    dataFormat: dataFormatField,
    dilationRate: optional(sizes(), 1),
    activation: activationField(null),
    useBias: optional(is.boolean, true),
    biasInitializer: initializerField('zeros'),
    biasRegularizer: regularizerField(null),
    biasConstraint: constraintField(null),
  };

  /** One size for each axis. */
  declare readonly kernelSize: readonly number[];
  /** One distance for each axis. */
  declare readonly strides: readonly number[];
  declare readonly padding: 'valid' | 'same' | 'causal';
  declare readonly dataFormat: DataFormat;
  /** One distance for each axis. */
  declare readonly dilationRate: readonly number[];
  declare readonly activation: ActivationFunction;
  declare readonly useBias: boolean;
  declare readonly biasInitializer: Initializer;
  declare readonly biasRegularizer: Regularizer | null;
  declare readonly biasConstraint: Constraint | null;

  /** A number for each output channel, or null. Made by `build`. */
  declare bias: Variable | null;
  override inputSpec: InputSpec;

  constructor(options: ConvolutionOptions) {
    super(options);
    for (const name of ['kernelSize', 'strides', 'dilationRate'] as const) {
      Object.assign(this, { [name]: spreadSizes(`${this.title}: ${name}`, this[name], this.rank) });
    }
    this.inputSpec = this.specFor(null);
  }

  /** Number of axes between batch and channels; siblings say 2 or 3. */
  protected get rank(): 1 | 2 | 3 {
    return 1;
  }

  /** @throws {ArgumentError} where windows are apart, and the numbers in them too */
  protected refuseStridesWithDilation(): void {
    const { strides, dilationRate } = this;
    if (Math.max(...strides) === 1 || Math.max(...dilationRate) === 1) return;
    throw new ArgumentError(
      `${this.title}: expected strides of 1 with a dilationRate above 1, got strides ${show(strides)} and dilationRate ${show(dilationRate)}.`,
      'Leave one of the two out.',
    );
  }

  /** Number of input channels; from now on, inputs must have as many. */
  protected fixChannels(inputShape: Shape): number {
    const last = this.dataFormat === 'channels_last';
    const channels = inputShape[last ? inputShape.length - 1 : 1];
    if (inputShape.length !== this.rank + 2 || channels == null) {
      throw new ShapeError(
        `${this.title}: expected an input shape [${axisNames(this.rank, this.dataFormat).join(', ')}] with known channels, got ${formatShape(inputShape)}.`,
        'Give the number of channels: Input({ shape: [28, 28, 1] }).',
      );
    }
    this.inputSpec = this.specFor(channels);
    return channels;
  }

  protected makeBias(size: number): Variable | null {
    if (!this.useBias) return null;
    return this.addWeight({
      name: 'bias',
      shape: [size],
      initializer: this.biasInitializer,
      regularizer: this.biasRegularizer,
      constraint: this.biasConstraint,
    });
  }

  override getConfig(): Record<string, unknown> {
    // Keras writes it for these layers where it is none, too.
    const { activityRegularizer = null, ...config } = super.getConfig();
    return { ...config, activityRegularizer };
  }

  private specFor(channels: number | null): InputSpec {
    return new InputSpec({
      ndim: this.rank + 2,
      axisNames: axisNames(this.rank, this.dataFormat),
      axes: channels === null ? {} : { [this.dataFormat === 'channels_last' ? -1 : 1]: channels },
    });
  }
}
