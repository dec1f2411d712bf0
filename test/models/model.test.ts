import { describe, expect, test } from 'vitest';
import {
  layers,
  Model,
  metrics,
  ops,
  Sequential,
  StateError,
  type Tensor,
  tensor,
  type Variable,
  valueAndGrad,
} from '../../lib/index.js';
import type { Batch } from '../../lib/training/data/layout.js';
import type { StepLogs } from '../../lib/training/steps.js';
import { expectClose, smallData, smallModel } from '../training/small-model.js';

const { x, y } = smallData(64);
const quiet = { verbose: 0 as const };

class TwoLayers extends Model {
  readonly hidden: layers.Dense = new layers.Dense({ units: 8, activation: 'relu' });
  readonly out: layers.Dense = new layers.Dense({ units: 3, activation: 'softmax' });
  override call(inputs: Tensor): Tensor {
    return this.out.apply(this.hidden.apply(inputs));
  }
}

describe('a subclass', () => {
  test('is built by its first data, for any batch size', async () => {
    const model = new TwoLayers();
    model.compile({ optimizer: 'sgd', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
    expect(model.layers.map((layer) => layer.name)).toEqual([model.hidden.name, model.out.name]);
    await model.fit(x, y, { ...quiet, batchSize: 24 });
    expect(model.weights.map((weight) => weight.shape)).toEqual([[6, 8], [8], [8, 3], [3]]);
    expect((await model.predict(x.slice(0, 5), quiet)).shape).toEqual([5, 3]);
  });

  test.each([false, true])('may have its own train step (eager: %s)', async (runEagerly) => {
    class Own extends TwoLayers {
      override trainStep(batch: Batch): StepLogs {
        const weights = this.trainableWeights;
        const { value, grads } = valueAndGrad((_weights: typeof weights) => {
          const yPred = this.apply(batch.x as Tensor, { training: true });
          return ops.mean(ops.square(ops.subtract(yPred, batch.y as Tensor)));
        })(weights);
        this.optimizer?.apply(grads, weights);
        return { error: value, twice: ops.multiply(value, 2) };
      }
    }
    const model = new Own();
    model.compile({ optimizer: 'sgd', loss: 'mse', runEagerly });
    const { history } = await model.fit(x, y, { ...quiet, epochs: 3, batchSize: 64 });
    expect(Object.keys(history)).toEqual(['error', 'twice']);
    const errors = history['error'] as number[];
    expectClose(
      history['twice'],
      errors.map((error) => 2 * error),
    );
    expect(history['error']?.[2]).toBeLessThan(history['error']?.[0] as number);
    expect(Object.keys(await model.trainOnBatch(x, y))).toEqual(['error', 'twice']);
    expect(Object.keys(await model.evaluate(x, y, quiet))).toEqual(['loss']);
  });

  test('may have its own loss, metrics and test step', async () => {
    class Own extends TwoLayers {
      readonly distance: metrics.Mean = new metrics.Mean({ name: 'distance' });
      override computeLoss(_x: unknown, labels: Tensor, yPred: Tensor): Tensor {
        const loss = ops.mean(ops.abs(ops.subtract(yPred, labels)));
        this.distance.updateState(loss);
        return loss;
      }
      override computeMetrics(...args: Parameters<Model['computeMetrics']>): StepLogs {
        return { ...super.computeMetrics(...args), three: tensor(3) };
      }
    }
    const model = new Own();
    model.compile({ optimizer: 'sgd', metrics: ['accuracy'] });
    const { history } = await model.fit(x, y, { ...quiet, batchSize: 64 });
    expect(Object.keys(history)).toEqual(['accuracy', 'distance', 'loss', 'three']);
    expect(history['distance']).toEqual(history['loss']);
    expect(history['three']).toEqual([3]);
  });

  test('a step that reads a value says what to do', async () => {
    class Reads extends TwoLayers {
      override call(inputs: Tensor): Tensor {
        if (inputs.dataSync()[0] === 0) return inputs;
        return super.call(inputs);
      }
    }
    const model = new Reads();
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await expect(model.fit(x, y, quiet)).rejects.toThrow(/runEagerly/);
  });
});

describe('an operation that fails in a running step', () => {
  class Lookup extends layers.Layer {
    table!: Variable;
    override build(): void {
      this.table = this.addWeight({ shape: [4, 3] });
    }
    override call(ids: Tensor): Tensor {
      return ops.take(this.table, ops.cast(ids, 'int32'), { axis: 0 });
    }
  }

  test.each([32, 40])('says which line recorded it, and the model goes on (batches of %i)', async (batchSize) => {
    const model = new Sequential([new Lookup()]);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    const ids = Int32Array.from({ length: 64 }, (_, i) => i % 4);
    const targets = tensor(new Float32Array(192), { shape: [64, 3] });
    await model.fit(ids, targets, { ...quiet, batchSize });
    const bad = ids.with(40, 9);
    const error = await model.fit(bad, targets, { ...quiet, batchSize }).catch((reason: Error) => reason);
    expect(String(error)).toMatch(/index 9 is out of bounds[\s\S]*Recorded at .*model\.test\.ts:\d+:\d+/);
    await model.fit(ids, targets, { ...quiet, batchSize });
  });
});

describe('losses of layers', () => {
  class Penalty extends layers.Layer {
    override call(inputs: Tensor): Tensor {
      this.addLoss(ops.multiply(ops.sum(ops.square(inputs)), 0.25));
      return inputs;
    }
  }

  test.each([false, true])('regularizers and addLoss are part of the loss (eager: %s)', async (runEagerly) => {
    const model = new Sequential([new Penalty(), new layers.Dense({ units: 3, kernelRegularizer: 'l2' })]);
    model.compile({ optimizer: 'sgd', loss: 'mse', metrics: ['mse'], runEagerly });
    const logs = await model.testOnBatch(x, y);
    const kernel = model.weights[0] as Tensor;
    const penalty = 0.01 * ops.sum(ops.square(kernel)).item() + 0.25 * ops.sum(ops.square(x)).item();
    expect((logs['loss'] as number) - (logs['mse'] as number)).toBeCloseTo(penalty, 2);
  });
});

describe('several inputs and outputs', () => {
  class Pair extends Model {
    readonly a: layers.Dense = new layers.Dense({ units: 3, activation: 'softmax' });
    readonly b: layers.Dense = new layers.Dense({ units: 1 });
    override call(inputs: { left: Tensor; right: Tensor }): { classes: Tensor; value: Tensor } {
      return { classes: this.a.apply(inputs.left), value: this.b.apply(inputs.right) };
    }
  }
  const inputs = { left: x, right: x };
  const targets = { classes: y, value: tensor(new Float32Array(64).fill(0.5), { shape: [64, 1] }) };

  test('losses, weights and metrics by name', async () => {
    const model = new Pair();
    model.compile({
      optimizer: 'sgd',
      loss: { classes: 'categorical_crossentropy', value: 'mse' },
      lossWeights: { classes: 1, value: 0.5 },
      metrics: { classes: ['accuracy'], value: ['mae'] },
    });
    const { history } = await model.fit(inputs, targets, { ...quiet, epochs: 2, validationSplit: 0.25 });
    const own = ['classes_accuracy', 'classes_loss', 'loss', 'value_loss', 'value_mae'];
    expect(Object.keys(history)).toEqual([...own, ...own.map((name) => `val_${name}`)]);
    const values = history['value_loss'] as number[];
    const sums = (history['classes_loss'] as number[]).map((loss, i) => loss + 0.5 * (values[i] as number));
    expectClose(history['loss'], sums);
    const out = await model.predict<{ classes: Tensor; value: Tensor }>(inputs, quiet);
    expect([out.classes.shape, out.value.shape]).toEqual([
      [64, 3],
      [64, 1],
    ]);
  });

  test('wrong names and numbers are errors', async () => {
    const model = new Pair();
    model.compile({ optimizer: 'sgd', loss: { clases: 'mse', value: 'mse' } });
    await expect(model.fit(inputs, targets, quiet)).rejects.toThrow(
      /compile: loss: expected the names of outputs as keys, got "clases"/,
    );
    model.compile({ optimizer: 'sgd', loss: ['mse', 'mse', 'mse'] });
    await expect(model.fit(inputs, targets, quiet)).rejects.toThrow(
      /expected one entry for each of the 2 outputs, got 3/,
    );
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await expect(model.fit(inputs, targets.value, quiet)).rejects.toThrow(
      /expected labels for 2 outputs of the model, got 1/,
    );
  });
});

describe('compile', () => {
  test.each([
    ['mixed_float16', true, 'LossScaleOptimizer'],
    ['mixed_float16', false, 'Adam'],
    ['float32', true, 'Adam'],
  ] as const)('policy %s with autoScaleLoss %s: %s', (dtype, autoScaleLoss, className) => {
    class Own extends TwoLayers {}
    const model = new Own({ dtype });
    model.compile({ optimizer: 'adam', loss: 'mse', autoScaleLoss });
    expect(model.optimizer?.type.className).toBe(className);
  });
});

describe('what training keeps', () => {
  test('metrics and their names, as Keras lists them', async () => {
    const model = smallModel();
    expect(model.metricsNames).toEqual(['loss', 'compile_metrics']);
    await model.trainOnBatch(x, y);
    expect(Object.keys(model.getMetricsResult())).toEqual(['loss', 'accuracy']);
    model.resetMetrics();
    expect(model.getMetricsResult()['loss']?.item()).toBe(0);
  });

  test('programs are recorded once per signature', async () => {
    const model = smallModel();
    const options = { ...quiet, batchSize: 24, validationSplit: 0.25 };
    await model.fit(x, y, options);
    const { size } = model.trainingState.programs;
    // 48 training rows and 16 for validation: one train step, one test step, and the reset of the metrics.
    expect(size).toBe(3);
    await model.fit(x, y, options);
    expect(model.trainingState.programs.size).toBe(size);
    await model.fit(x, y, { ...options, batchSize: 20 });
    expect(model.trainingState.programs.size).toBe(size + 2);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    expect(model.trainingState.programs.size).toBe(0);
  });

  test('freezing a layer is followed', async () => {
    const model = smallModel();
    await model.fit(x, y, quiet);
    const [first] = model.layers;
    if (first) first.trainable = false;
    const kernel = (): number[] => Array.from(model.weights[0]?.dataSync() ?? [], Number);
    const before = kernel();
    await model.fit(x, y, quiet);
    expect(kernel()).toEqual(before);
  });

  test('compile while fit runs is an error', async () => {
    const model = smallModel();
    const running = model.fit(x, y, quiet);
    expect(() => model.compile({ optimizer: 'sgd', loss: 'mse' })).toThrow(StateError);
    await running;
  });

  test('a model without weights to train still runs', async () => {
    const model = new Sequential([new layers.Dense({ units: 3 })]);
    model.build([null, 6]);
    model.trainable = false;
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    const { history } = await model.fit(x, y, { ...quiet, epochs: 2, shuffle: false });
    expect(history['loss']?.[0]).toBeCloseTo(history['loss']?.[1] as number, 6);
  });
});
