import { ArgumentError, callbacks, Input, layers, type Model, ops, reports, Sequential } from 'torchlayers';
import { describe, expect, test } from 'vitest';
import { chartsOf, linesOf, markupOf } from './charts.js';

function tinyModel(): Model {
  const model = new Sequential([Input({ shape: [2] }), new layers.Dense({ units: 1, activation: 'sigmoid' })]);
  model.compile({ optimizer: 'sgd', loss: 'binary_crossentropy', metrics: ['accuracy'] });
  return model;
}

const x = ops.reshape(ops.arange(16, null, null, { dtype: 'float32' }), [8, 2]);
const y = ops.reshape(ops.cast(ops.greater(ops.arange(8), 3), 'float32'), [8, 1]);

describe('history', () => {
  test('a panel per metric, the loss first, epochs from 1', async () => {
    const curves = { accuracy: [0.5, 0.75], loss: [0.9, 0.5], val_accuracy: [0.4, 0.6], val_loss: [0.8, 0.7] };
    const charts = chartsOf(await reports.history(curves));
    expect(charts.map(linesOf)).toEqual([
      {
        metric: 'loss',
        lines: {
          'training (train)': [
            [1, 0.9],
            [2, 0.5],
          ],
          'validation (validation)': [
            [1, 0.8],
            [2, 0.7],
          ],
        },
      },
      {
        metric: 'accuracy',
        lines: {
          'training (train)': [
            [1, 0.5],
            [2, 0.75],
          ],
          'validation (validation)': [
            [1, 0.4],
            [2, 0.6],
          ],
        },
      },
    ]);
    expect(charts.map(({ option }) => option.xAxis.name)).toEqual(['epoch', 'epoch']);
  });

  test('the numbers of a real run', async () => {
    const history = await tinyModel().fit(x, y, { epochs: 3, validationData: [x, y], verbose: 0 });
    const [loss, accuracy] = chartsOf(await reports.history(history)).map(linesOf);
    const points = (name: string) => history.history[name]?.map((value, i) => [i + 1, value]);
    expect(loss?.lines).toEqual({ 'training (train)': points('loss'), 'validation (validation)': points('val_loss') });
    expect(accuracy?.lines['training (train)']).toEqual(points('accuracy'));
  });

  test('validation stands at the epochs that had one', async () => {
    const history = await tinyModel().fit(x, y, { epochs: 5, validationData: [x, y], validationFreq: 2, verbose: 0 });
    expect(history.epochsOf('val_loss')).toEqual([1, 3]);
    const [loss] = chartsOf(await reports.history(history)).map(linesOf);
    expect(loss?.lines['training (train)']?.map((point) => (point as number[])[0])).toEqual([1, 2, 3, 4, 5]);
    expect(loss?.lines['validation (validation)']?.map((point) => (point as number[])[0])).toEqual([2, 4]);
  });

  test('a run that goes on counts on', async () => {
    const history = await tinyModel().fit(x, y, { epochs: 4, initialEpoch: 2, verbose: 0 });
    const [loss] = chartsOf(await reports.history(history)).map(linesOf);
    expect(loss?.lines['training (train)']?.map((point) => (point as number[])[0])).toEqual([3, 4]);
  });

  test('a History of several runs, whose epochs start anew, is numbered through', async () => {
    const model = tinyModel();
    const history = new callbacks.History();
    for (let run = 0; run < 2; run++) await model.fit(x, y, { epochs: 2, verbose: 0, callbacks: [history] });
    const [loss] = chartsOf(await reports.history(history)).map(linesOf);
    expect(loss?.lines['training (train)']?.map((point) => (point as number[])[0])).toEqual([1, 2, 3, 4]);
  });

  test('marks the best epoch: of validation, the first of equals, low or high as the metric wants', async () => {
    const curves = {
      loss: [3, 1, 2],
      val_loss: [0.5, 0.25, 0.25],
      auc: [0.5, 0.875, 0.75],
      learning_rate: [0.1, 0.1, 0.01],
    };
    const marks = chartsOf(await reports.history(curves)).map(({ option }) =>
      option.series.flatMap(({ id, markPoint }) =>
        markPoint === undefined ? [] : [[id, markPoint.data[0]?.coord, markPoint.label.formatter]],
      ),
    );
    expect(marks).toEqual([
      [['validation:1', [2, 0.25], 'best 0.25 in epoch 2']],
      [['train:0', [2, 0.875], 'best 0.875 in epoch 2']],
      [],
    ]);
  });

  test("asks the model's metric for the direction", async () => {
    const model = tinyModel();
    model.compile({ optimizer: 'sgd', loss: 'mse', metrics: ['cosine_similarity'] });
    const history = await model.fit(x, y, { epochs: 2, verbose: 0 });
    const charts = chartsOf(await reports.history(history));
    expect(charts.map(({ option }) => option.series[0]?.markPoint !== undefined)).toEqual([true, true]);
    const plain = chartsOf(await reports.history(history.history));
    expect(plain.map(({ option }) => option.series[0]?.markPoint !== undefined)).toEqual([true, false]);
  });

  test('NaN, infinities and null are gaps, and told', async () => {
    const report = await reports.history({
      loss: [1, Number.NaN, Number.POSITIVE_INFINITY, 0.5],
      val_loss: [null, 1, 1, 1],
    });
    const [loss] = chartsOf(report).map(linesOf);
    expect(loss?.lines['training (train)']).toEqual([
      [1, 1],
      [2, null],
      [3, null],
      [4, 0.5],
    ]);
    expect(report.html()).toContain('<p class="note">loss, train: 2 of 4 values are not finite: a gap.</p>');
    expect(report.html()).toContain('<p class="note">loss, validation: 1 of 4 values is not finite: a gap.</p>');
    expect(report.svg()).not.toMatch(/NaN|Infinity/);
  });

  test('nothing but NaN, one epoch, and 1000 epochs are drawn', async () => {
    for (const loss of [[Number.NaN, Number.NaN], [2], Array.from({ length: 1000 }, (_, i) => 1 / (i + 1))]) {
      const report = await reports.history({ loss });
      expect(report.svg()).toMatch(/^<svg .*<\/svg>\n$/s);
      expect(report.svg()).not.toMatch(/NaN|Infinity|undefined/);
    }
  });

  test('ticks: the first epoch and round numbers', async () => {
    const ticks = async (epochs: number) =>
      chartsOf(await reports.history({ loss: new Array(epochs).fill(1) }))[0]?.option.xAxis.axisLabel.customValues;
    expect(await ticks(1)).toEqual([1]);
    expect(await ticks(5)).toEqual([1, 2, 3, 4, 5]);
    expect(await ticks(20)).toEqual([1, 5, 10, 15, 20]);
    expect(await ticks(250)).toEqual([1, 50, 100, 150, 200, 250]);
  });

  test('only some metrics, in that order', async () => {
    const curves = { loss: [1], a: [1], b: [1], val_b: [1] };
    const charts = chartsOf(await reports.history(curves, { metrics: ['b', 'a'] }));
    expect(charts.map(linesOf).map(({ metric }) => metric)).toEqual(['b', 'a']);
  });

  test('later changes of a history do not reach the report', async () => {
    const curves = { loss: [1, 2] };
    const report = await reports.history(curves);
    const before = report.svg();
    curves.loss.push(3);
    expect(report.svg()).toBe(before);
  });

  test.each([
    [{}, {}, 'reports.history: expected a history with at least one epoch, got an empty one.\n  Train first:'],
    [{ loss: [] }, {}, 'reports.history: expected a history with at least one epoch'],
    [new callbacks.History(), {}, 'reports.history: expected a history with at least one epoch'],
    [
      [1, 2],
      {},
      'reports.history: expected a History or an object of curves, got [1, 2].\n  Give what await model.fit(…)',
    ],
    [null, {}, 'reports.history: expected a History or an object of curves, got null.'],
    [Promise.resolve(), {}, 'reports.history: expected a History or an object of curves, got Promise.'],
    [{ loss: 1 }, {}, "reports.history: expected 'loss' to be an array of numbers, got 1."],
    [{ loss: [1, '2'] }, {}, 'reports.history: expected \'loss\' to be an array of numbers, got "2" at position 1.'],
    [
      { loss: [1] },
      { metrics: ['acc'] },
      "reports.history: expected metrics that were measured, got 'acc'.\n  Measured: loss.",
    ],
    [
      { val_loss: [1] },
      { metrics: ['val_loss'] },
      "got 'val_loss'.\n  Write 'loss': its panel shows training and validation.",
    ],
    [{ loss: [1] }, { metrics: 'loss' }, 'reports.history: expected metrics to be an array of names, got "loss".'],
    [{ loss: [1] }, { metrics: [] }, 'reports.history: expected metrics to be an array of names, got [].'],
    [{ loss: [1] }, { title: '' }, 'reports.history: expected title to be a string with words, got "".'],
    [{ loss: [1] }, { width: 10 }, 'reports.history: expected width to be a whole number of at least 200, got 10.'],
    [{ loss: [1] }, { height: 1.5 }, 'reports.history: expected height to be a whole number of at least 160, got 1.5.'],
    [{ loss: [1] }, { titel: 'x' }, "reports.history: unknown option 'titel'.\n  Did you mean 'title'?"],
  ])('refuses %o with %o', async (curves, options, message) => {
    const made = reports.history(curves as never, options as object);
    await expect(made).rejects.toThrow(ArgumentError);
    await expect(made).rejects.toThrow(message);
  });
});

