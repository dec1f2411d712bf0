import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { corpus, formats, mutate } from '../../scripts/fuzz/corpus.js';
import { Random } from '../../scripts/fuzz/random.js';
import { fuzz } from '../../scripts/fuzz/supervise.js';
import { readZip } from '../support/npz.js';
import { scratch } from './files.js';

// As many as are read in half a minute; a search for faults takes ten times as many, or `npm run fuzz -- --minutes N`.
const files = Number(process.env.TORCHLAYERS_FUZZ_FILES ?? 2000);

describe('damaged files of all formats', () => {
  test('a seed and a number give the same file, and files differ', () => {
    const path = join(scratch(), 'whole.zip');
    const unzip = (bytes: Buffer) => {
      writeFileSync(path, bytes);
      return readZip(path);
    };
    const make = (file: number) => {
      const random = new Random(1, file);
      const { files: made, main } = mutate(random.pick(corpus()), random, unzip);
      return made.get(main)?.toString('latin1');
    };
    const first = Array.from({ length: 40 }, (_, file) => make(file));
    expect(Array.from({ length: 40 }, (_, file) => make(file))).toEqual(first);
    expect(new Set(first).size).toBeGreaterThan(35);
    expect(new Set(corpus().map(({ format }) => format))).toEqual(new Set(formats));
  });

  test('a reader that crashes, hangs, strays, takes memory or throws errors of its own is found, and the search goes on', async () => {
    const kinds = ['crash', 'foreign', 'strayed', 'memory', 'hang'] as const;
    const report = await fuzz({ seed: 1, files: 8, only: 'safetensors', rehearse: kinds });
    expect(report.faults.map(({ file, kind }) => [file, kind])).toEqual(kinds.map((kind, file) => [file, kind]));
    expect(report.faults[1]?.message).toMatch(/^TypeError: rehearsed/);
    expect(report.files).toBe(8);
    for (const { kept } of report.faults) expect(readdirSync(kept)).toHaveLength(1);
    rmSync(dirname(report.faults[0]?.kept as string), { recursive: true, force: true });
  }, 300_000);

  test(
    `${files} files are read or refused with an error of ours or of the system`,
    async () => {
      const report = await fuzz({ seed: 1, files });
      expect(report.faults).toEqual([]);
      expect(report.files).toBe(files);
      expect(report.read + report.refused + report.system).toBe(files);
      // Of every format some were read in spite of the damage, and most were found out.
      for (const format of formats) {
        const { files: all, read } = report.formats[format] as { files: number; read: number };
        expect(read).toBeGreaterThan(0);
        expect(read).toBeLessThan(all);
      }
      expect(report.growthMb).toBeLessThan(400);
    },
    60_000 + files * 100,
  );
});
