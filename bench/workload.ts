/** A comparison that `npm run bench -- <name>` runs. */
export interface Workload {
  /** One line for the list of workloads. */
  description: string;
  /** Runs it with the arguments that followed the name, and prints the table. */
  run(args: string[]): Promise<void>;
}

/** What each contestant's process prints as its last line. */
export interface Measurement {
  name: string;
  us_per_step: number;
  us_per_step_of_each_epoch: number[];
  s_per_epoch: number;
  first_epoch_s: number;
  import_s: number;
  peak_rss_mb: number;
  test_accuracy: number;
  threads: number;
  versions: Record<string, string>;
  /** Longest time that the event loop was held up during `fit`; of JavaScript alone. */
  event_loop_pause_ms?: number;
  /** Cost of one `ops.add` of two small tensors; of JavaScript alone. */
  eager_call_us?: number;
}

/** A measurement with the time of its whole process, start and end included. */
export interface Run extends Measurement {
  process_s: number;
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}
