import { type Fields, is, optional } from '../../core/fields.js';
import type { Tensor } from '../../core/tensor.js';
import { L1L2 } from '../../regularizers.js';
import { Layer } from '../layer.js';
import type { LayerOptions } from '../layer-options.js';

/** Options of {@link ActivityRegularization}. */
export interface ActivityRegularizationOptions extends Omit<LayerOptions, 'activityRegularizer'> {
  /** Factor of the sum of absolute values, at least 0. @default 0 */
  l1?: number;
  /** Factor of the sum of squares, at least 0. @default 0 */
  l2?: number;
}

/**
 * Answers its input and adds l1 · Σ|x| + l2 · Σx², divided by the batch size, to the losses.
 *
 * Source: `keras.layers.ActivityRegularization`.
 *
 * @example
 * ```ts
 * const layer = new layers.ActivityRegularization({ l2: 0.01 });
 * layer.apply(tensor([[1, 2]]));
 * layer.losses; // [0.05]
 * ```
 */
export class ActivityRegularization extends Layer {
  static override readonly className: string = 'ActivityRegularization';
  static override readonly module: string | null = 'keras.layers';
  static override readonly fields: Fields = {
    l1: optional(is.number({ min: 0 }), 0),
    l2: optional(is.number({ min: 0 }), 0),
    activityRegularizer: { check: is.anything, takes: false, writes: false },
  };

  declare readonly l1: number;
  declare readonly l2: number;
  override built = true;
  override supportsMasking = true;

  constructor(options: ActivityRegularizationOptions = {}) {
    super(options);
    Object.assign(this, { activityRegularizer: new L1L2({ l1: this.l1, l2: this.l2 }) });
  }

  override call(x: Tensor): Tensor {
    return x;
  }

  override getConfig(): Record<string, unknown> {
    // It follows from l1 and l2.
    const { activityRegularizer: _, ...config } = super.getConfig();
    return config;
  }
}
