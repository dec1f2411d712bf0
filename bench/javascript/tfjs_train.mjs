// Training in TensorFlow.js on made digits: a step's time does not depend on what they show. Prints one line of JSON.
import { job, mlp, report, tf } from './tfjs_setup.mjs';

async function train({ model: kind, optimizer, batch, steps, epochs, width, depth }) {
  if (kind !== 'mlp') throw new Error(`tfjs_train: expected the model 'mlp', got '${kind}'.`);
  const rows = steps * batch;
  const x = tf.randomUniform([rows, 784], 0, 1, 'float32', job.seed);
  const y = tf.oneHot(tf.range(0, rows, 1, 'int32').mod(tf.scalar(10, 'int32')), 10);
  const model = mlp({ width, depth });
  model.compile({ optimizer, loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
  const seconds = [];
  let start = 0;
  const callbacks = {
    onEpochBegin: () => {
      start = performance.now();
    },
    onEpochEnd: () => {
      seconds.push((performance.now() - start) / 1000);
    },
  };
  await model.fit(x, y, { batchSize: batch, epochs: 1 + epochs, verbose: 0, callbacks });
  const [first, ...measured] = seconds;
  return { first_epoch_s: first, us_per_step: measured.map((each) => (each / steps) * 1e6) };
}

const results = {};
for (const [label, point] of Object.entries(job.points)) results[label] = await train(point);
report(results);
