// The MNIST classifier's answers in torchlayers; prints one line of JSON.
import { build, job, latency, library, middleMs, report } from './torchlayers_setup.js';

const { random, tidy } = library;

const model = build({ model: 'mlp' });
const x = random.uniform([10_000, 784], { seed: job.seed });
const row = x.slice(0, 1);
const predict = async (rows: typeof x, batchSize: number): Promise<void> => {
  const answer = await model.predict(rows, { batchSize, verbose: 0 });
  (answer as typeof x).dispose();
};
report({
  answers: {
    ...(await latency(() => tidy(() => void (model.apply(row) as typeof x).dataSync()), 'apply')),
    ...(await latency(() => predict(row, 1), 'predict')),
    rows_ms: Math.min(await middleMs(() => predict(x, 128)), await middleMs(() => predict(x, 10_000))),
  },
});
