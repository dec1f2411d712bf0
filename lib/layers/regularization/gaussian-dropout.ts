import { type Fields, is, optional, required } from '../../core/fields.js';
import { SeedGenerator } from '../../core/random.js';
import type { Tensor } from '../../core/tensor.js';
import { multiply } from '../../ops/index.js';
import { normal } from '../../random/index.js';
import type { CallOptions } from '../inputs.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link GaussianDropout}. */
export interface GaussianDropoutOptions extends LayerOptions {
  /** The noise has the standard deviation sqrt(rate / (1 - rate)): from 0 up to, not including, 1. */
  rate: number;
  /** Seed of the layer's own stream of random numbers. @default null: from the global seed */
  seed?: number | null;
}

/**
 * Multiplies by normal noise of mean 1 and deviation sqrt(rate / (1 - rate)) in training; outside training it does nothing.
 *
 * Outputs have the inputs' shape.
 *
 * Source: Srivastava et al. 2014; `keras.layers.GaussianDropout`. A rate of 1, whose deviation is infinite, is refused.
 *
 * @throws {ArgumentError} for wrong options
 * @example
 * ```ts
 * new layers.GaussianDropout({ rate: 0.2, seed: 1 }).apply(x, { training: true });
 * ```
 */
export class GaussianDropout extends Layer {
  static override readonly className: string = 'GaussianDropout';
  static override readonly module: string | null = 'keras.layers';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { training: false };
  static override readonly fields: Fields = {
    rate: required(is.number({ min: 0, below: 1 })),
    seed: optional(is.nullable(is.integer({ min: 0 })), null),
  };

  declare readonly rate: number;
  declare readonly seed: number | null;
  /** The layer's stream of random numbers; null where there is no noise. */
  readonly seedGenerator: SeedGenerator | null;
  override built = true;
  override supportsMasking = true;

  constructor(options: GaussianDropoutOptions) {
    super(options);
    this.seedGenerator = this.rate > 0 ? new SeedGenerator({ seed: this.seed }) : null;
  }

  override call(x: Tensor, { training }: CallOptions = {}): Tensor {
    if (!training || this.seedGenerator === null) return x;
    const stddev = Math.sqrt(this.rate / (1 - this.rate));
    const noise = normal(x.shape, { mean: 1, stddev, dtype: this.computeDtype, seed: this.seedGenerator });
    return multiply(x, noise);
  }
}
