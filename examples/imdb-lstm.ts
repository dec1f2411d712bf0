// A recurrent network reads film reviews word by word: an LSTM over the last 80 words, padding masked, against a bidirectional one with --both.
// npm run example -- imdb-lstm --epochs 3 --limit 25000 --both
import { parseArgs } from 'node:util';
import { datasets, layers, Sequential, utils } from 'torchlayers';

const { values } = parseArgs({
  options: {
    epochs: { type: 'string' },
    limit: { type: 'string' },
    seed: { type: 'string' },
    both: { type: 'boolean' },
  },
});
const epochs = Number(values.epochs ?? 3);
const limit = Number(values.limit ?? 25_000);
utils.setRandomSeed(Number(values.seed ?? 1));

const numWords = 20_000;
const maxlen = 80;

const [[xTrain, yTrain], [xTest, yTest]] = await datasets.imdb.loadData({ numWords });
const x = utils.padSequences(xTrain.slice(0, limit), { maxlen });
const y = yTrain.slice(0, limit);
const xHeldOut = utils.padSequences(xTest.slice(0, limit), { maxlen });
const yHeldOut = yTest.slice(0, limit);
console.log(`${x.shape[0]} reviews to train on, ${xHeldOut.shape[0]} to test on`);

const lstm = new layers.LSTM({ units: 64 });
const model = new Sequential([
  // Shorter reviews are filled up with zeros in front: the mask tells the LSTM to skip those steps.
  new layers.Embedding({ inputDim: numWords, outputDim: 128, maskZero: true, inputShape: [maxlen] }),
  values.both ? new layers.Bidirectional({ layer: lstm }) : lstm,
  new layers.Dense({ units: 1, activation: 'sigmoid' }),
]);
model.summary();
model.compile({ optimizer: 'adam', loss: 'binary_crossentropy', metrics: ['accuracy'] });

const start = performance.now();
await model.fit(x, y, { batchSize: 128, epochs });
console.log(`Trained in ${((performance.now() - start) / 1000).toFixed(1)} s`);

const { loss, accuracy } = await model.evaluate(xHeldOut, yHeldOut, { batchSize: 128, verbose: 0 });
console.log(`Test loss: ${loss?.toFixed(4)}`);
console.log(`Test accuracy: ${accuracy?.toFixed(4)}`);
