// The chapter's table: how each network is trained, and what the book reports.
import { chapterSettings, type Settings } from './network.js';

/** Accuracies in per cent; `null` where the book gives none. */
export interface Accuracies {
  train: number | null;
  validation: number | null;
  test: number;
}

/** One line of the table. */
export interface BookRow {
  name: string;
  title: string;
  settings: Settings;
  book: Accuracies;
}

const row = (name: string, title: string, settings: Partial<Settings>, book: Accuracies): BookRow => ({
  name,
  title,
  settings: { ...chapterSettings, ...settings },
  book,
});

/** Source: A. Gulli, A. Kapoor, S. Pal, Deep Learning with TensorFlow 2 and Keras, second edition, 2019, chapter 1. */
export const bookRows: readonly BookRow[] = [
  row(
    'softmax',
    'softmax regression, SGD',
    { hidden: [], dropout: 0, optimizer: 'sgd', epochs: 200 },
    { train: 89.96, validation: 90.7, test: 90.71 },
  ),
  row(
    'hidden',
    'two hidden layers, SGD',
    { dropout: 0, optimizer: 'sgd', epochs: 50 },
    { train: 90.81, validation: 91.4, test: 91.18 },
  ),
  row(
    'dropout',
    'with dropout, SGD',
    { optimizer: 'sgd', epochs: 200 },
    { train: 91.7, validation: 94.42, test: 94.15 },
  ),
  row(
    'rmsprop-10',
    'with dropout, RMSprop',
    { optimizer: 'rmsprop', epochs: 10 },
    { train: 97.43, validation: 97.62, test: 97.64 },
  ),
  row(
    'rmsprop-250',
    'with dropout, RMSprop',
    { optimizer: 'rmsprop', epochs: 250 },
    { train: null, validation: null, test: 97.77 },
  ),
  row('adam', 'with dropout, Adam', { epochs: 20 }, { train: 98.94, validation: 97.89, test: 97.82 }),
];

/** How far below the book's test accuracy ours may lie, in points. */
export const bookTolerance = 0.3;
/** How far ours and Keras' may lie apart, in points. */
export const kerasTolerance = 0.5;
