import { ArgumentError, ShapeError } from '../core/errors.js';
import { is, show } from '../core/fields.js';
import { formatShape, Tensor, type TensorLike, tensor } from '../core/tensor.js';
import { Model } from '../models/model.js';
import { checkOptions } from '../training/compile.js';
import { checkHparams, checkNodes } from './checks.js';
import { EventFile } from './event-file.js';
import type { EventPlace, HyperparameterValues, SummaryHead } from './events.js';
import { type GraphNode, modelNodes } from './graph.js';
import { bucketsOf } from './histogram.js';
import { modelJson } from './model-json.js';
import { checkImages, encodeImages } from './pixels.js';
import { flatText, type Text } from './text.js';

/** Options of {@link createFileWriter}. */
export interface FileWriterOptions {
  /** End of the file's name. @default '.v2' */
  filenameSuffix?: string;
  /** Milliseconds for which events gather before they are written together. @default 200 */
  flushMs?: number;
}

/** What every kind of event takes. */
export interface SummaryOptions {
  /** Place on the horizontal axis: a whole number of at least 0. */
  step: number;
  /** Markdown that TensorBoard shows beside it. @default '' */
  description?: string;
}

/** Options of {@link FileWriter.histogram}. */
export interface HistogramOptions extends SummaryOptions {
  /** Number of buckets, at least 1. @default 30 */
  buckets?: number;
}

/** Options of {@link FileWriter.image}. */
export interface ImageOptions extends SummaryOptions {
  /** Images written at most, at least 0. @default 3 */
  maxOutputs?: number;
}

/** Options of {@link FileWriter.hparams}. */
export interface HparamsOptions {
  /** Runs with the same one are shown as one trial. @default a digest of the values */
  trialId?: string;
  /** When the trial began, in seconds since 1970. @default now */
  startTimeSecs?: number;
}

const head = ['step', 'description'];
const statuses = { success: 1, failure: 2, running: 3 } as const;

/** Loads what makes bytes of events; a first writer does so early, as it takes a while. */
function loadEvents(): Promise<typeof import('./events.js')> {
  return import('./events.js');
}

/**
 * Writes what TensorBoard shows: one event file, which appears with the first event. Made by {@link createFileWriter}.
 *
 * Methods throw for wrong arguments at once. Their promises resolve when there is room for more, so a loop that awaits them can't run ahead of the disk; they
 * reject when an earlier write failed (disk full, folder removed), as `flush` and `close` do. Nothing blocks the thread.
 */
export class FileWriter {
  /** The folder of the file. */
  readonly logDir: string;
  readonly #file: EventFile;
  readonly #events: Promise<typeof import('./events.js')>;
  readonly #making = new Set<Promise<void>>();
  #begun = false;

  /** @internal */
  constructor(logDir: string, options: FileWriterOptions = {}) {
    const where = 'createFileWriter';
    checkOptions(where, options, ['filenameSuffix', 'flushMs']);
    if (typeof logDir !== 'string' || logDir === '' || logDir.includes('\0')) {
      throw new ArgumentError(`${where}: logDir: expected the path of a folder, got ${show(logDir)}.`);
    }
    const { filenameSuffix = '.v2', flushMs = 200 } = options;
    is.string(filenameSuffix, `${where}: filenameSuffix`);
    if (/[/\\\0]/.test(filenameSuffix)) {
      throw new ArgumentError(
        `${where}: filenameSuffix: expected the end of a file's name, got ${show(filenameSuffix)}.`,
      );
    }
    is.integer({ min: 0, max: 2 ** 31 - 1 })(flushMs, `${where}: flushMs`);
    this.logDir = logDir;
    this.#file = new EventFile(logDir, { suffix: filenameSuffix, waitMs: flushMs });
    this.#events = loadEvents();
    this.#events.catch(() => {});
  }

  /** The file, or null until something was written. */
  get path(): string | null {
    return this.#file.path;
  }

  /** Bytes that wait for the disk. */
  get pendingBytes(): number {
    return this.#file.pendingBytes;
  }

