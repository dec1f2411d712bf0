import type { EChartsOption } from 'echarts';
import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { checkOptions, none } from '../ops/arguments.js';
import type { Parameter, ParameterValue, Trial, Tuner } from '../tuner/index.js';
import type { ChartBlock, ChartStyle, DrawingBlock, ReportTable, Section } from './blocks.js';
import { fontFamily, loadCharts } from './charts.js';
import type { Point } from './curves.js';
import { checkSize, checkTitle, type ReportOptions } from './options.js';
import type { Palette } from './palette.js';
import { panelBlock } from './panels.js';
import { Report } from './report.js';
import { distinctNames, escapeMarkup, formatNumber, oneLine, shortened } from './text.js';

/** Options of {@link search}. */
export type SearchReportOptions = Omit<ReportOptions, 'metrics'>;

const where = 'reports.search';
const groups = 4;

/**
 * Shows a search of hyperparameters: every trial as a line across the values it had (the better, the darker or brighter), how much of the scores each hyperparameter
 * explains alone, and how the best score fell or rose from trial to trial.
 *
 * @throws {StateError} before a trial has ended with a score
 * @example
 * ```ts
 * import { reports } from 'torchlayers';
 *
 * const units = new tuner.RandomSearch({ hypermodel: build, objective: 'val_loss', maxTrials: 2, projectName: 'units' });
 * await units.search(x, y, { epochs: 1, validationSplit: 0.5, verbose: 0 });
 * await (await reports.search(units)).save('search.html');
 * ```
 */
export async function search(tuner: Tuner, options: SearchReportOptions = none): Promise<Report> {
  if (typeof (tuner as Partial<Tuner> | null)?.getObjective !== 'function') {
    throw new ArgumentError(
      `${where}: expected a search, got ${show(tuner)}.`,
      'Write reports.search(search), with the object that searched.',
    );
  }
  checkOptions(where, options, ['title', 'width', 'height'], 'tuner');
  const title = checkTitle(where, options.title ?? `Search ${tuner.projectName}`);
  const size = checkSize(where, options);
  const { name, direction } = await tuner.getObjective();
  const trials = (await tuner.trials()).filter((trial) => trial.score !== null);
  if (trials.length === 0) {
    throw new StateError(
      `${where}: expected a search with a trial that ended with a score, got none.`,
      'Run await search.search(x, y, { … }) first.',
    );
  }
  const space = (await tuner.getSpace()).filter((parameter) => !parameter.isFixed);
  await loadCharts();
  const sign = direction === 'min' ? 1 : -1;
  const ranked = [...trials].sort((a, b) => sign * ((a.score as number) - (b.score as number)));
  const weights = space.map((parameter) => importance(parameter, trials));
  const note = `${trials.length} trials; the best ${name} is ${formatNumber(ranked[0]?.score as number)}, of trial ${ranked[0]?.id}.`;
  const part = (blocks: Section['blocks'], more: Partial<Section> = {}): Section => ({
    title: '',
    notes: [],
    table: null,
    blocks,
    ...more,
  });
  return new Report(title, [
    part([parallelBlock(space, ranked, oneLine(name))], { notes: [note] }),
    part([
      ...(trials.length > 2 && space.length > 0 ? [importanceBlock(space, weights)] : []),
      progressBlock(trials, oneLine(name), direction, size),
    ]),
    part([], { title: 'Best trials', table: tableOf(space, ranked.slice(0, 20), name) }),
  ]);
}

/** Values of a hyperparameter's name; several of one name, under other conditions, are one. */
function namesOf(space: readonly Parameter[]): string[] {
  return [...new Set(space.map((parameter) => parameter.name))];
}

/**
 * Share of the scores' variance that groups of a hyperparameter's values explain, corrected for the number of groups (omega squared); from 0 to 1.
 * @internal
 */
export function importance(parameter: Parameter, trials: readonly Trial[]): number {
  const scores = trials.map((trial) => trial.score as number);
  const values = trials.map((trial) => trial.values[parameter.name]);
  const keys = grouped(values);
  const mean = average(scores);
  const total = scores.reduce((sum, score) => sum + (score - mean) ** 2, 0);
  const members = new Map<string, number[]>();
  for (const [i, key] of keys.entries()) members.set(key, [...(members.get(key) ?? []), scores[i] as number]);
  const [count, kinds] = [scores.length, members.size];
  if (total === 0 || kinds < 2 || kinds >= count) return 0;
  const between = [...members.values()].reduce((sum, own) => sum + own.length * (average(own) - mean) ** 2, 0);
  const noise = (total - between) / (count - kinds);
  return Math.min(1, Math.max(0, (between - (kinds - 1) * noise) / (total + noise)));
}

/** Many different numbers become groups of about equal size. */
function grouped(values: readonly (ParameterValue | undefined)[]): string[] {
  const numbers = [...new Set(values.filter((value) => typeof value === 'number'))].sort((a, b) => a - b);
  if (numbers.length <= groups) return values.map((value) => JSON.stringify(value ?? null));
  const edges = Array.from({ length: groups - 1 }, (_, i) => numbers[Math.floor(((i + 1) * numbers.length) / groups)]);
  return values.map((value) =>
    typeof value === 'number' ? String(edges.filter((edge) => value >= (edge as number)).length) : 'none',
  );
}

