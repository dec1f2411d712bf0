// npx tsx scripts/docs-images.ts: draws the pictures of docs/reports.md from short trainings on MNIST, seed 1.
import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from '../lib/core/libtorch.js';
import { type callbacks, datasets, Input, layers, type Model, reports, Sequential, utils } from '../lib/index.js';

const folder = join(packageRoot, 'docs', 'images');
// A page should load fast, and a repository stay small.
const largestBytes = 60_000;
const trained = 12_000;

const [[images, labels], [testImages, testLabels]] = await datasets.mnist.loadData();
const x = images.slice(0, trained).reshape([-1, 784]).cast('float32').divide(255);
const y = labels.slice(0, trained);
const xTest = testImages.reshape([-1, 784]).cast('float32').divide(255);

async function train(
  units: number,
  optimizer: string,
  epochs: number,
): Promise<{ model: Model; history: callbacks.History }> {
  utils.setRandomSeed(1);
  const model = new Sequential({
    name: 'mnist',
    layers: [
      Input({ shape: [784] }),
      new layers.Dense({ units, activation: 'relu', name: 'hidden' }),
      new layers.Dropout({ rate: 0.3, name: 'dropout' }),
      new layers.Dense({ units: 10, activation: 'softmax', name: 'digits' }),
    ],
  });
  model.compile({ optimizer, loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
  const history = await model.fit(x, y, { epochs, batchSize: 128, validationSplit: 0.2, verbose: 0 });
  return { model, history };
}

async function save(name: string, report: reports.Report): Promise<void> {
  await report.save(join(folder, `${name}.svg`));
  await note(name);
}

async function note(name: string): Promise<void> {
  const { size } = await stat(join(folder, `${name}.svg`));
  if (size > largestBytes) throw new Error(`${name}.svg: expected at most ${largestBytes} bytes, got ${size}.`);
  console.log(`${name}.svg  ${(size / 1000).toFixed(1)} kB`);
}

await mkdir(folder, { recursive: true });
const { model, history } = await train(128, 'adam', 20);
await save('history', await reports.history(history, { title: 'MNIST, one hidden layer' }));

const runs: Record<string, callbacks.History> = {};
for (const optimizer of ['SGD', 'RMSprop', 'Adam']) runs[optimizer] = (await train(128, optimizer, 10)).history;
await save('compare', await reports.compare(runs, { title: 'Three optimizers' }));

const values = [16, 32, 64, 128, 256, 512];
const series: Record<string, number[]> = { accuracy: [], val_accuracy: [], parameters: [] };
for (const units of values) {
  const run = await train(units, 'adam', 5);
  for (const name of ['accuracy', 'val_accuracy']) series[name]?.push(run.history.history[name]?.at(-1) as number);
  series['parameters']?.push(run.model.countParams());
}
const sweep = { title: 'Hidden neurons', xLabel: 'neurons', values, series, logX: true };
await save('sweep', await reports.sweep(sweep));

const probabilities = await model.predict(xTest, { batchSize: 1000, verbose: 0 });
await save('confusion', await reports.confusionMatrix(testLabels, probabilities));
await save('worst', await reports.worstPredictions(testImages, testLabels, probabilities, { count: 15 }));

await utils.plotModel(model, { toFile: join(folder, 'model.svg'), showShapes: true, showLayerNames: true, dpi: 96 });
await note('model');
