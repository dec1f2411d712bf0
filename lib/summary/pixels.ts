import { setImmediate } from 'node:timers/promises';
import { type DType, isFloat, type NumericArray } from '../core/dtype.js';
import { ArgumentError, ShapeError } from '../core/errors.js';
import { formatShape } from '../core/tensor.js';
import { encodePng } from './png.js';

/** Numbers between two turns of the event loop. */
const slice = 1 << 17;

/** Images as event files hold them. @internal */
export interface EncodedImages {
  width: number;
  height: number;
  pngs: Uint8Array[];
}

/** @throws {ShapeError} unless `shape` is [images, height, width, channels] with 1 to 4 channels; {ArgumentError} for a dtype that holds no pixels */
export function checkImages(where: string, shape: readonly number[], dtype: DType): void {
  const [, height = 0, width = 0, channels = 0] = shape;
  if (shape.length !== 4 || height < 1 || width < 1 || channels < 1 || channels > 4) {
    throw new ShapeError(
      `${where}: expected images of shape [images, height, width, channels] with 1 to 4 channels, got ${formatShape(shape)}.`,
      shape.length === 3
        ? 'One more axis: ops.expandDims(image, 0), or ops.expandDims(images, -1).'
        : 'Reshape them first.',
    );
  }
  if (isFloat(dtype) || dtype === 'uint8' || dtype === 'bool') return;
  throw new ArgumentError(
    `${where}: expected images of a float dtype (0 to 1), uint8 (0 to 255) or bool, got ${dtype}.`,
    "Convert them: ops.cast(images, 'uint8').",
  );
}

/** The first images as PNGs. Floats from 0 to 1 become 0 to 255, others are cut off. @internal */
export async function encodeImages(
  values: NumericArray,
  shape: readonly number[],
  dtype: DType,
  maxOutputs: number,
): Promise<EncodedImages> {
  const [count, height, width, channels] = shape as [number, number, number, number];
  const size = height * width * channels;
  const pngs: Uint8Array[] = [];
  for (let image = 0; image < Math.min(count, maxOutputs); image++) {
    const pixels = await pixelsOf(values.subarray(image * size, (image + 1) * size) as NumericArray, dtype);
    pngs.push(await encodePng(pixels, { width, height, channels }));
  }
  return { width, height, pngs };
}

async function pixelsOf(values: NumericArray, dtype: DType): Promise<Uint8Array> {
  if (dtype === 'uint8') return values as Uint8Array;
  const pixels = new Uint8Array(values.length);
  for (let start = 0; start < values.length; start += slice) {
    const end = Math.min(start + slice, values.length);
    // As TensorFlow converts: the product is a float32, and is cut, not rounded.
    for (let i = start; i < end; i++) {
      const scaled = dtype === 'bool' ? 255 * Number(values[i]) : Math.fround(Number(values[i]) * 255.5);
      pixels[i] = Math.min(255, Math.max(0, scaled));
    }
    if (end < values.length) await setImmediate();
  }
  return pixels;
}
