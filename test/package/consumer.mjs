// A user's program in the empty folder of pack.test.ts: trains a small classifier and answers in JSON.
import { execFileSync } from 'node:child_process';
import { layers, ops, Sequential, tensor, utils } from 'torchlayers';

const found = (command) => {
  try {
    execFileSync(command, ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

utils.setRandomSeed(1);
const samples = 256;
const x = new Float32Array(samples * 2).map((_, i) => Math.sin(i * 12.9898) % 1);
const y = new Float32Array(samples).map((_, i) => (x[2 * i] + x[2 * i + 1] > 0 ? 1 : 0));

const model = new Sequential([
  new layers.Dense({ units: 32, activation: 'relu' }),
  new layers.Dense({ units: 1, activation: 'sigmoid' }),
]);
model.compile({ optimizer: 'adam', loss: 'binary_crossentropy', metrics: ['accuracy'] });
const inputs = tensor(x, { shape: [samples, 2] });
const labels = tensor(y, { shape: [samples, 1] });
const { history } = await model.fit(inputs, labels, { epochs: 60, batchSize: 32, verbose: 0 });
const evaluation = await model.evaluate(inputs, labels, { verbose: 0 });

console.log(
  JSON.stringify({
    tools: ['python3', 'gcc', 'g++', 'cmake', 'make'].filter(found),
    losses: [history.loss[0], history.loss.at(-1)],
    accuracy: evaluation.accuracy,
    sum: await ops.sum(tensor([1, 2, 3])).array(),
  }),
);
