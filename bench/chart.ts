// The chart: how long each baseline takes compared with torchlayers, workload by workload.
import { drawChart, loadCharts } from '../lib/reports/charts.js';
import { contestantNames, floorName } from './contestants.js';
import type { Outcome } from './rounds.js';
import { figure, labelsOf } from './summary.js';
import type { Column } from './workload.js';

/** A bar group: times of each contestant by torchlayers' own time. */
export interface Group {
  name: string;
  ratios: Record<string, number>;
}

/** The groups of a chart: the first column of every workload, and of every size in it. */
export function groupsOf(outcomes: readonly Outcome[]): Group[] {
  return outcomes.flatMap((outcome) => {
    const labels = labelsOf(outcome);
    const { metric } = outcome.workload.columns[0] as Column;
    return labels.flatMap((label) => {
      const middle = (name: string): number | undefined => figure(outcome.runs.get(name) ?? [], label, metric)?.middle;
      const ours = middle('torchlayers');
      if (ours === undefined) return [];
      const ratios = Object.fromEntries(
        [...outcome.runs.keys()].flatMap((name) => {
          const value = middle(name);
          return value === undefined ? [] : [[name, value / ours]];
        }),
      );
      const { name } = outcome.workload;
      return { name: labels.length > 1 ? `${name} ${label}` : name, ratios };
    });
  });
}

const colors: Readonly<Record<string, string>> = {
  torchlayers: '#3457b2',
  pytorch: '#c4552d',
  'pytorch-compiled': '#e3a17f',
  'keras-jax': '#2b8a5a',
  'keras-tensorflow': '#b78a1b',
  'keras-torch': '#8457a8',
  tfjs: '#7a7f87',
  [floorName]: '#b9c4e0',
};

/** Draws the groups as a picture of its own, on white. */
export async function chartSvg(groups: readonly Group[]): Promise<string> {
  await loadCharts();
  const names = [...contestantNames, floorName].filter((name) => groups.some(({ ratios }) => name in ratios));
  const [width, rowHeight] = [860, 13];
  const height = 110 + groups.length * (names.length * rowHeight + 16);
  const inside = drawChart(
    {
      animation: false,
      backgroundColor: '#ffffff',
      color: names.map((name) => colors[name] as string),
      legend: { data: names, top: 8, itemGap: 24 },
      grid: { left: 120, right: 60, top: 60, bottom: 45 },
      xAxis: {
        type: 'log',
        name: "times torchlayers' time, logarithmic; left of 1 is faster than torchlayers",
        nameLocation: 'middle',
        nameGap: 28,
      },
      yAxis: { type: 'category', inverse: true, data: groups.map(({ name }) => name) },
      series: names.map((name) => ({
        type: 'bar',
        name,
        barMaxWidth: rowHeight - 2,
        label: {
          show: true,
          position: 'right',
          fontSize: 10,
          formatter: ({ value }) => (typeof value === 'number' ? `${value.toPrecision(2)}x` : ''),
        },
        data: groups.map(({ ratios }) => ratios[name] ?? '-'),
      })),
    },
    width,
    height,
    'bench',
  );
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img" aria-label="Times of each library by those of torchlayers" font-family="sans-serif">\n${inside}\n</svg>\n`;
}
