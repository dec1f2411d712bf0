// Searches a folder: search-child.ts <directory> <algorithm> <pause in ms>
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { tuner } from '../../lib/index.js';

const [directory = '', algorithm = 'RandomSearch', pause = '0', workers = '0'] = process.argv.slice(2);
const hyperparameters = new tuner.HyperParameters();
hyperparameters.float('x', -1, 1);
hyperparameters.int('n', 0, 9);

class Search extends (tuner[algorithm as 'RandomSearch'] as typeof tuner.RandomSearch) {
  override async runTrial(_: tuner.Trial, hp: tuner.HyperParameters): Promise<number> {
    process.stdout.write('.');
    await sleep(Number(pause));
    return ((hp.get('x') as number) - 0.3) ** 2 + (hp.get('n') as number);
  }
}

if (isMainThread && Number(workers) > 0) {
  await tuner.searchInWorkers(new URL('search-worker.mjs', import.meta.url), { workers: Number(workers) });
} else {
  const search = new Search({
    objective: { name: 'score', direction: 'min' },
    maxTrials: 16,
    seed: 9,
    hyperparameters,
    ...(algorithm === 'BayesianOptimization' && { numInitialPoints: 4 }),
    directory,
    projectName: 'shared',
  });
  await search.search(undefined, null, { verbose: 0 });
  await search.close();
}
