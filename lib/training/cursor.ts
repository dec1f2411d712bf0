import { ArgumentError } from '../core/errors.js';
import { SeedGenerator } from '../core/random.js';
import { type Tensor, tensor } from '../core/tensor.js';
import type { Variable } from '../core/variable.js';
import type { Place } from './checkpoint.js';
import { IterableSource } from './data/iterable.js';
import { release } from './data/layout.js';
import { ArraySource } from './data/source.js';
import type { Execution, PassResult } from './execution.js';

/** Where an epoch may pause for a checkpoint. @internal */
export interface Pauses {
  /** Steps until the next pause. */
  stepsLeft: number;
  /** Notes steps that were done; true if it is time to pause. */
  count(steps: number): boolean;
}

const never: Pauses = { stepsLeft: Number.POSITIVE_INFINITY, count: () => false };

/** Where an epoch begins: at the start of the data, or where the last one ended under `stepsPerEpoch`. @internal */
export class Cursor {
  readonly #source: ArraySource | IterableSource;
  readonly #stepsPerEpoch: number | null;
  readonly #generator: SeedGenerator | null;
  // Batches used up before this epoch: of an array's order, or of an iterable since its start.
  #position = 0;
  #step = 0;
  #order: Tensor | null = null;
  #fresh = true;
  #toSkip = 0;

  constructor(source: ArraySource | IterableSource, stepsPerEpoch: number | null) {
    this.#source = source;
    this.#stepsPerEpoch = stepsPerEpoch;
    this.#generator = source instanceof ArraySource && source.shuffle ? new SeedGenerator({ name: 'shuffle' }) : null;
  }

  /** Steps of the epoch that are done. */
  get step(): number {
    return this.#step;
  }

  /** What the next epoch, or the rest of this one, starts from. */
  get place(): Pick<Place, 'step' | 'position' | 'order' | 'shuffle'> {
    return {
      step: this.#step,
      position: this.#position,
      order: this.#order === null ? null : texts(this.#order),
      shuffle: this.#generator === null ? null : texts(this.#generator.state),
    };
  }

  /** Goes on from there. */
  restore({ step, position, order, shuffle }: Place): void {
    this.#step = step;
    this.#position = position;
    this.#order = order === null ? null : fromTexts(order);
    if (shuffle !== null) this.#generator?.state.assign(fromTexts(shuffle));
    if (this.#source instanceof IterableSource) this.#toSkip = position + step;
  }

  /** Runs the steps of an epoch that are left; `pause` is awaited between two of them, whenever `pauses` says so. */
  async epoch(
    execution: Execution,
    pauses: Pauses = never,
    pause = async (): Promise<void> => {},
  ): Promise<PassResult> {
    const source = this.#source;
    const run = (total: number, first: number, order: Tensor | null): Promise<PassResult> =>
      this.#steps(execution, { total, first, order, pauses, pause });
    const result = source instanceof ArraySource ? await this.#arrays(source, run) : await this.#batches(source, run);
    this.#step = 0;
    if (result.ranOut) {
      process.emitWarning(
        'fit: the data ran out before the epoch had its steps.\n  Give at least stepsPerEpoch * epochs batches, or an iterable that can be started anew (an object with [Symbol.asyncIterator], not a generator).',
      );
    }
    return result;
  }

  async #arrays(source: ArraySource, run: Run): Promise<PassResult> {
    if (this.#position === 0 && this.#step === 0 && this.#generator !== null) {
      this.#order?.dispose();
      this.#order = this.#generator.next();
    }
    const from = this.#position;
    const wanted = this.#stepsPerEpoch ?? source.batches;
    const total = Math.min(wanted, source.batches - from);
    const result = await run(total, from, this.#order);
    this.#position = this.#stepsPerEpoch === null || from + total >= source.batches ? 0 : from + result.steps;
    return { ...result, ranOut: this.#stepsPerEpoch !== null && wanted > total };
  }

  async #batches(source: IterableSource, run: Run): Promise<PassResult> {
    // What `peek` took belongs to the first epoch.
    if (!this.#fresh && this.#stepsPerEpoch === null) source.restart();
    this.#fresh = false;
    await this.#skip(source);
    const result = await run(this.#stepsPerEpoch ?? Number.POSITIVE_INFINITY, 0, null);
    this.#position = this.#stepsPerEpoch === null ? 0 : this.#position + result.steps;
    if (!result.ranOut) return result;
    source.restart();
    this.#position = 0;
    return { ...result, ranOut: this.#stepsPerEpoch !== null || result.steps === 0 };
  }

  /** Takes what earlier steps have used from an iterable that starts anew, and throws it away. */
  async #skip(source: IterableSource): Promise<void> {
    const wanted = this.#toSkip;
    this.#toSkip = 0;
    for (let i = 0; i < wanted; i++) {
      const batch = await source.next();
      if (batch === null) {
        throw new ArgumentError(
          `fit: resume: expected an iterable of more than ${wanted} batches, as many as the checkpoint has used, got ${i}.`,
          'Give the iterable that the run began with, from its start.',
        );
      }
      release(batch);
    }
  }

  async #steps(execution: Execution, { total, first, order, pauses, pause }: Steps): Promise<PassResult> {
    const source = this.#source;
    const arrays = source instanceof ArraySource;
    for (;;) {
      const before = this.#step;
      const until = Math.min(total, before + pauses.stepsLeft);
      const [from, to] = arrays ? [first + before, first + until] : [0, until - before];
      const counted = (): number => {
        this.#step = before + execution.finished;
        return execution.finished;
      };
      let result: PassResult;
      try {
        result = await execution.pass({ kind: 'train', source, from, to, firstStep: before, seed: order });
      } catch (error) {
        counted();
        throw error;
      }
      const due = pauses.count(counted());
      const done = this.#step >= total || result.ranOut || this.#step < until || execution.stopped;
      if (done) return { ...result, steps: this.#step };
      if (due) await pause();
    }
  }
}

interface Steps {
  total: number;
  /** Batch of the data that the epoch begins with. */
  first: number;
  order: Tensor | null;
  pauses: Pauses;
  pause: () => Promise<void>;
}

type Run = (total: number, first: number, order: Tensor | null) => Promise<PassResult>;

function texts(state: Tensor | Variable): string[] {
  return Array.from(state.dataSync(), String);
}

function fromTexts(values: readonly string[]): Tensor {
  return tensor(BigInt64Array.from(values, BigInt), { device: 'cpu' });
}
