// A Model of one's own with a training step of its own: an autoencoder of digits that is shown noisy images.
// npm run example -- subclassing --epochs 3 --limit 10000
import { parseArgs } from 'node:util';
import {
  type Batch,
  datasets,
  layers,
  Model,
  metrics,
  ops,
  random,
  SeedGenerator,
  type StepLogs,
  type Tensor,
  utils,
  type Variable,
  valueAndGrad,
} from 'torchlayers';

const { values } = parseArgs({ options: { epochs: { type: 'string' }, limit: { type: 'string' } } });
const epochs = Number(values.epochs ?? 3);
const limit = Number(values.limit ?? 10_000);
utils.setRandomSeed(1);

class Denoiser extends Model {
  readonly encoder = new layers.Dense({ units: 64, activation: 'relu' });
  readonly decoder = new layers.Dense({ units: 784, activation: 'sigmoid' });
  readonly noise = new SeedGenerator({ seed: 7 });
  readonly error = new metrics.Mean({ name: 'error' });

  override call(images: Tensor): Tensor {
    return this.decoder.apply(this.encoder.apply<Tensor>(images));
  }

  // Recorded once, then run natively for every batch: no JavaScript in between.
  override trainStep({ x }: Batch): StepLogs {
    const clean = x as Tensor;
    const noisy = ops.add(clean, random.normal(clean.shape, { stddev: 0.3, seed: this.noise }));
    const weights = this.trainableWeights;
    const { value, grads } = valueAndGrad((_: readonly Variable[]) =>
      ops.mean(ops.square(ops.subtract(this.apply<Tensor>(noisy, { training: true }), clean))),
    )(weights);
    this.optimizer?.apply(grads as Tensor[], weights);
    this.error.updateState(value);
    return { error: this.error.result() };
  }

  override testStep({ x }: Batch): StepLogs {
    this.error.updateState(ops.mean(ops.square(ops.subtract(this.apply<Tensor>(x as Tensor), x as Tensor))));
    return { error: this.error.result() };
  }
}

const [[images], [testImages]] = await datasets.mnist.loadData();
const x = images.slice(0, limit).reshape([-1, 784]).cast('float32').divide(255);
const xTest = testImages.slice(0, 1000).reshape([-1, 784]).cast('float32').divide(255);

const model = new Denoiser();
model.compile({ optimizer: 'adam' });
const start = performance.now();
const { history } = await model.fit(x, null, { epochs, batchSize: 128, verbose: 0 });
console.log(`trained in ${((performance.now() - start) / 1000).toFixed(1)} s`);
console.log(`mean squared error by epoch: ${history['error']?.map((value) => value.toFixed(4)).join(' ')}`);
console.log(`on images that it never saw: ${(await model.evaluate(xTest, null, { verbose: 0 }))['error']?.toFixed(4)}`);

const noisy = ops.add(xTest.slice(0, 1), random.normal([1, 784], { stddev: 0.3, seed: 3 }));
const shown = [noisy, await model.predict(noisy, { verbose: 0 })].map((image) => image.reshape([28, 28]).arraySync());
const [before, after] = (shown as number[][][]).map((rows) =>
  rows.map((row) => row.map((value) => ' .:o@'[Math.max(0, Math.min(4, Math.floor(5 * value)))]).join('')),
);
for (const [i, row] of (before ?? []).entries()) console.log(`${row}  |  ${after?.[i]}`);
