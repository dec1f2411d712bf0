/** Numbers steps over epochs, from 1: hooks count anew in each epoch, and may leave steps out. @internal */
export class BatchCounter {
  #before = 0;
  #last = 0;
  #rateStep = 0;
  #rateMs = 0;

  /** Steps so far. */
  get steps(): number {
    return this.#last;
  }

  /** A new run, behind some steps of an earlier one. */
  reset(steps = 0): void {
    this.#last = steps;
    this.begin();
  }

  /** A new epoch or pass. */
  begin(): void {
    this.#before = this.#last;
    this.#rateStep = this.#last;
    this.#rateMs = performance.now();
  }

  /** The number of a batch of this epoch. */
  at(batch: number): number {
    this.#last = this.#before + batch + 1;
    return this.#last;
  }

  /** Steps a second since the last call, or since the epoch began; null if no time has passed. */
  rate(step: number): number | null {
    const now = performance.now();
    const rate = now > this.#rateMs ? (1000 * (step - this.#rateStep)) / (now - this.#rateMs) : null;
    this.#rateStep = step;
    this.#rateMs = now;
    return rate;
  }
}