describe('compare', () => {
  const runs = {
    SGD: { loss: [1, 0.5], val_loss: [1, 0.75] },
    Adam: { loss: [0.5, 0.25], val_loss: [0.5, 0.625], auc: [0.5, 1] },
  };

  test('a colour per run, training solid and validation dashed', async () => {
    const [loss] = chartsOf(await reports.compare(runs));
    const drawn = loss?.option.series.map(({ id, name, color, lineStyle }) => [id, name, color, lineStyle.type]);
    expect(drawn).toEqual([
      ['train:0', 'SGD', 'var(--series-0)', 'solid'],
      ['validation:1', 'SGD', 'var(--series-0)', [6, 4]],
      ['train:2', 'Adam', 'var(--series-1)', 'solid'],
      ['validation:3', 'Adam', 'var(--series-1)', [6, 4]],
    ]);
    expect(loss?.option.legend.data).toEqual(['SGD', 'Adam']);
  });

  test('a metric that only one run measured shows that run, in its colour', async () => {
    const [, auc] = chartsOf(await reports.compare(runs));
    expect(auc?.option.series.map(({ name, color }) => [name, color])).toEqual([['Adam', 'var(--series-1)']]);
  });

  test('the table has the best of each run, empty where it was not measured', async () => {
    const html = markupOf(await reports.compare(runs));
    const rows = [...html.matchAll(/<tr>(.*?)<\/tr>/g)].map(([, row]) =>
      [...(row as string).matchAll(/<t[hd][^>]*>(.*?)<\/t[hd]>/g)].map(([, cell]) => cell),
    );
    expect(rows).toEqual([
      ['run', 'best validation loss', 'in epoch', 'best auc', 'in epoch'],
      ['SGD', '0.75', '2', '', ''],
      ['Adam', '0.5', '1', '1', '2'],
    ]);
  });

  test('more runs than distinct colours get steps of a ramp, all different', async () => {
    const many = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`run ${i}`, { loss: [i] }]));
    const report = await reports.compare(many);
    const colours = chartsOf(report)[0]?.option.series.map(({ color }) => color) as string[];
    for (const theme of ['light', 'dark']) {
      const block = theme === 'light' ? /:root\{(.*?)\}/ : /data-theme=dark\]\{(.*?)\}/;
      const [, declarations = ''] = block.exec(report.html()) ?? [];
      const declared = new Map(declarations.split(';').map((one) => one.split(':') as [string, string]));
      const values = colours.map((colour) => declared.get(colour.slice(4, -1)));
      expect(new Set(values).size).toBe(12);
      expect(values.every((value) => /^#[0-9a-f]{6}$/.test(value ?? ''))).toBe(true);
    }
  });

  test('long names are cut and stay different', async () => {
    const long = 'a very long name of a run that would fill the whole legend ';
    const [loss] = chartsOf(
      await reports.compare({
        [`${long}1`]: { loss: [1] },
        [`${long}2`]: { loss: [1] },
        [`${long}x 2`]: { loss: [1] },
      }),
    );
    const names = loss?.option.legend.data as string[];
    expect(new Set(names).size).toBe(3);
    expect(names.every((name) => name.length <= 46)).toBe(true);
  });

  test.each([
    [{}, 'reports.compare: expected an object of at least one run, got an empty one.\n  Write reports.compare({'],
    [[{ loss: [1] }], 'reports.compare: expected an object of at least one run, got [an object].'],
    [{ a: {} }, 'reports.compare: "a": expected a history with at least one epoch, got an empty one.'],
    [
      { a: { loss: ['x'] } },
      'reports.compare: "a": expected \'loss\' to be an array of numbers, got "x" at position 0.',
    ],
  ])('refuses %o', async (given, message) => {
    await expect(reports.compare(given as never)).rejects.toThrow(message);
  });
});

