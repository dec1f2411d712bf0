import type { DType, NumericArray } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { type Fields, is, optional, show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import { formatShape, type NestedArray, Tensor, tensor } from '../core/tensor.js';
import { cast } from '../ops/index.js';
import { Initializer } from './initializer.js';
import { type WindowName, windowNames, windowValues } from './windows.js';

/** Options of {@link STFT}. */
export interface STFTOptions {
  /** The part of the complex factors. @default 'real' */
  side?: 'real' | 'imag';
  /** Name of a window, its values (one for each place of a frame), or `null` for none. @default 'hann' */
  window?: WindowName | readonly number[] | NumericArray | Tensor | null;
  /** What the window is divided by: the root of its sum of squares, its sum, or nothing. @default 'density' */
  scaling?: 'density' | 'spectrum' | null;
  /** Whether the window repeats without a seam, else it is symmetric. @default false */
  periodic?: boolean;
}

type Window = NonNullable<STFTOptions['window']>;

function checkWindow(value: unknown, where: string): Window {
  if (typeof value !== 'string') {
    if (value instanceof Tensor || Array.isArray(value) || ArrayBuffer.isView(value)) return value as Window;
    throw new ArgumentError(`${where}: expected the name of a window, its values or null, got ${show(value)}.`);
  }
  if (windowNames.includes(value as WindowName)) return value as WindowName;
  const near = nearestName(value, windowNames);
  throw new ArgumentError(
    `${where}: unknown window ${JSON.stringify(value)}.`,
    near === null ? `Known: ${windowNames.join(', ')}.` : `Did you mean '${near}'?`,
  );
}

/**
 * Factors of a short-time Fourier transform as a convolution: at place n of a frame and frequency k, `window(n) cos(-2 pi n k / length)` or the sine.
 *
 * Shape: `[frameLength, channels, frequencies]`, with 1 channel; the transform's length is `2 (frequencies - 1)`. Source: `keras.initializers.STFT`.
 */
export class STFT extends Initializer {
  static override readonly className: string = 'STFT';
  static override readonly module: string | null = 'keras.initializers';
  static override readonly fields: Fields = {
    side: optional(is.oneOf('real', 'imag'), 'real'),
    window: optional(is.nullable(checkWindow), 'hann', {
      toConfig: (value: Window | null) =>
        value instanceof Tensor
          ? value.arraySync()
          : value !== null && typeof value !== 'string'
            ? [...(value as number[])]
            : value,
    }),
    scaling: optional(is.nullable(is.oneOf('density', 'spectrum')), 'density'),
    periodic: optional(is.boolean, false),
  };

  declare readonly side: 'real' | 'imag';
  declare readonly window: Window | null;
  declare readonly scaling: 'density' | 'spectrum' | null;
  declare readonly periodic: boolean;

  constructor(options: STFTOptions = {}) {
    super(options);
  }

  override call(shape: readonly number[], dtype: DType): Tensor {
    const [frame, channels, frequencies] = shape as [number, number, number];
    if (shape.length !== 3 || channels !== 1) {
      throw new ShapeError(`STFT: expected a shape [frameLength, 1, frequencies], got ${formatShape(shape)}.`);
    }
    const window = this.#values(frame);
    const total = window === null ? 1 : this.#total(window);
    const length = (frequencies - 1) * 2;
    const values = new Float64Array(frame * frequencies);
    for (let n = 0; n < frame; n++) {
      for (let k = 0; k < frequencies; k++) {
        const angle = (-2 * n * k * Math.PI) / length;
        const factor = this.side === 'real' ? Math.cos(angle) : Math.sin(angle);
        values[n * frequencies + k] = window === null ? factor : (factor * (window[n] as number)) / total;
      }
    }
    return cast(tensor(values, { shape: [...shape] }), dtype);
  }

  #values(frame: number): number[] | null {
    if (this.window === null) return null;
    if (typeof this.window === 'string') return windowValues(this.window as WindowName, frame, this.periodic);
    const given: Tensor =
      this.window instanceof Tensor ? this.window : tensor(this.window as NestedArray | NumericArray);
    if (given.ndim !== 1 || given.size !== frame) {
      throw new ShapeError(`STFT: expected a window of shape [${frame}], got ${formatShape(given.shape)}.`);
    }
    return Array.from(given.dataSync(), Number);
  }

  #total(window: readonly number[]): number {
    if (this.scaling === 'density') return Math.sqrt(window.reduce((sum, value) => sum + value * value, 0));
    return this.scaling === 'spectrum' ? window.reduce((sum, value) => sum + Math.abs(value), 0) : 1;
  }
}
