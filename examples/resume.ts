// Training that can be interrupted: press Ctrl-C (or kill it), run it again, and it goes on from its newest checkpoint.
// The end has the same bits as that of a run that was never interrupted: compare the last lines.
// npm run example -- resume --epochs 20 --dir runs/resume
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { callbacks, datasets, Input, layers, Sequential, utils } from 'torchlayers';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string', default: '10' },
    limit: { type: 'string', default: '20000' },
    dir: { type: 'string', default: 'runs/resume' },
    anew: { type: 'boolean', default: false },
  },
});
const { dir } = values;
if (values.anew) rmSync(dir, { recursive: true, force: true });

// Only what a first run begins with: a run that goes on has all of it from the checkpoint.
utils.setRandomSeed(7);

const [[images, labels]] = await datasets.mnist.loadData();
const limit = Number(values.limit);
const x = images.slice(0, limit).reshape([-1, 784]).cast('float32').divide(255);
const y = labels.slice(0, limit);

const model = new Sequential([
  Input({ shape: [784] }),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: 10, activation: 'softmax' }),
]);
model.compile({ optimizer: 'adam', loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });

const controller = new AbortController();
process.once('SIGINT', () => controller.abort(new Error('interrupted')));

try {
  const { history } = await model.fit(x, y, {
    epochs: Number(values.epochs),
    batchSize: 128,
    validationSplit: 0.1,
    // After each epoch, each 50 steps, and where Ctrl-C ends it.
    resume: { dir, every: 50 },
    callbacks: [new callbacks.ReduceLROnPlateau({ monitor: 'val_loss', patience: 1, factor: 0.5 })],
    signal: controller.signal,
  });
  console.log(`losses: ${history['loss']?.map((loss) => loss.toFixed(4)).join(' ')}`);
  const sum = model.weights.reduce((total, weight) => total + Number(weight.sum().item()), 0);
  console.log(`${history['loss']?.length} epochs, sum of all weights: ${sum}`);
} catch (error) {
  if (!controller.signal.aborted) throw error;
  console.log(`\nInterrupted. The checkpoint lies in ${dir}: run this again to go on.`);
}
