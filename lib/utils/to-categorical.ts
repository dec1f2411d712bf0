import { config } from '../core/config.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { formatShape, type Tensor, type TensorLike, tensor } from '../core/tensor.js';
import { checkInteger, checkOptions, none, product } from '../ops/arguments.js';
import { asTensor } from '../ops/promote.js';

/** Options of {@link toCategorical}. */
export interface ToCategoricalOptions {
  /** Number of classes; null: the largest label and one more. @default null */
  numClasses?: number | null;
}

const optionNames = ['numClasses'];

/**
 * Turns class numbers into rows that are 1 at the class and 0 elsewhere (one-hot), as `categoricalCrossentropy` takes them.
 *
 * Labels of shape `[...]` or `[..., 1]` give floatx `[..., numClasses]`. As `keras.utils.to_categorical`: fractions are cut off. Unlike
 * there, a negative label is an error and does not count from the end. The labels are read, so it is no part of a recorded program: use
 * `ops.oneHot` there.
 *
 * @throws {ArgumentError} for labels below 0, at or above `numClasses`, or not finite
 * @example
 * ```ts
 * import { utils } from 'torchlayers';
 *
 * utils.toCategorical([0, 2, 1], { numClasses: 3 }); // [[1, 0, 0], [0, 0, 1], [0, 1, 0]]
 * ```
 */
export function toCategorical(x: TensorLike, options: ToCategoricalOptions = none): Tensor {
  checkOptions('toCategorical', options, optionNames);
  const labels = asTensor(x, 'toCategorical');
  const { shape } = labels;
  const values = labels.dataSync();
  const { numClasses = null } = options;
  const classes =
    numClasses === null ? largest(values) + 1 : checkInteger('toCategorical', 'numClasses', numClasses, 1);
  if (classes === 0) {
    throw new ArgumentError(
      `toCategorical: expected at least one label, got shape ${formatShape(shape)}.`,
      'Give numClasses where there may be no labels.',
    );
  }
  const outer = shape.length > 1 && shape.at(-1) === 1 ? shape.slice(0, -1) : shape;
  const rows = new Float32Array(product(outer) * classes);
  for (let row = 0; row < values.length; row++) {
    const label = Math.trunc(Number(values[row]));
    if (!(label >= 0 && label < classes)) {
      throw new ArgumentError(
        `toCategorical: expected labels from 0 to ${classes - 1}, got ${show(values[row])} at position ${row}.`,
        'Number the classes from 0, or give a larger numClasses.',
      );
    }
    rows[row * classes + label] = 1;
  }
  return tensor(rows, { shape: [...outer, classes], dtype: config.floatx(), copy: false });
}

function largest(values: ArrayLike<number | bigint>): number {
  let result = -1;
  for (let i = 0; i < values.length; i++) {
    const value = Number(values[i]);
    if (!Number.isFinite(value)) {
      throw new ArgumentError(`toCategorical: expected labels that are whole numbers, got ${value} at position ${i}.`);
    }
    result = Math.max(result, Math.trunc(value));
  }
  return result;
}
