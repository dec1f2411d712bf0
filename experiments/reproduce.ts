// npm run reproduce -- [--with-keras] [--seeds N] [--only NAME,…] [--out FOLDER] [--quick]: trains the chapter's table and prints the book's figures beside ours.
//   Ends with 1 unless every line is reached. --quick trains one epoch on 1,000 images: it checks that all of it works, and holds no figures.
import { join } from 'node:path';
import * as reports from '../lib/reports/index.js';
import { type Accuracies, bookRows } from './book.js';
import { main } from './command-line.js';
import { type Digits, loadDigits } from './digits.js';
import { writeJson } from './files.js';
import { prepareKeras, trainInKeras } from './keras.js';
import { type Outcome, type Settings, trainNetwork } from './network.js';
import { type ReproducePlan, reproducePlan } from './plan.js';
import { formatTable, percent } from './table.js';
import { accuracies, type RowResult, shortfalls } from './verdict.js';

type Keras = Awaited<ReturnType<typeof prepareKeras>>;

/** Trains one line with one seed, ours and Keras' in turn, so that a slow minute of the machine meets both. */
async function trainOnce(
  result: RowResult,
  seed: number,
  { plan, digits, keras, signal }: { plan: ReproducePlan; digits: Digits; keras: Keras | null; signal: AbortSignal },
): Promise<void> {
  const { name, settings: full } = result.row;
  const settings: Settings = { ...full, ...(plan.quick && { epochs: 1 }) };
  const { outcome: ours } = await trainNetwork(settings, digits, { seed, signal });
  const theirs = keras && (await trainInKeras(keras, settings, { seed, limit: plan.limit, signal }));
  // Both or none: means are held against each other over the same seeds.
  result.ours.push(ours);
  if (theirs !== null) result.keras.push(theirs);
  const told = ({ test, seconds }: Outcome): string => `test ${percent(test)} % in ${seconds.toFixed(1)} s`;
  console.log(`${name}, seed ${seed}: ${told(ours)}${theirs === null ? '' : `, Keras ${told(theirs)}`}`);
}

const triple = ({ train, validation, test }: Accuracies): string =>
  [train, validation, test].map((value) => value?.toFixed(2) ?? '-').join(' / ');

const columns = ['network', 'epochs', 'seeds', 'book', 'ours', 'Keras', 'ours s', 'Keras s', 'holds'];

function cells(result: RowResult, plan: ReproducePlan): string[] {
  const { row, ours, keras } = result;
  const seconds = (outcomes: RowResult['ours']): string =>
    outcomes.length === 0 ? '-' : Math.min(...outcomes.map((outcome) => outcome.seconds)).toFixed(1);
  return [
    row.title,
    String(plan.quick ? 1 : row.settings.epochs),
    String(ours.length),
    triple(row.book),
    triple(accuracies(ours)),
    keras.length === 0 ? '-' : triple(accuracies(keras)),
    seconds(ours),
    seconds(keras),
    plan.quick ? 'not asked' : shortfalls(result).length === 0 ? 'yes' : 'no',
  ];
}

/** Prints the table and writes the page of what is there. */
async function finish(results: readonly RowResult[], plan: ReproducePlan): Promise<void> {
  const trained = results.filter(({ ours }) => ours.length > 0);
  if (trained.length === 0) return;
  const table = { columns, rows: trained.map((result) => cells(result, plan)) };
  const note =
    'Accuracies in per cent: train / validation / test; seconds of fit. Means over the seeds, and the shortest time.';
  const runs = Object.fromEntries(trained.map(({ row, ours }) => [row.name, (ours[0] as Outcome).history]));
  const curves = await reports.compare(runs, { title: 'Ours, with seed 1, over the epochs' });
  const page = join(plan.folder, 'reproduce.html');
  await reports.page([curves], { title: "The chapter's table", notes: [note], table }).save(page);
  console.log(`\n${formatTable(table.columns, table.rows)}\n\n${note}\n${page}`);
}

await main(async (signal) => {
  const plan = reproducePlan(process.argv.slice(2));
  const keras = plan.withKeras ? await prepareKeras() : null;
  const digits = await loadDigits(plan.limit);
  const chosen = bookRows.filter(({ name }) => plan.only.includes(name));
  const results: RowResult[] = chosen.map((row) => ({ row, ours: [], keras: [] }));
  try {
    for (const result of results) {
      for (let seed = 1; seed <= plan.seeds; seed++) {
        await trainOnce(result, seed, { plan, digits, keras, signal });
        writeJson(join(plan.folder, 'reproduce.json'), { quick: plan.quick, seeds: plan.seeds, results });
      }
    }
  } finally {
    await finish(results, plan);
  }
  if (plan.quick) return true;
  const missing = results.flatMap((result) => shortfalls(result).map((text) => `${result.row.name}: ${text}`));
  for (const text of missing) console.error(text);
  return missing.length === 0;
});
