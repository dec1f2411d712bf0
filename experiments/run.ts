// npm run experiments -- NAME…|all [--epochs N] [--seeds N] [--limit N] [--out FOLDER] [--quick]: the chapter's sweeps on MNIST.
//   Each writes NAME.json and the page NAME.html, and prints a table. --quick: one epoch on 1,000 images.
import { main } from './command-line.js';
import { loadDigits } from './digits.js';
import { experimentsPlan } from './plan.js';
import { runExperiment } from './runner.js';

await main(async (signal) => {
  const { chosen, limit, ...options } = experimentsPlan(process.argv.slice(2));
  const digits = await loadDigits(limit);
  for (const experiment of chosen) await runExperiment(experiment, { ...options, digits, signal, log: console.log });
  return true;
});
