import { crc32, deflateRawSync } from 'node:zlib';
import type { Random } from './random.js';

/** Numbers at which counts, offsets and lengths go wrong. */
const oddNumbers = [
  0n,
  1n,
  7n,
  8n,
  255n,
  256n,
  0x7fffn,
  0xffffn,
  0x7fffffffn,
  0x80000000n,
  0xffffffffn,
  1n << 40n,
  (1n << 53n) + 1n,
  (1n << 63n) - 1n,
  (1n << 64n) - 1n,
];

/** Values that stand in configs where others are expected. */
const oddValues: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  2 ** 31,
  2 ** 53,
  '',
  '../outside.bin',
  '/etc/passwd',
  'http://127.0.0.1:9/x',
  'file:///etc/passwd',
  '__proto__',
  'constructor',
  'Dense',
  'Lambda',
  '\u0000',
  'x'.repeat(5000),
  [],
  {},
  [null],
  [-1, 2],
  [1e9, 1e9],
  { class_name: 'Lambda', config: { function: ['4wAAAA==', null, null] } },
  { module: 'os', class_name: 'system', config: 'id', registered_name: null },
  JSON.parse(`${'['.repeat(300)}${']'.repeat(300)}`),
];

/** Changes bytes in one to four places: other bits, numbers, lengths swapped, ranges cut, doubled or blanked, an end cut off. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let result = Buffer.from(bytes);
  for (let times = random.below(4); times >= 0; times--) {
    if (result.length === 0) return result;
    const at = random.below(result.length);
    const count = 1 + random.below(random.chance(80) ? 16 : 400);
    const end = Math.min(at + count, result.length);
    switch (random.below(9)) {
      case 0:
        result[at] = (result[at] as number) ^ (1 << random.below(8));
        break;
      case 1:
        result[at] = random.below(256);
        break;
      case 2: {
        const width = random.pick([2, 4, 8]);
        const number = Buffer.alloc(8);
        number.writeBigUInt64LE(random.pick(oddNumbers));
        number.copy(result, at, 0, Math.min(width, result.length - at));
        break;
      }
      case 3: {
        // Two fields change places.
        const width = random.pick([2, 4, 8]);
        const other = random.below(result.length);
        if (Math.max(at, other) + width > result.length) break;
        const kept = Buffer.from(result.subarray(at, at + width));
        result.copy(result, at, other, other + width);
        kept.copy(result, other);
        break;
      }
      case 4:
        result = Buffer.concat([result.subarray(0, at), result.subarray(end)]);
        break;
      case 5:
        result = Buffer.concat([result.subarray(0, end), result.subarray(at)]);
        break;
      case 6:
        result.fill(random.pick([0, 0x7f, 0x80, 0xff]), at, end);
        break;
      case 7: {
        const from = random.below(result.length);
        result.copy(result, at, from, Math.min(from + count, result.length));
        break;
      }
      default:
        if (random.chance(30)) result = result.subarray(0, at);
    }
  }
  return result;
}

/** Changes one to three values of a JSON text: others in their place, keys gone, doubled or renamed, values that changed places. */
export function mutateJson(bytes: Buffer, random: Random): Buffer {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString());
  } catch {
    return mutateBytes(bytes, random);
  }
  let doubled: string | null = null;
  for (let times = random.below(3); times >= 0; times--) {
    const places: [object: Record<string, unknown>, key: string][] = [];
    const visit = (node: unknown): void => {
      if (typeof node !== 'object' || node === null) return;
      for (const [key, child] of Object.entries(node)) {
        places.push([node as Record<string, unknown>, key]);
        visit(child);
      }
    };
    visit(value);
    if (places.length === 0) break;
    const [object, key] = random.pick(places);
    switch (random.below(6)) {
      case 0:
        if (Array.isArray(object)) object.splice(Number(key), 1);
        else delete object[key];
        break;
      case 1: {
        const [other, otherKey] = random.pick(places);
        // Not a value into itself: JSON has no circles.
        [object[key], other[otherKey]] = [structuredClone(other[otherKey]), structuredClone(object[key])];
        break;
      }
      case 2:
        if (Array.isArray(object)) object.push(structuredClone(object[Number(key)]));
        else object[String(random.pick(oddValues)).slice(0, 20)] = structuredClone(object[key]);
        break;
      case 3:
        if (typeof object[key] === 'number') object[key] = (object[key] as number) + random.pick([-1, 1, 8, 1000]);
        else object[key] = structuredClone(random.pick(oddValues));
        break;
      case 4:
        doubled = `${JSON.stringify(key)}:`;
        break;
      default:
        object[key] = structuredClone(random.pick(oddValues));
    }
  }
  const text = JSON.stringify(value);
  const at = doubled === null ? -1 : text.indexOf(doubled);
  return Buffer.from(at < 0 ? text : `${text.slice(0, at)}${doubled}0,${text.slice(at)}`);
}

/** A '.safetensors' file with another header, of which the length in front is right. */
export function mutateSafetensors(bytes: Buffer, random: Random): Buffer {
  if (random.chance(40)) return mutateBytes(bytes, random);
  const length = Number(bytes.readBigUInt64LE());
  const header = mutateJson(bytes.subarray(8, 8 + length), random);
  const first = Buffer.alloc(8);
  first.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([first, header, bytes.subarray(8 + length)]);
}

/** A zip file: its bytes, its structure, or what is inside with right checksums. */
export function mutateZip(bytes: Buffer, entries: ReadonlyMap<string, Buffer>, random: Random): Buffer {
  const way = random.below(100);
  if (way < 25) return mutateBytes(bytes, random);
  if (way < 45) return mutateZipFields(bytes, random);
  const changed = new Map(entries);
  const name = random.pick([...entries.keys()]);
  const content = entries.get(name) as Buffer;
  if (random.chance(8)) {
    changed.delete(name);
    const odd = random.pick([`../${name}`, `/${name}`, `a\\${name}`, `${name}/`, '', `x/${name}`]);
    if (random.chance(70)) changed.set(odd, content);
  } else changed.set(name, name.endsWith('.json') ? mutateJson(content, random) : mutateBytes(content, random));
  return zipOf(changed, random.chance(30));
}

/** Numbers in a header of an entry, of the directory or of its end. */
function mutateZipFields(bytes: Buffer, random: Random): Buffer {
  const result = Buffer.from(bytes);
  const places: number[] = [];
  for (const mark of ['PK\x01\x02', 'PK\x03\x04', 'PK\x05\x06', 'PK\x07\x08']) {
    for (let at = result.indexOf(mark, 0, 'latin1'); at >= 0; at = result.indexOf(mark, at + 4, 'latin1'))
      places.push(at);
  }
  for (let times = random.below(3); times >= 0 && places.length > 0; times--) {
    const at = random.pick(places) + 4 + 2 * random.below(21);
    const number = Buffer.alloc(8);
    number.writeBigUInt64LE(random.pick(oddNumbers));
    if (at < result.length) number.copy(result, at, 0, Math.min(random.pick([2, 4]), result.length - at));
  }
  return result;
}

/** A zip whose checksums and sizes are right, so that what is inside gets read. */
function zipOf(entries: ReadonlyMap<string, Buffer>, packed: boolean): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const data = packed ? deflateRawSync(content, { level: 1 }) : content;
    const file = Buffer.from(name);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(packed ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(data.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(file.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, file, data]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), fields, place, file]));
    locals.push(local);
    offset += local.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 'latin1');
  end.writeUInt16LE(entries.size, 8);
  end.writeUInt16LE(entries.size, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...locals, directory, end]);
}
