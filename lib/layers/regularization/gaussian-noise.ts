import { type Fields, is, optional, required } from '../../core/fields.js';
import { SeedGenerator } from '../../core/random.js';
import type { Tensor } from '../../core/tensor.js';
import { add } from '../../ops/index.js';
import { normal } from '../../random/index.js';
import type { CallOptions } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link GaussianNoise}. */
export interface GaussianNoiseOptions extends LayerOptions {
  /** Standard deviation of the noise, 0 to 1. */
  stddev: number;
  /** Seed of the layer's own stream of random numbers. @default null: from the global seed */
  seed?: number | null;
}

/**
 * Adds normal noise of mean 0 in training; outside training it does nothing. Outputs have the inputs' shape.
 *
 * Source: `keras.layers.GaussianNoise`.
 *
 * @throws {ArgumentError} for wrong options
 * @example
 * ```ts
 * new layers.GaussianNoise({ stddev: 0.1, seed: 1 }).apply(x, { training: true });
 * ```
 */
export class GaussianNoise extends Layer {
  static override readonly className: string = 'GaussianNoise';
  static override readonly module: string | null = 'keras.layers';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { training: false };
  static override readonly fields: Fields = {
    stddev: required(is.number({ min: 0, max: 1 })),
    seed: optional(is.nullable(is.integer({ min: 0 })), null),
  };

  declare readonly stddev: number;
  declare readonly seed: number | null;
  /** The layer's stream of random numbers; null where there is no noise. */
  readonly seedGenerator: SeedGenerator | null;
  override built = true;
  override supportsMasking = true;

  constructor(options: GaussianNoiseOptions) {
    super(options);
    this.seedGenerator = this.stddev > 0 ? new SeedGenerator({ seed: this.seed }) : null;
  }

  override call(x: Tensor, { training }: CallOptions = {}): Tensor {
    if (!training || this.seedGenerator === null) return x;
    const noise = normal(x.shape, { stddev: this.stddev, dtype: this.computeDtype, seed: this.seedGenerator });
    return add(x, noise);
  }
}
