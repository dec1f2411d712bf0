import type { EChartsOption } from 'echarts';
import type { ChartBlock, ChartStyle } from './blocks.js';
import { fontFamily } from './charts.js';
import { bestPoint, type Part, type Point } from './curves.js';
import { formatNumber, textWidth } from './text.js';

/** One line of a panel. @internal */
export interface Line {
  readonly name: string;
  readonly part: Part;
  /** Place of its colour among those of the panel. */
  readonly colour: number;
  readonly points: readonly Point[];
  /** The point to mark; its text, if it has one. */
  readonly best: { readonly point: Point; readonly text: string; readonly below: boolean } | null;
}

/** One chart: a quantity over epochs or over what was swept. @internal */
export interface Panel {
  readonly metric: string;
  readonly xName: string;
  readonly lines: readonly Line[];
  readonly colours: number;
  readonly width: number;
  readonly height: number;
  /** Names along the axis, where it has no numbers; x counts them from 0. */
  readonly categories?: readonly string[];
  readonly logX?: boolean;
  readonly wholeX?: boolean;
  /** Whether each point has its number beside it. */
  readonly numbered?: boolean;
}

const legendRow = 20;
const fewPoints = 12;

/** The chart of a panel. @internal */
export function panelBlock(panel: Panel): ChartBlock {
  const { metric, xName, width, height } = panel;
  return {
    kind: 'lines',
    label: `${metric} by ${xName}: ${[...new Set(panel.lines.map(({ name }) => name))].join(', ')}`,
    width,
    height,
    minWidth: 0,
    option: (style) => panelOption(panel, style),
  };
}

function panelOption(panel: Panel, style: ChartStyle): EChartsOption {
  const { palette, still } = style;
  const { metric, xName } = panel;
  const names = [...new Set(panel.lines.map(({ name }) => name))];
  const rows = names.length < 2 ? 0 : still ? legendRows(names, style.width) : 1;
  const quiet = { color: palette.muted, fontSize: 11 };
  const axis = {
    axisLine: { show: true, lineStyle: { color: palette.line } },
    axisTick: { show: false },
    axisLabel: { ...quiet, hideOverlap: true },
    nameTextStyle: { ...quiet, fontSize: 12 },
    nameLocation: 'middle' as const,
  };
  return {
    animation: false,
    darkMode: false,
    backgroundColor: 'transparent',
    textStyle: { fontFamily, color: palette.text },
    title: {
      text: metric,
      left: 0,
      top: 2,
      padding: 0,
      textStyle: { fontSize: 14, fontWeight: 600, color: palette.text },
    },
    legend: {
      show: rows > 0,
      type: still ? 'plain' : 'scroll',
      data: names,
      left: 0,
      right: 0,
      top: 26,
      padding: 0,
      itemGap: 14,
      itemWidth: 26,
      itemHeight: 8,
      align: 'left',
      textStyle: { color: palette.text, fontSize: 12 },
      inactiveColor: palette.line,
      inactiveBorderColor: palette.line,
      pageIconColor: palette.muted,
      pageIconInactiveColor: palette.line,
      pageTextStyle: { color: palette.muted },
    },
    grid: { left: 58, right: panel.numbered ? 34 : 20, top: 44 + rows * legendRow, bottom: 46 },
    tooltip: {
      trigger: 'axis',
      confine: true,
      backgroundColor: palette.card,
      borderColor: palette.line,
      textStyle: { color: palette.text, fontSize: 12 },
      axisPointer: {
        type: 'line',
        lineStyle: { color: palette.muted, type: 'solid', width: 1 },
        label: { show: false },
      },
    },
    xAxis: { ...axis, ...xAxis(panel, axis.axisLabel), name: xName, nameGap: 28 },
    yAxis: {
      ...axis,
      type: 'value',
      scale: true,
      axisLine: { show: false },
      splitLine: { lineStyle: { color: palette.grid } },
      splitNumber: 4,
    },
    series: panel.lines.map((line, i) => series(panel, line, i, style)),
  };
}

function xAxis({ lines, categories, logX, wholeX }: Panel, label: object): object {
  if (categories !== undefined) return { type: 'category', data: categories, boundaryGap: true };
  const xs = [...new Set(lines.flatMap(({ points }) => points.map(([x]) => x)))];
  const { min, max } = extent(xs);
  const alone = min === max;
  const few = alone || (!wholeX && xs.length <= fewPoints);
  const ticks = few ? xs : wholeX ? epochTicks(min, max) : null;
  const common = {
    splitLine: { show: false },
    // What was tried, instead of round numbers.
    ...(ticks !== null && { axisLabel: { ...label, customValues: ticks } }),
    ...(few && { axisTick: { show: true, customValues: ticks, length: 3 } }),
  };
  // Room for the numbers beside the outermost points.
  const pad = wholeX ? Number(alone) : alone ? Math.abs(min) || 1 : (max - min) * 0.04;
  if (!logX) return { ...common, type: 'value', min: min - pad, max: max + pad };
  const factor = alone ? 10 : (max / min) ** 0.04;
  return { ...common, type: 'log', min: min / factor, max: max * factor };
}

