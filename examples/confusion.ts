// Trains the MNIST classifier for a short while and shows what it learned, and where it errs: pages and pictures for a browser.
// npm run example -- confusion --epochs 5 --out my-report
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { datasets, Input, layers, reports, Sequential, utils } from 'torchlayers';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '5' },
    limit: { type: 'string', default: '60000' },
    seed: { type: 'string', default: '1' },
    out: { type: 'string', default: 'reports-out' },
  },
});
const out = resolve(values.out);
const limit = Number(values.limit);
utils.setRandomSeed(Number(values.seed));

const [[images, labels], [testImages, testLabels]] = await datasets.mnist.loadData();
const x = images.slice(0, limit).reshape([-1, 784]).cast('float32').divide(255);
const xTest = testImages.reshape([-1, 784]).cast('float32').divide(255);

const model = new Sequential([
  Input({ shape: [784] }),
  new layers.Dense({ units: 128, activation: 'relu', name: 'hidden_1' }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: 128, activation: 'relu', name: 'hidden_2' }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: 10, activation: 'softmax', name: 'digits' }),
]);
model.compile({ optimizer: 'adam', loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
const history = await model.fit(x, labels.slice(0, limit), {
  epochs: Number(values.epochs),
  batchSize: 128,
  validationSplit: 0.2,
});
const probabilities = await model.predict(xTest, { batchSize: 1000, verbose: 0 });

// How training went, which digits are taken for which, and the images that the model is most wrong about.
const curves = await reports.history(history, { title: 'MNIST, two hidden layers' });
const matrix = await reports.confusionMatrix(testLabels, probabilities);
const worst = await reports.worstPredictions(testImages, testLabels, probabilities, { count: 30 });

await mkdir(out, { recursive: true });
await curves.save(join(out, 'history.html'));
await matrix.save(join(out, 'confusion.svg'));
await worst.save(join(out, 'worst.svg'));
await utils.plotModel(model, { toFile: join(out, 'model.svg'), showShapes: true, showLayerNames: true, dpi: 96 });
await reports.page([curves, matrix, worst], { title: 'MNIST' }).save(join(out, 'index.html'));
console.log(`Open ${pathToFileURL(join(out, 'index.html')).href}`);
