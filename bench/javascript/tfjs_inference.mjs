// The MNIST classifier's answers in TensorFlow.js; prints one line of JSON.
import { latency, middleMs, mlp, report, tf } from './tfjs_setup.mjs';

const model = mlp();
const x = tf.randomUniform([10_000, 784]);
const row = x.slice(0, 1);
report({
  answers: {
    ...latency(() => model.apply(row).dataSync(), 'apply'),
    ...latency(() => model.predict(row).dataSync(), 'predict'),
    // Seconds each: once is enough.
    rows_ms: middleMs(() => model.predict(x, { batchSize: 128 }).dataSync(), 1),
  },
});
