// What a workload is, and what a contestant's process is asked and answers.

/** What one process measures: one model trained with one set of sizes. */
export interface TrainPoint {
  /** Which of the models of torchlayers_models.ts, pytorch_models.py, keras_models.py. */
  model: 'mlp' | 'imdb' | 'cnn' | 'lstm';
  optimizer: 'sgd' | 'rmsprop' | 'adam';
  batch: number;
  /** Steps in an epoch; the rows are the first `steps * batch` of the data. */
  steps: number;
  /** Epochs after a first one, which is told apart because frameworks compile in it. */
  epochs: number;
  /** Of 'mlp': neurons in a hidden layer, and how many such layers. */
  width?: number;
  depth?: number;
  /** Rows that accuracy is measured on after training; 0 leaves it out. */
  testRows?: number;
}

/** The work of one process, handed over as JSON in its only argument. */
export interface Job {
  /** Which program: bench/torchlayers_<kind>.ts, bench/python/pytorch_<kind>.py, ... */
  kind: 'train' | 'inference' | 'calls';
  seed: number;
  /** Compute threads; 0 leaves each library its own choice. */
  threads: number;
  /** Files of the data sets, by name. */
  data: Record<string, string>;
  /** What to train, by the label that the table shows. */
  points?: Record<string, TrainPoint>;
  /** Seconds for each thing timed in a loop. */
  seconds?: number;
}

/** Numbers by name; lists are repetitions within the process, of which a table shows the middle one. */
export type Metrics = Record<string, number | number[]>;

/** What a contestant's process prints as its last line. */
export interface Measurement {
  import_s: number;
  peak_rss_mb: number;
  threads: number;
  versions: Record<string, string>;
  /** By label. */
  results: Record<string, Metrics>;
}

/** A measurement with the time of its whole process, start and end included. */
export interface Run extends Measurement {
  process_s: number;
}

/** A column of a workload's table. */
export interface Column {
  /** Name in {@link Metrics}, or of a number of {@link Run} itself. */
  metric: string;
  title: string;
  digits: number;
}

/** What torchlayers is meant to reach in a workload. */
export interface Goal {
  metric: string;
  /** How many times as fast as the fastest of the baselines. */
  speedup?: number;
  /** At most this many times what the products alone take. */
  floor?: number;
}

/** How much of a workload to run. */
export interface Extent {
  quick: boolean;
  seed: number;
  threads: number;
}

/** A comparison that `npm run bench` runs. */
export interface Workload {
  name: string;
  /** One line for the list and above the table. */
  title: string;
  columns: readonly Column[];
  goals: readonly Goal[];
  /** Whether it runs only when named. */
  onRequest?: boolean;
  /** Which libraries take part, in the order of the table. */
  contestants: readonly string[];
  /** Whether torchlayers_floor.ts can time its products. */
  floor: boolean;
  /** The work of a contestant's process. */
  job(contestant: string, extent: Extent): Promise<Job>;
}

/** The middle value, of two the mean; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  if (sorted.length === 0) return Number.NaN;
  return sorted.length % 2 === 1
    ? (sorted[half] as number)
    : ((sorted[half - 1] as number) + (sorted[half] as number)) / 2;
}
