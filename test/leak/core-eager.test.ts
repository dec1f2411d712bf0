// Finalizers of Node-API run only when JavaScript yields: without care, a loop that never does keeps every tensor that it makes.
import { expect, test } from 'vitest';
import { runChild } from '../support/child.js';

const fixture = new URL('./fixtures/eager.ts', import.meta.url);

test.each([
  'operators',
  'chains of operators',
  'views',
  'gradients',
  'assignments',
  'recorded functions',
  'values read',
  'tensors from arrays',
  'arrays shared with a tensor',
  'recordings',
  'errors in operators',
])('a loop that never yields stays flat: %s', async (loop) => {
  const { code, output, errors } = await runChild(fixture, [loop]);
  expect(errors).toBe('');
  expect(code).toBe(0);
  const { before, grown } = JSON.parse(output) as { before: number; grown: number };
  console.log(`${loop}: ${before} MB after a tenth, then ${grown} MB more`);
  // All results together are some 2,400 MB. Memory that typed arrays show is bounded at 256 MB.
  expect(grown).toBeLessThan(loop === 'values read' ? 300 : 100);
});
