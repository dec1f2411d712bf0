import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const fixture = fileURLToPath(new URL('./fixtures/fit.ts', import.meta.url));

interface Ending {
  code: number | null;
  signal: string | null;
  output: string;
  errors: string;
}

function leave(way: string, place = 'main'): Promise<Ending> {
  const child = spawn(process.execPath, ['--import', 'tsx', fixture, way, place], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), 60_000);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code, signal, output, errors });
    });
  });
}

const crashes = /terminate called|Segmentation|core dumped|FATAL|Assertion|double free|corrupt/i;

describe('leaving while fit runs in the main thread', () => {
  test.each([
    ['finish', 0, /^$/],
    ['exit', 7, /^$/],
    ['throw', 1, /thrown on purpose/],
    ['reject', 1, /rejected on purpose/],
  ] as const)('%s', async (way, code, text) => {
    const ending = await leave(way);
    expect(ending.signal, ending.errors).toBeNull();
    expect(ending.code, ending.errors).toBe(code);
    expect(ending.errors).toMatch(text);
    expect(ending.errors).not.toMatch(crashes);
  });

  test('a signal ends it', async () => {
    const ending = await leave('kill');
    expect(ending.signal).toBe('SIGTERM');
    expect(ending.errors).not.toMatch(crashes);
  });
});

describe('leaving while fit runs in a worker', () => {
  test.each([
    ['finish', { code: 0, error: 'none' }],
    ['exit', { code: 8, error: 'none' }],
    ['throw', { code: 1, error: 'thrown on purpose' }],
    ['reject', { code: 1, error: 'rejected on purpose' }],
    ['terminate', { code: 1, error: 'none' }],
  ] as const)('%s', async (way, expected) => {
    const ending = await leave(way, 'worker');
    expect(ending.signal, ending.errors).toBeNull();
    expect(ending.code, ending.errors).toBe(0);
    expect(JSON.parse(ending.output)).toEqual(expected);
    expect(ending.errors).not.toMatch(crashes);
  });

  test('exit of the main thread', async () => {
    const ending = await leave('kill', 'worker');
    expect(ending.signal, ending.errors).toBeNull();
    expect(ending.code, ending.errors).toBe(9);
    expect(ending.errors).not.toMatch(crashes);
  });
});
