// Two copies of the addon would register their operators twice, which ends the process.
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findAddon } from '../../lib/core/loader.js';
import { crashes, runChild } from '../support/child.js';

const folder = mkdtempSync(join(tmpdir(), 'second-copy-'));
const { folder: built } = findAddon();
cpSync(built as string, folder, { recursive: true, filter: (path) => path === built || /\.node$/.test(path) });
afterAll(() => rmSync(folder, { recursive: true }));

test.each(['main', 'worker'])('a second copy is an error that names both: %s', async (place) => {
  const fixture = new URL('./fixtures/second-copy.ts', import.meta.url);
  const ending = await runChild(fixture, [folder, place]);
  expect(ending).toMatchObject({ code: 0, signal: null });
  expect(ending.errors).not.toMatch(crashes);
  expect(ending.output).toContain('expected one copy of torchlayers in a process, got a second one');
  expect(ending.output).toContain(join(folder, 'torchlayers.node'));
  expect(ending.output).toContain(dirname(join(built as string, 'torchlayers.node')));
  expect(ending.output.trim().split('\n').at(-1)).toBe('[1,2]');
});
