// A model with several inputs and outputs and a shared layer: which of two points is farther out, and by how much?
// npm run example -- functional --epochs 30
import { parseArgs } from 'node:util';
import { Input, layers, Model, ops, random, type Tensor, utils } from 'torchlayers';

const { values } = parseArgs({ options: { epochs: { type: 'string' }, samples: { type: 'string' } } });
const epochs = Number(values.epochs ?? 30);
const samples = Number(values.samples ?? 2000);
utils.setRandomSeed(1);

// Two points, and the scale that distances are measured in.
const left = random.uniform([samples, 2], { minval: -1, maxval: 1 });
const right = random.uniform([samples, 2], { minval: -1, maxval: 1 });
const scale = random.uniform([samples, 1], { minval: 0.5, maxval: 2 });
const radius = (points: Tensor): Tensor => ops.sqrt(ops.sum(ops.square(points), { axis: 1, keepdims: true }));
const gap = ops.multiply(ops.subtract(radius(left), radius(right)), scale);
const farther = ops.cast(ops.greater(gap, 0), 'float32');

// A model inside the model, with one input: it is applied to both points, so that they share its weights.
const point = Input({ shape: [2] });
const hidden = new layers.Dense({ units: 32, activation: 'tanh' }).apply(point);
const encoder = new Model({
  inputs: point,
  outputs: new layers.Dense({ units: 8, activation: 'relu' }).apply(hidden),
  name: 'encoder',
});

const inputs = {
  left: Input({ shape: [2], name: 'left' }),
  right: Input({ shape: [2], name: 'right' }),
  scale: Input({ shape: [1], name: 'scale' }),
};
const difference = new layers.Subtract().apply([encoder.apply(inputs.left), encoder.apply(inputs.right)]);
const features = new layers.Concatenate().apply([difference, ops.multiply(difference, inputs.scale)]);
const model = new Model({
  inputs,
  outputs: {
    farther: new layers.Dense({ units: 1, activation: 'sigmoid', name: 'farther' }).apply(features),
    gap: new layers.Dense({ units: 1, name: 'gap' }).apply(features),
  },
});
model.summary();

// Each output has its loss, its weight in the sum and its metrics, by its name.
model.compile({
  optimizer: 'adam',
  loss: { farther: 'binary_crossentropy', gap: 'mse' },
  lossWeights: { farther: 1, gap: 2 },
  metrics: { farther: ['accuracy'], gap: ['mae'] },
});
const { history } = await model.fit(
  { left, right, scale },
  { farther, gap },
  {
    epochs,
    batchSize: 64,
    validationSplit: 0.2,
    verbose: 0,
  },
);
for (const name of ['val_loss', 'val_farther_accuracy', 'val_gap_mae']) {
  console.log(
    `${name}: ${history[name]?.[0]?.toFixed(4)} after an epoch, ${history[name]?.at(-1)?.toFixed(4)} at the end`,
  );
}

// Predictions have the structure of the outputs.
const one = { left: [[0.9, 0.1]], right: [[0.2, 0.3]], scale: [[1]] };
const answer = await model.predict<{ farther: Tensor; gap: Tensor }>(one, { verbose: 0 });
console.log(`is (0.9, 0.1) farther out than (0.2, 0.3)? ${(100 * answer.farther.item()).toFixed(0)} % sure`);
console.log(`by ${answer.gap.item().toFixed(2)}; truly by ${(Math.hypot(0.9, 0.1) - Math.hypot(0.2, 0.3)).toFixed(2)}`);
