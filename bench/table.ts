// The tables that npm run bench prints.
import type { Outcome } from './rounds.js';
import { figure, labelsOf, type Standing, standings } from './summary.js';
import type { Column } from './workload.js';

/** Columns of text, the first to the left and the others to the right; two blanks between. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  const cell = (text: string, i: number): string =>
    i === 0 ? text.padEnd(widths[i] as number) : text.padStart(widths[i] as number);
  return rows.map((row) => row.map(cell).join('  ').trimEnd()).join('\n');
}

/** A workload's table: a row for each contestant (and size), '-' where one does not measure a thing. */
export function outcomeTable(outcome: Outcome): string {
  const labels = labelsOf(outcome);
  const main = outcome.workload.columns[0] as Column;
  const columns = outcome.workload.columns.filter(({ metric }) =>
    [...outcome.runs.values()].some((runs) => labels.some((label) => figure(runs, label, metric) !== null)),
  );
  const head = ['', ...columns.map(({ title }) => title), `${main.title} range`, 'to ours'];
  const rows = labels.flatMap((label) =>
    [...outcome.runs].map(([name, runs]) => {
      const ours = figure(outcome.runs.get('torchlayers') ?? [], label, main.metric);
      const its = figure(runs, label, main.metric);
      const cells = columns.map(({ metric, digits }) => figure(runs, label, metric)?.middle.toFixed(digits) ?? '-');
      const range = its === null ? '-' : `${its.least.toFixed(main.digits)}-${its.most.toFixed(main.digits)}`;
      const ratio = its === null || ours === null ? '-' : `${(its.middle / ours.middle).toFixed(2)}x`;
      return [labels.length > 1 ? `${label}: ${name}` : name, ...cells, range, ratio];
    }),
  );
  return alignedTable([head, ...rows]);
}

/** A standing in words. */
export function standingLine({ metric, fastest, floor }: Standing): string {
  const parts: string[] = [];
  if (fastest !== null) {
    const asked = fastest.asked === undefined ? '' : `, asked ${fastest.asked}`;
    parts.push(`${fastest.speedup.toFixed(2)} times as fast as the fastest Python baseline (${fastest.name}${asked})`);
  }
  if (floor !== null) parts.push(`${floor.ratio.toFixed(2)} times the products alone (asked ${floor.asked})`);
  return parts.length === 0 ? '' : `${metric}: ${parts.join('; ')}`;
}

/** The line of a failed program's output that says why: the first that names an error, else the last. */
function reasonIn(message: string): string {
  const lines = message.split('\n').map((line) => line.trim());
  return lines.slice(1).find((line) => /^\w*Error\b/.test(line)) ?? (lines.at(-1) as string);
}

/** All that is printed of a workload. */
export function outcomeText(outcome: Outcome): string {
  const lines = standings(outcome)
    .map(standingLine)
    .filter((line) => line !== '');
  const failures = [...outcome.failures].map(([name, message]) => `${name} failed: ${reasonIn(message)}`);
  const { name, title } = outcome.workload;
  return [`${name}: ${title}`, outcomeTable(outcome), ...lines, ...failures].join('\n');
}
