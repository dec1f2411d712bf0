// What single calls cost in TensorFlow.js; prints one line of JSON.
import { latency, middleMs, report, tf } from './tfjs_setup.mjs';

const [a, b] = [tf.tensor([1, 2]), tf.tensor([3, 4])];
const array = new Float32Array(1_000_000).fill(1);
const large = tf.tensor(array);
const thousand = latency(() => {
  for (let i = 0; i < 1000; i++) tf.add(a, b);
}, 'add');
report({
  calls: {
    add_us: thousand.add_p50_us / 1000,
    // It keeps the array itself until something is computed: a copy is what others make.
    data_in_ms: middleMs(() => tf.tensor(array.slice())),
    data_out_ms: middleMs(() => large.dataSync().slice()),
  },
});
