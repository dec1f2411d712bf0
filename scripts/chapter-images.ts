// npx tsx scripts/chapter-images.ts [FOLDER]: draws the pictures of docs/chapter-1.md from what `npm run experiments -- all` left in FOLDER.
//   The confusion matrix and the sheet of worst predictions come from one more training, with seed 1. Times are left out: they are the machine's.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadDigits } from '../experiments/digits.js';
import { defaultFolder } from '../experiments/files.js';
import { chapterSettings, trainNetwork } from '../experiments/network.js';
import { curvesOf, sweepOf } from '../experiments/page.js';
import type { ExperimentResult } from '../experiments/result.js';
import { packageRoot } from '../lib/core/libtorch.js';
import { activations, datasets, ops, type Tensor, utils } from '../lib/index.js';
import * as reports from '../lib/reports/index.js';

const target = join(packageRoot, 'docs', 'images', 'chapter-1');
// A page should load fast, and a repository stay small.
const largestBytes = 60_000;

function save(name: string, svg: string): void {
  const bytes = Buffer.byteLength(svg);
  if (bytes > largestBytes) throw new Error(`${name}.svg: expected at most ${largestBytes} bytes, got ${bytes}.`);
  const path = join(target, `${name}.svg`);
  writeFileSync(`${path}.partial`, svg);
  renameSync(`${path}.partial`, path);
  console.log(`${name}.svg  ${(bytes / 1000).toFixed(1)} kB`);
}

function resultOf(folder: string, name: string): ExperimentResult {
  const result = JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as ExperimentResult;
  if (!result.complete) throw new Error(`${name}: expected a complete result in ${folder}, got an interrupted one.`);
  return result;
}

/** Each function over the same sums. */
async function drawActivations(): Promise<void> {
  const values = Array.from({ length: 41 }, (_, i) => (i - 20) / 5);
  const functions = {
    sigmoid: activations.sigmoid,
    tanh: activations.tanh,
    relu: activations.relu,
    leakyRelu: activations.leakyRelu,
    elu: activations.elu,
  };
  const series: Record<string, number[]> = {};
  for (const [name, of] of Object.entries(functions)) series[name] = (await of(values).array()) as number[];
  save('activations', (await reports.sweep({ title: 'Activation functions', xLabel: 'sum', values, series })).svg());
}

/** What the chapter's last network gets wrong. */
async function drawPredictions(): Promise<void> {
  const digits = await loadDigits(60_000);
  const { model, outcome } = await trainNetwork(chapterSettings, digits, { seed: 1 });
  save('network', await utils.plotModel(model, { toFile: null, showShapes: true }));
  const probabilities = (await model.predict(digits.xTest, { verbose: 0 })) as Tensor;
  const [, [images, labels]] = await datasets.mnist.loadData();
  const predicted = ops.argmax(probabilities, { axis: -1 });
  const percent = (100 * outcome.test).toFixed(2);
  const confusion = await reports.confusionMatrix(labels, predicted, { title: `Test images, ${percent} % right` });
  save('confusion', confusion.svg());
  save(
    'worst',
    (await reports.worstPredictions(images, labels, probabilities, { title: 'Surest of the wrong answers' })).svg(),
  );
}

const folder = process.argv[2] ?? defaultFolder;
mkdirSync(target, { recursive: true });
await drawActivations();
for (const name of ['dropout', 'epochs', 'hidden-neurons', 'batch-size', 'regularization']) {
  save(name, (await sweepOf(resultOf(folder, name), { times: false })).svg());
}
for (const name of ['optimizer', 'learning-rate', 'batch-normalization']) {
  save(name, (await curvesOf(resultOf(folder, name), ['accuracy'])).svg());
}
await drawPredictions();
