import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { Callback } from './callback.js';

/** Options that every callback with a `monitor` has. */
export interface MonitorOptions {
  /** Name in the logs to follow. @default 'val_loss' */
  monitor?: string;
  /** Whether the number should fall or rise; 'auto' asks the metric. @default 'auto' */
  mode?: 'auto' | 'min' | 'max';
  /** Least change that counts as an improvement. @default 0 */
  minDelta?: number;
}

/** Base of callbacks that follow one number of the logs. Source: Keras `MonitorCallback`. */
export abstract class MonitorCallback extends Callback {
  readonly monitor: string;
  readonly mode: 'auto' | 'min' | 'max';
  readonly minDelta: number;
  #direction: 'min' | 'max' | undefined;

  constructor(where: string, options: MonitorOptions) {
    super();
    const { monitor = 'val_loss', mode = 'auto', minDelta = 0 } = options;
    if (typeof monitor !== 'string')
      throw new ArgumentError(`${where}: monitor: expected a string, got ${show(monitor)}.`);
    if (!['auto', 'min', 'max'].includes(mode)) {
      throw new ArgumentError(`${where}: mode: expected one of 'auto', 'min', 'max', got ${show(mode)}.`);
    }
    if (typeof minDelta !== 'number' || Number.isNaN(minDelta)) {
      throw new ArgumentError(`${where}: minDelta: expected a number, got ${show(minDelta)}.`);
    }
    this.monitor = monitor;
    this.mode = mode;
    this.minDelta = Math.abs(minDelta);
  }

  /** Whether `value` is better than `reference` by more than `minDelta`; anything is better than nothing. */
  protected isImprovement(value: number, reference: number | null): boolean {
    if (reference === null) return true;
    this.#direction ??= this.mode === 'auto' ? this.#guess() : this.mode;
    return this.#direction === 'min' ? value + this.minDelta < reference : value - this.minDelta > reference;
  }

  #guess(): 'min' | 'max' {
    const name = this.monitor.replace(/^val_/, '');
    if (name === 'loss') return 'min';
    const direction = this.model.directionOf(name);
    if (direction !== null) return direction;
    // Metrics that don't say it themselves: by the name, as Keras 2 did.
    if (/(^|_)(acc|accuracy|auc|precision|recall)$/.test(name)) return 'max';
    throw new ArgumentError(
      `${this.constructor.name}: expected to learn from the metric whether '${this.monitor}' should fall or rise, got no such metric.`,
      "Give mode: 'min' or mode: 'max'.",
    );
  }
}
