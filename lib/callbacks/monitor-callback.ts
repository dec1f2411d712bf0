import { ArgumentError } from '../core/errors.js';
import { type Fields, is, optional } from '../core/fields.js';
import { Callback, type Logs } from './callback.js';

/** Options that every callback with a `monitor` has. */
export interface MonitorOptions {
  /** Name in the logs to follow. @default 'val_loss' */
  monitor?: string;
  /** Whether the number should fall or rise; 'auto' asks the metric. @default 'auto' */
  mode?: 'auto' | 'min' | 'max';
  /** Least change that counts as an improvement. @default 0 */
  minDelta?: number;
}

/** Fields of {@link MonitorOptions}. @internal */
export const monitorFields: Fields = {
  monitor: optional(is.string, 'val_loss'),
  mode: optional(is.oneOf('auto', 'min', 'max'), 'auto'),
};

/**
 * Base of callbacks that follow one number of the logs. Source: Keras `MonitorCallback`.
 *
 * With `mode: 'auto'` the metric says whether its number should rise or fall (`metric.direction`); losses fall.
 */
export abstract class MonitorCallback extends Callback {
  readonly monitor: string;
  readonly mode: 'auto' | 'min' | 'max';
  readonly minDelta: number;
  #direction: 'min' | 'max' | undefined;

  constructor(options: Required<MonitorOptions>) {
    super();
    this.monitor = options.monitor;
    this.mode = options.mode;
    this.minDelta = Math.abs(options.minDelta);
  }

  /** Whether the monitored number should fall or rise. @throws {ArgumentError} if `mode` is 'auto' and no metric of that name says it */
  protected get direction(): 'min' | 'max' {
    this.#direction ??= this.mode === 'auto' ? this.#ask() : this.mode;
    return this.#direction;
  }

  /** Whether `value` is better than `reference` by more than `minDelta`; anything is better than nothing. */
  protected isImprovement(value: number, reference: number | null): boolean {
    if (reference === null) return true;
    return this.direction === 'min' ? value + this.minDelta < reference : value - this.minDelta > reference;
  }

  /** The monitored number; a warning and `undefined` where the logs have none. */
  protected current(logs: Logs, doing: string): number | undefined {
    const value = logs[this.monitor];
    if (value === undefined) {
      process.emitWarning(
        `${this.constructor.name}: expected '${this.monitor}' in the logs to ${doing}, got ${Object.keys(logs).join(', ')}.`,
      );
    }
    return value;
  }

  #ask(): 'min' | 'max' {
    const name = this.monitor.replace(/^val_/, '');
    const direction = name === 'loss' ? 'min' : this.model.directionOf(name);
    if (direction !== null) return direction;
    throw new ArgumentError(
      `${this.constructor.name}: expected to learn from the metric whether '${this.monitor}' should fall or rise, got no metric that says it.`,
      "Give mode: 'min' or mode: 'max'.",
    );
  }
}
