import { is, optional } from '../core/fields.js';
import { isPlainObject } from '../core/tree.js';
import { Callback, type Logs } from './callback.js';
import { checker, optionsOf } from './options.js';

/** Options of {@link RemoteMonitor}. */
export interface RemoteMonitorOptions {
  /** Address of the server. @default 'http://localhost:9000' */
  root?: string;
  /** Path that the events are sent to, put behind `root`. @default '/publish/epoch/end/' */
  path?: string;
  /** Field of the form that holds the event as JSON; not with `sendAsJson`. @default 'data' */
  field?: string;
  /** Headers of the requests. @default null */
  headers?: Readonly<Record<string, string>> | null;
  /** Send the event itself, as application/json, instead of a form. @default false */
  sendAsJson?: boolean;
  /** Time that the server has for an answer, in milliseconds; then there is a warning and training goes on. @default 10000 */
  timeoutMs?: number;
}

const isUrl = (value: unknown): boolean =>
  typeof value === 'string' && /^https?:\/\//.test(value) && URL.canParse(value);

const fields = {
  root: optional(checker<string>(isUrl, 'an http or https address'), 'http://localhost:9000'),
  path: optional(is.string, '/publish/epoch/end/'),
  field: optional(is.string, 'data'),
  headers: optional(
    checker(
      (value) =>
        value === null || (isPlainObject(value) && Object.values(value).every((one) => typeof one === 'string')),
      'an object of strings or null',
      "Write headers: { authorization: 'Bearer …' }.",
    ),
    null,
  ),
  sendAsJson: optional(is.boolean, false),
  timeoutMs: optional(is.integer({ min: 1 }), 10_000),
};

/**
 * Posts each epoch's number and logs to a server, `{ epoch, loss, … }`, with the runtime's `fetch`. NaN and infinities are sent as `null`, which JSON has.
 * A server that can't be reached, or doesn't answer in time, is a warning.
 *
 * Source: Keras `keras.callbacks.RemoteMonitor`; `timeoutMs` is an addition.
 *
 * @throws {ArgumentError} for a wrong option
 * @example
 * ```ts
 * new callbacks.RemoteMonitor({ root: 'http://localhost:9000', sendAsJson: true });
 * ```
 */
export class RemoteMonitor extends Callback {
  readonly root: string;
  readonly path: string;
  readonly field: string;
  readonly headers: Readonly<Record<string, string>> | null;
  readonly sendAsJson: boolean;
  readonly timeoutMs: number;

  constructor(options: RemoteMonitorOptions = {}) {
    super();
    const given = optionsOf<RemoteMonitorOptions>('RemoteMonitor', options, fields);
    this.root = given.root;
    this.path = given.path;
    this.field = given.field;
    this.headers = given.headers;
    this.sendAsJson = given.sendAsJson;
    this.timeoutMs = given.timeoutMs;
  }

  override get usesVariables(): boolean {
    return this.constructor !== RemoteMonitor;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const text = JSON.stringify({ epoch, ...logs });
    const headers = { ...this.headers, ...(this.sendAsJson && { 'content-type': 'application/json' }) };
    const body = this.sendAsJson ? text : new URLSearchParams({ [this.field]: text });
    try {
      const signal = AbortSignal.timeout(this.timeoutMs);
      const answer = await fetch(this.root + this.path, { method: 'POST', headers, body, signal });
      // An answer that nobody reads would keep the connection open.
      await answer.body?.cancel();
    } catch (error) {
      const { message, cause } = error as Error;
      process.emitWarning(
        `RemoteMonitor: could not reach the server at ${this.root}: ${cause instanceof Error ? cause.message : message}.`,
      );
    }
  }
}
