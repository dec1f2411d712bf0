import { createHash } from 'node:crypto';

/** Whole numbers below a bound, the same for the same seed and file on every machine. */
export class Random {
  #state: number;

  constructor(seed: number, file: number) {
    this.#state = createHash('sha256').update(`${seed}:${file}`).digest().readUInt32LE();
  }

  /** 0 to bound - 1. */
  below(bound: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * bound);
  }

  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  pick<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}
