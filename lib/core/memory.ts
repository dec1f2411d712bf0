import { native } from './native.js';

/** What tensors hold at the moment. */
export interface MemoryInfo {
  /** Tensors and Variables of this thread that are neither disposed nor collected. */
  tensors: number;
  /** Bytes of CPU memory that tensors hold, in the whole process. */
  bytes: number;
  /** Bytes that the garbage collector of this thread has been told of: it runs the more often, the more there are. */
  externalBytes: number;
  /** Bytes of freed memory kept for reuse. */
  cachedBytes: number;
  /** Most bytes held at once so far. */
  peakBytes: number;
  /** Blocks asked from the system so far; constant while a loop runs in its steady state. */
  allocations: number;
}

/**
 * Live tensors and bytes.
 *
 * @example
 * ```ts
 * const before = memory().tensors;
 * tidy(() => ops.exp(x).dispose());
 * memory().tensors === before; // true
 * ```
 */
export function memory(): MemoryInfo {
  return native.memory();
}

/**
 * Gives freed memory that is kept for reuse back to the system.
 *
 * @param bytes how much to keep
 * @example
 * ```ts
 * trimMemory();
 * memory().cachedBytes; // 0
 * ```
 */
export function trimMemory(bytes = 0): void {
  native.trimMemory(bytes);
}
