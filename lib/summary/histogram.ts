import { setImmediate } from 'node:timers/promises';
import type { NumericArray } from '../core/dtype.js';

/** Elements between two turns of the event loop: about a millisecond's work. */
const slice = 1 << 17;

/**
 * Buckets of equal width from the smallest to the largest element, row by row [left, right, count] in float64: `[buckets, 3]`.
 *
 * Equal elements all stand in the last bucket, whose sides are the same. Elements that are not finite are left out; without any, all rows are zero.
 * Source: the histograms of `tf.summary.histogram`.
 * @internal
 */
export async function bucketsOf(values: NumericArray, buckets: number): Promise<Float64Array> {
  const rows = new Float64Array(buckets * 3);
  let min = Infinity;
  let max = -Infinity;
  let finite = 0;
  for (let start = 0; start < values.length; start += slice) {
    const end = Math.min(start + slice, values.length);
    for (let i = start; i < end; i++) {
      const value = Number(values[i]);
      if (!Number.isFinite(value)) continue;
      finite++;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    if (end < values.length) await setImmediate();
  }
  if (finite === 0) return rows;
  const width = (max - min) / buckets;
  for (let i = 0; i < buckets; i++) {
    rows[3 * i] = min + width * i;
    rows[3 * i + 1] = i === buckets - 1 ? max : min + width * (i + 1);
  }
  if (min === max) {
    rows[3 * buckets - 1] = finite;
    return rows;
  }
  for (let start = 0; start < values.length; start += slice) {
    const end = Math.min(start + slice, values.length);
    for (let i = start; i < end; i++) {
      const value = Number(values[i]);
      if (!Number.isFinite(value)) continue;
      const at = 3 * Math.min(Math.floor((value - min) / width), buckets - 1) + 2;
      rows[at] = (rows[at] as number) + 1;
    }
    if (end < values.length) await setImmediate();
  }
  return rows;
}
