// Linear regression with a training loop of one's own: value, gradients, update. No model, no fit.
// npm run example -- linear-regression --steps 200
import { parseArgs } from 'node:util';
import { ops, optimizers, random, tidy, Variable, valueAndGrad } from 'torchlayers';

const { values } = parseArgs({ options: { steps: { type: 'string' }, seed: { type: 'string' } } });
const steps = Number(values.steps ?? 200);
const seed = Number(values.seed ?? 1);

// Points along y = 3x - 2, with some noise.
const x = random.uniform([200, 1], { minval: -1, maxval: 1, seed });
const y = ops.add(ops.subtract(ops.multiply(x, 3), 2), random.normal([200, 1], { stddev: 0.1, seed: seed + 1 }));

const slope = new Variable(random.normal([1, 1], { seed: seed + 2 }), { name: 'slope' });
const intercept = new Variable([0], { name: 'intercept' });
const weights = [slope, intercept];
const optimizer = new optimizers.SGD({ learningRate: 0.1, momentum: 0.9 });

const lossAndGradients = valueAndGrad((_: Variable[]) => {
  const prediction = ops.add(ops.matmul(x, slope), intercept);
  return ops.mean(ops.square(ops.subtract(prediction, y)));
});

for (let step = 1; step <= steps; step++) {
  // tidy frees what a step made; Variables stay.
  tidy(() => {
    const { value, grads } = lossAndGradients(weights);
    optimizer.apply(grads, weights);
    if (step === 1 || step % Math.ceil(steps / 5) === 0) console.log(`step ${step}: loss ${value.item().toFixed(5)}`);
  });
}
console.log(`y = ${slope.item().toFixed(2)} x + ${intercept.item().toFixed(2)}, made from y = 3 x - 2`);
