import { expect, test } from 'vitest';
import { contestantNames } from '../../bench/contestants.js';
import { parseOptions } from '../../bench/options.js';
import { workloads } from '../../bench/workloads/index.js';

const choices = [
  { name: 'mnist-sgd' },
  { name: 'mnist-adam' },
  { name: 'calls' },
  { name: 'growth-batch-1', onRequest: true },
];
const contestants = ['torchlayers', 'pytorch', 'keras-jax', 'tfjs'];
const parse = (...args: string[]) => parseOptions(args, choices, contestants);

test('without arguments: all workloads but those on request, five rounds', () => {
  expect(parse()).toEqual({
    workloads: ['mnist-sgd', 'mnist-adam', 'calls'],
    contestants,
    rounds: 5,
    quick: false,
    threads: 0,
    seed: 0,
    out: 'bench-out/results.json',
    svg: null,
    list: false,
  });
});

test.each<[string[], string[]]>([
  [['mnist'], ['mnist-sgd', 'mnist-adam']],
  [
    ['--only', 'calls,mnist-adam'],
    ['mnist-adam', 'calls'],
  ],
  [
    ['mnist-adam', '--only', 'growth'],
    ['mnist-adam', 'growth-batch-1'],
  ],
])('%j picks %j', (args, expected) => {
  expect(parse(...args).workloads).toEqual(expected);
});

test('a quick run is one round of the contestants that start fast, unless told otherwise', () => {
  expect(parse('--quick')).toMatchObject({ rounds: 1, contestants: ['torchlayers', 'pytorch', 'keras-jax'] });
  expect(parse('--quick', '--rounds', '2', '--contestants', 'tfjs,torchlayers')).toMatchObject({
    rounds: 2,
    contestants: ['torchlayers', 'tfjs'],
  });
});

test.each([
  [
    ['mnist-ada'],
    'bench: expected workloads, got "mnist-ada".\n  Workloads: mnist-sgd, mnist-adam, calls, growth-batch-1.',
  ],
  [['--only', ''], 'bench: expected workloads, got "".\n  Workloads: mnist-sgd, mnist-adam, calls, growth-batch-1.'],
  [
    ['--contestants', 'theano'],
    'bench: expected contestants, got "theano".\n  Contestants: torchlayers, pytorch, keras-jax, tfjs.',
  ],
  [
    ['--rounds', '0'],
    'bench: expected --rounds as a whole number from 1 on, got "0".\n  Write: npm run bench -- --rounds 3',
  ],
  [
    ['--threads', '1.5'],
    'bench: expected --threads as a whole number from 0 on, got "1.5".\n  Write: npm run bench -- --threads 3',
  ],
])('%j is an error', (args, message) => {
  expect(() => parse(...args)).toThrow(new Error(message));
});

test('an unknown option is an error', () => {
  expect(() => parse('--fast')).toThrow(/--fast/);
});

test('each workload names contestants that there are, and has a name of its own', () => {
  for (const { contestants } of workloads) expect(contestantNames).toEqual(expect.arrayContaining([...contestants]));
  expect(new Set(workloads.map(({ name }) => name)).size).toBe(workloads.length);
});
