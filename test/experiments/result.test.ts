// The catalogue of experiments, the means over seeds, tables, and the verdict on the chapter's table.
import { describe, expect, test } from 'vitest';
import { bookRows } from '../../experiments/book.js';
import { experiments } from '../../experiments/catalog.js';
import { chapterSettings, type Outcome, type Settings } from '../../experiments/network.js';
import { emptyResult, resultTable, summaries } from '../../experiments/result.js';
import { formatTable, mean, percent } from '../../experiments/table.js';
import { accuracies, shortfalls } from '../../experiments/verdict.js';

const outcome = (test: number, more: Partial<Outcome> = {}): Outcome => ({
  seed: 1,
  parameters: 1234,
  seconds: 2,
  history: { loss: [1, 0.5] },
  train: 0.9,
  validation: 0.8,
  test,
  ...more,
});

function changed(settings: Settings): string[] {
  const names = Object.keys(chapterSettings) as (keyof Settings)[];
  return names.filter((name) => JSON.stringify(settings[name]) !== JSON.stringify(chapterSettings[name]));
}

describe('catalogue', () => {
  // What each may change; dropout is left out where its effect would hide what is looked at.
  const allowed: Record<string, (keyof Settings)[]> = {
    dropout: ['dropout'],
    optimizer: ['optimizer'],
    epochs: ['epochs'],
    'learning-rate': ['learningRate'],
    'hidden-neurons': ['hidden'],
    'batch-size': ['batchSize'],
    regularization: ['dropout', 'penalty'],
    'batch-normalization': ['dropout', 'optimizer', 'batchNormalization'],
  };

  test.each(experiments.map((experiment) => [experiment.name, experiment] as const))('%s', (name, experiment) => {
    const points = experiment.settings(20);
    expect(points.length).toBeGreaterThan(2);
    expect(new Set(points.map(({ label }) => label)).size).toBe(points.length);
    expect(new Set(points.map(({ settings }) => JSON.stringify(settings))).size).toBe(points.length);
    const all = new Set(points.flatMap(({ settings }) => changed(settings)));
    expect([...all].sort()).toEqual(allowed[name]?.toSorted());
    if (experiment.logX) expect(points.every(({ value }) => Number(value) > 0)).toBe(true);
  });

  test('the longest of the numbers of epochs is the one asked for', () => {
    const experiment = experiments.find(({ name }) => name === 'epochs');
    const epochsOf = (longest: number) => experiment?.settings(longest).map(({ settings }) => settings.epochs);
    expect(epochsOf(80)).toEqual([5, 10, 20, 40, 80]);
    expect(epochsOf(3)).toEqual([1, 2, 3]);
    expect(epochsOf(1)).toEqual([1]);
  });
});

describe('results', () => {
  const [experiment] = experiments;
  const result = emptyResult(experiment!, { images: 1000, seeds: 2, epochs: 2 });
  result.points[1]?.outcomes.push(
    outcome(0.5, { history: { loss: [1, 0.5] } }),
    outcome(0.75, { seed: 2, seconds: 4, train: 0.8, validation: 0.9, history: { loss: [2, 1.5] } }),
  );

  test('are means over the seeds of what was trained, and the shortest time', () => {
    expect(summaries(result)).toEqual([
      {
        label: '0.1',
        value: 0.1,
        parameters: 1234,
        seconds: 2,
        train: expect.closeTo(0.85),
        validation: expect.closeTo(0.85),
        test: 0.625,
        history: { loss: [1.5, 1] },
      },
    ]);
  });

  test('are printed as a table', () => {
    const { columns, rows } = resultTable(result);
    expect(`\n${formatTable(columns, rows)}\n`).toMatchInlineSnapshot(`
      "
      fraction dropped  parameters  seconds  train %  validation %  test %
      ----------------  ----------  -------  -------  ------------  ------
      0.1                    1,234      2.0    85.00         85.00   62.50
      "
    `);
  });
});

test('numbers of tables', () => {
  expect(percent(0.97815)).toBe('97.81');
  expect(percent(null)).toBe('-');
  expect(mean([1, 2, 6])).toBe(3);
});

describe('verdict', () => {
  const row = bookRows.find(({ name }) => name === 'adam')!;

  test.each([
    [[0.9752], [], []],
    [[0.975, 0.9756], [], []],
    [[0.9751], [], ["test 97.51 % is more than 0.3 points below the book's 97.82 %"]],
    [[0.99], [0.9851], []],
    [[0.98], [0.9851], ["test 98.00 % is more than 0.5 points from Keras' 98.51 %"]],
    [[0.9851], [0.98], ["test 98.51 % is more than 0.5 points from Keras' 98.00 %"]],
    [
      [Number.NaN],
      [0.98],
      [
        "test NaN % is more than 0.3 points below the book's 97.82 %",
        "test NaN % is more than 0.5 points from Keras' 98.00 %",
      ],
    ],
  ])('ours %j, Keras %j', (ours, keras, found) => {
    const of = (values: number[]): Outcome[] => values.map((value) => outcome(value));
    expect(shortfalls({ row, ours: of(ours), keras: of(keras) })).toEqual(found);
  });

  test('is taken of means in per cent', () => {
    expect(accuracies([outcome(0.5), outcome(0.25, { train: 0.5, validation: 0.7 })])).toEqual({
      train: expect.closeTo(70),
      validation: expect.closeTo(75),
      test: 37.5,
    });
  });
});
