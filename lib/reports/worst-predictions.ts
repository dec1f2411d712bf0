import { ArgumentError, ShapeError } from '../core/errors.js';
import { formatShape, type TensorLike } from '../core/tensor.js';
import { checkChoice, checkInteger, checkOptions, none } from '../ops/arguments.js';
import type { DrawingBlock, Section } from './blocks.js';
import { checkSameLength, classesOf, largestAt, readValues, type Values } from './classes.js';
import { checkNames, checkTitle } from './options.js';
import { pngUri } from './png.js';
import { Report } from './report.js';
import { escapeMarkup, formatNumber, shortened } from './text.js';

/** Options of {@link worstPredictions}. */
export interface WorstPredictionsOptions {
  /** How many images at most. @default 25 */
  count?: number;
  /**
   * What is worst: 'loss' is the cross-entropy of the true class, over all samples; 'confidence' the probability of the predicted class, over the wrongly
   * classified samples only.
   * @default 'loss'
   */
  sortBy?: 'loss' | 'confidence';
  /** Names of the classes, in the order of their numbers. @default the numbers */
  labels?: readonly (string | number)[];
  /** Heading of the report. @default 'Worst predictions' */
  title?: string;
}

const where = 'reports.worstPredictions';
const optionNames = ['count', 'sortBy', 'labels', 'title'];

/**
 * Shows the images that a classifier is most wrong about, worst first: true and predicted class, and the probabilities of both.
 *
 * Pixels of integer dtypes are taken from 0 to 255. Pixels of floats are taken from 0 to 1 where all of the images shown lie in there; else from the
 * smallest to the largest of them.
 *
 * @param images grey `[samples, height, width]` or `[samples, height, width, 1]`, or RGB `[samples, height, width, 3]`
 * @param yTrue class numbers `[samples]`, or one-hot `[samples, classes]`
 * @param probabilities `[samples, classes]` as `predict` answers them; `[samples]` or `[samples, 1]` of a sigmoid are those of class 1
 * @throws {ShapeError} for other shapes, and unless all have as many samples
 * @throws {ArgumentError} for what is no class number, and another number of `labels`
 * @example
 * ```ts
 * import { reports } from 'torchlayers';
 *
 * const probabilities = [[0.9, 0.1], [0.6, 0.4]];
 * const report = await reports.worstPredictions(images, [1, 0], probabilities, { count: 1, labels: ['cat', 'dog'] });
 * ```
 */
export async function worstPredictions(
  images: TensorLike,
  yTrue: TensorLike,
  probabilities: TensorLike,
  options: WorstPredictionsOptions = none,
): Promise<Report> {
  checkOptions(where, options, optionNames, 'images, yTrue, probabilities');
  const title = checkTitle(where, options.title ?? 'Worst predictions');
  const count = checkInteger(where, 'count', options.count ?? 25, 1);
  const sortBy = checkChoice(where, 'sortBy', options.sortBy ?? 'loss', ['loss', 'confidence']);
  const pictures = checkImages(await readValues(where, 'images', images));
  const predictions = await readPredictions(yTrue, probabilities);
  checkSameLength(where, 'images', pictures.shape[0] as number, 'yTrue', predictions.length);
  const classes = predictions[0]?.classes as number;
  const labels = options.labels === undefined ? null : checkNames(where, 'labels', options.labels, classes);
  const worst = ranked(predictions, sortBy).slice(0, count);
  const wrong = predictions.filter(({ actual, predicted }) => actual !== predicted).length;
  const notes = [
    `${formatNumber(wrong)} of ${formatNumber(predictions.length)} samples ${wrong === 1 ? 'is' : 'are'} classified wrongly.`,
    sortBy === 'loss'
      ? 'Worst first, by the probability of the true class.'
      : 'Worst first, by the probability of the wrong class.',
  ];
  const nameOf = (number: number): string => shortened(labels?.[number] ?? String(number));
  const blocks = worst.length === 0 ? [] : [sheet(worst, pictures, nameOf)];
  const section: Section = { title: '', notes, table: null, blocks };
  return new Report(title, [section]);
}

/** One sample. @internal */
export interface Prediction {
  readonly sample: number;
  readonly actual: number;
  readonly predicted: number;
  /** Probabilities of the true and of the predicted class. */
  readonly ofActual: number;
  readonly ofPredicted: number;
  readonly classes: number;
}

/** What was predicted for each sample. @internal */
export async function readPredictions(yTrue: TensorLike, probabilities: TensorLike): Promise<Prediction[]> {
  const { numbers, count } = classesOf(where, 'yTrue', await readValues(where, 'yTrue', yTrue));
  const { shape, data } = await readValues(where, 'probabilities', probabilities);
  const [rows = 0, columns = 1] = shape;
  if (shape.length === 0 || shape.length > 2 || columns === 0) {
    throw new ShapeError(
      `${where}: expected probabilities of shape [samples, classes], got ${formatShape(shape)}.`,
      'Give what await model.predict(x) answers.',
    );
  }
  checkSameLength(where, 'yTrue', numbers.length, 'probabilities', rows);
  const classes = Math.max(columns, 2);
  if (count > classes) {
    throw new ArgumentError(
      `${where}: expected classes of yTrue below ${classes}, as there are probabilities for, got ${count - 1}.`,
    );
  }
  return Array.from(numbers, (actual, sample) => {
    const single = Number(data[sample]);
    const probability = (index: number): number =>
      columns > 1 ? Number(data[sample * columns + index]) : index === 1 ? single : 1 - single;
    const predicted = columns > 1 ? largestAt(data, sample * columns, columns) : Number(single > 0.5);
    return {
      sample,
      actual,
      predicted,
      ofActual: probability(actual),
      ofPredicted: probability(predicted),
      classes,
    };
  });
}

