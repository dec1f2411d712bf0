import type { EChartsOption } from 'echarts';
import { ArgumentError } from '../core/errors.js';
import type { TensorLike } from '../core/tensor.js';
import { checkChoice, checkOptions, none } from '../ops/arguments.js';
import type { ChartBlock, ChartStyle, Section } from './blocks.js';
import { fontFamily, loadCharts } from './charts.js';
import { checkSameLength, classesOf, readValues } from './classes.js';
import { checkNames, checkTitle } from './options.js';
import { Report } from './report.js';
import { distinctNames, formatNumber, textWidth } from './text.js';

/** Options of {@link confusionMatrix}. */
export interface ConfusionMatrixOptions {
  /** Names of the classes, in the order of their numbers. @default the numbers */
  labels?: readonly (string | number)[];
  /**
   * What cells show: counts (null), or shares of the true class (each row sums to 1), of the predicted class (each column), or of all samples; 0 where
   * there are none. As scikit-learn's.
   * @default null
   */
  normalize?: 'true' | 'pred' | 'all' | null;
  /** Heading of the report. @default 'Confusion matrix' */
  title?: string;
}

const where = 'reports.confusionMatrix';
const sums = 'sum';

/**
 * Shows which classes are taken for which: a row for each true class, a column for each predicted one, the sums at the end.
 *
 * Right predictions are blue, by their share of the true class; mistakes are orange, by how frequent they are beside the most frequent one. The sums are
 * counts, also where cells are shares. There are as many classes as `labels`, else up to the largest class number or to the columns of probabilities.
 *
 * @param yTrue class numbers `[samples]`, or one-hot `[samples, classes]`
 * @param yPred the same, or probabilities `[samples, classes]` as `predict` answers them: the largest counts
 * @throws {ArgumentError} for what is no class number, and another number of `labels`
 * @throws {ShapeError} unless both have as many samples
 * @example
 * ```ts
 * import { reports } from 'torchlayers';
 *
 * const report = await reports.confusionMatrix([0, 1, 1, 0], [0, 1, 0, 0], { labels: ['cat', 'dog'], normalize: 'true' });
 * ```
 */
export async function confusionMatrix(
  yTrue: TensorLike,
  yPred: TensorLike,
  options: ConfusionMatrixOptions = none,
): Promise<Report> {
  checkOptions(where, options, ['labels', 'normalize', 'title'], 'yTrue, yPred');
  const title = checkTitle(where, options.title ?? 'Confusion matrix');
  const { normalize = null } = options;
  if (normalize !== null) checkChoice(where, 'normalize', normalize, ['true', 'pred', 'all']);
  const given = options.labels === undefined ? null : checkNames(where, 'labels', options.labels, null);
  const counts = await countConfusions(yTrue, yPred, given?.length);
  const labels = distinctNames(given ?? counts.map((_, i) => String(i)));
  await loadCharts();
  const right = counts.reduce((sum, row, i) => sum + (row[i] as number), 0);
  const all = counts.flat().reduce((sum, count) => sum + count, 0);
  const shown = {
    true: 'Shares of the true class.',
    pred: 'Shares of the predicted class.',
    all: 'Shares of all samples.',
  };
  const notes = [
    `${formatNumber(right)} of ${formatNumber(all)} samples are right (${((100 * right) / all).toFixed(2)}%).`,
    ...(normalize === null ? [] : [shown[normalize]]),
  ];
  const section: Section = { title: '', notes, table: null, blocks: [matrixBlock(counts, labels, normalize)] };
  return new Report(title, [section]);
}

/** Number of samples by true class (rows) and predicted class (columns). @internal */
export async function countConfusions(yTrue: TensorLike, yPred: TensorLike, classes?: number): Promise<number[][]> {
  const actual = classesOf(where, 'yTrue', await readValues(where, 'yTrue', yTrue));
  const predicted = classesOf(where, 'yPred', await readValues(where, 'yPred', yPred));
  checkSameLength(where, 'yTrue', actual.numbers.length, 'yPred', predicted.numbers.length);
  const found = Math.max(actual.count, predicted.count);
  if (classes !== undefined && classes < found) {
    throw new ArgumentError(
      `${where}: expected ${found} labels, one for each class, got ${classes}.`,
      'Classes are numbered from 0.',
    );
  }
  const size = classes ?? found;
  const counts = Array.from({ length: size }, () => new Array<number>(size).fill(0));
  for (const [sample, row] of actual.numbers.entries()) {
    const cells = counts[row] as number[];
    const column = predicted.numbers[sample] as number;
    cells[column] = (cells[column] as number) + 1;
  }
  return counts;
}

