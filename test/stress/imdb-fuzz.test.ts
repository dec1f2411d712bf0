import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { datasets, FileFormatError, Tensor } from '../../lib/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { readZip } from '../support/npz.js';

const { cases } = loadGolden<{ kind: string; file: GoldenArray }>('sequences');
const filesOf = (wanted: (kind: string, name: string) => boolean): Buffer[] =>
  cases.filter(({ kind, name }) => wanted(kind, name)).map(({ file }) => Buffer.from(file.data as Uint8Array));
const whole = filesOf((kind, name) => kind === 'imdb' && !name.includes('options'));
const refused = filesOf((kind) => kind === 'refused');
// More of those that can be read: a change of the others is mostly refused for what they were.
const files = [...Array.from({ length: 10 }, () => whole).flat(), ...refused];

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'imdb-fuzz-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Whole numbers below a bound, the same for the same seed (xorshift32). */
function numbersFrom(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

// Instructions of Python's pickle machine, so that mutants are programs more often than noise is.
const instructions = Buffer.from(
  '()]}aeKMJqrhjRbcNtC.BXU0123lsuoidpgIFLSV\x80\x85\x86\x87\x88\x89\x8a\x8b\x8c\x93\x94\x95',
  'latin1',
);

/** Changes some bytes: to others, to instructions; cut out, put in, or taken from elsewhere. */
function mutate(bytes: Buffer, random: (below: number) => number): Buffer {
  let result = Buffer.from(bytes);
  for (let i = random(4); i >= 0; i--) {
    const at = random(Math.max(result.length, 1));
    const count = random(8) + 1;
    switch (random(6)) {
      case 0:
        result[at] = random(256);
        break;
      case 1:
        result[at] = instructions[random(instructions.length)] as number;
        break;
      case 2:
        result = Buffer.concat([result.subarray(0, at), result.subarray(at + count)]);
        break;
      case 3:
        result = Buffer.concat([
          result.subarray(0, at),
          result.subarray(random(result.length + 1)).subarray(0, 20),
          result.subarray(at),
        ]);
        break;
      case 4:
        result.fill(
          [0, 0x7f, 0x80, 0xff][random(4)] as number,
          Math.min(at, result.length),
          Math.min(at + count, result.length),
        );
        break;
      default:
        result = result.subarray(0, random(4) === 0 ? at : result.length);
    }
  }
  return result;
}

/** A zip whose checksums and sizes are right, so that what is inside gets read. */
function zipOf(entries: Map<string, Buffer>): Buffer {
  const locals: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const packed = deflateRawSync(content, { level: 1 });
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(8, 4);
    fields.writeUInt32LE(crc32(content), 10);
    fields.writeUInt32LE(packed.length, 14);
    fields.writeUInt32LE(content.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name), packed]);
    const place = Buffer.alloc(14);
    place.writeUInt32LE(offset, 10);
    central.push(Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), fields, place, Buffer.from(name)]));
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

/** What came of one file: true where it was read. Fails unless it was read whole or refused as a file should be. */
async function read(path: string): Promise<boolean> {
  try {
    const parts = await datasets.imdb.loadData({ path });
    for (const [x, y] of parts) {
      expect(y).toBeInstanceOf(Tensor);
      expect(y.shape).toEqual([x.length]);
      expect(x.every((review) => review.every(Number.isSafeInteger))).toBe(true);
      y.dispose();
    }
    return true;
  } catch (error) {
    if (!(error instanceof FileFormatError)) throw error;
    return false;
  }
}

async function fuzz(count: number, seed: number, make: (random: (below: number) => number) => Buffer): Promise<number> {
  const random = numbersFrom(seed);
  const paths = Array.from({ length: 16 }, (_, i) => join(folder, `${seed}-${i}.npz`));
  let valid = 0;
  for (let done = 0; done < count; done += paths.length) {
    const batch = paths.slice(0, count - done);
    const mutants = batch.map(() => make(random));
    await Promise.all(batch.map((path, i) => writeFile(path, mutants[i] as Buffer)));
    const results = await Promise.all(batch.map(read));
    valid += results.filter(Boolean).length;
  }
  return valid;
}

describe('10,000 damaged files are read or refused, in bounded memory', () => {
  const resident = (): number => {
    globalThis.gc?.();
    return process.memoryUsage().rss / 2 ** 20;
  };

  test('damaged inside, with right checksums', async () => {
    const entries = await Promise.all(
      files.map(async (file, i) => {
        const path = join(folder, `whole-${i}.npz`);
        await writeFile(path, file);
        return readZip(path);
      }),
    );
    await fuzz(200, 3, (random) => mutate(files[random(files.length)] as Buffer, random));
    const before = resident();
    const valid = await fuzz(8_000, 1, (random) => {
      const found = entries[random(entries.length)] as Map<string, Buffer>;
      const names = [...found.keys()];
      const changed = names[random(8) === 0 ? random(names.length) : 0] as string;
      return zipOf(
        new Map([...found].map(([name, content]) => [name, name === changed ? mutate(content, random) : content])),
      );
    });
    // Some of the changes only change numbers; most are found.
    expect(valid).toBeGreaterThan(100);
    expect(valid).toBeLessThan(7_000);
    expect(resident() - before).toBeLessThan(100);
  });

  test('damaged anywhere', async () => {
    const before = resident();
    await fuzz(2_000, 2, (random) => mutate(files[random(files.length)] as Buffer, random));
    expect(resident() - before).toBeLessThan(100);
  });

  test('an archive that unpacks to far more than it holds is refused before it is unpacked', async () => {
    const [first] = files as [Buffer];
    const path = join(folder, 'bomb.npz');
    await writeFile(path, first);
    const entries = readZip(path);
    entries.set('x_train.npy', Buffer.alloc(64 << 20, 'K\x07'));
    await writeFile(path, zipOf(entries));
    const before = resident();
    await expect(datasets.imdb.loadData({ path })).rejects.toThrow(/claims 67108864 bytes/);
    expect(resident() - before).toBeLessThan(50);
  });
});
