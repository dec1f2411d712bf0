import { appendFile, stat, truncate, writeFile } from 'node:fs/promises';
import { stringify } from 'csv-stringify/sync';
import { is, optional, required } from '../core/fields.js';
import { explainSystemError } from '../saving/atomic.js';
import { Callback, type CallbackState, type Logs } from './callback.js';
import { checker, optionsOf, pathOf } from './options.js';
import { pythonFloat } from './python-text.js';

/** Options of {@link CSVLogger}. */
export interface CSVLoggerOptions {
  /** The file, in a folder that exists. */
  filename: string;
  /** One character between two fields. @default ',' */
  separator?: string;
  /** Write behind what the file holds, instead of anew. @default false */
  append?: boolean;
}

const fields = {
  filename: required(pathOf('file')),
  separator: optional(
    checker(
      (value) => typeof value === 'string' && [...value].length === 1 && !/["\r\n]/.test(value),
      "one character other than '\"' and line ends",
      "Write separator: ';'.",
    ),
    ',',
  ),
  append: optional(is.boolean, false),
};

/**
 * Writes one line an epoch to a CSV file: the epoch's number, then the logs sorted by name; 'NA' where a number is missing, in a first epoch without
 * validation for all of validation's. The text is what Python's `csv` writes, numbers as Python prints them, lines with CR LF.
 *
 * A `fit` that goes on from a checkpoint goes on with the file: lines of epochs after the checkpoint are cut off.
 *
 * Source: Keras `keras.callbacks.CSVLogger`.
 *
 * @throws {ArgumentError} for a wrong option
 * @throws a system error that names the file, in training
 * @example
 * ```ts
 * new callbacks.CSVLogger({ filename: 'training.csv', append: true });
 * ```
 */
export class CSVLogger extends Callback {
  readonly filename: string;
  readonly separator: string;
  readonly append: boolean;
  #keys: readonly string[] | null = null;
  #bytes = 0;
  #begun = false;
  #resumed = false;

  constructor(options: CSVLoggerOptions) {
    super();
    const { filename, separator, append } = optionsOf<CSVLoggerOptions>('CSVLogger', options, fields);
    this.filename = filename;
    this.separator = separator;
    this.append = append;
  }

  override get usesVariables(): boolean {
    return this.constructor !== CSVLogger;
  }

  override async onTrainBegin(_logs: Logs): Promise<void> {
    // The file is changed after the first epoch: by then it is known whether training goes on from a checkpoint.
    this.#keys = null;
    this.#bytes = this.append ? ((await sizeOf(this.filename)) ?? 0) : 0;
    this.#begun = false;
    this.#resumed = false;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    await this.#begin();
    const lines: string[][] = [];
    if (this.#keys === null) {
      const names = Object.keys(logs).sort();
      const validated = names.some((name) => name.startsWith('val_'));
      this.#keys = validated ? names : [...names, ...names.map((name) => `val_${name}`)];
      if (this.#bytes === 0) lines.push(['epoch', ...this.#keys]);
    }
    lines.push([String(epoch), ...this.#keys.map((name) => text(logs[name] ?? 'NA'))]);
    const csv = stringify(lines, { delimiter: this.separator, record_delimiter: 'windows', quoted_match: /[\r\n]/ });
    await this.#disk(() => appendFile(this.filename, csv));
    this.#bytes += Buffer.byteLength(csv);
  }

  override async onTrainEnd(_logs: Logs): Promise<void> {
    await this.#begin();
  }

  override getState(): CallbackState {
    return { keys: this.#keys, bytes: this.#bytes };
  }

  override setState(state: CallbackState): void {
    const { keys, bytes } = state as { keys: readonly string[] | null; bytes: number };
    this.#keys = keys;
    this.#bytes = bytes;
    this.#begun = false;
    this.#resumed = true;
  }

  async #begin(): Promise<void> {
    if (this.#begun) return;
    this.#begun = true;
    const size = await sizeOf(this.filename);
    if (this.#resumed && size !== null && size >= this.#bytes) {
      await this.#disk(() => truncate(this.filename, this.#bytes));
      return;
    }
    // A file that is gone is begun anew, with its header.
    if (this.#resumed) this.#keys = null;
    this.#bytes = this.append ? (size ?? 0) : 0;
    await this.#disk(() => (this.append ? appendFile(this.filename, '') : writeFile(this.filename, '')));
  }

  async #disk(write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      throw explainSystemError(error, this.filename, 'write');
    }
  }
}

async function sizeOf(path: string): Promise<number | null> {
  const found = await stat(path).catch(() => null);
  return found?.size ?? null;
}

function text(value: unknown): string {
  if (typeof value === 'number') return pythonFloat(value);
  // Lists stand in quotation marks of their own, as in Keras.
  return Array.isArray(value) ? `"[${value.map(text).join(', ')}]"` : String(value);
}
