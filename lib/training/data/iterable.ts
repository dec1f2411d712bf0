import { ArgumentError } from '../../core/errors.js';
import { show } from '../../core/fields.js';
import { Tensor } from '../../core/tensor.js';
import { leaves } from '../../core/tree.js';
import { type ClassWeight, sampleWeightsOf } from './class-weight.js';
import { countSamples, type FlatData, flatten, release } from './layout.js';

/** Batches one after the other: generators, arrays of batches, streams. */
export type BatchIterable = Iterable<unknown> | AsyncIterable<unknown>;

/** True for data that comes batch by batch: no tensor, array, typed array or object of arrays. @internal */
export function isBatchIterable(value: unknown): value is BatchIterable {
  if (typeof value !== 'object' || value === null) return false;
  if (value instanceof Tensor || Array.isArray(value) || ArrayBuffer.isView(value)) return false;
  return Symbol.asyncIterator in value || Symbol.iterator in value;
}

/** Batches that are waiting while a step runs. */
const ahead = 2;

/** Batches from an iterable, made into tensors ahead of the steps; no more than two wait. @internal */
export class IterableSource {
  readonly #iterable: BatchIterable;
  readonly #where: string;
  readonly #classWeight: ClassWeight | null;
  readonly #xOnly: boolean;
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | null = null;
  #queue: Promise<FlatData | null>[] = [];
  #last: Promise<unknown> = Promise.resolve();
  #ended = false;
  #taken = false;
  #count = 0;

  constructor(
    iterable: BatchIterable,
    where: string,
    options: { classWeight?: ClassWeight | null; xOnly?: boolean } = {},
  ) {
    this.#iterable = iterable;
    this.#where = where;
    this.#classWeight = options.classWeight ?? null;
    this.#xOnly = options.xOnly ?? false;
  }

  /** The next batch, or null at the end. The caller frees it. */
  async next(): Promise<FlatData | null> {
    this.#taken = true;
    this.#fill();
    const batch = (await this.#queue.shift()) ?? null;
    if (batch !== null) this.#fill();
    return batch;
  }

  /** The batch that `next` will answer. */
  async peek(): Promise<FlatData | null> {
    this.#fill();
    return (await this.#queue[0]) ?? null;
  }

  /** Starts over with a new iterator; a generator that has ended stays at its end. */
  restart(): void {
    // What was only looked at is not lost.
    if (!this.#taken) return;
    this.#taken = false;
    this.#queue = [];
    this.#iterator = null;
    this.#ended = false;
    this.#count = 0;
  }

  /** Frees what waits and tells the iterator that no more is wanted. */
  async close(): Promise<void> {
    const waiting = this.#queue;
    const iterator = this.#iterator;
    this.#queue = [];
    this.#ended = true;
    for (const batch of waiting) void batch.then((flat) => flat && release(flat)).catch(() => {});
    // A generator that still waits for its own data answers later; nobody waits for it.
    void Promise.resolve(iterator?.return?.()).catch(() => {});
  }

  #fill(): void {
    while (!this.#ended && this.#queue.length < ahead) {
      const pulled = this.#last.then(() => this.#pull());
      this.#last = pulled.catch(() => {
        this.#ended = true;
      });
      this.#queue.push(pulled);
      if (this.#queue.length > 1) return;
    }
  }

  async #pull(): Promise<FlatData | null> {
    if (this.#ended) return null;
    if (this.#iterator === null) {
      const source = this.#iterable as Partial<AsyncIterable<unknown> & Iterable<unknown>>;
      this.#iterator = (source[Symbol.asyncIterator]?.() ?? source[Symbol.iterator]?.()) as Iterator<unknown>;
    }
    const result = await this.#iterator.next();
    if (result.done) {
      this.#ended = true;
      return null;
    }
    return this.#toBatch(result.value, `${this.#where}: batch ${this.#count++}`);
  }

  async #toBatch(value: unknown, where: string): Promise<FlatData> {
    // For predict, nested arrays of numbers are the input itself.
    const several = Array.isArray(value) && !(this.#xOnly && isNumbers(value));
    if (!this.#xOnly && (!several || value.length < 1 || value.length > 3)) {
      throw new ArgumentError(
        `${where}: expected [x, y] or [x, y, sampleWeight], got ${Array.isArray(value) ? `an array of ${value.length}` : show(value)}.`,
        'Write yield [x, y].',
      );
    }
    const [x, y, sampleWeight] = several ? (value as unknown[]) : [value];
    const flat = await flatten(this.#xOnly ? { x } : { x, y, sampleWeight }, where);
    try {
      countSamples(flat, where);
      if (this.#classWeight !== null) addClassWeights(flat, this.#classWeight, where);
    } catch (error) {
      release(flat);
      throw error;
    }
    return flat;
  }
}

/** True for nested arrays of numbers alone. */
function isNumbers(value: readonly unknown[]): boolean {
  return value.every(
    (item) => ['number', 'boolean', 'bigint'].includes(typeof item) || (Array.isArray(item) && isNumbers(item)),
  );
}

/** Adds sample weights that follow from the labels. @throws {ArgumentError} beside sample weights, or for several outputs @internal */
export function addClassWeights(flat: FlatData, classWeight: ClassWeight, where: string): void {
  if (flat.layout.sampleWeight !== undefined) {
    throw new ArgumentError(
      `${where}: expected classWeight or sampleWeight, got both.`,
      'Multiply them into one sampleWeight.',
    );
  }
  const labels = leaves(flat.layout.y ?? []).filter((index): index is number => index !== null);
  if (labels.length !== 1) {
    throw new ArgumentError(
      `${where}: classWeight: expected labels for one output, got ${labels.length}.`,
      'Give sampleWeight instead.',
    );
  }
  const weights = sampleWeightsOf(flat.tensors[labels[0] as number] as Tensor, classWeight);
  flat.made.push(weights);
  flat.labels.push('sampleWeight');
  flat.layout = { ...flat.layout, sampleWeight: flat.tensors.push(weights) - 1 };
}
