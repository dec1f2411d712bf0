// Models that TensorFlow.js saves, with its own predictions, for test/golden/saving/tfjs.zip and tfjs.json. TensorFlow.js is no dependency of this
// package: in a folder of its own, `npm i @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-layers@4.22.0 @tensorflow/tfjs-backend-cpu@4.22.0`, then here
// `node scripts/golden/tfjs_models.mjs FOLDER`.

import { createWriteStream, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ZipFile } from 'yazl';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Give the folder in which TensorFlow.js is installed.');
const require = createRequire(`${resolve(folder)}/`);
const tf = require('@tensorflow/tfjs-core');
const tfl = require('@tensorflow/tfjs-layers');
require('@tensorflow/tfjs-backend-cpu');
await tf.setBackend('cpu');

const { layers } = tfl;
let state = 7;
/** Numbers in [-1, 1), the same on every machine. */
const random = () => {
  state = (state * 1103515245 + 12345) % 2147483648;
  return state / 1073741824 - 1;
};
const numbers = (shape) => {
  const size = shape.reduce((product, axis) => product * axis, 1);
  return tf.tensor(Float32Array.from({ length: size }, random), shape);
};

function dense() {
  const model = tfl.sequential();
  model.add(layers.dense({ units: 5, inputShape: [4], activation: 'relu', kernelInitializer: 'heNormal' }));
  model.add(layers.dropout({ rate: 0.3 }));
  model.add(layers.dense({ units: 3, activation: 'softmax', kernelRegularizer: tfl.regularizers.l2({ l2: 0.01 }) }));
  model.compile({ optimizer: 'adam', loss: 'categoricalCrossentropy' });
  return model;
}

function normalized() {
  const model = tfl.sequential({ name: 'normalized' });
  model.add(layers.flatten({ inputShape: [2, 3], name: 'flat' }));
  model.add(layers.dense({ units: 4, name: 'hidden', useBias: false }));
  model.add(layers.batchNormalization({ name: 'norm' }));
  model.add(layers.activation({ activation: 'tanh', name: 'act' }));
  model.add(layers.leakyReLU({ alpha: 0.2, name: 'leaky' }));
  model.add(layers.dense({ units: 1, name: 'out' }));
  return model;
}

function branches() {
  const a = tfl.input({ shape: [3], name: 'a' });
  const b = tfl.input({ shape: [3], name: 'b' });
  const shared = layers.dense({ units: 4, activation: 'tanh', name: 'shared' });
  const joined = layers.concatenate({ name: 'joined' }).apply([shared.apply(a), shared.apply(b)]);
  const sum = layers.add({ name: 'sum' }).apply([shared.apply(a), shared.apply(b)]);
  const y = layers.dense({ units: 2, name: 'y' }).apply(joined);
  const z = layers.dense({ units: 1, activation: 'sigmoid', name: 'z' }).apply(sum);
  return tfl.model({ inputs: [a, b], outputs: [y, z], name: 'branches' });
}

function nested() {
  const inner = tfl.sequential({ name: 'inner' });
  inner.add(layers.dense({ units: 3, inputShape: [4], activation: 'elu', name: 'first' }));
  inner.add(layers.layerNormalization({ name: 'norm' }));
  const x = tfl.input({ shape: [4], name: 'x' });
  const y = layers.dense({ units: 2, name: 'last' }).apply(inner.apply(x));
  return tfl.model({ inputs: x, outputs: y, name: 'nested' });
}

function words() {
  const model = tfl.sequential({ name: 'words' });
  model.add(layers.embedding({ inputDim: 10, outputDim: 4, inputLength: 6, name: 'embed' }));
  model.add(layers.globalAveragePooling1d({ name: 'mean' }));
  model.add(layers.dense({ units: 2, activation: 'softmax', name: 'out' }));
  return model;
}

/** What the model is as files: model.json, and its weights in shards of so many bytes. */
async function filesOf(model, shardBytes, change = (artifacts) => artifacts) {
  let artifacts;
  await model.save(
    tf.io.withSaveHandler(async (saved) => {
      artifacts = saved;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    }),
  );
  const { weightSpecs, weightData, ...rest } = change(artifacts);
  const data = Buffer.from(tf.io.CompositeArrayBuffer?.join(weightData) ?? weightData);
  const shards = [];
  for (let at = 0; at < data.length; at += shardBytes) shards.push(data.subarray(at, at + shardBytes));
  const paths = shards.map((_, i) => `group1-shard${i + 1}of${shards.length}.bin`);
  const json = { ...rest, weightsManifest: [{ paths, weights: weightSpecs }] };
  return { json, files: Object.fromEntries(paths.map((path, i) => [path, shards[i]])), weightSpecs, data };
}

