import type { DType } from './dtype.js';

let current: DType | null = null;

/** What float Variables are cast to where operations read them, or null. @internal */
export function autocastDType(): DType | null {
  return current;
}

/**
 * Runs a function in which operations read float Variables (those with `autocast`) in another dtype: how a layer of a mixed policy computes in float16
 * over float32 weights. `null` reads them as they are.
 * @internal
 */
export function withAutocast<T>(dtype: DType | null, fn: () => T): T {
  const before = current;
  current = dtype;
  try {
    return fn();
  } finally {
    current = before;
  }
}