  /**
   * One point of a curve.
   * @param value a number, or a tensor with one element; written as float32
   * @example
   * ```ts
   * const writer = summary.createFileWriter('logs/run');
   * for (let step = 0; step < 100; step++) await writer.scalar('loss', 1 / (step + 1), { step });
   * await writer.close();
   * ```
   */
  scalar(name: string, value: number | Tensor, options: SummaryOptions): Promise<void> {
    const where = 'FileWriter.scalar';
    const place = this.#head(where, name, options);
    if (typeof value === 'number') return this.#add(async ({ scalarEvent }) => scalarEvent(place, value));
    if (!(value instanceof Tensor)) {
      throw new ArgumentError(`${where}: expected a number or a tensor of one element, got ${show(value)}.`);
    }
    if (value.size !== 1) {
      throw new ShapeError(
        `${where}: expected a number or a tensor of one element, got shape ${formatShape(value.shape)}.`,
        'Write a mean, or a histogram.',
      );
    }
    const read = value.data();
    return this.#add(async ({ scalarEvent }) => scalarEvent(place, Number((await read)[0])));
  }

  /**
   * How the elements of a tensor spread: buckets of equal width from the smallest to the largest.
   *
   * Source: `tf.summary.histogram`; elements that are not finite are left out.
   * @param values of any shape, no complex numbers
   */
  histogram(name: string, values: TensorLike, options: HistogramOptions): Promise<void> {
    const where = 'FileWriter.histogram';
    const place = this.#head(where, name, options, ['buckets']);
    const { buckets = 30 } = options;
    is.integer({ min: 1 })(buckets, `${where}: buckets`);
    const given = readable(values);
    if (given.dtype === 'complex64') {
      throw new ArgumentError(
        `${where}: expected real numbers, got complex64.`,
        'Write ops.real(x) or ops.absolute(x).',
      );
    }
    const read = given.read();
    return this.#add(async ({ histogramEvent }) => histogramEvent(place, await bucketsOf(await read, buckets)));
  }

