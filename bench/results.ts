// Writes the results of a run: all numbers as JSON, and the chart.
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { chartSvg, groupsOf } from './chart.js';
import { type Machine, versionsOf } from './machine.js';
import type { BenchOptions } from './options.js';
import type { Outcome } from './rounds.js';
import { standings } from './summary.js';

/** Writes `options.out` and the chart beside it, or where `options.svg` says; answers the files. */
export async function writeResults(
  options: BenchOptions,
  machine: Machine,
  started: Date,
  outcomes: readonly Outcome[],
): Promise<string[]> {
  const { out, rounds, quick, threads, seed } = options;
  const results = {
    started: started.toISOString(),
    seconds: Math.round((Date.now() - started.getTime()) / 1000),
    machine,
    versions: versionsOf(outcomes),
    options: { rounds, quick, threads, seed },
    workloads: Object.fromEntries(
      outcomes.map((outcome) => [
        outcome.workload.name,
        {
          title: outcome.workload.title,
          standings: standings(outcome),
          runs: Object.fromEntries(outcome.runs),
          failures: Object.fromEntries(outcome.failures),
        },
      ]),
    ),
  };
  write(out, `${JSON.stringify(results, null, 1)}\n`);
  const groups = groupsOf(outcomes);
  if (groups.length === 0) return [out];
  const svg = options.svg ?? out.replace(/(\.json)?$/, '.svg');
  write(svg, await chartSvg(groups));
  return [out, svg];
}

function write(file: string, text: string): void {
  mkdirSync(dirname(resolve(file)), { recursive: true });
  writeFileSync(file, text);
}
