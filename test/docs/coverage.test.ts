import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { coverageText, find, kerasNames, ownName } from '../../scripts/coverage.js';

const page = readFileSync(new URL('../../docs/coverage.md', import.meta.url), 'utf8');

test('docs/coverage.md lists the exports of lib/index.ts', () => {
  expect(page === coverageText() ? 'up to date' : 'out of date: npm run coverage').toBe('up to date');
});

test.each([
  ['ops.segment_sum', 'ops.segmentSum'],
  ['regularizers.l1_l2', 'regularizers.l1L2'],
  ['ops.in_top_k', 'ops.inTopK'],
  ['datasets.fashion_mnist.load_data', 'datasets.fashionMnist.loadData'],
  ['layers.Conv2D', 'layers.Conv2D'],
  ['tree.MAP_TO_NONE', 'tree.MAP_TO_NONE'],
])('%s is written %s', (keras, own) => {
  expect(ownName(keras)).toBe(own);
});

test('an object counts as there under any of its names', () => {
  const names = (name: string, ...aliases: string[]) => find({ name, aliases });
  expect(names('layers.Dense').path).toBe('layers.Dense');
  expect(names('layers.NoSuchLayer').path).toBeNull();
  expect(names('Optimizer', 'optimizers.Optimizer').path).toBe('optimizers.Optimizer');
  expect(names('KerasTensor').path).toBe('SymbolicTensor');
  expect(names('layers.Dense', 'layers.FullyConnected', 'ops.nn.dense').missing).toEqual(['layers.FullyConnected']);
});

test('every name of Keras stands on one line only', () => {
  const { version, entries } = kerasNames();
  const all = entries.flatMap(({ name, aliases }) => [name, ...aliases]);
  expect(version).toMatch(/^3\.\d+\.\d+$/);
  expect(new Set(all).size).toBe(all.length);
});
