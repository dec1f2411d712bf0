// The book's MNIST classifier: two hidden layers with dropout, trained with Adam.
// npm start -- --epochs 10 --seed 7 --limit 5000
import { parseArgs } from 'node:util';
import { datasets, Input, layers, Sequential, utils } from 'torchlayers';

const { values } = parseArgs({
  options: { epochs: { type: 'string' }, seed: { type: 'string' }, limit: { type: 'string' } },
});
const epochs = Number(values.epochs ?? 10);
const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const limit = Number(values.limit ?? 60_000);

const classes = 10;
const pixels = 28 * 28;

console.log(`seed: ${seed}`);
utils.setRandomSeed(seed);

const [[xTrain, yTrain], [xTest, yTest]] = await datasets.mnist.loadData();

// Images of bytes become rows of numbers from 0 to 1, class numbers become one-hot rows.
const x = xTrain.slice(0, limit).reshape([-1, pixels]).cast('float32').divide(255);
const y = utils.toCategorical(yTrain.slice(0, limit), { numClasses: classes });
const xHeldOut = xTest.reshape([-1, pixels]).cast('float32').divide(255);
const yHeldOut = utils.toCategorical(yTest, { numClasses: classes });
console.log(`${x.shape[0]} samples to train on, ${xHeldOut.shape[0]} to test on`);

const model = new Sequential([
  Input({ shape: [pixels] }),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.Dense({ units: classes, activation: 'softmax' }),
]);
model.summary();

model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });

await model.fit(x, y, { batchSize: 128, epochs, validationSplit: 0.2 });

const { loss, accuracy } = await model.evaluate(xHeldOut, yHeldOut, { batchSize: 128, verbose: 0 });
console.log(`Test loss: ${loss?.toFixed(4)}`);
console.log(`Test accuracy: ${accuracy?.toFixed(4)}`);
