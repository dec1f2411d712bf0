// Runs the contestants of all workloads, round by round.
import { contestant, floorName } from './contestants.js';
import { measure } from './process.js';
import type { Extent, Run, Workload } from './workload.js';

/** Runs of each contestant of a workload, one a round. */
export interface Outcome {
  workload: Workload;
  runs: Map<string, Run[]>;
  /** Contestants that failed, with what they wrote. */
  failures: Map<string, string>;
}

/** How often, and what to tell meanwhile. */
export interface RoundOptions {
  rounds: number;
  contestants: readonly string[];
  extent: Extent;
  onProcess?: (text: string) => void;
}

/** Who takes part in a workload, the floor last. */
export function takingPart(workload: Workload, contestants: readonly string[]): string[] {
  const names = workload.contestants.filter((name) => contestants.includes(name));
  // It is timed by torchlayers, and compared with it.
  return workload.floor && names.includes('torchlayers') ? [...names, floorName] : names;
}

/** Round by round and contestant by contestant, so that a slow minute of the machine meets all alike. Who fails once is left out from then on. */
export async function runRounds(workloads: readonly Workload[], options: RoundOptions): Promise<Outcome[]> {
  const { rounds, contestants, extent, onProcess } = options;
  const outcomes = workloads.map((workload): Outcome => {
    const runs = new Map<string, Run[]>(takingPart(workload, contestants).map((name) => [name, []]));
    return { workload, runs, failures: new Map() };
  });
  for (let round = 1; round <= rounds; round++) {
    for (const { workload, runs, failures } of outcomes) {
      for (const [name, done] of runs) {
        if (failures.has(name)) continue;
        onProcess?.(`round ${round} of ${rounds}: ${workload.name}: ${name}`);
        try {
          done.push(await measure(contestant(name, await workload.job(name, extent))));
        } catch (error) {
          failures.set(name, error instanceof Error ? error.message : String(error));
          onProcess?.(failures.get(name) as string);
        }
      }
    }
  }
  return outcomes;
}
