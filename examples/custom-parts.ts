// A layer, a loss, a metric and an optimizer of one's own, beside the built-in ones that do the same.
// npm run example -- custom-parts --epochs 5
import { parseArgs } from 'node:util';
import type { CompileOptions, Shape, Tensor, Variable } from 'torchlayers';
import { Input, is, Layer, layers, losses, metrics, ops, optimizers, random, required, Sequential } from 'torchlayers';

const { values } = parseArgs({ options: { epochs: { type: 'string' } } });
const epochs = Number(values.epochs ?? 5);

// Options are declared once: that checks them, and writes them into configs.
class MyDense extends Layer {
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
  override call(x: Tensor): Tensor {
    return ops.relu(ops.add(ops.matmul(x, this.kernel), this.bias));
  }
}

class MyLoss extends losses.Loss {
  override call(yTrue: Tensor, yPred: Tensor): Tensor {
    return ops.mean(ops.square(ops.subtract(yTrue, yPred)), { axis: -1 });
  }
}

class MyError extends metrics.Metric {
  readonly total = this.addVariable({ name: 'total' });
  readonly count = this.addVariable({ name: 'count' });
  override updateState(yTrue: Tensor, yPred: Tensor): void {
    this.total.assignAdd(ops.sum(ops.abs(ops.subtract(yTrue, yPred))));
    this.count.assignAdd(yPred.size);
  }
  override result(): Tensor {
    return ops.divideNoNan(this.total, this.count);
  }
}

class MySGD extends optimizers.Optimizer {
  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    variable.assignSub(ops.multiply(gradient, learningRate));
  }
}

const x = random.normal([2000, 4], { seed: 1 });
const y = ops.sum(ops.abs(x), { axis: 1, keepdims: true });

async function train(name: string, hidden: Layer, compile: CompileOptions): Promise<void> {
  const model = new Sequential([Input({ shape: [4] }), hidden, new layers.Dense({ units: 1 })]);
  // Both start from the same weights.
  model.setWeights(model.weights.map((weight, i) => random.normal(weight.shape, { stddev: 0.5, seed: i })));
  model.compile(compile);
  const start = performance.now();
  const { history } = await model.fit(x, y, { epochs, batchSize: 20, shuffle: false, verbose: 0 });
  const seconds = ((performance.now() - start) / 1000).toFixed(2);
  const [loss, error] = ['loss', 'error'].map((key) => history[key]?.at(-1)?.toFixed(6));
  console.log(`${name}: loss ${loss}, mean absolute error ${error}, ${epochs} epochs in ${seconds} s`);
}

await train('own     ', new MyDense({ units: 16 }), {
  optimizer: new MySGD({ learningRate: 0.02 }),
  loss: new MyLoss(),
  metrics: [new MyError({ name: 'error' })],
});
await train('built-in', new layers.Dense({ units: 16, activation: 'relu' }), {
  optimizer: new optimizers.SGD({ learningRate: 0.02 }),
  loss: 'mse',
  metrics: [new metrics.MeanAbsoluteError({ name: 'error' })],
});
