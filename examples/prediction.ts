// Trains a classifier of digits for a moment, then asks it for single ones: the class, how sure it is, and how long the answer takes.
// npm run example -- prediction --limit 20000 --show 5
import { parseArgs } from 'node:util';
import { datasets, Input, layers, Sequential, type Tensor, tidy, utils } from 'torchlayers';

const { values } = parseArgs({
  options: { limit: { type: 'string' }, epochs: { type: 'string' }, show: { type: 'string' } },
});
const limit = Number(values.limit ?? 20_000);
const show = Number(values.show ?? 5);
utils.setRandomSeed(1);

const [[images, digits], [testImages, testDigits]] = await datasets.mnist.loadData();
const rowsOf = (some: Tensor): Tensor => some.reshape([-1, 784]).cast('float32').divide(255);
const model = new Sequential([
  Input({ shape: [784] }),
  new layers.Dense({ units: 128, activation: 'relu' }),
  new layers.Dense({ units: 10, activation: 'softmax' }),
]);
model.compile({ optimizer: 'adam', loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
const options = { batchSize: 128, epochs: Number(values.epochs ?? 2), verbose: 0 as const };
await model.fit(rowsOf(images.slice(0, limit)), digits.slice(0, limit), options);

// Many at once: probabilities, and the class of each.
const x = rowsOf(testImages);
const classes = await model.predictClasses(x, { verbose: 0 });
const [predicted, truth] = [classes, testDigits].map((some) => some.arraySync() as number[]) as [number[], number[]];
const right = predicted.filter((digit, i) => digit === truth[i]).length;
console.log(`${((100 * right) / predicted.length).toFixed(2)} % of ${predicted.length} digits are right`);

// One by one: a row is a batch of one.
for (let i = 0; i < show; i++) {
  const [probabilities = []] = (await (
    await model.predictProba(x.slice(i, i + 1), { verbose: 0 })
  ).array()) as number[][];
  const digit = probabilities.indexOf(Math.max(...probabilities));
  const bars = probabilities.map((p, n) => (p >= 0.005 ? `${n}: ${(100 * p).toFixed(1)} %` : '')).filter(Boolean);
  console.log(`image ${i}: ${digit} (it is a ${truth[i]}) from ${bars.join(', ')}`);
}

// The worst mistakes: wrong, and sure of it.
const all = (await (await model.predict(x, { verbose: 0 })).array()) as number[][];
const mistakes = all
  .map((row, i) => ({ i, digit: predicted[i], sure: Math.max(...row) }))
  .filter(({ i, digit }) => digit !== truth[i])
  .sort((a, b) => b.sure - a.sure);
for (const { i, digit, sure } of mistakes.slice(0, 3)) {
  console.log(`image ${i} is a ${truth[i]}, taken for a ${digit} with ${(100 * sure).toFixed(1)} %`);
}

// How long one answer takes: apply runs the layers at once, predict its recorded program on a thread.
const one = x.slice(0, 1);
const rounds = 200;
let start = performance.now();
for (let i = 0; i < rounds; i++) tidy(() => void model.apply<Tensor>(one).dataSync());
console.log(`apply: ${((1000 * (performance.now() - start)) / rounds).toFixed(0)} us a digit`);
start = performance.now();
for (let i = 0; i < rounds; i++) (await model.predict(one, { verbose: 0 })).dispose();
console.log(`predict: ${((1000 * (performance.now() - start)) / rounds).toFixed(0)} us a digit`);
