// What single calls cost in torchlayers; prints one line of JSON.
import { library, loopUs, middleMs, report } from './torchlayers_setup.js';

const { ops, tensor } = library;

const [a, b] = [tensor([1, 2]), tensor([3, 4])];
const array = new Float32Array(1_000_000).fill(1);
const large = tensor(array);
report({
  calls: {
    add_us: loopUs(() => ops.add(a, b)),
    data_in_ms: await middleMs(() => tensor(array).dispose()),
    data_out_ms: await middleMs(() => large.dataSync()),
  },
});
