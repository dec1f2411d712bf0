import { type ActivationFunction, activationField } from '../../activations.js';
import type { Fields } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import type { ActivationIdentifier } from '../identifiers.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Activation}. */
export interface ActivationOptions extends LayerOptions {
  /** Name of an activation, or a function of a tensor; null does nothing. */
  activation: ActivationIdentifier;
}

/**
 * Applies an activation: outputs have the inputs' shape and dtype.
 *
 * Source: `keras.layers.Activation`.
 *
 * @throws {ArgumentError} for an unknown name
 * @example
 * ```ts
 * new layers.Activation({ activation: 'relu' }).apply(tensor([-1, 2])); // [0, 2]
 * ```
 */
export class Activation extends Layer {
  static override readonly className: string = 'Activation';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = { activation: requiredActivation() };

  declare readonly activation: ActivationFunction;
  override built = true;
  override supportsMasking = true;

  constructor(options: ActivationOptions) {
    super(options);
  }

  override call(x: Tensor): Tensor {
    return this.activation(x);
  }
}

function requiredActivation(): Fields[string] {
  const { default: _, ...field } = activationField(null);
  return field;
}
