import { call } from '../core/call.js';
import { FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { type Tensor, tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import { isPlainObject } from '../core/tree.js';
import * as ops from '../ops/index.js';

/** How numbers were made smaller: value = number * scale + min. For float16 nothing but the width changed. */
type Quantization = { dtype: 'uint8' | 'uint16'; scale: number; min: number } | { dtype: 'float16'; scale: 1; min: 0 };

type StoredDType = 'float32' | 'int32' | 'bool' | 'uint8';

/** An array in the shards. */
export interface StoredWeight {
  name: string;
  shape: number[];
  dtype: StoredDType;
  quantization: Quantization | null;
  /** Number of elements. */
  size: number;
  /** Bytes in the shards. */
  bytes: number;
}

/** Files that hold arrays one after the other, as if they were one. */
export interface ShardGroup {
  paths: string[];
  weights: StoredWeight[];
}

const widths = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const;
const maxAxes = 64;

/** Checks a `weightsManifest`. @throws {FileFormatError} @internal */
export function parseManifest(manifest: unknown, path: string): ShardGroup[] {
  const refuse = (problem: string): FileFormatError =>
    new FileFormatError(
      `"${path}": weightsManifest: ${problem}.`,
      'The file is damaged, or of another format: convert the model anew.',
    );
  if (!Array.isArray(manifest)) throw refuse(`expected a list of groups, got ${show(manifest)}`);
  const names = new Set<string>();
  const files = new Set<unknown>();
  return manifest.map((group) => {
    const { paths, weights } = isPlainObject(group) ? group : {};
    if (!Array.isArray(paths) || !Array.isArray(weights)) {
      throw refuse(`expected groups with paths and weights, got ${show(group)}`);
    }
    for (const name of paths) {
      if (files.has(name)) throw refuse(`expected each file once, got ${show(name)} twice`);
      files.add(name);
      if (typeof name === 'string' && isInside(name)) continue;
      throw new FileFormatError(
        `"${path}": weightsManifest: expected paths of files in the folder of model.json, got ${show(name)}.`,
        'Neither URLs nor other folders are followed: put the files beside model.json and name them as they are there.',
      );
    }
    const parsed = weights.map((weight) => parseWeight(weight, refuse));
    for (const { name } of parsed) {
      if (names.has(name)) throw refuse(`expected each weight once, got ${show(name)} twice`);
      names.add(name);
    }
    return { paths: paths as string[], weights: parsed };
  });
}

/** Whether a path, of whatever system, leads nowhere but down. */
function isInside(path: string): boolean {
  const parts = path.split('/');
  // Neither drives and URLs, nor Windows' separators, nor control characters.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  return !/[:\\\u0000-\u001f]/.test(path) && parts.every((part) => part !== '' && part !== '.' && part !== '..');
}

function parseWeight(weight: unknown, refuse: (problem: string) => FileFormatError): StoredWeight {
  const { name, shape, dtype, quantization } = isPlainObject(weight) ? weight : {};
  if (typeof name !== 'string') throw refuse(`expected weights with names, got ${show(weight)}`);
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool' && dtype !== 'uint8') {
    throw refuse(`expected dtype float32, int32, uint8 or bool for ${show(name)}, got ${show(dtype)}`);
  }
  const isSize = (one: unknown): boolean => Number.isSafeInteger(one) && (one as number) >= 0;
  if (!Array.isArray(shape) || shape.length > maxAxes || !shape.every(isSize)) {
    throw refuse(`expected a shape of whole numbers for ${show(name)}, got ${show(shape)}`);
  }
  const extent = shape.reduce((product: number, size: number) => product * Math.max(size, 1), 8);
  if (!Number.isSafeInteger(extent)) throw refuse(`expected a shape that fits in memory for ${show(name)}`);
  const how = quantization === undefined ? null : parseQuantization(quantization, name, refuse);
  const size = shape.includes(0) ? 0 : extent / 8;
  return { name, shape, dtype, quantization: how, size, bytes: size * widths[how?.dtype ?? dtype] };
}

function parseQuantization(value: unknown, name: string, refuse: (problem: string) => FileFormatError): Quantization {
  const { dtype, scale, min } = isPlainObject(value) ? value : {};
  if (dtype === 'float16') return { dtype, scale: 1, min: 0 };
  const numbers = Number.isFinite(scale) && Number.isFinite(min);
  if ((dtype === 'uint8' || dtype === 'uint16') && numbers)
    return { dtype, scale: scale as number, min: min as number };
  throw refuse(
    `expected a quantization of float16, or of uint8 or uint16 with scale and min, for ${show(name)}, got ${show(value)}`,
  );
}

/** The tensor that stored bytes stand for. @internal */
export function tensorOfStored({ shape, dtype, quantization }: StoredWeight, bytes: ArrayBuffer): Tensor {
  return tidy(() => {
    if (quantization === null) {
      if (dtype === 'float32') return tensor(new Float32Array(bytes), { shape });
      if (dtype === 'int32') return tensor(new Int32Array(bytes), { shape });
      return tensor(new Uint8Array(bytes), { shape, dtype });
    }
    if (quantization.dtype === 'float16') {
      const half = call('aten::view.dtype', tensor(new Int16Array(bytes), { shape }), 'float16');
      return call('aten::to.dtype', half, dtype);
    }
    const { scale, min } = quantization;
    const stored = quantization.dtype === 'uint8' ? new Uint8Array(bytes) : new Uint16Array(bytes);
    // In 64 bits, as JavaScript computes.
    const wide = call('aten::to.dtype', tensor(stored, { shape }), 'float64');
    const value = ops.add(ops.multiply(wide, scale), min);
    return call('aten::to.dtype', dtype === 'int32' ? ops.round(value) : value, dtype);
  });
}