/** The first epoch, and then round numbers: at most about ten. */
function epochTicks(min: number, max: number): number[] {
  const rough = (max - min) / 8;
  const size = 10 ** Math.floor(Math.log10(Math.max(rough, 1)));
  const step = [1, 2, 5, 10].map((factor) => factor * size).find((one) => one >= rough) as number;
  const ticks = [min];
  for (let tick = Math.floor(min / step + 1) * step; tick <= max; tick += step) ticks.push(tick);
  return ticks;
}

function extent(values: readonly number[]): { min: number; max: number } {
  let [min, max] = [Infinity, -Infinity];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
  }
  return { min, max };
}

function series(panel: Panel, line: Line, index: number, { palette }: ChartStyle): object {
  const colour = palette.series(line.colour, panel.colours);
  const dashed = line.part === 'validation' ? [6, 4] : line.part === 'test' ? [2, 3] : 'solid';
  const gaps = line.points.some(([, y]) => y === null);
  const lineStyle = { color: colour, width: panel.categories === undefined ? 2 : 0, type: dashed };
  return {
    type: 'line',
    // The page's script reads from it what the line was measured on.
    id: `${line.part}:${index}`,
    name: line.name,
    data: panel.numbered ? line.points.map(numbered) : line.points,
    color: colour,
    symbol: line.part === 'test' ? 'diamond' : 'circle',
    symbolSize: panel.categories === undefined ? 5 : 9,
    showSymbol: gaps || panel.categories !== undefined || (line.points.length <= fewPoints && panel.lines.length <= 8),
    showAllSymbol: true,
    connectNulls: false,
    lineStyle,
    itemStyle: { color: line.part === 'validation' ? palette.card : colour, borderColor: colour, borderWidth: 1.5 },
    emphasis: { disabled: true },
    ...(panel.numbered && {
      label: {
        show: true,
        position: 'top',
        color: palette.muted,
        fontSize: 11,
        textBorderColor: palette.card,
        textBorderWidth: 3,
      },
    }),
    ...(line.best !== null && { markPoint: bestMark(panel, line.best, colour, palette.card) }),
  };
}

/** With its number in words: a chart in JSON has no function for it. */
function numbered(point: Point): object {
  return { value: point, label: { formatter: point[1] === null ? '' : formatNumber(point[1]) } };
}

function bestMark(
  { lines }: Panel,
  { point, text, below }: NonNullable<Line['best']>,
  colour: string,
  card: string,
): object {
  const { min, max } = extent(lines.flatMap(({ points }) => points.map(([x]) => x)));
  const place = max === min ? 0.5 : (point[0] - min) / (max - min);
  const align = place > 0.7 ? 'right' : place < 0.3 ? 'left' : 'center';
  return {
    symbol: 'circle',
    symbolSize: 9,
    silent: true,
    itemStyle: { color: colour, borderColor: card, borderWidth: 2 },
    label: {
      show: text !== '',
      formatter: text,
      position: below ? 'bottom' : 'top',
      distance: 6,
      align,
      color: colour,
      fontSize: 11,
      fontWeight: 600,
      textBorderColor: card,
      textBorderWidth: 3,
    },
    data: [{ coord: [point[0], point[1]] }],
  };
}

/** The mark of a curve's best point, with its number and epoch in words where there is room for them. @internal */
export function bestOf(points: readonly Point[], direction: 'min' | 'max' | null, words: boolean): Line['best'] {
  const point = bestPoint(points, direction);
  if (point === null) return null;
  const [epoch, value] = point;
  const text = words ? `best ${formatNumber(value as number)} in epoch ${epoch}` : '';
  // Validation losses tend to lie above those of training, accuracies below: the side that is free.
  return { point, text, below: direction === 'max' };
}

function legendRows(names: readonly string[], width: number): number {
  let rows = 1;
  let x = 0;
  for (const name of names) {
    const item = 26 + 5 + textWidth(name) + 14;
    if (x > 0 && x + item - 14 > width) {
      rows++;
      x = 0;
    }
    x += item;
  }
  return rows;
}
