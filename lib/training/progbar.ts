import type { Logs } from '../callbacks/callback.js';

/** Where a progress bar writes. */
export interface ProgbarStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Options of {@link Progbar}. */
export interface ProgbarOptions {
  /** Steps expected, `null` while unknown. */
  target: number | null;
  /** Columns of the bar itself. @default 20 */
  width?: number;
  /** 0 silent, 1 a bar, 2 one line at the end. @default 1 */
  verbose?: number;
  /** Least time between two pictures, in seconds. @default 0.05 on a terminal, 30 elsewhere */
  interval?: number;
  /** What a step is called. @default 'step' */
  unitName?: string;
  /** @default process.stdout */
  stream?: ProgbarStream;
  /** Seconds since any fixed time. @default the system's monotonic clock */
  now?: () => number;
}

const bold = (text: string): string => `\x1b[1m${text}\x1b[0m`;

/**
 * Keras' progress bar: `375/375 ━━━━━━━━━━━━━━━━━━━━ 1s 2ms/step - accuracy: 0.91 - loss: 0.31`. On a terminal the line is drawn anew in place and made to fit
 * its width; elsewhere lines are plain and rare.
 *
 * Source: Keras `keras.utils.Progbar`; values are shown as they come, not averaged.
 */
export class Progbar {
  target: number | null;
  readonly #width: number;
  readonly #verbose: number;
  readonly #interval: number;
  readonly #unit: string;
  readonly #stream: ProgbarStream;
  readonly #now: () => number;
  readonly #terminal: boolean;
  readonly #start: number;
  #values: Logs = {};
  #lastUpdate: number;
  #afterFirstStep: number | null = null;

  constructor(options: ProgbarOptions) {
    const { target, width = 20, verbose = 1, unitName = 'step', stream = process.stdout } = options;
    this.target = target;
    this.#width = width;
    this.#verbose = verbose;
    this.#unit = unitName;
    this.#stream = stream;
    this.#now = options.now ?? (() => performance.now() / 1000);
    this.#terminal = stream.isTTY === true;
    this.#interval = options.interval ?? (this.#terminal ? 0.05 : 30);
    this.#start = this.#now();
    this.#lastUpdate = this.#terminal ? Number.NEGATIVE_INFINITY : this.#start;
  }

  /** Shows that `current` steps are done. `finalize` ends the line; default: at the target. */
  update(current: number, values: Logs = {}, options: { finalize?: boolean } = {}): void {
    const { finalize = this.target !== null && current >= this.target } = options;
    this.#values = { ...this.#values, ...values };
    const now = this.#now();
    const perStep = this.#secondsPerStep(current, now);
    if (this.#verbose === 1) {
      if (!finalize && now - this.#lastUpdate < this.#interval) return;
      this.#draw(current, now, perStep, finalize);
    } else if (this.#verbose === 2 && finalize && this.target !== null && this.target > 0) {
      const count = `${padded(current, this.target)}/${this.target}`;
      this.#stream.write(
        `${count} - ${(now - this.#start).toFixed(0)}s - ${this.#formatTime(perStep)}${this.#metrics()}\n`,
      );
    }
    this.#lastUpdate = now;
  }

  #draw(current: number, now: number, perStep: number, finalize: boolean): void {
    const known = this.target !== null && this.target > 0;
    const target = this.target ?? 0;
    const count = known ? `${padded(current, target)}/${target}` : `${String(current).padStart(7)}/Unknown`;
    const time = known && !finalize ? formatEta(perStep * (target - current)) : `${(now - this.#start).toFixed(0)}s`;
    const tail = ` ${this.#formatTime(perStep)}${this.#metrics()}`;
    if (!this.#terminal) {
      this.#stream.write(`${count}${known ? ` ${'━'.repeat(this.#width)}` : ''} ${time}${tail}\n`);
      return;
    }
    const columns = this.#stream.columns ?? 80;
    const others = count.length + 2 + time.length + tail.length;
    const width = known ? Math.max(5, Math.min(this.#width, columns - 1 - others)) : 0;
    const done = known ? Math.floor((width * Math.min(current, target)) / target) : 0;
    const bar = known ? ` \x1b[32m${'━'.repeat(done)}\x1b[0m\x1b[37m${'━'.repeat(width - done)}\x1b[0m` : '';
    // A line that wraps could not be drawn over.
    const room = columns - 1 - (others - tail.length + width);
    const shown = tail.length > room && !finalize ? `${tail.slice(0, Math.max(0, room - 1))}…` : tail;
    this.#stream.write(`\r${bold(count)}${bar} ${bold(time)}${shown}\x1b[K${finalize ? '\n' : ''}`);
  }

  #metrics(): string {
    return Object.entries(this.#values)
      .map(([name, value]) => ` - ${name}: ${formatValue(value)}`)
      .join('');
  }

  #formatTime(seconds: number): string {
    if (seconds >= 1 || seconds === 0) return `${seconds.toFixed(0)}s/${this.#unit}`;
    if (seconds >= 1e-3) return `${(seconds * 1e3).toFixed(0)}ms/${this.#unit}`;
    return `${(seconds * 1e6).toFixed(0)}us/${this.#unit}`;
  }

  /** The first step (recording, first touch of memory) doesn't count once there are others. */
  #secondsPerStep(current: number, now: number): number {
    if (current === 0) return 0;
    const first = this.#afterFirstStep;
    const seconds = first !== null && current > 1 ? (now - first) / (current - 1) : (now - this.#start) / current;
    if (current === 1) this.#afterFirstStep = now;
    return seconds;
  }
}

function padded(current: number, target: number): string {
  return String(current).padStart(String(target).length);
}

function formatValue(value: number): string {
  if (!Number.isFinite(value)) return String(value).toLowerCase().replace('infinity', 'inf');
  if (Math.abs(value) > 1e-3) return value.toFixed(4);
  // Python writes exponents with two digits at least.
  return value.toExponential(4).replace(/e([+-])(\d)$/, 'e$10$2');
}

function formatEta(seconds: number): string {
  const whole = Math.floor(seconds);
  const two = (value: number): string => String(value).padStart(2, '0');
  if (whole > 3600) return `${Math.floor(whole / 3600)}:${two(Math.floor((whole % 3600) / 60))}:${two(whole % 60)}`;
  if (whole > 60) return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  return `${whole}s`;
}
