import { describe, expect, test } from 'vitest';
import { native } from '../../lib/core/native.js';
import {
  type Batch,
  layers,
  Model,
  metrics,
  ops,
  optimizers,
  random,
  SeedGenerator,
  Sequential,
  type StepLogs,
  type Tensor,
  type Tree,
  utils,
  type Variable,
  valueAndGrad,
} from '../../lib/index.js';
import { smallData } from './small-model.js';

const { x, y } = smallData(50);
const quiet = { verbose: 0 as const, batchSize: 16, epochs: 2, shuffle: false };

class Base extends Model {
  readonly dense: layers.Dense = new layers.Dense({ units: 3, activation: 'softmax', kernelInitializer: 'ones' });
  override call(inputs: Tensor): Tensor {
    return this.dense.apply(inputs);
  }
}

/** The built-in step, written by hand. */
class OwnTrainStep extends Base {
  override trainStep({ x: inputs, y: labels }: Batch): StepLogs {
    const weights = this.trainableWeights;
    const { value, grads, aux } = valueAndGrad(
      (_: readonly Variable[]): [Tensor, Tensor] => {
        const yPred = this.apply<Tensor>(inputs as Tensor, { training: true });
        return [this.computeLoss(inputs, labels, yPred), yPred];
      },
      { hasAux: true },
    )(weights);
    this.optimizer?.apply(grads as Tensor[], weights);
    const [loss] = this.metrics as unknown as [metrics.Mean];
    loss.updateState(value, { sampleWeight: (inputs as Tensor).shape[0] as number });
    return this.computeMetrics(inputs, labels, aux);
  }
}

class OwnTestStep extends Base {
  override testStep({ x: inputs, y: labels }: Batch): StepLogs {
    const yPred = this.apply<Tensor>(inputs as Tensor, { training: false });
    const [loss] = this.metrics as unknown as [metrics.Mean];
    const value = this.computeLoss(inputs, labels, yPred, undefined, { training: false });
    loss.updateState(value, { sampleWeight: (inputs as Tensor).shape[0] as number });
    return this.computeMetrics(inputs, labels, yPred);
  }
}

class OwnLossOfModel extends Base {
  override computeLoss(_: Tree<Tensor>, labels: Tree<Tensor> | undefined, yPred: Tree<Tensor>): Tensor {
    const safe = ops.clip(yPred as Tensor, 1e-7, 1 - 1e-7);
    return ops.mean(ops.negative(ops.sum(ops.multiply(labels as Tensor, ops.log(safe)), { axis: -1 })));
  }
}

class OwnMetricsOfModel extends Base {
  readonly hits: metrics.CategoricalAccuracy = new metrics.CategoricalAccuracy({ name: 'hits' });
  override computeMetrics(_: Tree<Tensor>, labels: Tree<Tensor> | undefined, yPred: Tree<Tensor>): StepLogs {
    this.hits.updateState(labels as Tensor, yPred as Tensor);
    const { loss } = this.getMetricsResult() as { loss: Tensor };
    return { accuracy: this.hits.result(), loss };
  }
}

const overrides: [string, new () => Base, boolean][] = [
  ['trainStep', OwnTrainStep, true],
  ['testStep', OwnTestStep, true],
  ['computeLoss', OwnLossOfModel, true],
  ['computeMetrics', OwnMetricsOfModel, false],
];

async function trained(
  type: new () => Base,
  runEagerly: boolean,
  withMetrics = true,
): Promise<Record<string, number[]>> {
  const model = new type();
  model.compile({
    optimizer: new optimizers.SGD({ learningRate: 0.1, momentum: 0.9 }),
    loss: 'categorical_crossentropy',
    metrics: withMetrics ? ['accuracy'] : null,
    runEagerly,
  });
  return (await model.fit(x, y, { ...quiet, validationSplit: 0.3 })).history;
}

describe.each(overrides)('%s of one’s own', (_, type, withMetrics) => {
  test.each([false, true])('gives what the built-in one gives (eager: %s)', async (runEagerly) => {
    const [mine, builtIn] = [await trained(type, runEagerly, withMetrics), await trained(Base, runEagerly)];
    expect(Object.keys(mine)).toEqual(Object.keys(builtIn));
    for (const [name, values] of Object.entries(builtIn))
      for (const [epoch, value] of values.entries()) expect(mine[name]?.[epoch], name).toBeCloseTo(value, 5);
  });

  test('is recorded: calls into native code don’t grow with the steps', async () => {
    const counts: number[] = [];
    for (const samples of [90, 2010]) {
      const data = smallData(samples);
      const model = new type();
      model.compile({
        optimizer: 'adam',
        loss: 'categorical_crossentropy',
        metrics: withMetrics ? ['accuracy'] : null,
      });
      const options = { ...quiet, validationSplit: 0.2 };
      await model.fit(data.x, data.y, options);
      const before = native.crossings();
      await model.fit(data.x, data.y, options);
      counts.push(native.crossings() - before);
    }
    expect(counts[1]).toBe(counts[0]);
  });
});

