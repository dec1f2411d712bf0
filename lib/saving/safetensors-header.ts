import type { DType } from '../core/dtype.js';
import { FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';

/** The format's names of element types; those of 4 bits and less, and scales without sign, have no dtype here. */
export const safetensorsDTypes: Readonly<Record<string, readonly [dtype: DType, bytes: number]>> = {
  BOOL: ['bool', 1],
  U8: ['uint8', 1],
  I8: ['int8', 1],
  F8_E4M3: ['float8_e4m3fn', 1],
  F8_E5M2: ['float8_e5m2', 1],
  U16: ['uint16', 2],
  I16: ['int16', 2],
  F16: ['float16', 2],
  BF16: ['bfloat16', 2],
  U32: ['uint32', 4],
  I32: ['int32', 4],
  F32: ['float32', 4],
  U64: ['uint64', 8],
  I64: ['int64', 8],
  F64: ['float64', 8],
  C64: ['complex64', 8],
};

/** A tensor as a header describes it. */
export interface TensorEntry {
  name: string;
  dtype: DType;
  shape: number[];
  /** Place of its first byte in the file. */
  start: number;
  bytes: number;
}

/** What a file holds, without its values. */
export interface SafetensorsHeader {
  entries: TensorEntry[];
  metadata: Record<string, string>;
}

/** The longest header that the format allows. */
export const maxHeaderBytes = 100_000_000;
const maxAxes = 64;
const metadataKey = '__metadata__';

/** What is wrong with a file, as the first line of an error says it. */
export function refuseFile(path: string, problem: string, cause?: unknown): FileFormatError {
  return new FileFormatError(
    `"${path}": ${problem}.`,
    'The file is damaged, half-written or of another format: save it anew.',
    { cause },
  );
}

/**
 * Reads a header, which says of each tensor its type, shape and place. Every byte after it belongs to exactly one tensor.
 * @param bytes the JSON after the length in front
 * @param fileBytes the file's size
 * @throws {FileFormatError} for whatever does not agree with itself or with the file
 */
export function parseSafetensorsHeader(bytes: Uint8Array, fileBytes: number, path: string): SafetensorsHeader {
  const refuse = (problem: string, cause?: unknown): FileFormatError => refuseFile(path, problem, cause);
  if (bytes[0] !== 0x7b) throw refuse("expected a header that begins with '{', got other bytes");
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    header = JSON.parse(text);
    const twice = repeatedKey(text);
    if (twice !== null) throw refuse(`expected each name once in the header, got ${JSON.stringify(twice)} twice`);
  } catch (error) {
    if (error instanceof FileFormatError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw refuse(`expected a header of JSON in UTF-8, got other bytes: ${reason.replace(/\.$/, '')}`, error);
  }
  if (!isPlainObject(header)) throw refuse(`expected an object as header, got ${show(header)}`);
  const base = 8 + bytes.byteLength;
  const metadata: [string, string][] = [];
  const entries: TensorEntry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name !== metadataKey) {
      entries.push(parseEntry(name, value, base, refuse));
      continue;
    }
    for (const [key, text] of isPlainObject(value) ? Object.entries(value) : [[metadataKey, value] as const]) {
      if (typeof text !== 'string' || !isPlainObject(value)) {
        throw refuse(`expected texts in the metadata, got ${show(text)} at ${JSON.stringify(key)}`);
      }
      metadata.push([key, text]);
    }
  }
  entries.sort((a, b) => a.start - b.start || a.bytes - b.bytes);
  let end = base;
  for (const { name, start, bytes: size } of entries) {
    if (start !== end) {
      const what = start < end ? 'inside another' : `after ${start - end} bytes that belong to none`;
      throw refuse(`expected tensors one after the other, got ${JSON.stringify(name)} ${what}`);
    }
    end += size;
  }
  if (end !== fileBytes) throw refuse(`expected ${end} bytes, as the header says, got ${fileBytes}`);
  return { entries, metadata: Object.fromEntries(metadata) };
}

function parseEntry(
  name: string,
  value: unknown,
  base: number,
  refuse: (problem: string) => FileFormatError,
): TensorEntry {
  const title = JSON.stringify(name.slice(0, 200));
  const { dtype: type, shape, data_offsets: offsets, ...others } = isPlainObject(value) ? value : {};
  const [extra] = Object.keys(others);
  if (!isPlainObject(value) || extra !== undefined) {
    throw refuse(`expected dtype, shape and data_offsets of ${title}, got ${extra ?? show(value)}`);
  }
  const isCount = (one: unknown): one is number =>
    Number.isSafeInteger(one) && (one as number) >= 0 && !Object.is(one, -0);
  const known =
    typeof type === 'string' && Object.hasOwn(safetensorsDTypes, type) ? safetensorsDTypes[type] : undefined;
  if (known === undefined) {
    throw refuse(`expected a dtype of ${Object.keys(safetensorsDTypes).join(', ')} for ${title}, got ${show(type)}`);
  }
  const [dtype, itemBytes] = known;
  if (!Array.isArray(shape) || shape.length > maxAxes || !shape.every(isCount)) {
    throw refuse(`expected a shape of at most ${maxAxes} whole numbers for ${title}, got ${show(shape)}`);
  }
  // Axes of 0 hide how large the others are.
  const extent = shape.reduce((product: number, size: number) => product * Math.max(size, 1), itemBytes);
  if (!Number.isSafeInteger(extent)) throw refuse(`expected a shape that fits in memory for ${title}, got [${shape}]`);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[1] < offsets[0]) {
    throw refuse(`expected data_offsets of a begin and an end for ${title}, got ${show(offsets)}`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = shape.includes(0) ? 0 : extent;
  if (end - begin !== bytes)
    throw refuse(`expected ${bytes} bytes for ${title} of ${type}[${shape}], got ${end - begin}`);
  return { name, dtype, shape, start: base + begin, bytes };
}

/** A key that stands twice in one object of a text that is JSON; readers differ in which of the two they take. */
function repeatedKey(text: string): string | null {
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '{') open.push(new Set());
    else if (char === '[') open.push(null);
    else if (char === '}' || char === ']') open.pop();
    if (char !== '"') continue;
    const begin = at;
    for (at++; text[at] !== '"'; at++) if (text[at] === '\\') at++;
    let next = at + 1;
    while (/\s/.test(text[next] ?? '')) next++;
    const names = open[open.length - 1];
    if (text[next] !== ':' || names == null) continue;
    const name = JSON.parse(text.slice(begin, at + 1)) as string;
    if (names.has(name)) return name;
    names.add(name);
  }
  return null;
}
