import { describe, expect, test, vi } from 'vitest';
import { native } from '../../lib/core/native.js';
import {
  Input,
  is,
  Layer,
  layers,
  losses,
  Model,
  metrics,
  ops,
  optimizers,
  optional,
  required,
  type Shape,
  StateError,
  type Tensor,
  tensor,
  type Variable,
  valueAndGrad,
} from '../../lib/index.js';
import type { Batch } from '../../lib/training/data/layout.js';
import type { StepLogs } from '../../lib/training/steps.js';
import { expectClose, smallData } from '../training/small-model.js';

const { x, y } = smallData(60);
const quiet = { verbose: 0 as const };

/** Dense with tanh, as a user writes it. */
class OwnDense extends Layer {
  static override readonly fields = { units: required(is.integer({ min: 1 })) };
  declare readonly units: number;
  kernel!: Variable;
  bias!: Variable;
  constructor(options: { units: number; name?: string }) {
    super(options);
  }
  override build(inputShape: Shape): void {
    this.kernel = this.addWeight({ name: 'kernel', shape: [inputShape.at(-1) as number, this.units] });
    this.bias = this.addWeight({ name: 'bias', shape: [this.units], initializer: 'zeros' });
  }
  override call(inputs: Tensor): Tensor {
    return ops.tanh(ops.add(ops.matmul(inputs, this.kernel), this.bias));
  }
}

class OwnLoss extends losses.Loss {
  override call(yTrue: Tensor, yPred: Tensor): Tensor {
    return ops.mean(ops.square(ops.subtract(yPred, yTrue)), { axis: -1 });
  }
}

class OwnError extends metrics.Metric {
  readonly total: Variable = this.addVariable({ name: 'total' });
  readonly count: Variable = this.addVariable({ name: 'count' });
  override updateState(yTrue: Tensor, yPred: Tensor): void {
    this.total.assignAdd(ops.sum(ops.abs(ops.subtract(yPred, yTrue))));
    this.count.assignAdd(yPred.size);
  }
  override result(): Tensor {
    return ops.divideNoNan(this.total, this.count);
  }
}

class OwnMomentum extends optimizers.Optimizer {
  velocities: Variable[] = [];
  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    this.velocities = this.addOptimizerVariables(variables, 'velocity');
  }
  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    const velocity = this.velocities[this.indexOf(variable)] as Variable;
    velocity.assign(ops.subtract(ops.multiply(velocity, 0.9), ops.multiply(gradient, learningRate)));
    variable.assignAdd(velocity);
  }
}

class Net extends Model {
  readonly stack: readonly Layer[];
  readonly calls = vi.fn();
  constructor(stack: readonly Layer[]) {
    super({});
    this.stack = stack;
  }
  override call(inputs: Tensor): Tensor {
    this.calls();
    return this.stack.reduce((value, layer) => layer.apply(value), inputs);
  }
}

describe('layer, loss, metric and optimizer of one’s own', () => {
  const own = (): Net => new Net([new OwnDense({ units: 8 }), new OwnDense({ units: 3 })]);
  const builtIn = (): Net =>
    new Net([new layers.Dense({ units: 8, activation: 'tanh' }), new layers.Dense({ units: 3, activation: 'tanh' })]);

  test.each([false, true])(
    'equal their built-in twins, with nothing of theirs in the step (eager: %s)',
    async (runEagerly) => {
      const [mine, theirs] = [own(), builtIn()];
      for (const model of [mine, theirs]) model.apply(x);
      mine.setWeights(theirs.getWeights());
      mine.compile({
        optimizer: new OwnMomentum({ learningRate: 0.05 }),
        loss: new OwnLoss(),
        metrics: [new OwnError({ name: 'error' })],
        runEagerly,
      });
      theirs.compile({
        optimizer: new optimizers.SGD({ learningRate: 0.05, momentum: 0.9 }),
        loss: 'mse',
        metrics: [new metrics.MeanAbsoluteError({ name: 'error' })],
      });
      const options = { ...quiet, epochs: 4, batchSize: 16, shuffle: false, validationSplit: 0.2 };
      mine.calls.mockClear();
      const [a, b] = [await mine.fit(x, y, options), await theirs.fit(x, y, options)];
      expect(Object.keys(a.history)).toEqual(Object.keys(b.history));
      for (const [name, values] of Object.entries(b.history)) expectClose(a.history[name], values);
      for (const [i, weight] of theirs.weights.entries())
        expectClose(Array.from(mine.weights[i]?.dataSync() ?? [], Number), Array.from(weight.dataSync(), Number));
      // Recorded once for each of: a full batch, validation; eagerly 3 steps of training and 1 of validation an epoch.
      expect(mine.calls).toHaveBeenCalledTimes(runEagerly ? 16 : 2);
      if (runEagerly) return;
      mine.calls.mockClear();
      const before = native.crossings();
      await mine.fit(x, y, options);
      const few = native.crossings() - before;
      await mine.fit(x, y, { ...options, batchSize: 4 });
      const start = native.crossings();
      await mine.fit(x, y, { ...options, batchSize: 4 });
      expect(native.crossings() - start).toBe(few);
    },
  );
});

