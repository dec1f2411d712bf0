// A training that can be killed and started again: prints 'training' when its steps begin, at the end a digest of everything that training changes.
// node --import tsx resume-child.ts <kind> <folder or ''>
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { callbacks, type FitOptions } from '../../lib/index.js';
import { smallData, smallModel } from './small-model.js';

const [kind = '', dir = ''] = process.argv.slice(2);
const { x, y } = smallData(400);
const started = dir !== '' && existsSync(join(dir, 'checkpoint.safetensors'));
// A run that goes on begins from other numbers altogether: what it ends with must come from the checkpoint.
const model = smallModel({
  seed: started ? 1 + Math.floor(Math.random() * 1e6) : 1,
  runEagerly: kind === 'eager',
});

const { ReduceLROnPlateau, EarlyStopping, CSVLogger, LambdaCallback } = callbacks;
const common: FitOptions = {
  verbose: 0,
  batchSize: 8,
  validationSplit: 0.2,
  ...(dir !== '' && { resume: { dir, every: kind === 'native' ? 15 : 9 } }),
  callbacks: [
    new ReduceLROnPlateau({ monitor: 'loss', patience: 1, factor: 0.9, minDelta: 0.01 }),
    new EarlyStopping({ monitor: 'val_loss', patience: 1000, restoreBestWeights: true }),
    ...(dir === '' ? [] : [new CSVLogger({ filename: join(dir, '..', 'log.csv') })]),
    new LambdaCallback({ onTrainBegin: () => void process.stdout.write('training\n') }),
    ...(kind === 'awaited' ? [new LambdaCallback({ onTrainBatchEnd: () => {} })] : []),
  ],
};
/** Batches without end, in an order of their own. */
function* batches(): Generator<[unknown, unknown]> {
  for (let i = 0; ; i = (i + 7) % 50) yield [x.slice(8 * i, 8 * i + 8), y.slice(8 * i, 8 * i + 8)];
}
const { validationSplit: _, batchSize: __, ...forBatches } = common;
const { history, epoch } = await {
  native: () => model.fit(x, y, { ...common, epochs: 40 }),
  awaited: () => model.fit(x, y, { ...common, epochs: 8, stepsPerEpoch: 30 }),
  eager: () => model.fit(x, y, { ...common, epochs: 4 }),
  iterable: () => model.fit(batches(), { ...forBatches, epochs: 8, stepsPerEpoch: 33, validationData: [x, y] }),
}[kind]!();

const digest = createHash('sha256').update(JSON.stringify({ history, epoch }));
for (const variable of [...model.variables, ...(model.optimizer?.variables ?? [])]) {
  digest.update(new Uint8Array((variable.dataSync() as Float32Array).slice().buffer));
}
const csv =
  dir === ''
    ? []
    : readFileSync(join(dir, '..', 'log.csv'), 'utf8')
        .trim()
        .split('\r\n');
process.stdout.write(`digest ${digest.digest('hex')} ${epoch.length} ${csv.length}\n`);
