// What the figures hold for: the machine, how busy it was, and the versions.

import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../lib/core/libtorch.js';
import type { Outcome } from './rounds.js';

/** The machine at one moment. */
export interface Machine {
  processor: string;
  /** Processors that this process may use. */
  cores: number;
  memory_gb: number;
  system: string;
  /** Mean number of waiting processes over one minute. */
  load: number;
}

/** Describes the machine that this runs on. */
export function machine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory_gb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    load: Math.round((loadavg()[0] as number) * 100) / 100,
  };
}

/** Version of each library that took part. */
export function versionsOf(outcomes: readonly Outcome[]): Record<string, string> {
  const own = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
  const runs = outcomes.flatMap((outcome) => [...outcome.runs.values()].flat());
  return Object.assign({ torchlayers: own.version }, ...runs.map(({ versions }) => versions));
}

/** The machine in a line. */
export function machineLine({ processor, cores, memory_gb, system, load }: Machine): string {
  return `${processor}, ${cores} cores, ${memory_gb} GB, ${system}, load ${load.toFixed(2)} at the start`;
}