describe('steps of one’s own', () => {
  class Steps extends Net {
    readonly distance: metrics.Mean = new metrics.Mean({ name: 'distance' });
    override trainStep({ x: inputs, y: labels }: Batch): StepLogs {
      const weights = this.trainableWeights;
      const { value, grads } = valueAndGrad((_: readonly Variable[]) => {
        const yPred = this.apply<Tensor>(inputs as Tensor, { training: true });
        return this.computeLoss(inputs, labels, yPred);
      })(weights);
      this.optimizer?.apply(grads as Tensor[], weights);
      this.distance.updateState(value);
      return { distance: this.distance.result() };
    }
    override testStep({ x: inputs, y: labels }: Batch): StepLogs {
      const yPred = this.apply<Tensor>(inputs as Tensor, { training: false });
      return { worst: ops.max(ops.abs(ops.subtract(yPred, labels as Tensor))) };
    }
    override predictStep({ x: inputs }: Batch): Tensor {
      return ops.argmax(this.apply<Tensor>(inputs as Tensor), { axis: -1 });
    }
  }
  const trained = async (
    runEagerly: boolean,
  ): Promise<{ history: Record<string, number[]>; model: Steps; labels: Tensor }> => {
    const model = new Steps([new layers.Dense({ units: 3, kernelInitializer: 'ones', kernelRegularizer: 'l2' })]);
    model.compile({ optimizer: 'sgd', loss: 'mse', runEagerly });
    const { history } = await model.fit(x, y, {
      ...quiet,
      epochs: 3,
      batchSize: 20,
      shuffle: false,
      validationSplit: 0.5,
    });
    return { history, model, labels: await model.predict(x, quiet) };
  };

  test('train, test and predict, recorded and eagerly alike', async () => {
    const [recorded, eager] = [await trained(false), await trained(true)];
    expect(Object.keys(recorded.history)).toEqual(['distance', 'val_worst']);
    for (const [name, values] of Object.entries(eager.history)) expectClose(recorded.history[name], values);
    expect(recorded.labels.shape).toEqual([60]);
    expect(recorded.labels.dataSync()).toEqual(eager.labels.dataSync());
    expect(recorded.model.calls.mock.calls.length).toBeLessThan(eager.model.calls.mock.calls.length);
    expect(recorded.model.metricsNames).toEqual(['loss', 'distance']);
  });

  test('a graph with a train step of one’s own', async () => {
    class Own extends Model {
      override trainStep(batch: Batch): StepLogs {
        return { ...super.trainStep(batch), two: tensor(2) };
      }
    }
    const input = Input({ shape: [6] });
    const model = new Own({ inputs: input, outputs: new layers.Dense({ units: 3 }).apply(input) });
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    const { history } = await model.fit(x, y, { ...quiet, epochs: 2 });
    expect(Object.keys(history)).toEqual(['loss', 'two']);
    expect(history['two']).toEqual([2, 2]);
  });

  test('losses of layers inside a graph count, and metrics of layers are shown', async () => {
    class Penalty extends Layer {
      readonly size: metrics.Mean = new metrics.Mean({ name: 'size' });
      override call(inputs: Tensor): Tensor {
        const size = ops.mean(ops.square(inputs));
        this.addLoss(ops.multiply(size, 0.5));
        this.size.updateState(size);
        return inputs;
      }
    }
    const input = Input({ shape: [6] });
    const outputs = new Penalty().apply(new layers.Dense({ units: 3 }).apply(input));
    const model = new Model({ inputs: input, outputs });
    model.compile({ optimizer: 'sgd', loss: 'mse', metrics: ['mse'] });
    const logs = await model.testOnBatch(x, y);
    expect(Object.keys(logs)).toEqual(['loss', 'mse', 'size']);
    expect(logs['loss']).toBeCloseTo((logs['mse'] as number) + 0.5 * (logs['size'] as number), 5);
  });
});

describe('clear errors', () => {
  const net = (): Net => new Net([new layers.Dense({ units: 3 })]);

  test('before compile, without a loss', async () => {
    await expect(net().fit(x, y, quiet)).rejects.toThrow(
      /Model "net.*": expected compile before fit\.\n {2}Write model\.compile/,
    );
    const model = net();
    model.compile({ optimizer: 'sgd' });
    await expect(model.fit(x, y, quiet)).rejects.toThrow(/expected a loss, got none/);
  });

  test('before build', () => {
    const model = net();
    expect(model.weights).toEqual([]);
    expect(() => model.countParams()).toThrow(/Net "net.*": countParams: expected a built layer/);
    expect(() => model.setWeights([tensor([1])])).toThrow(/Build the layer first/);
    expect(() => model.inputShape).toThrow(StateError);
    model.apply(x);
    expect([model.inputShape, model.outputShape]).toEqual([
      [60, 6],
      [60, 3],
    ]);
  });

  test('a step that answers no tensors, and a call that answers nothing', async () => {
    class Bad extends Net {
      override trainStep(): StepLogs {
        return { loss: 3 } as never;
      }
    }
    const model = new Bad([new layers.Dense({ units: 3 })]);
    model.compile({ optimizer: 'sgd', loss: 'mse' });
    await expect(model.fit(x, y, quiet)).rejects.toThrow(/expected trainStep to answer tensors, got 3 as 'loss'/);
    class Nothing extends Model {
      override call(): void {}
    }
    expect(() => new Nothing().apply(x)).toThrow(
      /expected call to answer a tensor, or arrays and objects of tensors, got undefined/,
    );
  });

  test('an option that the class overwrites', () => {
    class Scale extends Layer {
      static override readonly fields = { factor: optional(is.number(), 1) };
      factor!: number;
      override call(inputs: Tensor): Tensor {
        return ops.multiply(inputs, this.factor);
      }
    }
    expect(() => new Scale({ factor: 2 } as never).apply(x)).toThrow(
      /option 'factor' was overwritten by the class\.\n {2}Write `declare readonly factor: …` in the class/,
    );
  });
});
