// Runs one experiment: trains its points, keeps what is finished, writes its page.
import { join } from 'node:path';
import type { Experiment } from './catalog.js';
import type { Digits } from './digits.js';
import { writeJson } from './files.js';
import { trainNetwork } from './network.js';
import { pageOf } from './page.js';
import { type ExperimentResult, emptyResult, resultTable } from './result.js';
import { formatTable, percent } from './table.js';

/** How an experiment is run. */
export interface RunnerOptions {
  digits: Digits;
  /** `null`: the experiment's own. */
  epochs: number | null;
  seeds: number;
  /** Gets `<name>.json` and `<name>.html`. */
  folder: string;
  signal: AbortSignal;
  /** Gets lines of text. */
  log: (text: string) => void;
}

/** Runs every point with every seed. @throws signal.reason when aborted, after writing what was finished */
export async function runExperiment(experiment: Experiment, options: RunnerOptions): Promise<ExperimentResult> {
  const { digits, epochs, seeds } = options;
  const result = emptyResult(experiment, { images: digits.x.shape[0] as number, seeds, epochs });
  try {
    await train(result, options);
    result.complete = true;
  } finally {
    await finish(result, options);
  }
  return result;
}

async function train(result: ExperimentResult, { digits, folder, signal, log }: RunnerOptions): Promise<void> {
  for (const { label, settings, outcomes } of result.points) {
    for (let seed = 1; seed <= result.seeds; seed++) {
      const { outcome } = await trainNetwork(settings, digits, { seed, signal });
      outcomes.push(outcome);
      writeJson(join(folder, `${result.name}.json`), result);
      const { test, seconds } = outcome;
      log(`${result.name} ${label}, seed ${seed}: test ${percent(test)} % in ${seconds.toFixed(1)} s`);
    }
  }
}

async function finish(result: ExperimentResult, { folder, log }: RunnerOptions): Promise<void> {
  const { columns, rows } = resultTable(result);
  if (rows.length === 0) return;
  writeJson(join(folder, `${result.name}.json`), result);
  const page = join(folder, `${result.name}.html`);
  await (await pageOf(result)).save(page);
  log(`\n${result.title}\n\n${formatTable(columns, rows)}\n\n${page}\n`);
}
