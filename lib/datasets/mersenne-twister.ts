const size = 624;
const middle = 397;

/**
 * The generator of NumPy's `RandomState(seed)`: MT19937 with the seeding of Matsumoto and Nishimura 2002, so that data sets are shuffled in the order
 * that Keras gives them. For nothing else: everything random of this package comes from `random`.
 * @internal
 */
export class MersenneTwister {
  readonly #state: Uint32Array = new Uint32Array(size);
  #next: number = size;

  /** @param seed a whole number from 0 to 2³² - 1 */
  constructor(seed: number) {
    let word = seed >>> 0;
    for (let i = 0; i < size; i++) {
      this.#state[i] = word;
      word = (Math.imul(1812433253, word ^ (word >>> 30)) + i + 1) >>> 0;
    }
  }

  /** The next 32 random bits, as a whole number. */
  next(): number {
    if (this.#next === size) this.#renew();
    let y = this.#state[this.#next++] as number;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A whole number from 0 to `max`, each as likely: draws below the next power of 2 until one fits. */
  upTo(max: number): number {
    if (max === 0) return 0;
    const mask = 0xffffffff >>> Math.clz32(max);
    for (;;) {
      const value = (this.next() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** The numbers from 0 to `length` - 1 as `RandomState.shuffle(numpy.arange(length))` orders them. */
  permutation(length: number): Uint32Array<ArrayBuffer> {
    const order = Uint32Array.from({ length }, (_, i) => i);
    for (let i = length - 1; i > 0; i--) {
      const j = this.upTo(i);
      const kept = order[i] as number;
      order[i] = order[j] as number;
      order[j] = kept;
    }
    return order;
  }

  #renew(): void {
    const state = this.#state;
    for (let i = 0; i < size; i++) {
      const bits = ((state[i] as number) & 0x80000000) | ((state[(i + 1) % size] as number) & 0x7fffffff);
      state[i] = (state[(i + middle) % size] as number) ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