/** Two networks and two optimizers in one step: one makes points, the other tells them from real ones. */
class Adversaries extends Model {
  readonly generator: Sequential = new Sequential([
    new layers.Dense({ units: 8, activation: 'tanh' }),
    new layers.Dense({ units: 2 }),
  ]);
  readonly discriminator: Sequential = new Sequential([
    new layers.Dense({ units: 8, activation: 'tanh' }),
    new layers.Dense({ units: 1 }),
  ]);
  readonly optimizers: Record<'generator' | 'discriminator', optimizers.Optimizer> = {
    generator: new optimizers.Adam({ learningRate: 0.01 }),
    discriminator: new optimizers.SGD({ learningRate: 0.05, momentum: 0.5 }),
  };
  readonly noise: SeedGenerator = new SeedGenerator({ seed: 5 });
  readonly means: Record<'generator' | 'discriminator', metrics.Mean> = {
    generator: new metrics.Mean({ name: 'generator_loss' }),
    discriminator: new metrics.Mean({ name: 'discriminator_loss' }),
  };

  override call(inputs: Tensor): Tensor {
    return this.discriminator.apply(this.generator.apply<Tensor>(inputs));
  }

  override trainStep({ x: given }: Batch): StepLogs {
    const real = given as Tensor;
    const count = real.shape[0] as number;
    const bce = (logits: Tensor, label: number): Tensor =>
      ops.mean(ops.binaryCrossentropy(ops.fullLike(logits, label), logits, { fromLogits: true }));
    const step = (name: 'generator' | 'discriminator', loss: (noise: Tensor) => Tensor): void => {
      const noise = random.normal([count, 2], { seed: this.noise });
      const weights = this[name].trainableWeights;
      const { value, grads } = valueAndGrad((_: readonly Variable[]) => loss(noise))(weights);
      this.optimizers[name].apply(grads as Tensor[], weights);
      this.means[name].updateState(value);
    };
    step('discriminator', (noise) => {
      const fake = this.generator.apply<Tensor>(noise);
      return ops.add(bce(this.discriminator.apply<Tensor>(real), 1), bce(this.discriminator.apply<Tensor>(fake), 0));
    });
    step('generator', (noise) => bce(this.apply<Tensor>(noise), 1));
    return { g: this.means.generator.result(), d: this.means.discriminator.result() };
  }
}

describe('a step with two networks and two optimizers', () => {
  const run = async (
    samples: number,
    runEagerly: boolean,
    epochs = 3,
  ): Promise<{ history: Record<string, number[]>; model: Adversaries }> => {
    utils.setRandomSeed(11);
    const model = new Adversaries();
    const { x: data } = smallData(samples);
    const real = data.slice([0, 0], [samples, 2]);
    model.compile({ runEagerly });
    const { history } = await model.fit(real, null, { ...quiet, epochs });
    return { history, model };
  };

  test('gives the same numbers recorded and eagerly, and trains both', async () => {
    const [recorded, eager] = [await run(50, false), await run(50, true)];
    expect(Object.keys(recorded.history)).toEqual(['d', 'g']);
    for (const [name, values] of Object.entries(eager.history))
      for (const [epoch, value] of values.entries())
        expect(recorded.history[name]?.[epoch], `${name} ${epoch}`).toBeCloseTo(value, 4);
    for (const optimizer of Object.values(recorded.model.optimizers)) expect(optimizer.iterations.item()).toBe(12);
    for (const [i, weight] of eager.model.weights.entries()) {
      const other = recorded.model.weights[i] as Variable;
      expect(ops.max(ops.abs(ops.subtract(other, weight))).item(), weight.path).toBeLessThan(1e-4);
    }
  });

  test('is recorded', async () => {
    const counts: number[] = [];
    for (const samples of [40, 2008]) {
      const { model } = await run(samples, false, 1);
      const real = smallData(samples).x.slice([0, 0], [samples, 2]);
      const before = native.crossings();
      await model.fit(real, null, quiet);
      counts.push(native.crossings() - before);
    }
    expect(counts[1]).toBe(counts[0]);
  });
});
