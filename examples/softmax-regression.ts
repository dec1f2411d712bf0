// MNIST in the smallest way: one layer of ten outputs, softmax, plain gradient descent; each step of the way looked at.
// npm run example -- softmax-regression --epochs 20 --limit 60000
import { parseArgs } from 'node:util';
import { datasets, Input, layers, ops, optimizers, Sequential, utils } from 'torchlayers';

const { values } = parseArgs({
  options: { epochs: { type: 'string' }, limit: { type: 'string' }, seed: { type: 'string' } },
});
const epochs = Number(values.epochs ?? 20);
const limit = Number(values.limit ?? 60_000);
utils.setRandomSeed(Number(values.seed ?? 1));

// 1. The data: images of 28 x 28 bytes, and the digit that each shows.
const [[images, digits], [testImages, testDigits]] = await datasets.mnist.loadData();
console.log(`images [${images.shape.join(', ')}] of ${images.dtype}, digits [${digits.shape.join(', ')}]`);
const shades = [' ', '.', ':', 'o', '@'];
const rows = images.slice(0, 1).reshape([28, 28]).arraySync() as number[][];
console.log(rows.map((row) => row.map((pixel) => shades[Math.ceil(pixel / 64)]).join('')).join('\n'));
console.log(`this one is a ${digits.slice(0, 1).item()}`);

// 2. Made ready: each image a row of 784 numbers from 0 to 1, each digit a row with a single 1.
const x = images.slice(0, limit).reshape([-1, 784]).cast('float32').divide(255);
const y = utils.toCategorical(digits.slice(0, limit), { numClasses: 10 });
const xTest = testImages.reshape([-1, 784]).cast('float32').divide(255);
const yTest = utils.toCategorical(testDigits, { numClasses: 10 });
console.log(`the label of the first: [${y.slice(0, 1).reshape([10]).arraySync()}]`);

// 3. The model: ten weighted sums, made into ten probabilities.
const model = new Sequential([
  Input({ shape: [784] }),
  new layers.Dense({ units: 10, activation: 'softmax', name: 'softmax' }),
]);
model.summary();

// 4. How to train, and the starting point: guessing.
model.compile({
  optimizer: new optimizers.SGD(),
  loss: 'categorical_crossentropy',
  metrics: ['accuracy'],
});
const before = await model.evaluate(xTest, yTest, { verbose: 0 });
console.log(`before training: ${(100 * (before['accuracy'] ?? 0)).toFixed(2)} % right`);

// 5. Training, a fifth of the data kept to look at.
const { history } = await model.fit(x, y, { batchSize: 128, epochs, validationSplit: 0.2, verbose: 2 });
console.log(`validation accuracy by epoch: ${history['val_accuracy']?.map((value) => value.toFixed(3)).join(' ')}`);

// 6. The test, and what the model has learnt: where ink speaks for a digit, and where against it.
const after = await model.evaluate(xTest, yTest, { verbose: 0 });
console.log(
  `after training: ${(100 * (after['accuracy'] ?? 0)).toFixed(2)} % right, loss ${after['loss']?.toFixed(4)}`,
);
const [kernel] = model.getLayer({ name: 'softmax' }).weights;
if (kernel !== undefined) {
  const zero = ops.reshape(ops.transpose(kernel).slice(0, 1), [28, 28]).arraySync() as number[][];
  const sign = (weight: number): string => (weight > 0.1 ? '+' : weight < -0.1 ? '-' : ' ');
  console.log(`the weights of the digit 0:\n${zero.map((row) => row.map(sign).join('')).join('\n')}`);
}
