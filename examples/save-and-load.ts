// Trains a small model, saves it, and goes on with what was read back.
// npm run example -- save-and-load --out models-out
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Input, layers, models, ops, random, Sequential, utils } from 'torchlayers';

const { values } = parseArgs({ options: { out: { type: 'string', default: 'models-out' } } });
const folder = values.out;
await mkdir(folder, { recursive: true });

utils.setRandomSeed(1);
const x = random.normal([512, 8]);
const y = ops.sum(ops.square(x), { axis: 1, keepdims: true });

const model = new Sequential([
  Input({ shape: [8] }),
  new layers.Dense({ units: 32, activation: 'relu' }),
  new layers.BatchNormalization(),
  new layers.Dense({ units: 1 }),
]);
model.compile({ optimizer: 'adam', loss: 'mse' });
await model.fit(x, y, { epochs: 5, verbose: 0 });
console.log('trained:  ', await model.evaluate(x, y, { verbose: 0 }));

// The whole model: Keras reads it too, keras.models.load_model('model.keras').
await model.save(join(folder, 'model.keras'));
const loaded = await models.loadModel(join(folder, 'model.keras'));
console.log('loaded:   ', await loaded.evaluate(x, y, { verbose: 0 }));

// Both go on alike, as the optimizer's state was in the file.
await model.fit(x, y, { epochs: 1, shuffle: false, verbose: 0 });
await loaded.fit(x, y, { epochs: 1, shuffle: false, verbose: 0 });
console.log('further:  ', await model.evaluate(x, y, { verbose: 0 }), await loaded.evaluate(x, y, { verbose: 0 }));

// Weights alone go into a model of the same layers; JSON keeps the layers alone.
await model.saveWeights(join(folder, 'model.weights.h5'));
const twin = models.modelFromJson(model.toJson());
await twin.loadWeights(join(folder, 'model.weights.h5'));
console.log('twin:     ', await twin.evaluate(x, y, { verbose: 0 }));

for (const name of await readdir(folder))
  console.log(join(folder, name), (await stat(join(folder, name))).size, 'bytes');
