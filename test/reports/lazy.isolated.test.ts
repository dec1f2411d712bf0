import { expect, test } from 'vitest';
import { runChild } from '../support/child.js';

test('the libraries that draw are loaded on first use, and keep no process alive', async () => {
  const { code, output, errors } = await runChild(new URL('fixtures/lazy-child.ts', import.meta.url));
  expect({ code, errors }).toEqual({ code: 0, errors: '' });
  const steps = output.trim().split('\n');
  expect(steps.filter((step, i) => step !== steps[i - 1])).toEqual([
    'imported',
    'loaded echarts',
    'drawn',
    'loaded @viz-js',
    'plotted',
  ]);
});