/** The worst first; of equals the first sample. A probability that is no number is worse than all. @internal */
export function ranked(predictions: readonly Prediction[], sortBy: 'loss' | 'confidence'): Prediction[] {
  const worth = (value: number): number => (Number.isNaN(value) ? Number.NEGATIVE_INFINITY : value);
  if (sortBy === 'loss')
    return [...predictions].sort((a, b) => worth(a.ofActual) - worth(b.ofActual) || a.sample - b.sample);
  return predictions
    .filter(({ actual, predicted }) => actual !== predicted)
    .sort((a, b) => worth(-a.ofPredicted) - worth(-b.ofPredicted) || a.sample - b.sample);
}

function checkImages(images: Values): Values {
  const { shape } = images;
  const channels = shape.length === 3 ? 1 : shape[3];
  const right = (shape.length === 3 || shape.length === 4) && (channels === 1 || channels === 3);
  if (right && shape.slice(1).every((size) => size > 0)) return images;
  throw new ShapeError(
    `${where}: expected images of shape [samples, height, width], or with 1 or 3 channels behind, got ${formatShape(shape)}.`,
    shape.length === 2
      ? 'Give rows of pixels their shape: images.reshape([-1, 28, 28]).'
      : 'Channels are the last axis.',
  );
}

const tile = { width: 128, picture: 96, height: 150, gap: 12 };
const perRow = 7;

function sheet(worst: readonly Prediction[], images: Values, nameOf: (number: number) => string): DrawingBlock {
  const columns = Math.min(perRow, Math.ceil(Math.sqrt(worst.length)));
  const rows = Math.ceil(worst.length / columns);
  const scale = pixelScale(images, worst);
  const [, height = 1, width = 1, channels = 1] = images.shape;
  const size = height * width * channels;
  const pictures = worst.map(({ sample }) => {
    const pixels = Uint8Array.from({ length: size }, (_, i) => scale(Number(images.data[sample * size + i])));
    return pngUri(pixels, width, height, channels as 1 | 3);
  });
  return {
    kind: 'drawing',
    label: `images with true and predicted class: ${worst.map(({ actual, predicted }) => `${nameOf(actual)} taken for ${nameOf(predicted)}`).join(', ')}`,
    width: columns * (tile.width + tile.gap) - tile.gap,
    height: rows * (tile.height + tile.gap) - tile.gap,
    draw: (palette) =>
      worst
        .map((prediction, i) => {
          const { actual, predicted, ofActual, ofPredicted, sample } = prediction;
          const x = (i % columns) * (tile.width + tile.gap);
          const y = 1 + Math.floor(i / columns) * (tile.height + tile.gap);
          const left = x + (tile.width - tile.picture) / 2;
          const middle = x + tile.width / 2;
          const colour = actual === predicted ? palette.right : palette.wrong;
          const line = (words: string, below: number, weight: number, fill: string): string =>
            `<text x="${middle}" y="${y + tile.picture + below}" text-anchor="middle" font-size="12" font-weight="${weight}" fill="${fill}">${words}</text>`;
          const names = `${cut(nameOf(actual))} → ${cut(nameOf(predicted))}`;
          const full = `sample ${sample}: true ${nameOf(actual)} (${percent(ofActual)}), predicted ${nameOf(predicted)} (${percent(ofPredicted)})`;
          return [
            `<g><title>${escapeMarkup(full)}</title>`,
            `<image href="${pictures[i]}" x="${left}" y="${y}" width="${tile.picture}" height="${tile.picture}" style="image-rendering:pixelated"/>`,
            `<rect x="${left - 0.5}" y="${y - 0.5}" width="${tile.picture + 1}" height="${tile.picture + 1}" fill="none" stroke="${palette.line}"/>`,
            line(escapeMarkup(names), 20, 600, colour),
            line(escapeMarkup(`${percent(ofActual)} → ${percent(ofPredicted)}`), 38, 400, palette.muted),
            '</g>',
          ].join('');
        })
        .join('\n'),
  };
}

function cut(name: string): string {
  const characters = [...name];
  return characters.length <= 9 ? name : `${characters.slice(0, 8).join('')}…`;
}

function percent(share: number): string {
  if (Number.isNaN(share)) return 'NaN';
  const value = 100 * share;
  return value > 0 && value < 0.1 ? '< 0.1%' : `${value.toFixed(1)}%`;
}

/** From a pixel's number to its byte. */
function pixelScale({ data, shape, dtype }: Values, worst: readonly Prediction[]): (value: number) => number {
  const byte = (value: number): number => (Number.isNaN(value) ? 0 : Math.round(Math.min(255, Math.max(0, value))));
  if (!dtype.includes('float')) return dtype === 'bool' ? (value) => 255 * value : byte;
  const size = shape.slice(1).reduce((product, axis) => product * axis, 1);
  let [low, high] = [Infinity, -Infinity];
  for (const { sample } of worst) {
    for (let i = sample * size; i < (sample + 1) * size; i++) {
      const value = Number(data[i]);
      if (!Number.isFinite(value)) continue;
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  if (low >= 0 && high <= 1) [low, high] = [0, 1];
  const range = high > low ? high - low : 1;
  return (value) => byte((255 * (value - low)) / range);
}
