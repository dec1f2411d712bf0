// A small convolutional network learns to read handwritten digits: windows over pixels, then over what they found.
// npm run example -- mnist-cnn --epochs 10 --seed 7 --limit 2000
import { parseArgs } from 'node:util';
import { datasets, Input, layers, Sequential, utils } from 'torchlayers';

const { values } = parseArgs({
  options: { epochs: { type: 'string' }, seed: { type: 'string' }, limit: { type: 'string' } },
});
const epochs = Number(values.epochs ?? 10);
const seed = Number(values.seed ?? 7);
const limit = Number(values.limit ?? 2000);
const classes = 10;

utils.setRandomSeed(seed);

const [[xTrain, yTrain], [xTest, yTest]] = await datasets.mnist.loadData();
const images = (x: typeof xTrain) => x.reshape([-1, 28, 28, 1]).cast('float32').divide(255);
const x = images(xTrain.slice(0, limit));
const y = yTrain.slice(0, limit);
const xHeldOut = images(xTest.slice(0, limit));
const yHeldOut = yTest.slice(0, limit);
console.log(`${x.shape[0]} digits to train on, ${xHeldOut.shape[0]} to test on`);

const model = new Sequential([
  Input({ shape: [28, 28, 1] }),
  new layers.Conv2D({ filters: 32, kernelSize: 3, activation: 'relu' }),
  new layers.MaxPooling2D({ poolSize: 2 }),
  new layers.Conv2D({ filters: 64, kernelSize: 3, activation: 'relu' }),
  new layers.MaxPooling2D({ poolSize: 2 }),
  new layers.Flatten(),
  new layers.Dropout({ rate: 0.5 }),
  new layers.Dense({ units: classes, activation: 'softmax' }),
]);
model.summary();

model.compile({ optimizer: 'adam', loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
await model.fit(x, y, { batchSize: 128, epochs, verbose: 2 });

const { loss, accuracy } = await model.evaluate(xHeldOut, yHeldOut, { verbose: 0 });
console.log(`Test loss: ${loss?.toFixed(4)}`);
console.log(`Test accuracy: ${accuracy?.toFixed(4)}`);