  /**
   * Images: `[images, height, width, channels]` with 1 to 4 channels; floats from 0 to 1, uint8 from 0 to 255, or bool.
   *
   * Source: `tf.summary.image`.
   * @throws {ShapeError} for another shape
   * @throws {ArgumentError} for another dtype
   */
  image(name: string, images: TensorLike, options: ImageOptions): Promise<void> {
    const where = 'FileWriter.image';
    const place = this.#head(where, name, options, ['maxOutputs']);
    const { maxOutputs = 3 } = options;
    is.integer({ min: 0 })(maxOutputs, `${where}: maxOutputs`);
    const given = readable(images);
    const { shape, dtype } = given;
    checkImages(where, shape, dtype);
    const read = given.read();
    return this.#add(async ({ imageEvent }) =>
      imageEvent(place, await encodeImages(await read, shape, dtype, maxOutputs)),
    );
  }

  /** Text in Markdown: a string, a list, or rows of a table. Source: `tf.summary.text`. */
  text(name: string, text: Text, options: Partial<SummaryOptions> = {}): Promise<void> {
    const where = 'FileWriter.text';
    checkOptions(where, options, head);
    const place = this.#head(where, name, { step: 0, ...options });
    const { strings, shape } = flatText(where, text);
    return this.#add(async ({ textEvent }) => textEvent(place, strings, shape));
  }

  /**
   * A graph to look at: a model, or nodes of one's own. A model appears as the run's graph, its layers with their weights, and (unless it has a `call` of its
   * own) as the conceptual graph, which TensorBoard draws from the model's config.
   * @throws {ArgumentError} for nodes with the same name or inputs that are no nodes
   */
  graph(graph: Model | readonly GraphNode[], options: { step?: number } = {}): Promise<void> {
    const where = 'FileWriter.graph';
    checkOptions(where, options, ['step']);
    const place = this.#head(where, 'keras', { step: 0, ...options });
    const nodes = graph instanceof Model ? modelNodes(graph) : checkNodes(where, graph);
    const json = graph instanceof Model ? configOf(graph) : null;
    const written = this.#add(async ({ graphEvent }) => graphEvent(place, nodes));
    if (json === null) return written;
    return Promise.all([written, this.#add(async ({ modelEvent }) => modelEvent(place, json))]).then(() => {});
  }

  /**
   * The hyperparameters of the run in this folder, for TensorBoard's page HPARAMS; its metrics are the scalars in this folder and those below it.
   *
   * Source: TensorBoard's `hparams`.
   */
  hparams(values: HyperparameterValues, options: HparamsOptions = {}): Promise<void> {
    const where = 'FileWriter.hparams';
    checkOptions(where, options, ['trialId', 'startTimeSecs']);
    const { trialId, startTimeSecs = Date.now() / 1000 } = options;
    if (trialId !== undefined) is.string(trialId, `${where}: trialId`);
    is.number({ min: 0 })(startTimeSecs, `${where}: startTimeSecs`);
    checkHparams(where, values);
    const kept = { ...values };
    const wallTime = now();
    const start = trialId === undefined ? { startTimeSecs } : { startTimeSecs, trialId };
    return this.#add(async ({ sessionStartEvent }) => sessionStartEvent({ wallTime }, kept, start));
  }

  /** How the run of {@link hparams} ended. */
  hparamsEnd({ status = 'success' }: { status?: keyof typeof statuses } = {}): Promise<void> {
    is.oneOf('success', 'failure', 'running')(status, 'FileWriter.hparamsEnd: status');
    const wallTime = now();
    const end = { status: statuses[status], endTimeSecs: wallTime };
    return this.#add(async ({ sessionEndEvent }) => sessionEndEvent({ wallTime }, end));
  }

  /** Resolves when everything given so far is in the file. @throws the error of a failed write */
  async flush(): Promise<void> {
    await Promise.allSettled([...this.#making]);
    await this.#file.flush();
  }

  /** {@link flush}; the writer takes nothing more. */
  async close(): Promise<void> {
    await Promise.allSettled([...this.#making]);
    await this.#file.close();
  }

  #head(where: string, name: string, options: SummaryOptions, more: readonly string[] = []): SummaryHead {
    this.#file.check();
    if (typeof name !== 'string' || name === '') {
      throw new ArgumentError(
        `${where}: name: expected a name, got ${show(name)}.`,
        "Write 'layer/weights': slashes make groups.",
      );
    }
    checkOptions(where, options, [...head, ...more]);
    is.integer({ min: 0 })(options.step, `${where}: step`);
    const description = options.description ?? '';
    is.string(description, `${where}: description`);
    return { tag: name, step: options.step, description, wallTime: now() };
  }

  #add(make: (events: typeof import('./events.js')) => Promise<Uint8Array>): Promise<void> {
    this.#file.check();
    const added = this.#append(make);
    // What `flush` waits for; whoever called learns of errors by the promise itself.
    const settled = added.then(
      () => {},
      () => {},
    );
    this.#making.add(settled);
    void settled.then(() => this.#making.delete(settled));
    return added;
  }

  async #append(make: (events: typeof import('./events.js')) => Promise<Uint8Array>): Promise<void> {
    const events = await this.#events;
    const data = await make(events);
    if (this.#begun) return this.#file.append(data);
    this.#begun = true;
    // Both at once, before any other event.
    await Promise.all([this.#file.append(events.versionEvent(now())), this.#file.append(data)]);
  }
}

/**
 * A writer of an event file in `logDir`, a run for TensorBoard: `tensorboard --logdir logs` shows each folder below `logs` as a run.
 *
 * Source: `tf.summary.create_file_writer`.
 *
 * @throws {ArgumentError} for options of wrong types
 * @example
 * ```ts
 * const writer = summary.createFileWriter('logs/run');
 * await writer.scalar('loss', 0.5, { step: 1 });
 * await writer.histogram('weights', ops.ones([3]), { step: 1 });
 * await writer.text('note', 'A **first** try.');
 * await writer.close();
 * ```
 */
export function createFileWriter(logDir: string, options: FileWriterOptions = {}): FileWriter {
  return new FileWriter(logDir, options);
}

function now(): EventPlace['wallTime'] {
  return Date.now() / 1000;
}

/** A tensor's facts and its elements; what is made here from other values is freed once it is read. */
function readable(values: TensorLike) {
  const source = values instanceof Tensor ? values : tensor(values);
  const { shape, dtype } = source;
  const read = async () => {
    try {
      return await source.data();
    } finally {
      if (source !== values) source.dispose();
    }
  };
  return { shape, dtype, read };
}

function configOf(model: Model): string | null {
  try {
    return modelJson(model);
  } catch (error) {
    process.emitWarning(
      `FileWriter.graph: ${model.title} has no conceptual graph, as it can't be serialized: ${(error as Error).message}`,
    );
    return null;
  }
}
