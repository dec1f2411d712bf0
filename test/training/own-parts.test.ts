import { describe, expect, test, vi } from 'vitest';
import { native } from '../../lib/core/native.js';
import {
  Input,
  is,
  Layer,
  layers,
  losses,
  metrics,
  ops,
  optimizers,
  optional,
  required,
  Sequential,
  type Shape,
  type Tensor,
  type Variable,
} from '../../lib/index.js';
import { smallData } from './small-model.js';

/** Counts how often JavaScript of a user's own runs. */
const calls = vi.fn();

class OwnDense extends Layer {
  static override readonly fields = { units: required(is.integer({ min: 1 })) };
  declare readonly units: number;
  kernel!: Variable;
  bias!: Variable;
  constructor(options: { units: number }) {
    super(options);
  }
  override build(inputShape: Shape): void {
    this.kernel = this.addWeight({ name: 'kernel', shape: [inputShape.at(-1) as number, this.units] });
    this.bias = this.addWeight({ name: 'bias', shape: [this.units], initializer: 'zeros' });
  }
  override call(x: Tensor): Tensor {
    calls('layer');
    return ops.tanh(ops.add(ops.matmul(x, this.kernel), this.bias));
  }
}

class OwnCrossentropy extends losses.Loss {
  override call(yTrue: Tensor, yPred: Tensor): Tensor {
    calls('loss');
    const probabilities = ops.divide(yPred, ops.sum(yPred, { axis: -1, keepdims: true }));
    const safe = ops.clip(probabilities, 1e-7, 1 - 1e-7);
    return ops.negative(ops.sum(ops.multiply(yTrue, ops.log(safe)), { axis: -1 }));
  }
}

class OwnAccuracy extends metrics.Metric {
  readonly right: Variable = this.addVariable({ name: 'right' });
  readonly count: Variable = this.addVariable({ name: 'count' });
  override updateState(yTrue: Tensor, yPred: Tensor): void {
    calls('metric');
    const hits = ops.equal(ops.argmax(yTrue, { axis: -1 }), ops.argmax(yPred, { axis: -1 }));
    this.right.assignAdd(ops.sum(ops.cast(hits, 'float32')));
    this.count.assignAdd(yPred.shape[0] as number);
  }
  override result(): Tensor {
    return ops.divideNoNan(this.right, this.count);
  }
}

/** RMSprop as a user writes it: one state a weight, the formula for one weight. */
class OwnRMSprop extends optimizers.Optimizer {
  static override readonly fields = { rho: optional(is.number({ min: 0, max: 1 }), 0.9) };
  declare readonly rho: number;
  #squares: Variable[] = [];
  override build(variables: readonly Variable[]): void {
    if (this.built) return;
    super.build(variables);
    this.#squares = this.addOptimizerVariables(variables, 'square');
  }
  override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
    calls('optimizer');
    const square = this.#squares[this.indexOf(variable)] as Variable;
    square.assign(ops.add(ops.multiply(square, this.rho), ops.multiply(ops.square(gradient), 1 - this.rho)));
    const step = ops.divide(ops.multiply(learningRate, gradient), ops.sqrt(ops.add(square, 1e-7)));
    variable.assign(ops.subtract(variable, step));
  }
}

const parts = ['layer', 'loss', 'metric', 'optimizer'] as const;
type Part = (typeof parts)[number];

/** A classifier of 3 classes; `own` says which of its parts a user wrote. */
function classifier(own: readonly Part[], runEagerly: boolean): Sequential {
  const learningRate = new optimizers.schedules.ExponentialDecay({
    initialLearningRate: 0.01,
    decaySteps: 5,
    decayRate: 0.9,
  });
  const model = new Sequential([
    Input({ shape: [6] }),
    own.includes('layer') ? new OwnDense({ units: 8 }) : new layers.Dense({ units: 8, activation: 'tanh' }),
    new layers.Dense({ units: 3, activation: 'softmax' }),
  ]);
  model.setWeights(
    model.weights.map(({ shape }, i) =>
      ops.reshape(ops.sin(ops.arange(1 + i, 1 + i + shape.reduce((a, b) => a * b))), shape),
    ),
  );
  model.compile({
    optimizer: own.includes('optimizer')
      ? new OwnRMSprop({ learningRate } as never)
      : new optimizers.RMSprop({ learningRate }),
    loss: own.includes('loss') ? new OwnCrossentropy({ name: 'own' }) : 'categorical_crossentropy',
    metrics: own.includes('metric') ? [new OwnAccuracy({ name: 'accuracy' })] : ['accuracy'],
    runEagerly,
  });
  return model;
}

const options = { epochs: 3, batchSize: 16, shuffle: false, validationSplit: 0.2, verbose: 0 as const };
const combinations: Part[][] = [...parts.map((part) => [part]), [...parts]];

describe.each(combinations.map((own) => [own.join(', '), own] as const))('a %s of one’s own', (_, own) => {
  test.each([false, true])('trains as the built-in twin does (eager: %s)', async (runEagerly) => {
    const { x, y } = smallData(70);
    const [mine, twin] = [classifier(own, runEagerly), classifier([], runEagerly)];
    const [a, b] = [(await mine.fit(x, y, options)).history, (await twin.fit(x, y, options)).history];
    expect(Object.keys(a)).toEqual(['accuracy', 'loss', 'val_accuracy', 'val_loss']);
    expect(Object.keys(a)).toEqual(Object.keys(b));
    for (const [name, values] of Object.entries(b))
      for (const [epoch, value] of values.entries()) expect(a[name]?.[epoch], `${name} ${epoch}`).toBeCloseTo(value, 5);
    for (const [i, weight] of twin.weights.entries()) {
      const difference = ops.max(ops.abs(ops.subtract(mine.weights[i] as Variable, weight)));
      expect(difference.item(), weight.path).toBeLessThan(1e-5);
    }
    expect((a['loss'] as number[])[2]).toBeLessThan((a['loss'] as number[])[0] as number);
  });

  test('runs no JavaScript in a step: neither its own nor calls into native code', async () => {
    const crossings: number[] = [];
    const seen: number[] = [];
    // Both leave a short last batch, of 8 rows to train on and 2 to validate on.
    for (const samples of [90, 2010]) {
      const { x, y } = smallData(samples);
      const model = classifier(own, false);
      calls.mockClear();
      await model.fit(x, y, options);
      // Recording ran each part, some several times.
      for (const part of own) expect(calls.mock.calls.flat(), part).toContain(part);
      calls.mockClear();
      const before = native.crossings();
      await model.fit(x, y, options);
      crossings.push(native.crossings() - before);
      seen.push(calls.mock.calls.length);
    }
    expect(seen).toEqual([0, 0]);
    expect(crossings[0]).toBeGreaterThan(0);
    expect(crossings[1]).toBe(crossings[0]);
  });
});
