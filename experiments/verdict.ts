// Whether a line of the chapter's table is reached.
import { type Accuracies, type BookRow, bookTolerance, kerasTolerance } from './book.js';
import type { Outcome } from './network.js';
import { mean } from './table.js';

/** What was trained for one line of the table. */
export interface RowResult {
  row: BookRow;
  /** One for each seed. */
  ours: Outcome[];
  /** The same seeds in Keras; empty without `--with-keras`. */
  keras: Outcome[];
}

/** Means over the seeds, in per cent. */
export function accuracies(outcomes: readonly Outcome[]): Accuracies & { train: number; validation: number } {
  const of = (name: 'train' | 'validation' | 'test'): number => 100 * mean(outcomes.map((outcome) => outcome[name]));
  return { train: of('train'), validation: of('validation'), test: of('test') };
}

/** What is missing for the line to hold; nothing if it does. */
export function shortfalls({ row, ours, keras }: RowResult): string[] {
  const { test } = accuracies(ours);
  const found: string[] = [];
  // Written so that a number that is none fails.
  if (!(test >= row.book.test - bookTolerance)) {
    found.push(`test ${test.toFixed(2)} % is more than ${bookTolerance} points below the book's ${row.book.test} %`);
  }
  if (keras.length > 0) {
    const peer = accuracies(keras).test;
    if (!(Math.abs(test - peer) <= kerasTolerance)) {
      found.push(`test ${test.toFixed(2)} % is more than ${kerasTolerance} points from Keras' ${peer.toFixed(2)} %`);
    }
  }
  return found;
}