describe('sweep', () => {
  const rates = { xLabel: 'dropout', values: [0.5, 0, 0.25], series: { accuracy: [3, 1, 2], seconds: [6, 4, 5] } };

  test('a panel per series, values in rising order', async () => {
    const report = await reports.sweep({ title: 'Dropout', ...rates });
    expect(report.title).toBe('Dropout');
    const charts = chartsOf(report);
    expect(
      charts.map(({ option }) => [option.title?.text, option.xAxis.name, option.xAxis.axisLabel.customValues]),
    ).toEqual([
      ['accuracy', 'dropout', [0, 0.25, 0.5]],
      ['seconds', 'dropout', [0, 0.25, 0.5]],
    ]);
    const points = charts.map(({ option }) =>
      option.series[0]?.data.map((point) => (point as { value: number[] }).value),
    );
    expect(points).toEqual([
      [
        [0, 1],
        [0.25, 2],
        [0.5, 3],
      ],
      [
        [0, 4],
        [0.25, 5],
        [0.5, 6],
      ],
    ]);
  });

  test('words are categories in the given order', async () => {
    const [chart] = chartsOf(
      await reports.sweep({ xLabel: 'optimizer', values: ['SGD', 'Adam'], series: { accuracy: [1, 2] } }),
    );
    expect(chart?.option.xAxis).toMatchObject({ type: 'category', data: ['SGD', 'Adam'] });
    expect(chart?.option.series[0]?.data).toMatchObject([{ value: [0, 1] }, { value: [1, 2] }]);
  });

  test('a logarithmic axis', async () => {
    const [chart] = chartsOf(
      await reports.sweep({ xLabel: 'rate', values: [0.001, 0.1], series: { a: [1, 2] }, logX: true }),
    );
    expect(chart?.option.xAxis.type).toBe('log');
  });

  test('training, validation and test share a panel', async () => {
    const series = { accuracy: [1, 2, 3], val_accuracy: [1, 2, Number.NaN], test_accuracy: [0, 1, 2] };
    const report = await reports.sweep({ ...rates, series });
    const charts = chartsOf(report);
    expect(charts).toHaveLength(1);
    expect(charts[0]?.option.series.map(({ id, name, data }) => [id, name, data])).toEqual([
      [
        'train:0',
        'training',
        [
          [0, 2],
          [0.25, 3],
          [0.5, 1],
        ],
      ],
      [
        'validation:1',
        'validation',
        [
          [0, 2],
          [0.25, null],
          [0.5, 1],
        ],
      ],
      [
        'test:2',
        'test',
        [
          [0, 1],
          [0.25, 2],
          [0.5, 0],
        ],
      ],
    ]);
    expect(report.html()).toContain(
      '<td>0.25</td><td class="number">3</td><td class="number"></td><td class="number">2</td>',
    );
  });

  test.each([
    [{ values: [] }, 'reports.sweep: expected values to be an array of at least one value, got [].'],
    [{ values: [1, null, 2] }, 'reports.sweep: expected values to be finite numbers or words, got null.'],
    [{ values: [1, 2] }, "reports.sweep: expected 'accuracy' to have one number for each of 2 values, got 3."],
    [{ series: {} }, 'reports.sweep: expected series to be an object of at least one series, got an empty one.'],
    [{ series: { a: [1, 2, 'x'] } }, 'reports.sweep: expected \'a\' to be an array of numbers, got "x".'],
    [{ logX: true }, 'reports.sweep: expected values above 0 for a logarithmic axis, got 0.\n  Leave logX out.'],
    [{ logX: 1 }, 'reports.sweep: expected logX to be true or false, got 1.'],
    [{ xLabel: undefined }, 'reports.sweep: expected xLabel to be a string with words, got undefined.'],
    [{ metrics: ['a'] }, "reports.sweep: unknown option 'metrics'."],
  ])('refuses %o', async (change, message) => {
    await expect(reports.sweep({ ...rates, ...(change as object) })).rejects.toThrow(message);
  });
});
