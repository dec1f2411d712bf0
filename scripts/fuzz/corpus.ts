import { fileURLToPath } from 'node:url';
import { type GoldenArray, loadGolden } from '../../test/support/golden.js';
import { readZip } from '../../test/support/npz.js';
import { mutateBytes, mutateJson, mutateSafetensors, mutateZip } from './mutate.js';
import type { Random } from './random.js';

export const formats = ['keras', 'h5', 'weights.h5', 'safetensors', 'npz', 'tfjs', 'imdb'] as const;
export type Format = (typeof formats)[number];

/** A whole file, or a folder of files, of one format. */
export interface Specimen {
  format: Format;
  name: string;
  /** What is opened, among `files`. */
  main: string;
  files: ReadonlyMap<string, Buffer>;
}

const golden = (name: string): Map<string, Buffer> =>
  readZip(fileURLToPath(new URL(`../../test/golden/saving/${name}`, import.meta.url)));

/** Small whole files of all formats, from the fixtures of the tests: the same on every machine. */
export function corpus(): Specimen[] {
  const single = (format: Format, name: string, bytes: Buffer): Specimen => ({
    format,
    name,
    main: name,
    files: new Map([[name, bytes]]),
  });
  const found: Specimen[] = [];
  const named = (files: Map<string, Buffer>, ending: string): [string, Buffer][] =>
    // Those called own_ need classes that a user registers; stack_weights holds no model.
    [...files].filter(([name]) => name.endsWith(ending) && !/^own_|weights.*\.h5$/.test(name));
  const keras = golden('files.zip');
  for (const [name, bytes] of named(keras, '.keras')) found.push(single('keras', name, bytes));
  for (const [name, bytes] of named(keras, '.h5')) found.push(single('h5', `k3-${name}`, bytes));
  for (const [name, bytes] of named(golden('keras2.zip'), '.h5')) found.push(single('h5', name, bytes));
  const good = golden('hostile.zip').get('good.weights.h5') as Buffer;
  found.push(single('weights.h5', 'good.weights.h5', good));
  const arrays = golden('arrays.zip');
  for (const [name, bytes] of named(arrays, '.safetensors')) found.push(single('safetensors', name, bytes));
  for (const [name, bytes] of named(arrays, '.npz')) found.push(single('npz', name, bytes));
  const folders = new Map<string, Map<string, Buffer>>();
  for (const [path, bytes] of golden('tfjs.zip')) {
    const [folder, name] = path.split('/') as [string, string];
    folders.set(folder, (folders.get(folder) ?? new Map()).set(name, bytes));
  }
  for (const [name, files] of folders) found.push({ format: 'tfjs', name, main: 'model.json', files });
  const { cases } = loadGolden<{ kind: string; file: GoldenArray }>('sequences');
  for (const { kind, name, file } of cases) {
    if (kind !== 'imdb' || name.includes('options')) continue;
    found.push(single('imdb', `${name.replace(/\W+/g, '-')}.npz`, Buffer.from(file.data as Uint8Array)));
  }
  return found;
}

const entriesOf = new WeakMap<Buffer, Map<string, Buffer>>();

/** A damaged copy of a specimen. */
export function mutate(
  { format, main, files, name }: Specimen,
  random: Random,
  unzip: (bytes: Buffer) => Map<string, Buffer>,
): Specimen {
  const changed = new Map(files);
  // Of a folder, the file that names the others most often.
  const target = files.size > 1 && random.chance(25) ? random.pick([...files.keys()]) : main;
  const bytes = files.get(target) as Buffer;
  let result: Buffer;
  if (format === 'safetensors') result = mutateSafetensors(bytes, random);
  else if (format === 'tfjs' && target === main && random.chance(75)) result = mutateJson(bytes, random);
  else if (format === 'keras' || format === 'npz' || format === 'imdb') {
    let entries = entriesOf.get(bytes);
    if (entries === undefined) {
      entries = unzip(bytes);
      entriesOf.set(bytes, entries);
    }
    result = mutateZip(bytes, entries, random);
  } else result = mutateBytes(bytes, random);
  changed.set(target, result);
  return { format, main, files: changed, name };
}
