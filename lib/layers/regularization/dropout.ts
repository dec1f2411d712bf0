import { ArgumentError } from '../../core/errors.js';
import { type Fields, is, optional, required, show } from '../../core/fields.js';
import { SeedGenerator } from '../../core/random.js';
import type { Shape } from '../../core/symbolic.js';
import type { Tensor } from '../../core/tensor.js';
import { dropout } from '../../random/index.js';
import type { CallOptions } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link Dropout}. */
export interface DropoutOptions extends LayerOptions {
  /** Share of the inputs to drop, 0 to 1. */
  rate: number;
  /** Shape of the pattern of dropped inputs; `null` takes the input's size, 1 repeats the pattern along an axis. @default the input's shape */
  noiseShape?: Shape | null;
  /** Seed of the layer's own stream of random numbers. @default null: from the global seed */
  seed?: number | null;
}

const noiseShape = (value: unknown, where: string): Shape => {
  if (!Array.isArray(value) || !value.every((size) => size === null || (Number.isSafeInteger(size) && size > 0))) {
    throw new ArgumentError(`${where}: expected an array of whole numbers above 0 (or null), got ${show(value)}.`);
  }
  return value as Shape;
};

/**
 * Sets a random share of the inputs to 0 in training and scales the others by 1 / (1 - rate); outside training it does nothing.
 *
 * Outputs have the inputs' shape and dtype.
 *
 * Source: Srivastava et al. 2014; `keras.layers.Dropout`. The pattern follows from the seed alone, not from the device or the number of threads.
 *
 * @throws {ArgumentError} for wrong options
 * @example
 * ```ts
 * new layers.Dropout({ rate: 0.5, seed: 1 }).apply(x, { training: true });
 * ```
 */
export class Dropout extends Layer {
  static override readonly className: string = 'Dropout';
  static override readonly module: string | null = 'keras.layers';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { training: false };
  static override readonly fields: Fields = {
    rate: required(is.number({ min: 0, max: 1 })),
    seed: optional(is.nullable(is.integer({ min: 0 })), null),
    noiseShape: optional(is.nullable(noiseShape), null),
  };

  declare readonly rate: number;
  declare readonly seed: number | null;
  declare readonly noiseShape: Shape | null;
  /** The layer's stream of random numbers; null where nothing is dropped. */
  readonly seedGenerator: SeedGenerator | null;
  override built = true;
  override supportsMasking = true;

  constructor(options: DropoutOptions) {
    super(options);
    this.seedGenerator = this.rate > 0 ? new SeedGenerator({ seed: this.seed }) : null;
  }

  override call(x: Tensor, { training }: CallOptions = {}): Tensor {
    if (!training || this.seedGenerator === null) return x;
    return dropout(x, this.rate, { noiseShape: this.noiseShape, seed: this.seedGenerator });
  }
}
