import { fileURLToPath } from 'node:url';
import { type GoldenArray, parseNpy, readZip } from './npz.js';

export type { GoldenArray } from './npz.js';

/** One case: its name, and whatever the script that made it put there, arrays read in place. */
export interface GoldenCase {
  name: string;
  [field: string]: unknown;
}

/** The values of one family, as Keras computed them. */
export interface Golden<Case = GoldenCase> {
  /** Version of Keras that the values come from. */
  keras: string;
  cases: (Case & { name: string })[];
  /** What belongs to the family and to no single case. */
  facts: Record<string, unknown>;
  /** An array by its name in the file. */
  array(name: string): GoldenArray;
}

const families = new Map<string, Golden>();

/**
 * Reads `test/golden/<family>.npz`, once per process.
 *
 * The type parameter names the fields that a test uses; scripts/golden/<family>.py decides what is there.
 *
 * @example
 * ```ts
 * interface LossCase { kind: string; fn: string; options: object; yTrue: GoldenArray; yPred: GoldenArray; y: GoldenArray }
 * const golden = loadGolden<LossCase>('losses');
 * test.each(golden.cases.filter(({ kind }) => kind === 'function'))('$name', ({ yTrue, yPred, y }) => { ... });
 * ```
 */
export function loadGolden<Case = GoldenCase>(family: string): Golden<Case> {
  let golden = families.get(family);
  if (golden === undefined) {
    golden = read(family);
    families.set(family, golden);
  }
  return golden as unknown as Golden<Case>;
}

function read(family: string): Golden {
  const entries = readZip(fileURLToPath(new URL(`../golden/${family}.npz`, import.meta.url)));
  const arrays = new Map<string, GoldenArray>();
  const array = (name: string): GoldenArray => {
    let found = arrays.get(name);
    if (found === undefined) {
      const bytes = entries.get(`${name}.npy`);
      if (bytes === undefined) throw new Error(`${family}.npz holds no array ${name}`);
      found = parseNpy(bytes);
      arrays.set(name, found);
    }
    return found;
  };
  const resolve = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(resolve);
    if (typeof value !== 'object' || value === null) return value;
    const fields = Object.entries(value);
    if (fields.length === 1 && fields[0]?.[0] === 'array' && typeof fields[0][1] === 'string')
      return array(fields[0][1]);
    return Object.fromEntries(fields.map(([key, item]) => [key, resolve(item)]));
  };
  const document = JSON.parse(entries.get('cases.json')?.toString() ?? '{}') as Record<string, unknown>;
  const {
    cases,
    keras,
    family: _,
    ...facts
  } = resolve(document) as { cases: GoldenCase[]; keras: string; family: string };
  return { keras, cases, facts, array };
}

/** Reads back the numbers that JSON can't hold and that scripts write as strings. */
export function goldenNumber(value: number | 'NaN' | 'Infinity' | '-Infinity'): number {
  return Number(value);
}

/** Row `index` along the first axis: goldens stack what belongs to successive steps. */
export function goldenRow({ data, shape, dtype }: GoldenArray, index: number): GoldenArray {
  const inner = shape.slice(1);
  const size = inner.reduce((product, axis) => product * axis, 1);
  return { data: data.slice(index * size, (index + 1) * size) as GoldenArray['data'], shape: inner, dtype };
}