/** Weights in fewer bits, as the converter makes them. */
function quantized(artifacts, dtype) {
  let data = Buffer.from(tf.io.CompositeArrayBuffer?.join(artifacts.weightData) ?? artifacts.weightData);
  data = new Uint8Array(data).buffer;
  const parts = [];
  let offset = 0;
  const weightSpecs = artifacts.weightSpecs.map((spec) => {
    const size = spec.shape.reduce((product, axis) => product * axis, 1);
    const values = new Float32Array(data, offset, size);
    offset += 4 * size;
    if (dtype === 'float16') {
      // All values are multiples of 1/64 below 4, whose halves are exact.
      const halves = Uint16Array.from(values, (value) => {
        const rounded = Math.round(value * 64) / 64;
        if (rounded === 0) return 0;
        const exponent = Math.floor(Math.log2(Math.abs(rounded)));
        const fraction = Math.round((Math.abs(rounded) / 2 ** exponent - 1) * 1024);
        return (rounded < 0 ? 0x8000 : 0) | ((exponent + 15) << 10) | fraction;
      });
      parts.push(Buffer.from(halves.buffer));
      return { ...spec, quantization: { dtype } };
    }
    const levels = dtype === 'uint8' ? 255 : 65535;
    const min = Math.min(...values);
    const scale = (Math.max(...values) - min) / levels || 1;
    const ArrayClass = dtype === 'uint8' ? Uint8Array : Uint16Array;
    parts.push(Buffer.from(ArrayClass.from(values, (value) => Math.round((value - min) / scale)).buffer));
    return { ...spec, quantization: { dtype, scale, min } };
  });
  const joined = Buffer.concat(parts);
  return { ...artifacts, weightSpecs, weightData: new Uint8Array(joined).buffer };
}

const cases = [
  ['dense', dense, [[4]], 40],
  ['normalized', normalized, [[2, 3]], 1000],
  ['branches', branches, [[3], [3]], 64],
  ['nested', nested, [[4]], 30],
  ['words', words, [[6]], 1000],
  ['uint8', dense, [[4]], 1000, 'uint8'],
  ['uint16', normalized, [[2, 3]], 33, 'uint16'],
  ['float16', nested, [[4]], 1000, 'float16'],
];
const zip = new ZipFile();
const facts = [];
for (const [name, make, shapes, shardBytes, quantization] of cases) {
  const model = make();
  // Variances are positive.
  const positive = (weight) => (weight.originalName.endsWith('moving_variance') ? weight.read().shape : null);
  model.setWeights(
    model.weights.map((weight) => (positive(weight) ? tf.abs(numbers(positive(weight))) : numbers(weight.shape))),
  );
  const change = quantization === undefined ? undefined : (artifacts) => quantized(artifacts, quantization);
  const { json, files, weightSpecs, data } = await filesOf(model, shardBytes, change);
  // TensorFlow.js' own reading of exactly these files.
  const loaded = await tfl.loadLayersModel(
    tf.io.fromMemory({ ...json, weightSpecs, weightData: new Uint8Array(data).buffer }),
  );
  const inputs = shapes.map((shape) =>
    name === 'words'
      ? tf.tensor(
          [
            [1, 2, 3, 4, 5, 6],
            [0, 9, 8, 7, 0, 1],
          ],
          [2, 6],
        )
      : numbers([3, ...shape]),
  );
  const outputs = [loaded.predict(inputs.length === 1 ? inputs[0] : inputs)].flat();
  facts.push({ name, x: inputs.map((one) => one.arraySync()), y: outputs.map((one) => one.arraySync()) });
  const options = { mtime: new Date(1980, 0, 1), forceDosTimestamp: true };
  zip.addBuffer(Buffer.from(JSON.stringify(json)), `${name}/model.json`, options);
  for (const [path, bytes] of Object.entries(files)) zip.addBuffer(bytes, `${name}/${path}`, options);
}
zip.end();
const target = new URL('../../test/golden/saving/', import.meta.url);
await pipeline(zip.outputStream, createWriteStream(new URL('tfjs.zip', target)));
writeFileSync(new URL('tfjs.json', target), JSON.stringify(facts));
