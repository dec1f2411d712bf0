/** Where progress is written; `process.stderr` outside tests. */
export interface ProgressStream {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const redrawMs = 100;
const lineEveryMs = 2_000;

/** Bytes as people read them: `526.6 MB`. */
export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}

/** A bar on a terminal; elsewhere a plain line every two seconds, and one at the end. */
export class ProgressBar {
  readonly #label: string;
  readonly #stream: ProgressStream;
  readonly #startMs = Date.now();
  #firstBytes: number | undefined;
  #drawnMs = 0;

  constructor(label: string, stream: ProgressStream = process.stderr) {
    this.#label = label;
    this.#stream = stream;
  }

  /** Shows `done` of `total` bytes; a total of 0 is one that is not known. */
  update(done: number, total: number): void {
    this.#firstBytes ??= done;
    const fraction = total > 0 ? Math.min(done / total, 1) : 0;
    const finished = total > 0 && done >= total;
    if (!finished && Date.now() - this.#drawnMs < (this.#stream.isTTY ? redrawMs : lineEveryMs)) return;
    this.#drawnMs = Date.now();
    if (this.#stream.isTTY) this.#stream.write(`\r${this.#line(done, total, fraction)}\u001b[K`);
    else this.#stream.write(`${this.#label} ${this.#amount(done, total)}\n`);
  }

  /** Ends the line of the bar. */
  end(): void {
    if (this.#stream.isTTY && this.#drawnMs > 0) this.#stream.write('\n');
  }

  #amount(done: number, total: number): string {
    if (total <= 0) return formatBytes(done);
    return `${Math.floor((done / total) * 100)}% (${formatBytes(done)} of ${formatBytes(total)})`;
  }

  #line(done: number, total: number, fraction: number): string {
    const seconds = (Date.now() - this.#startMs) / 1000;
    const rate = seconds > 0 ? (done - (this.#firstBytes ?? 0)) / seconds : 0;
    const tail = `${this.#amount(done, total)} ${formatBytes(rate)}/s`;
    const width = Math.max(10, Math.min(40, (this.#stream.columns ?? 80) - this.#label.length - tail.length - 4));
    const filled = Math.round(fraction * width);
    return `${this.#label} [${'='.repeat(filled)}${' '.repeat(width - filled)}] ${tail}`;
  }
}
