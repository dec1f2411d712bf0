// The book's sentiment model: is a film review favourable? Words become vectors, and the largest value of each channel decides.
// npm run example -- imdb-sentiment --epochs 3 --limit 25000 "What a wonderful film." "A boring mess."
import { parseArgs } from 'node:util';
import { datasets, layers, Sequential, utils } from 'torchlayers';

const { values, positionals } = parseArgs({
  options: { epochs: { type: 'string' }, seed: { type: 'string' }, limit: { type: 'string' } },
  allowPositionals: true,
});
const epochs = Number(values.epochs ?? 3);
const limit = Number(values.limit ?? 25_000);
utils.setRandomSeed(Number(values.seed ?? 1));

const numWords = 10_000;
const maxlen = 200;
// Numbers below 3 have other uses: 0 fills up, 1 begins a review, 2 is a word out of vocabulary.
const indexFrom = 3;

const [[xTrain, yTrain], [xTest, yTest]] = await datasets.imdb.loadData({ numWords, indexFrom });
const x = utils.padSequences(xTrain.slice(0, limit), { maxlen });
const y = yTrain.slice(0, limit);
const xHeldOut = utils.padSequences(xTest.slice(0, limit), { maxlen });
const yHeldOut = yTest.slice(0, limit);
console.log(`${x.shape[0]} reviews to train on, ${xHeldOut.shape[0]} to test on`);

const model = new Sequential([
  new layers.Embedding({ inputDim: numWords, outputDim: 256, inputShape: [maxlen] }),
  new layers.Dropout({ rate: 0.3 }),
  new layers.GlobalMaxPooling1D(),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dropout({ rate: 0.5 }),
  new layers.Dense({ units: 1, activation: 'sigmoid' }),
]);
model.summary();
model.compile({ optimizer: 'adam', loss: 'binary_crossentropy', metrics: ['accuracy'] });

const start = performance.now();
await model.fit(x, y, { batchSize: 500, epochs });
console.log(`Trained in ${((performance.now() - start) / 1000).toFixed(1)} s`);

const { loss, accuracy } = await model.evaluate(xHeldOut, yHeldOut, { batchSize: 500, verbose: 0 });
console.log(`Test loss: ${loss?.toFixed(4)}`);
console.log(`Test accuracy: ${accuracy?.toFixed(4)}`);

const sentences =
  positionals.length > 0
    ? positionals
    : ['A wonderful film: moving, funny and beautifully played.', 'The plot is a boring mess and the acting is awful.'];
const wordIndex = await datasets.imdb.getWordIndex();
const numbersOf = (sentence: string): number[] => [
  1,
  ...(sentence.toLowerCase().match(/[\p{L}\p{N}']+/gu) ?? []).map((word) => {
    const number = (wordIndex.get(word) ?? Number.POSITIVE_INFINITY) + indexFrom;
    return number < numWords ? number : 2;
  }),
];

const typed = utils.padSequences(sentences.map(numbersOf), { maxlen });
const probabilities = (await (await model.predictProba(typed, { verbose: 0 })).array()) as number[][];
for (const [i, [positive = 0]] of probabilities.entries()) {
  const verdict = positive > 0.5 ? 'positive' : 'negative';
  console.log(`${verdict} (${(100 * Math.max(positive, 1 - positive)).toFixed(0)} %): ${sentences[i]}`);
}
