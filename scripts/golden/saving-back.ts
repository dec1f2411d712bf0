// Reads Keras' files of test/golden/saving and writes them anew, for scripts/golden/saving_back.py: `tsx scripts/golden/saving-back.ts FOLDER`.

import { join } from 'node:path';
import { models, saving } from '../../lib/index.js';
import { unpack } from '../../test/saving/files.js';
import '../../test/saving/objects.js';
import { readdir } from 'node:fs/promises';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Give the folder to write to.');
const files = await unpack('files.zip');
for (const name of (await readdir(files)).sort()) {
  if (name.endsWith('.weights.h5')) continue;
  const model = await models.loadModel(join(files, name));
  await model.save(join(folder, name));
  if (name === 'dense_adam.keras') await saving.saveWeights(model, join(folder, 'dense_adam.weights.h5'));
}
