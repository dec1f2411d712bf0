import { describe, expect, test } from 'vitest';
import { chartSvg, groupsOf } from '../../bench/chart.js';
import { type Outcome, takingPart } from '../../bench/rounds.js';
import { figure, standings } from '../../bench/summary.js';
import { alignedTable, outcomeText } from '../../bench/table.js';
import { type Metrics, median, type Run, type TrainPoint, type Workload } from '../../bench/workload.js';
import { workloads } from '../../bench/workloads/index.js';

const run = (process_s: number, metrics: Metrics, label = 'step'): Run => ({
  import_s: 0.5,
  peak_rss_mb: 100,
  threads: 2,
  versions: {},
  process_s,
  results: { [label]: metrics },
});

const workload: Workload = {
  name: 'made',
  title: 'Made numbers',
  columns: [
    { metric: 'us_per_step', title: 'us/step', digits: 0 },
    { metric: 'process_s', title: 'process s', digits: 1 },
    { metric: 'test_accuracy', title: 'accuracy', digits: 4 },
    { metric: 'event_loop_pause_ms', title: 'pause ms', digits: 1 },
  ],
  goals: [
    { metric: 'us_per_step', speedup: 2, floor: 1.35 },
    { metric: 'process_s', speedup: 3 },
  ],
  contestants: ['torchlayers', 'pytorch', 'keras-jax', 'tfjs'],
  floor: true,
  job: () => Promise.reject(new Error('Nothing is started here.')),
};

const outcome: Outcome = {
  workload,
  runs: new Map([
    ['torchlayers', [run(2, { us_per_step: [100, 120, 90], test_accuracy: 0.97 }), run(4, { us_per_step: [140] })]],
    ['pytorch', [run(6, { us_per_step: [300, 500] })]],
    ['keras-jax', [run(9, { us_per_step: 240, test_accuracy: 0.98 })]],
    // No baseline in Python: it may be faster without counting.
    ['tfjs', [run(1, { us_per_step: 60 })]],
    ['floor', [run(1, { us_per_step: 80 })]],
  ]),
  failures: new Map([['keras-tensorflow', 'bench: it ended with status 1:\nImportError: none']]),
};

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 2, 3], 2.5],
  [[7], 7],
  [[], Number.NaN],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected);
});

test('a figure is the median of the rounds, each the median of its repetitions; the range is over all', () => {
  const runs = outcome.runs.get('torchlayers') as Run[];
  expect(figure(runs, 'step', 'us_per_step')).toEqual({ middle: 120, least: 90, most: 140 });
  expect(figure(runs, 'step', 'process_s')).toEqual({ middle: 3, least: 2, most: 4 });
  expect(figure(runs, 'step', 'test_accuracy')).toEqual({ middle: 0.97, least: 0.97, most: 0.97 });
  expect(figure(runs, 'step', 'event_loop_pause_ms')).toBeNull();
});

test('a standing is to the fastest Python baseline and to the floor', () => {
  expect(standings(outcome)).toEqual([
    {
      metric: 'us_per_step',
      ours: 120,
      fastest: { name: 'keras-jax', speedup: 2, asked: 2 },
      floor: { ratio: 1.5, asked: 1.35 },
    },
    { metric: 'process_s', ours: 3, fastest: { name: 'pytorch', speedup: 2, asked: 3 }, floor: null },
  ]);
  const without = { ...outcome, runs: new Map([...outcome.runs].filter(([name]) => name !== 'torchlayers')) };
  expect(standings(without)).toEqual([]);
});

test('the text of a workload', () => {
  expect(outcomeText(outcome)).toMatchInlineSnapshot(`
    "made: Made numbers
                 us/step  process s  accuracy  us/step range  to ours
    torchlayers      120        3.0    0.9700         90-140    1.00x
    pytorch          400        6.0         -        300-500    3.33x
    keras-jax        240        9.0    0.9800        240-240    2.00x
    tfjs              60        1.0         -          60-60    0.50x
    floor             80        1.0         -          80-80    0.67x
    us_per_step: 2.00 times as fast as the fastest Python baseline (keras-jax, asked 2); 1.50 times the products alone (asked 1.35)
    process_s: 2.00 times as fast as the fastest Python baseline (pytorch, asked 3)
    keras-tensorflow failed: ImportError: none"
  `);
});

test('with several sizes a row says which', () => {
  const sizes: Outcome = {
    workload: { ...workload, columns: workload.columns.slice(0, 1), goals: [] },
    runs: new Map([
      [
        'torchlayers',
        [{ ...run(1, {}), results: { 'batch 16': { us_per_step: 50 }, 'batch 64': { us_per_step: 70 } } }],
      ],
      ['pytorch', [run(1, { us_per_step: 75 }, 'batch 16')]],
    ]),
    failures: new Map(),
  };
  expect(outcomeText(sizes)).toMatchInlineSnapshot(`
    "made: Made numbers
                           us/step  us/step range  to ours
    batch 16: torchlayers       50          50-50    1.00x
    batch 16: pytorch           75          75-75    1.50x
    batch 64: torchlayers       70          70-70    1.00x
    batch 64: pytorch            -              -        -"
  `);
  expect(groupsOf([sizes])).toEqual([
    { name: 'made batch 16', ratios: { torchlayers: 1, pytorch: 1.5 } },
    { name: 'made batch 64', ratios: { torchlayers: 1 } },
  ]);
});

test('columns are as wide as their widest cell, without blanks at the ends', () => {
  expect(
    alignedTable([
      ['', 'a'],
      ['longer', '1'],
      ['b', '123'],
    ]),
  ).toBe('          a\nlonger    1\nb       123');
});

describe('who takes part', () => {
  test('the floor comes last, and only with torchlayers', () => {
    expect(takingPart(workload, ['torchlayers', 'tfjs'])).toEqual(['torchlayers', 'tfjs', 'floor']);
    expect(takingPart(workload, ['pytorch', 'keras-jax'])).toEqual(['pytorch', 'keras-jax']);
    expect(takingPart({ ...workload, floor: false }, ['torchlayers'])).toEqual(['torchlayers']);
  });
});

test('a chart has a bar for each time, named in the legend', async () => {
  const svg = await chartSvg(groupsOf([outcome]));
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" width="860" height="\d+"/);
  for (const name of outcome.runs.keys()) expect(svg).toContain(`>${name}</text>`);
  // Ratios to torchlayers' 120.
  for (const text of ['1.0x', '3.3x', '2.0x', '0.50x', '0.67x']) expect(svg).toContain(`>${text}</text>`);
});

test('a quick run has less to do than a full one, and the same models', async () => {
  for (const one of workloads.filter(({ name }) => /^(mnist-adam|cnn|lstm)$/.test(name))) {
    const [full, quick] = await Promise.all(
      [false, true].map((quick) => one.job('pytorch', { quick, seed: 1, threads: 0 })),
    );
    const [{ steps, epochs, ...rest }, less] = [full, quick].map((job) => job?.points?.['step'] as TrainPoint) as [
      TrainPoint,
      TrainPoint,
    ];
    expect(less).toMatchObject(rest);
    expect(less.steps * less.epochs).toBeLessThan(steps * epochs);
  }
});
