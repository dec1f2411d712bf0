// Tables in the terminal, and the numbers in them.

/** Lines of a table with aligned columns, the first to the left. */
export function formatTable(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map((_, i) => Math.max(...[columns, ...rows].map((row) => (row[i] as string).length)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] as number) : cell.padStart(widths[i] as number)))
      .join('  ')
      .trimEnd();
  return [columns, widths.map((width) => '-'.repeat(width)), ...rows].map(line).join('\n');
}

/** Per cent with two decimals, as the chapter gives them; '-' for no number. */
export function percent(share: number | null): string {
  return share === null ? '-' : (100 * share).toFixed(2);
}

/** The mean of at least one number. */
export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