/** Counts as shares; 0 where nothing is to be shared. @internal */
export function normalized(counts: readonly (readonly number[])[], by: 'true' | 'pred' | 'all' | null): number[][] {
  const rows = counts.map(sumOf);
  const columns = counts.map((_, i) => sumOf(counts.map((row) => row[i] as number)));
  const all = sumOf(rows);
  return counts.map((row, i) =>
    row.map((count, j) => {
      if (by === null) return count;
      const whole = { true: rows[i], pred: columns[j], all }[by] as number;
      return whole === 0 ? 0 : count / whole;
    }),
  );
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

type Kind = 'right' | 'wrong' | 'sums';

// Longer names are cut.
const mostLabelled = 110;
// Above this, numbers would be too small to read; the tooltip has them.
const mostNumbered = 25;

function matrixBlock(counts: number[][], labels: string[], normalize: ConfusionMatrixOptions['normalize']): ChartBlock {
  const size = counts.length + 1;
  const cell = size <= 12 ? 46 : size <= mostNumbered ? 38 : Math.max(10, 760 / size);
  const longest = Math.min(mostLabelled, Math.max(...[...labels, sums].map((label) => textWidth(label))));
  const edge = longest + 46;
  const width = Math.max(240, Math.ceil(edge + size * cell + 8));
  const slanted = longest > cell;
  const bottom = Math.ceil(slanted ? longest * 0.75 : 12) + 40;
  const height = Math.ceil(8 + size * (size <= 12 ? 38 : cell) + bottom);
  return {
    kind: 'matrix',
    label: `confusion matrix of ${labels.length} classes`,
    width,
    height,
    minWidth: width,
    option: (style) => matrixOption(counts, labels, normalize ?? null, { edge, bottom, slanted }, style),
  };
}

function matrixOption(
  counts: number[][],
  labels: string[],
  normalize: 'true' | 'pred' | 'all' | null,
  { edge, bottom, slanted }: { edge: number; bottom: number; slanted: boolean },
  { palette }: ChartStyle,
): EChartsOption {
  const names = [...labels, sums];
  const quiet = { color: palette.muted, fontSize: 12 };
  const axis = {
    type: 'category' as const,
    data: names,
    axisLine: { show: false },
    axisTick: { show: false },
    splitArea: { show: false },
    nameLocation: 'middle' as const,
    nameTextStyle: quiet,
  };
  const text = { color: palette.text, fontSize: 12, overflow: 'truncate' as const, width: mostLabelled };
  const kinds: readonly Kind[] = ['right', 'wrong', 'sums'];
  const cells = matrixCells(counts, normalize);
  return {
    animation: false,
    darkMode: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily, color: palette.text },
    tooltip: {
      trigger: 'item',
      confine: true,
      backgroundColor: palette.card,
      borderColor: palette.line,
      textStyle: { color: palette.text, fontSize: 12 },
    },
    grid: { left: edge, right: 8, top: 8, bottom },
    xAxis: {
      ...axis,
      axisLabel: { ...text, interval: 0, hideOverlap: true, rotate: slanted ? 45 : 0 },
      name: 'predicted class',
      nameGap: bottom - 18,
    },
    yAxis: {
      ...axis,
      inverse: true,
      axisLabel: { ...text, interval: 0, hideOverlap: true },
      name: 'true class',
      nameGap: edge - 18,
    },
    visualMap: kinds.map((_, seriesIndex) => ({
      type: 'continuous',
      show: false,
      seriesIndex,
      // A heat map can't be without one; the cells have colours of their own.
      inRange: { opacity: [1, 1] },
    })),
    series: kinds.map((kind) => ({
      type: 'heatmap',
      id: kind,
      data: cells
        .filter((cell) => cell.kind === kind)
        .map(({ value, strength, text: label }) => ({
          value,
          itemStyle: { color: palette.tint(kind === 'sums' ? 'muted' : kind, strength) },
          ...(label !== '' && {
            label: { formatter: label, color: strength > 0.7 ? palette.onStrong : palette.text },
          }),
        })),
      itemStyle: {
        borderColor: palette.card,
        borderWidth: counts.length < mostNumbered ? 2 : 0.5,
        borderRadius: 3,
      },
      label: { show: counts.length < mostNumbered, fontSize: 12, formatter: ' ' },
      emphasis: { disabled: true },
    })),
  };
}

interface Cell {
  kind: Kind;
  strength: number;
  text: string;
  /** Column, row, number shown, samples, share of the true class, share of the predicted class. */
  value: number[];
}

function matrixCells(counts: number[][], normalize: 'true' | 'pred' | 'all' | null): Cell[] {
  const size = counts.length;
  const [ofTrue, ofPred, shown] = (['true', 'pred', normalize] as const).map((by) => normalized(counts, by)) as [
    number[][],
    number[][],
    number[][],
  ];
  const worst = Math.max(...ofTrue.flatMap((row, i) => row.filter((_, j) => j !== i)), 0);
  const cells = counts.flatMap((row, i) =>
    row.map((count, j): Cell => {
      const share = ofTrue[i]?.[j] as number;
      const strength = i === j ? 0.1 + 0.9 * share : worst === 0 ? 0 : 0.8 * (share / worst);

      const value = shown[i]?.[j] as number;
      const text = count === 0 ? '' : normalize === null ? formatNumber(value) : value.toFixed(2);
      return {
        kind: i === j ? 'right' : 'wrong',
        strength,
        text,
        value: [j, i, value, count, share, ofPred[i]?.[j] as number],
      };
    }),
  );
  const total = (column: number, row: number, count: number): Cell => ({
    kind: 'sums',
    strength: 0.12,
    text: formatNumber(count),
    value: [column, row, count, count, 0, 0],
  });
  const columns = counts.map((_, j) => sumOf(counts.map((row) => row[j] as number)));
  return [
    ...cells,
    ...counts.map((row, i) => total(size, i, sumOf(row))),
    ...columns.map((count, j) => total(j, size, count)),
    total(size, size, sumOf(columns)),
  ];
}
