import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';
import { checkOptions } from '../ops/arguments.js';
import type { ReportTable, Section } from './blocks.js';
import { checkTitle } from './options.js';
import { Report } from './report.js';
import { oneLine } from './text.js';

/** Options of {@link page}. */
export interface PageOptions {
  /** Heading of the page. */
  title: string;
  /** Paragraphs below the heading. @default [] */
  notes?: readonly string[];
  /** A table below the notes. @default none */
  table?: ReportTable | null;
}

const where = 'reports.page';

/**
 * Puts several reports on one page, each below its title.
 *
 * @throws {ArgumentError} for what is no report, and rows of other lengths than `columns`
 * @example
 * ```ts
 * import { reports } from 'torchlayers';
 *
 * const slow = await reports.history({ loss: [0.9, 0.8] }, { title: 'Learning rate 0.001' });
 * const fast = await reports.history({ loss: [0.9, 0.4] }, { title: 'Learning rate 0.01' });
 * const report = reports.page([slow, fast], {
 *   title: 'Learning rates',
 *   notes: ['Two epochs each.'],
 *   table: { columns: ['rate', 'loss'], rows: [[0.001, 0.8], [0.01, 0.4]] },
 * });
 * ```
 */
export function page(reports: readonly Report[], options: PageOptions): Report {
  checkOptions(where, options, ['title', 'notes', 'table'], 'reports');
  const title = checkTitle(where, options.title);
  const { notes = [], table = null } = options;
  if (!Array.isArray(reports)) {
    throw new ArgumentError(`${where}: expected an array of reports, got ${show(reports)}.`, 'Write [report].');
  }
  for (const report of reports as unknown[]) {
    if (report instanceof Report) continue;
    throw new ArgumentError(
      `${where}: expected reports, got ${show(report)}.`,
      report instanceof Promise ? 'Await it: await reports.history(…).' : 'Give what reports.history answers.',
    );
  }
  if (!Array.isArray(notes) || !notes.every((note) => typeof note === 'string')) {
    throw new ArgumentError(`${where}: expected notes to be an array of strings, got ${show(notes)}.`);
  }
  const head: Section = { title: '', notes: notes.map(oneLine), table: table && checkTable(table), blocks: [] };
  const empty = head.notes.length === 0 && head.table === null;
  const sections = (reports as readonly Report[]).flatMap((report) =>
    report.sections.map((section, i) =>
      i === 0 && section.title === '' ? { ...section, title: report.title } : section,
    ),
  );
  return new Report(title, empty ? sections : [head, ...sections]);
}

function checkTable(table: unknown): ReportTable {
  const { columns, rows } = (isPlainObject(table) ? table : {}) as Record<string, unknown>;
  const right =
    Array.isArray(columns) &&
    columns.length > 0 &&
    columns.every((name) => typeof name === 'string') &&
    Array.isArray(rows);
  if (!right) {
    throw new ArgumentError(
      `${where}: expected table to have columns and rows, got ${show(table)}.`,
      "Write table: { columns: ['rate', 'loss'], rows: [[0.01, 0.4]] }.",
    );
  }
  const checked = (rows as unknown[]).map((row, i) => {
    if (!Array.isArray(row) || row.length !== columns.length) {
      throw new ArgumentError(
        `${where}: expected table.rows[${i}] to have ${columns.length} cells, got ${Array.isArray(row) ? row.length : show(row)}.`,
      );
    }
    return row.map((cell: unknown) => {
      if (typeof cell === 'string') return oneLine(cell);
      if (typeof cell === 'number' || cell === null) return cell;
      throw new ArgumentError(
        `${where}: expected the cells of a table to be words, numbers or null, got ${show(cell)} in row ${i}.`,
      );
    });
  });
  return { columns: columns.map(oneLine), rows: checked };
}
