import { ArgumentError } from './errors.js';

type Floatx = 'float16' | 'bfloat16' | 'float32' | 'float64';
/** Position of the channel axis in images. */
export type DataFormat = 'channels_last' | 'channels_first';

const state: { floatx: Floatx; epsilon: number; imageDataFormat: DataFormat; fusion: boolean } = {
  floatx: 'float32',
  epsilon: 1e-7,
  imageDataFormat: 'channels_last',
  fusion: true,
};

/** Package-wide settings, as `keras.config`. Device settings are added by `core/device.ts`. */
export const config = {
  /** Default float dtype. @default 'float32' */
  floatx(): Floatx {
    return state.floatx;
  },
  /** Sets the default float dtype of new weights and of nested arrays of numbers. @throws {ArgumentError} for a dtype that is no float */
  setFloatx(value: Floatx): void {
    if (!['float16', 'bfloat16', 'float32', 'float64'].includes(value)) {
      throw new ArgumentError(
        `config.setFloatx: expected 'float16', 'bfloat16', 'float32' or 'float64', got ${JSON.stringify(value)}.`,
      );
    }
    state.floatx = value;
  },
  /** Small number that keeps divisions and logarithms finite. @default 1e-7 */
  epsilon(): number {
    return state.epsilon;
  },
  /** Sets {@link epsilon}. @throws {ArgumentError} below 0 */
  setEpsilon(value: number): void {
    if (typeof value !== 'number' || !(value >= 0)) {
      throw new ArgumentError(`config.setEpsilon: expected a number of at least 0, got ${String(value)}.`);
    }
    state.epsilon = value;
  },
  /** Whether recorded functions are fused: patterns of operators replaced by faster ones of the same result. @default true */
  fusion(): boolean {
    return state.fusion;
  },
  /** Sets {@link fusion} for functions recorded from now on: off, programs run operator by operator as recorded. @throws {ArgumentError} for anything but true and false */
  setFusion(value: boolean): void {
    if (typeof value !== 'boolean') {
      throw new ArgumentError(`config.setFusion: expected true or false, got ${JSON.stringify(value)}.`);
    }
    state.fusion = value;
  },
  /** Default position of the channel axis. @default 'channels_last' */
  imageDataFormat(): DataFormat {
    return state.imageDataFormat;
  },
  /** Sets the default position of the channel axis. @throws {ArgumentError} for another name */
  setImageDataFormat(value: DataFormat): void {
    if (value !== 'channels_last' && value !== 'channels_first') {
      throw new ArgumentError(
        `config.setImageDataFormat: expected 'channels_last' or 'channels_first', got ${JSON.stringify(value)}.`,
      );
    }
    state.imageDataFormat = value;
  },
};
