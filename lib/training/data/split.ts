import { call } from '../../core/call.js';
import { ArgumentError } from '../../core/errors.js';
import type { FlatData } from './layout.js';

/** The first `count` samples and the others, as views: Keras' split, which takes the last fraction before any shuffling. @internal */
export function splitData(
  flat: FlatData,
  samples: number,
  fraction: number,
): { train: FlatData; validation: FlatData; count: number } {
  const count = Math.floor(samples * (1 - fraction));
  if (count === 0 || count === samples) {
    throw new ArgumentError(
      `fit: expected validationSplit to leave samples on both sides, got ${fraction} of ${samples} samples: ${count} to train and ${samples - count} to validate.`,
      'Give more data or another fraction.',
    );
  }
  const part = (from: number, to: number): FlatData => {
    const tensors = flat.tensors.map((whole) => call('aten::slice.Tensor', whole, 0, from, to, 1));
    return { tensors, layout: flat.layout, labels: [...flat.labels], made: [...tensors] };
  };
  return { train: part(0, count), validation: part(count, samples), count };
}
