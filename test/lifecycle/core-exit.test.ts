// Every way to leave a process or a worker with native work under way: the exit code of that way, no signal, nothing of a crash on stderr.
import { describe, expect, test } from 'vitest';
import { crashes, runChild } from '../support/child.js';

const fixture = new URL('./fixtures/core.ts', import.meta.url);

describe('leaving the main thread', () => {
  test.each([
    ['exit', 7, /^$/, /^$/],
    ['throw', 1, /thrown on purpose/, /^$/],
    ['reject', 1, /rejected on purpose/, /^$/],
    ['progress', 1, /thrown in onProgress/, /^$/],
    ['pending reads', 7, /^$/, /^$/],
    ['inside a recording', 7, /^$/, /^$/],
    ['inside a gradient', 7, /^$/, /^$/],
    ['in the middle of a close', 7, /^$/, /^$/],
    ['a session in an exit handler', 7, /^$/, /the process is ending/],
    ['an idle session is left behind', 0, /^$/, /^$/],
    ['a job is not awaited', 0, /^$/, /^200000\n$/],
    ['a read is not awaited', 0, /^$/, /^1\n$/],
  ] as const)('%s', async (way, code, errors, output) => {
    const ending = await runChild(fixture, [way]);
    expect(ending).toMatchObject({ code, signal: null });
    expect(ending.errors).toMatch(errors);
    expect(ending.errors).not.toMatch(crashes);
    expect(ending.output).toMatch(output);
  });
});

describe('leaving a worker', () => {
  test.each([
    ['exit', { code: 8, error: 'none' }],
    ['throw', { code: 1, error: 'thrown on purpose' }],
    ['reject', { code: 1, error: 'rejected on purpose' }],
    ['progress', { code: 1, error: 'thrown in onProgress' }],
    ['terminate', { code: 1, error: 'none' }],
    ['pending reads', { code: 8, error: 'none' }],
    ['inside a recording', { code: 8, error: 'none' }],
    ['inside a gradient', { code: 8, error: 'none' }],
    ['in the middle of a close', { code: 8, error: 'none' }],
    ['an idle session is left behind', { code: 0, error: 'none' }],
  ] as const)('%s', async (way, expected) => {
    const ending = await runChild(fixture, [way, 'worker']);
    expect(ending).toMatchObject({ code: 0, signal: null, errors: '' });
    expect(JSON.parse(ending.output)).toEqual(expected);
  });

  test('exit of the main thread', async () => {
    const ending = await runChild(fixture, ['exit of the main thread', 'worker']);
    expect(ending).toMatchObject({ code: 9, signal: null, errors: '' });
  });

  test.each([
    ['exit', { code: 8, error: 'none' }],
    ['terminate', { code: 1, error: 'none' }],
    ['throw', { code: 1, error: 'thrown on purpose' }],
    ['an idle session is left behind', { code: 0, error: 'none' }],
  ] as const)('four at once: %s', async (way, expected) => {
    const ending = await runChild(fixture, [way, 'workers']);
    expect(ending).toMatchObject({ code: 0, signal: null, errors: '' });
    const rounds = ending.output.trim().split('\n');
    expect(rounds.map((line) => JSON.parse(line))).toEqual([Array(4).fill(expected), Array(4).fill(expected)]);
  });
});