function average(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function tableOf(space: readonly Parameter[], trials: readonly Trial[], name: string): ReportTable {
  const names = namesOf(space);
  return {
    columns: ['trial', ...names.map(oneLine), oneLine(name), 'epoch', 'seconds'],
    rows: trials.map((trial) => [
      String(trial.id),
      ...names.map((one) => cell(trial.values[one])),
      trial.score,
      trial.bestEpoch === null ? null : trial.bestEpoch + 1,
      trial.seconds,
    ]),
  };
}

function cell(value: ParameterValue | undefined): string | number | null {
  if (value === undefined) return null;
  return typeof value === 'number' ? value : oneLine(String(value));
}

function parallelBlock(space: readonly Parameter[], ranked: readonly Trial[], name: string): ChartBlock {
  const width = Math.max(620, 130 * (namesOf(space).length + 1));
  return {
    kind: 'parallel',
    label: `${ranked.length} trials across their hyperparameters and ${name}`,
    width,
    height: 340,
    minWidth: width,
    option: (style) => parallelOption(space, ranked, name, style),
  };
}

function parallelOption(
  space: readonly Parameter[],
  ranked: readonly Trial[],
  score: string,
  { palette }: ChartStyle,
): EChartsOption {
  const names = namesOf(space);
  const shown = distinctNames([...names, score]);
  const axes = shown.map((name, dim) => {
    const own = space.find((parameter) => parameter.name === names[dim]);
    return { dim, name, ...(own === undefined ? { type: 'value', scale: true } : axisOf(own, ranked)) };
  });
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
    parallel: {
      left: 50,
      right: 60,
      top: 40,
      bottom: 30,
      parallelAxisDefault: {
        nameGap: 16,
        nameTextStyle: { color: palette.text, fontSize: 12 },
        axisLine: { lineStyle: { color: palette.line } },
        axisTick: { show: false },
        axisLabel: { color: palette.muted, fontSize: 11 },
      },
    },
    parallelAxis: axes as NonNullable<EChartsOption['parallelAxis']>,
    series: [
      {
        type: 'parallel',
        // The best ones last, above the others.
        data: ranked
          .map((trial, rank) => ({
            name: `trial ${trial.id}`,
            value: [...names.map((name) => point(trial.values[name])), trial.score as number],
            lineStyle: {
              color: ranked.length === 1 ? palette.right : palette.series(rank, Math.max(ranked.length, 8)),
              width: rank === 0 ? 3 : 1.5,
              opacity: rank === 0 ? 1 : 0.75,
            },
          }))
          .reverse(),
        smooth: false,
        emphasis: { lineStyle: { width: 3, opacity: 1 } },
      },
    ],
  };
}

function axisOf(parameter: Parameter, trials: readonly Trial[]): object {
  const { kind, minValue, maxValue, sampling } = parameter.config;
  if (kind === 'int' || kind === 'float') {
    return { type: sampling === 'linear' ? 'value' : 'log', min: minValue, max: maxValue, minorTick: { show: false } };
  }
  const given = trials.map((trial) => trial.values[parameter.name]).filter((value) => value !== undefined);
  const values = [...new Set([...parameter.grid, ...given])].sort((a, b) => (a < b ? -1 : 1));
  return { type: 'category', data: values.map((value) => shortened(String(value))) };
}

/** What did not count in a trial leaves a gap. */
function point(value: ParameterValue | undefined): string | number {
  if (value === undefined) return '-';
  return typeof value === 'number' ? value : shortened(String(value));
}

function importanceBlock(space: readonly Parameter[], weights: readonly number[]): DrawingBlock {
  const rows = space
    .map((parameter, i) => ({ name: shortened(parameter.name), weight: weights[i] as number }))
    .sort((a, b) => b.weight - a.weight);
  const height = 44 + 26 * rows.length;
  const draw = (palette: Palette): string =>
    [
      `<text x="0" y="14" font-size="14" font-weight="600" fill="${palette.text}">importance</text>`,
      ...rows.map(({ name, weight }, i) => {
        const y = 34 + 26 * i;
        return [
          `<text x="150" y="${y + 13}" font-size="12" text-anchor="end" fill="${palette.text}">${escapeMarkup(name)}</text>`,
          `<rect x="160" y="${y}" width="260" height="18" rx="3" fill="${palette.grid}"/>`,
          `<rect x="160" y="${y}" width="${(260 * weight).toFixed(1)}" height="18" rx="3" fill="${palette.right}"/>`,
          `<text x="428" y="${y + 13}" font-size="12" fill="${palette.muted}">${(100 * weight).toFixed(0)}%</text>`,
        ].join('');
      }),
    ].join('');
  return { kind: 'drawing', label: 'importance of each hyperparameter', width: 480, height, draw };
}

function progressBlock(
  trials: readonly Trial[],
  name: string,
  direction: 'min' | 'max',
  size: { width: number; height: number },
): ChartBlock {
  const better = direction === 'min' ? Math.min : Math.max;
  let best = direction === 'min' ? Infinity : -Infinity;
  const each = trials.map((trial): Point => [trial.id, trial.score]);
  const so: Point[] = trials.map((trial) => {
    best = better(best, trial.score as number);
    return [trial.id, best];
  });
  return panelBlock({
    ...size,
    metric: name,
    xName: 'trial',
    colours: 2,
    wholeX: true,
    lines: [
      { name: 'trial', part: 'test', colour: 1, points: each, best: null },
      { name: 'best so far', part: 'train', colour: 0, points: so, best: null },
    ],
  });
}
