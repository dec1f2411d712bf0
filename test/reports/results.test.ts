import { describe, expect, test } from 'vitest';
import { ArgumentError, ops, reports, ShapeError, tensor } from '../../lib/index.js';
import { countConfusions, normalized } from '../../lib/reports/confusion-matrix.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { chartsOf, readPng } from './charts.js';

interface Case {
  yTrue: GoldenArray;
  yPred: GoldenArray;
  classes: number;
  counts: GoldenArray;
  true: GoldenArray;
  pred: GoldenArray;
  all: GoldenArray;
}

/** The numbers that a page's matrix shows, without the sums: by row and column. */
function cellsOf(report: reports.Report): number[][] {
  const rows: number[][] = [];
  for (const { id, data } of chartsOf(report)[0]?.option.series ?? []) {
    if (id === 'sums') continue;
    for (const { value } of data as { value: number[] }[]) {
      const [column, row, shown] = value as [number, number, number];
      rows[row] ??= [];
      (rows[row] as number[])[column] = shown;
    }
  }
  return rows;
}

describe('confusionMatrix', () => {
  const { cases } = loadGolden<Case>('confusion');
  const labels = (count: number) => Array.from({ length: count }, (_, i) => `c${i}`);

  test.each(cases)("$name: scikit-learn's counts and shares", async ({ yTrue, yPred, classes, counts, ...shares }) => {
    const given = [tensor(yTrue.data, { shape: yTrue.shape }), tensor(yPred.data, { shape: yPred.shape })] as const;
    const expected = Array.from(counts.data, Number);
    expect((await countConfusions(...given, classes)).flat()).toEqual(expected);
    expect(cellsOf(await reports.confusionMatrix(...given, { labels: labels(classes) })).flat()).toEqual(expected);
    for (const normalize of ['true', 'pred', 'all'] as const) {
      const report = await reports.confusionMatrix(...given, { labels: labels(classes), normalize });
      const values = cellsOf(report).flat();
      const wanted = Array.from(shares[normalize].data, Number);
      expect(values).toHaveLength(wanted.length);
      for (const [i, value] of values.entries()) expect(value).toBeCloseTo(wanted[i] as number, 12);
    }
  });

  test('rows are true classes, with the sums at their ends', async () => {
    const report = await reports.confusionMatrix([0, 0, 1], [1, 0, 1], { labels: ['cat', 'dog'] });
    const [chart] = chartsOf(report);
    expect(chart?.option.xAxis).toMatchObject({ name: 'predicted class', data: ['cat', 'dog', 'sum'] });
    expect(chart?.option.yAxis).toMatchObject({ name: 'true class', data: ['cat', 'dog', 'sum'] });
    expect(cellsOf(report)).toEqual([
      [1, 1],
      [0, 1],
    ]);
    const sums = chart?.option.series.find(({ id }) => id === 'sums')?.data as { value: number[] }[];
    expect(sums.map(({ value }) => value.slice(0, 3))).toEqual([
      [2, 0, 2],
      [2, 1, 1],
      [0, 2, 1],
      [1, 2, 2],
      [2, 2, 3],
    ]);
    expect(report.html()).toContain('2 of 3 samples are right (66.67%).');
  });

  test('as many classes as labels, else as numbers or columns', async () => {
    expect(await countConfusions([0, 1], [0, 1], 4)).toHaveLength(4);
    expect(await countConfusions([0, 1], [0, 2])).toHaveLength(3);
    expect(
      await countConfusions(
        [0, 1],
        [
          [0.5, 0.25, 0.125, 0.125],
          [0, 1, 0, 0],
        ],
      ),
    ).toHaveLength(4);
    expect(await countConfusions([[0], [1]], [1, 1])).toEqual([
      [0, 1],
      [0, 1],
    ]);
  });

  test('shares of nothing are 0', () => {
    expect(
      normalized(
        [
          [0, 0],
          [0, 0],
        ],
        'all',
      ),
    ).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });

  test('forty classes are drawn without numbers in the cells', async () => {
    const numbers = Array.from({ length: 40 }, (_, i) => i);
    const svg = (await reports.confusionMatrix(numbers, numbers)).svg();
    expect(svg).not.toMatch(/NaN|undefined/);
    expect(svg.match(/>1<\/text>/g)).toHaveLength(2); // the class 1 on both axes
  });

  test.each([
    [
      [[0, 1], [0]],
      {},
      ShapeError,
      'reports.confusionMatrix: expected as many samples in yTrue as in yPred, got 2 and 1.',
    ],
    [
      [new Float32Array(0), new Float32Array(0)],
      {},
      ShapeError,
      'reports.confusionMatrix: expected at least one sample, got none.',
    ],
    [
      [
        [0, -1],
        [0, 1],
      ],
      {},
      ArgumentError,
      'expected yTrue to hold class numbers from 0 to 999, got -1 at position 1.\n  Number the classes from 0.',
    ],
    [
      [
        [0, 1],
        [0.2, 0.7],
      ],
      {},
      ArgumentError,
      'expected yPred to hold class numbers from 0 to 999, got 0.2',
    ],
    [
      [[0], [Number.NaN]],
      {},
      ArgumentError,
      'expected yPred to hold class numbers from 0 to 999, got NaN at position 0.',
    ],
    [[[[[0]]], [0]], {}, ShapeError, 'expected yTrue of shape [samples] or [samples, classes], got [1, 1, 1].'],
    [['no', [0]], {}, ArgumentError, 'reports.confusionMatrix: expected yTrue to be a tensor or numbers, got "no".'],
    [
      [
        [0, 2],
        [0, 1],
      ],
      { labels: ['a', 'b'] },
      ArgumentError,
      'reports.confusionMatrix: expected 3 labels, one for each class, got 2.',
    ],
    [
      [[0], [0]],
      { labels: 'ab' },
      ArgumentError,
      'reports.confusionMatrix: expected labels to be an array of names, got "ab".',
    ],
    [
      [[0], [0]],
      { normalize: 'rows' },
      ArgumentError,
      "expected normalize to be one of 'true', 'pred', 'all', got \"rows\".",
    ],
    [[[0], [0]], { normalise: 'true' }, ArgumentError, "unknown option 'normalise'.\n  Did you mean 'normalize'?"],
  ])('refuses %o with %o', async ([yTrue, yPred], options, type, message) => {
    const made = reports.confusionMatrix(yTrue as never, yPred as never, options as object);
    await expect(made).rejects.toThrow(type);
    await expect(made).rejects.toThrow(message);
  });
});

