/** Element types that files hold; everything else is refused by name. */
export type FileDType =
  | 'float16'
  | 'bfloat16'
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool';

/** An attribute's value: strings and numbers only. */
export type AttributeValue = string | number | string[] | number[];

/** A data set as its header describes it; its values are read on demand. */
export interface DatasetNode {
  kind: 'dataset';
  shape: number[];
  /** null for types that no weight has: strings, compounds, references. */
  dtype: FileDType | null;
  bytes: number;
  attributes: Record<string, AttributeValue>;
}

/** A group. */
export interface GroupNode {
  kind: 'group';
  attributes: Record<string, AttributeValue>;
}

/** What may lead out of the file, and is never followed. */
export interface RefusedNode {
  kind: 'refused';
  /** 'a soft link', 'an external link', 'a virtual data set'. */
  what: string;
}

export type Node = DatasetNode | GroupNode | RefusedNode;

/** Where a file's bytes are: in a file from an offset on (an entry of an archive), or in memory. */
export type Source = { path: string; offset: number; size: number } | { bytes: ArrayBuffer };

/** What the worker is asked to do. */
export type Request =
  | { op: 'open'; source: Source; crc: number | null }
  | { op: 'read'; path: string }
  | { op: 'create'; path: string }
  | { op: 'group'; path: string }
  | { op: 'attribute'; path: string; name: string; value: string | readonly string[] }
  | { op: 'dataset'; path: string; shape: readonly number[]; dtype: FileDType }
  | { op: 'write'; path: string; offset: number[]; count: number[]; length: number; bytes: ArrayBuffer }
  | { op: 'close' };

/**
 * What it answers. `system` holds a system error's code: the disk is full, the file can't be read. After what is `fatal` the library may be in disorder.
 */
export type Reply =
  | { ok: true; value: unknown }
  | { ok: false; message: string; fatal: boolean; system: { code: string; syscall: string } | null };

/** Bytes of one element. */
export const sizes: Readonly<Record<FileDType, number>> = {
  float16: 2,
  bfloat16: 2,
  float32: 4,
  float64: 8,
  int8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  uint16: 2,
  uint32: 4,
  uint64: 8,
  bool: 1,
};

/**
 * A data set cut into blocks of at most `limit` bytes each, in the order of its elements: ranges along one axis, single places along those before it.
 */
export function* blocks(
  shape: readonly number[],
  itemSize: number,
  limit: number,
): Generator<{ offset: number[]; count: number[]; start: number; bytes: number }> {
  const total = shape.reduce((product, size) => product * size, 1);
  if (total === 0) return;
  // The first axis whose single rows fit.
  let axis = 0;
  let row = total * itemSize;
  while (axis < shape.length) {
    row /= shape[axis] as number;
    if (row <= limit) break;
    axis++;
  }
  if (axis >= shape.length) {
    yield { offset: shape.map(() => 0), count: [...shape], start: 0, bytes: total * itemSize };
    return;
  }
  const rows = Math.max(1, Math.floor(limit / row));
  const size = shape[axis] as number;
  const outer = shape.slice(0, axis);
  const outerTotal = outer.reduce((product, one) => product * one, 1);
  let start = 0;
  for (let place = 0; place < outerTotal; place++) {
    const prefix: number[] = [];
    for (let i = axis - 1, rest = place; i >= 0; i--) {
      prefix.unshift(rest % (outer[i] as number));
      rest = Math.floor(rest / (outer[i] as number));
    }
    for (let from = 0; from < size; from += rows) {
      const here = Math.min(rows, size - from);
      const bytes = here * row;
      yield {
        offset: [...prefix, from, ...shape.slice(axis + 1).map(() => 0)],
        count: [...outer.map(() => 1), here, ...shape.slice(axis + 1)],
        start,
        bytes,
      };
      start += bytes;
    }
  }
}
