// The command line of npm run bench.
import { parseArgs } from 'node:util';

/** What to run, and where the results go. */
export interface BenchOptions {
  /** Names of workloads in the order to run. */
  workloads: string[];
  contestants: string[];
  rounds: number;
  quick: boolean;
  threads: number;
  seed: number;
  /** File for the results; its folder also gets the chart, unless `svg` says otherwise. */
  out: string;
  svg: string | null;
  list: boolean;
}

/** What a workload has to tell of itself to be picked. */
export interface Choice {
  name: string;
  onRequest?: boolean;
}

// The slowest to start add nothing to a first look: none of them was ever the fastest.
const quickContestants = ['torchlayers', 'pytorch', 'keras-jax'];

/**
 * Reads the arguments. A workload's name stands for all that begin with it: `mnist` for `mnist-adam` too.
 * @throws Error that says what was expected and what came
 */
export function parseOptions(
  args: readonly string[],
  choices: readonly Choice[],
  contestants: readonly string[],
): BenchOptions {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      contestants: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      threads: { type: 'string', default: '0' },
      seed: { type: 'string', default: '0' },
      out: { type: 'string' },
      svg: { type: 'string' },
      list: { type: 'boolean', default: false },
    },
  });
  const { quick } = values;
  const wanted = [...positionals, ...listOf(values.only)];
  return {
    workloads: pickWorkloads(wanted, choices),
    contestants: pickContestants(listOf(values.contestants), contestants, quick),
    rounds: wholeNumber('--rounds', values.rounds ?? (quick ? '1' : '5'), 1),
    quick,
    threads: wholeNumber('--threads', values.threads, 0),
    seed: wholeNumber('--seed', values.seed, 0),
    out: values.out ?? 'bench-out/results.json',
    svg: values.svg ?? null,
    list: values.list,
  };
}

function listOf(text: string | undefined): string[] {
  return text === undefined ? [] : text.split(',').map((name) => name.trim());
}

function pickWorkloads(wanted: readonly string[], choices: readonly Choice[]): string[] {
  if (wanted.length === 0) return choices.filter(({ onRequest }) => onRequest !== true).map(({ name }) => name);
  const picked = new Set<string>();
  for (const word of wanted) {
    const found = choices.filter(({ name }) => name === word || name.startsWith(`${word}-`));
    if (word === '' || found.length === 0) {
      const names = choices.map(({ name }) => name).join(', ');
      throw new Error(`bench: expected workloads, got ${JSON.stringify(word)}.\n  Workloads: ${names}.`);
    }
    for (const { name } of found) picked.add(name);
  }
  return choices.map(({ name }) => name).filter((name) => picked.has(name));
}

function pickContestants(wanted: readonly string[], known: readonly string[], quick: boolean): string[] {
  if (wanted.length === 0) return quick ? quickContestants : [...known];
  for (const name of wanted) {
    if (known.includes(name)) continue;
    throw new Error(`bench: expected contestants, got ${JSON.stringify(name)}.\n  Contestants: ${known.join(', ')}.`);
  }
  return known.filter((name) => wanted.includes(name));
}

function wholeNumber(option: string, text: string, least: number): number {
  if (/^\d+$/.test(text) && Number(text) >= least) return Number(text);
  throw new Error(
    `bench: expected ${option} as a whole number from ${least} on, got ${JSON.stringify(text)}.\n  Write: npm run bench -- ${option} ${Math.max(least, 3)}`,
  );
}
