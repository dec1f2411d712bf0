/** Where text stands in a column. */
export type Alignment = 'left' | 'right' | 'center';

interface Table {
  header: readonly string[];
  rows: readonly (readonly string[])[];
  /** Widths of the columns' text, before they are fitted to the table. */
  widths: readonly number[];
  align: readonly Alignment[];
  /** Width of the table with its borders. */
  width: number;
  /** Width of the terminal: longer lines are cut. */
  columns: number;
  /** Puts terminal codes around a padded heading. */
  styleHeader: (text: string) => string;
}

/**
 * Draws a table with a line between all rows: heavy around the head, light below. Texts wrap at words; words that are too long end in '…'.
 * The lines are those of the Python package rich, which Keras prints its summary with.
 * @internal
 */
export function renderTable({ header, rows, widths, align, width, columns: available, styleHeader }: Table): string[] {
  const columns = fitColumns(
    widths.map((column) => column + 2),
    width - widths.length - 1,
  );
  const rule = (left: string, line: string, cross: string, right: string): string =>
    left + columns.map((column) => line.repeat(column)).join(cross) + right;
  const draw = (cells: readonly string[], edge: string, style: (text: string) => string): string[] => {
    const wrapped = columns.map((column, i) =>
      wrap(cells[i] ?? '', column - 2).map((text) => pad(text, column - 2, align[i] as Alignment)),
    );
    const height = Math.max(...wrapped.map((lines) => lines.length));
    return Array.from({ length: height }, (_, line) => {
      const texts = wrapped.map((lines, i) => ` ${style(lines[line] ?? ' '.repeat((columns[i] as number) - 2))} `);
      return edge + texts.join(edge) + edge;
    });
  };
  const plain = (text: string): string => text;
  const body = rows.flatMap((row, i) => [...(i === 0 ? [] : [rule('├', '─', '┼', '┤')]), ...draw(row, '│', plain)]);
  const cut = (line: string): string => line.slice(0, available);
  // Codes of the heading have no width, so it is styled only where nothing is cut.
  const heading = width > available ? draw(header, '┃', plain).map(cut) : draw(header, '┃', styleHeader);
  return [
    cut(rule('┏', '━', '┳', '┓')),
    ...heading,
    ...[rule('┡', '━', '╇', '┩'), ...body, rule('└', '─', '┴', '┘')].map(cut),
  ];
}

/** Takes evenly from all columns until they fit, or gives in proportion until they fill the width. */
function fitColumns(widths: readonly number[], width: number): number[] {
  const total = widths.reduce((sum, column) => sum + column, 0);
  let left = Math.abs(total - width);
  if (total > width) {
    return widths.map((column, i) => {
      const share = Math.min(column, roundHalfEven(left / (widths.length - i)));
      left -= share;
      return column - share;
    });
  }
  let ratios = total;
  return widths.map((column) => {
    const share = ratios > 0 ? Math.ceil((column * left) / ratios) : left;
    ratios -= column;
    left -= share;
    return column + share;
  });
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.match(/\s*\S+\s*/g) ?? []) {
    if (line !== '' && line.length + word.trimEnd().length > width) {
      lines.push(line);
      line = '';
    }
    line += word;
  }
  lines.push(line);
  return lines.map((one) => {
    const trimmed = one.length > width ? one.trimEnd() : one;
    return trimmed.length > width ? `${trimmed.slice(0, Math.max(width - 1, 0))}…` : trimmed;
  });
}

function pad(text: string, width: number, align: Alignment): string {
  if (align === 'left') return text.padEnd(width);
  const trimmed = text.trimEnd();
  if (align === 'right') return trimmed.padStart(width);
  return trimmed.padStart(trimmed.length + Math.floor((width - trimmed.length) / 2)).padEnd(width);
}