describe('worstPredictions', () => {
  // Four grey images of 2 x 2; sample 2 is right, the others are wrong by rising confidence in the wrong class.
  const images = tensor(
    Uint8Array.from({ length: 16 }, (_, i) => i * 16),
    { shape: [4, 2, 2] },
  );
  const yTrue = [0, 1, 2, 0];
  const probabilities = [
    [0.25, 0.5, 0.25],
    [0.75, 0.125, 0.125],
    [0.25, 0.25, 0.5],
    [0, 0.125, 0.875],
  ];
  const titlesOf = (report: reports.Report) =>
    [...report.html().matchAll(/<g><title>(.*?)<\/title>/g)].map(([, words]) => words);
  const picturesOf = (report: reports.Report) =>
    [...report.svg().matchAll(/href="(data:[^"]+)"/g)].map(([, uri]) => readPng(uri as string));

  test('by the loss of the true class: all samples, worst first', async () => {
    const report = await reports.worstPredictions(images, yTrue, probabilities);
    expect(titlesOf(report)).toEqual([
      'sample 3: true 0 (0.0%), predicted 2 (87.5%)',
      'sample 1: true 1 (12.5%), predicted 0 (75.0%)',
      'sample 0: true 0 (25.0%), predicted 1 (50.0%)',
      'sample 2: true 2 (50.0%), predicted 2 (50.0%)',
    ]);
    expect(report.html()).toContain('3 of 4 samples are classified wrongly.');
  });

  test('by the confidence in the wrong class: wrong ones only', async () => {
    const options = { sortBy: 'confidence', count: 2, labels: ['a', 'b', 'c'] } as const;
    const report = await reports.worstPredictions(images, yTrue, probabilities, options);
    expect(titlesOf(report)).toEqual([
      'sample 3: true a (0.0%), predicted c (87.5%)',
      'sample 1: true b (12.5%), predicted a (75.0%)',
    ]);
  });

  test('one-hot labels, and probabilities of a sigmoid', async () => {
    const oneHot = ops.oneHot([0, 1, 2, 0], 3);
    const report = await reports.worstPredictions(images, oneHot, probabilities);
    expect(titlesOf(report)).toEqual(titlesOf(await reports.worstPredictions(images, yTrue, probabilities)));
    const sigmoid = await reports.worstPredictions(images, [0, 1, 0, 1], [[0.75], [0.75], [0.25], [0.25]], {
      count: 2,
    });
    expect(titlesOf(sigmoid)).toEqual([
      'sample 0: true 0 (25.0%), predicted 1 (75.0%)',
      'sample 3: true 1 (25.0%), predicted 0 (75.0%)',
    ]);
  });

  test('NaN is worse than all', async () => {
    const broken = [...probabilities.slice(0, 2), [Number.NaN, Number.NaN, Number.NaN], probabilities[3] as number[]];
    expect(titlesOf(await reports.worstPredictions(images, yTrue, broken))[0]).toBe(
      'sample 2: true 2 (NaN), predicted 0 (NaN)',
    );
  });

  test('pixels of bytes are as they are', async () => {
    const report = await reports.worstPredictions(images, yTrue, probabilities, { count: 2 });
    expect(picturesOf(report)).toEqual([
      { width: 2, height: 2, channels: 1, pixels: [192, 208, 224, 240] },
      { width: 2, height: 2, channels: 1, pixels: [64, 80, 96, 112] },
    ]);
  });

  test('floats from 0 to 1, and others from the least to the most', async () => {
    const draw = async (values: number[]) =>
      picturesOf(await reports.worstPredictions(tensor(values, { shape: [1, 1, 3] }), [0], [[0, 1]]))[0]?.pixels;
    expect(await draw([0, 0.5, 1])).toEqual([0, 128, 255]);
    expect(await draw([0.25, 0.25, 0.25])).toEqual([64, 64, 64]);
    expect(await draw([-1, 0, 1])).toEqual([0, 128, 255]);
    expect(await draw([0, 102, 255])).toEqual([0, 102, 255]);
    expect(await draw([5, 5, Number.NaN])).toEqual([0, 0, 0]);
  });

  test('colour, and grey with a channel axis', async () => {
    const rgb = tensor(new Uint8Array([1, 2, 3, 4, 5, 6]), { shape: [1, 1, 2, 3] });
    expect(picturesOf(await reports.worstPredictions(rgb, [0], [[0, 1]]))).toEqual([
      { width: 2, height: 1, channels: 3, pixels: [1, 2, 3, 4, 5, 6] },
    ]);
    const grey = images.reshape([4, 2, 2, 1]);
    expect(picturesOf(await reports.worstPredictions(grey, yTrue, probabilities))).toEqual(
      picturesOf(await reports.worstPredictions(images, yTrue, probabilities)),
    );
  });

  test('no mistake, and confidence in mistakes asked for: a page that says so', async () => {
    const report = await reports.worstPredictions(images, [1, 0, 2, 2], probabilities, { sortBy: 'confidence' });
    expect(report.html()).toContain('0 of 4 samples are classified wrongly.');
    expect(report.svg()).toMatch(/^<svg .*<\/svg>\n$/s);
  });

  test.each([
    [
      { images: ops.zeros([4, 4]) },
      ShapeError,
      'expected images of shape [samples, height, width], or with 1 or 3 channels behind, got [4, 4].\n  Give rows of pixels their shape: images.reshape([-1, 28, 28]).',
    ],
    [{ images: ops.zeros([4, 2, 2, 2]) }, ShapeError, 'got [4, 2, 2, 2].\n  Channels are the last axis.'],
    [{ images: ops.zeros([3, 2, 2]) }, ShapeError, 'expected as many samples in images as in yTrue, got 3 and 4.'],
    [{ probabilities: [[1, 0, 0]] }, ShapeError, 'expected as many samples in yTrue as in probabilities, got 4 and 1.'],
    [
      { probabilities: ops.zeros([4, 2, 2]) },
      ShapeError,
      'expected probabilities of shape [samples, classes], got [4, 2, 2].',
    ],
    [
      { yTrue: [0, 1, 3, 0] },
      ArgumentError,
      'expected classes of yTrue below 3, as there are probabilities for, got 3.',
    ],
    [
      { options: { labels: ['a'] } },
      ArgumentError,
      'reports.worstPredictions: expected 3 labels, one for each class, got 1.',
    ],
    [
      { options: { count: 0 } },
      ArgumentError,
      'reports.worstPredictions: expected count to be a whole number of at least 1, got 0.',
    ],
    [{ options: { sortBy: 'x' } }, ArgumentError, "expected sortBy to be one of 'loss', 'confidence', got \"x\"."],
    [{ options: { top: 3 } }, ArgumentError, "reports.worstPredictions: unknown option 'top'."],
  ])('refuses %o', async (change, type, message) => {
    const given = { images, yTrue, probabilities, options: {}, ...(change as object) };
    const made = reports.worstPredictions(given.images, given.yTrue, given.probabilities, given.options);
    await expect(made).rejects.toThrow(type);
    await expect(made).rejects.toThrow(message);
  });
});
