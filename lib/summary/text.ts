import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';

/** Text in Markdown: a string, a list, or rows of a table. */
export type Text = string | readonly string[] | readonly (readonly string[])[];

/** Strings in order, and their shape. @throws {ArgumentError} for what is no text, and rows of different lengths @internal */
export function flatText(where: string, text: Text): { strings: string[]; shape: number[] } {
  if (typeof text === 'string') return { strings: [text], shape: [] };
  if (Array.isArray(text) && text.every((item) => typeof item === 'string')) {
    return { strings: [...(text as string[])], shape: [text.length] };
  }
  const rows = text as readonly (readonly string[])[];
  const columns = Array.isArray(rows) && Array.isArray(rows[0]) ? rows[0].length : -1;
  const whole =
    columns > 0 &&
    rows.every((row) => Array.isArray(row) && row.length === columns && row.every((cell) => typeof cell === 'string'));
  if (!whole) {
    throw new ArgumentError(
      `${where}: expected a string, an array of strings, or rows of equal length, got ${show(text)}.`,
      "Write 'text', ['one', 'two'], or [['name', 'value'], ['rate', '0.1']].",
    );
  }
  return { strings: rows.flat(), shape: [rows.length, columns] };
}
