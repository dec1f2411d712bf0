// torchlayers, the time that its import took, the models, and what the programs of this folder share. The peers: python/*_setup.py.
import { readFileSync } from 'node:fs';
import type { Sequential } from '../lib/index.js';
import { type Job, type Measurement, type Metrics, median, type TrainPoint } from './workload.js';

const start = performance.now();
/** The package. Programs take what they need from here: an import of their own would come before the clock starts. */
export const library: typeof import('../lib/index.js') = await import('../lib/index.js');
const importSeconds = (performance.now() - start) / 1000;
const { native } = await import('../lib/core/native.js');
const { Input, layers, utils } = library;

/** The job of this process. */
export const job: Job = JSON.parse(process.argv[2] ?? '') as Job;
if (job.threads > 0) native.setThreads(job.threads);
utils.setRandomSeed(job.seed);

/** Words of a review that the LSTM reads: the last ones. */
export const lstmWords = 80;

/** A model, uncompiled. */
export function build(point: Pick<TrainPoint, 'model' | 'width' | 'depth'>): Sequential {
  const { width = 128, depth = 2 } = point;
  switch (point.model) {
    case 'mlp':
      return new library.Sequential([
        Input({ shape: [784] }),
        ...Array.from({ length: depth }, () => [
          new layers.Dense({ units: width, activation: 'relu' }),
          new layers.Dropout({ rate: 0.3 }),
        ]).flat(),
        new layers.Dense({ units: 10, activation: 'softmax' }),
      ]);
    case 'cnn':
      return new library.Sequential([
        Input({ shape: [28, 28, 1] }),
        new layers.Conv2D({ filters: 32, kernelSize: 3, activation: 'relu' }),
        new layers.MaxPooling2D(),
        new layers.Conv2D({ filters: 64, kernelSize: 3, activation: 'relu' }),
        new layers.MaxPooling2D(),
        new layers.Flatten(),
        new layers.Dropout({ rate: 0.5 }),
        new layers.Dense({ units: 10, activation: 'softmax' }),
      ]);
    case 'imdb':
      return new library.Sequential([
        Input({ shape: [200], dtype: 'int32' }),
        new layers.Embedding({ inputDim: 10_000, outputDim: 256 }),
        new layers.Dropout({ rate: 0.3 }),
        new layers.GlobalMaxPooling1D(),
        new layers.Dense({ units: 128, activation: 'relu' }),
        new layers.Dropout({ rate: 0.5 }),
        new layers.Dense({ units: 1, activation: 'sigmoid' }),
      ]);
    case 'lstm':
      return new library.Sequential([
        Input({ shape: [lstmWords], dtype: 'int32' }),
        new layers.Embedding({ inputDim: 10_000, outputDim: 128 }),
        new layers.LSTM({ units: 64 }),
        new layers.Dense({ units: 1, activation: 'sigmoid' }),
      ]);
  }
}

/** 50th and 99th percentile of a call's microseconds, over the job's seconds and at least 20 calls. */
export async function latency(call: () => unknown, prefix: string): Promise<Metrics> {
  const times: number[] = [];
  // Code that has not been optimised yet is not what is asked for.
  for (let i = 0; i < 5; i++) await call();
  const end = performance.now() + (job.seconds ?? 1) * 1000;
  while (performance.now() < end || times.length < 20) {
    const from = performance.now();
    const answer = call();
    // Waiting for what is no promise would cost a turn of the event loop's queue.
    if (answer instanceof Promise) await answer;
    times.push((performance.now() - from) * 1000);
  }
  times.sort((a, b) => a - b);
  const at = (part: number): number => times[Math.min(times.length - 1, Math.floor(part * times.length))] as number;
  return { [`${prefix}_p50_us`]: at(0.5), [`${prefix}_p99_us`]: at(0.99) };
}

/** The middle of the milliseconds that a call takes. */
export async function middleMs(call: () => unknown): Promise<number> {
  return Number((await latency(call, 'call'))['call_p50_us']) / 1000;
}

/** Microseconds of a cheap call, the middle of seven loops of it. */
export function loopUs(call: () => unknown, repeats = 20_000): number {
  const runs = Array.from({ length: 7 }, () => {
    const from = performance.now();
    for (let i = 0; i < repeats; i++) call();
    return ((performance.now() - from) * 1000) / repeats;
  });
  return median(runs);
}

/** Largest resident memory of this process so far. */
function peakRssMb(): number {
  try {
    const line = /VmHWM:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'));
    if (line !== null) return Number(line[1]) / 1024;
  } catch {
    // No such file on this system.
  }
  return process.resourceUsage().maxRSS / 1024;
}

/** Prints what was measured, by label. */
export function report(results: Record<string, Metrics>): void {
  const measurement: Measurement = {
    import_s: importSeconds,
    peak_rss_mb: peakRssMb(),
    threads: native.threads(),
    versions: { node: process.versions.node },
    results,
  };
  console.log(JSON.stringify(measurement));
}
