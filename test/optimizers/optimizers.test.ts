import { describe, expect, test } from 'vitest';
import { serialized } from '../../lib/core/configurable.js';
import { jit } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';
import * as ops from '../../lib/ops/index.js';
import * as optimizers from '../../lib/optimizers/index.js';
import { Adam, AdamW, LossScaleOptimizer, Optimizer, RMSprop, SGD, schedules } from '../../lib/optimizers/index.js';
import { toKerasConfig } from '../../lib/saving/config-keys.js';
import { expectValues, messageOf, withoutCount } from '../losses/support.js';
import {
  casesOf,
  expectWeights,
  golden,
  gradientsOf,
  make,
  makeSchedule,
  names,
  type OptimizerCase,
  startWeights,
} from './support.js';

const tolerance = 5e-6;

/** One step, eager or recorded. */
function stepper(mode: string, optimizer: Optimizer, weights: Variable[]): (grads: Tensor[]) => void {
  const step = (grads: Tensor[]): void => optimizer.apply(grads, weights);
  if (mode === 'eager') return step;
  const recorded = jit(step);
  return (grads) => {
    recorded(grads);
    expect(recorded.programs.length).toBe(1);
  };
}

describe.each(['eager', 'recorded'])('%s', (mode) => {
  test.each(casesOf('steps'))('$name', (one) => {
    const optimizer = make(one.className, one.options, one.schedule);
    const weights = startWeights();
    const step = stepper(mode, optimizer, weights);
    for (const [i, grads] of gradientsOf('gradients').entries()) {
      step(grads);
      expectWeights(weights, one.weights, i, tolerance);
      expect(optimizer.learningRate.item()).toBeCloseTo(Number(one.learningRates.data[i]), 7);
      expect(optimizer.iterations.item()).toBe(one.iterations[i]);
    }
    const { variables } = optimizer;
    expect(
      variables.map(({ name, path, dtype, shape }) => ({ name, path: withoutCount(path), dtype, shape: [...shape] })),
    ).toEqual(one.variables.map(({ name, path, dtype, shape }) => ({ name, path: withoutCount(path), dtype, shape })));
    for (const [i, { name, value }] of one.variables.entries())
      expectValues(variables[i] as Variable, value, tolerance, name);
    if (one.finalized !== undefined) {
      optimizer.finalizeVariableValues(weights);
      expectWeights(weights, one.finalized, null, tolerance);
    }
  });

  test.each(casesOf('assignedRate'))('$name', (one) => {
    const optimizer = make(one.className, one.options);
    const weights = startWeights();
    const step = stepper(mode, optimizer, weights);
    for (const [i, grads] of gradientsOf('gradients').slice(0, 4).entries()) {
      if (i === one.at) optimizer.learningRate = one.newRate;
      step(grads);
      expectWeights(weights, one.weights, i, tolerance);
    }
  });

  test.each(casesOf('excluded'))('$name', (one) => {
    const optimizer = make(one.className, one.options);
    optimizer.excludeFromWeightDecay({ varNames: one.varNames });
    const weights = startWeights();
    const step = stepper(mode, optimizer, weights);
    for (const [i, grads] of gradientsOf('gradients').slice(0, 4).entries()) {
      step(grads);
      expectWeights(weights, one.weights, i, tolerance);
    }
  });

  test.each(casesOf('lossScale'))('$name', (one) => {
    const innerOptimizer = make(one.inner.className, one.inner.options);
    const optimizer = new LossScaleOptimizer({ innerOptimizer, ...one.options });
    expect(optimizer.scaleLoss(tensor(3)).item()).toBe(one.scaledLoss);
    const weights = startWeights();
    const step = stepper(mode, optimizer, weights);
    for (const [i, grads] of gradientsOf('infiniteGradients').entries()) {
      step(grads);
      expectWeights(weights, one.weights, i, tolerance);
      expect(optimizer.dynamicScale?.item()).toBe(one.dynamicScales[i]);
    }
    const { variables } = optimizer;
    expect(variables.map(({ name, path }) => [name, withoutCount(path)])).toEqual(
      one.variables.map(({ name, path }) => [name, withoutCount(path)]),
    );
    for (const [i, { name, value }] of one.variables.entries())
      expectValues(variables[i] as Variable, value, tolerance, name);
  });

  // The built-in list operators against the formula of one weight.
  const references: [string, typeof Optimizer, object][] = [
    ['SGD', SGD, { learningRate: 0.1 }],
    ['SGD', SGD, { learningRate: 0.1, momentum: 0.9 }],
    ['SGD', SGD, { learningRate: 0.1, momentum: 0.9, nesterov: true }],
    ['RMSprop', RMSprop, { learningRate: 0.1 }],
    ['RMSprop', RMSprop, { learningRate: 0.1, momentum: 0.5, centered: true }],
    ['Adam', Adam, { learningRate: 0.1 }],
    ['Adam', Adam, { learningRate: 0.1, amsgrad: true, beta2: 0.5 }],
    ['Adam', Adam, { learningRate: 0.1, gradientAccumulationSteps: 2, clipnorm: 1, weightDecay: 0.1 }],
    ['AdamW', AdamW, { learningRate: 0.1 }],
  ] as never;
  test.each(references)('%s as a list equals weight by weight: %j', (_, Class, options) => {
    const Listed = Class as unknown as new (options: object) => SGD;
    class WeightByWeight extends Listed {
      protected override updateAll(
        grads: readonly Tensor[],
        variables: readonly Variable[],
        learningRate: Tensor,
      ): void {
        for (const [i, variable] of variables.entries()) this.updateStep(grads[i] as Tensor, variable, learningRate);
      }
    }
    const [listed, single] = [new Listed(options), new WeightByWeight(options)];
    const [a, b] = [startWeights(), startWeights()];
    const [stepA, stepB] = [stepper(mode, listed, a), stepper(mode, single, b)];
    for (const grads of gradientsOf('gradients')) {
      stepA(grads);
      stepB(grads);
      for (const [i, name] of names.entries()) expectValues(a[i] as Variable, b[i] as Variable, tolerance, name);
    }
    const counted = listed.variables.length;
    expect(single.variables.length).toBe(counted);
    for (let i = 0; i < counted; i++)
      expectValues(listed.variables[i] as Variable, single.variables[i] as Variable, tolerance);
  });

  test('gradients that are missing leave their weights and slots alone', () => {
    const optimizer = new Adam({ learningRate: 0.1, gradientAccumulationSteps: 2 });
    const weights = startWeights();
    const before = weights.map((weight) => weight.value);
    const grads = gradientsOf('gradients')[0] as Tensor[];
    const step = (present: Tensor): void => optimizer.apply([null, present, null], weights);
    const run = mode === 'eager' ? step : jit(step);
    run(grads[1] as Tensor);
    run(grads[1] as Tensor);
    for (const i of [0, 2]) expectValues(weights[i] as Variable, before[i] as Tensor, 0);
    expect(ops.any(ops.notEqual(weights[1] as Variable, before[1] as Tensor)).item()).toBe(1);
  });

  test('constraints hold after each step', () => {
    const weight = new Variable([0.5, -0.5], { name: 'w' });
    weight.constraint = (w) => ops.maximum(w, 0);
    const step = stepper(mode, new SGD({ learningRate: 0.1 }), [weight]);
    step([tensor([1, 1])]);
    expectValues(weight, tensor([0.4, 0]), 1e-6);
  });

  test('a weight of float64 and one of float16 keep their dtypes', () => {
    const weights = [new Variable([1, 2], { dtype: 'float64' }), new Variable([1, 2], { dtype: 'float16' })];
    const step = stepper(mode, new Adam({ learningRate: 0.5 }), weights);
    step([tensor([1, 1], { dtype: 'float32' }), tensor([1, 1], { dtype: 'float32' })]);
    for (const weight of weights) expectValues(ops.cast(weight, 'float32'), tensor([0.5, 1.5]), 1e-3);
    expect(weights.map(({ dtype }) => dtype)).toEqual(['float64', 'float16']);
  });
});

describe("a user's optimizer", () => {
  class SignSGD extends Optimizer {
    override updateStep(gradient: Tensor, variable: Variable, learningRate: Tensor): void {
      variable.assignSub(ops.multiply(ops.sign(gradient), learningRate));
    }
  }

  test('needs one method, and gets every option', () => {
    const weight = new Variable([1, 1], { name: 'w' });
    const optimizer = new SignSGD({ learningRate: 0.5, gradientAccumulationSteps: 2, name: 'mine' });
    const step = jit((gradient: Tensor) => optimizer.apply([gradient], [weight]));
    step(tensor([3, -2]));
    expectValues(weight, tensor([1, 1]), 0);
    step(tensor([-1, -2]));
    expectValues(weight, tensor([0.5, 1.5]), 0);
    expect(optimizer.variables.map(({ path }) => path)).toEqual([
      'mine/iteration',
      'mine/learning_rate',
      'mine/w_gradient_accumulator',
    ]);
    expect(optimizer.getConfig()).toMatchObject({ name: 'mine', learningRate: 0.5, gradientAccumulationSteps: 2 });
  });

  test('a function of the step is a learning rate', () => {
    const weight = new Variable([1]);
    const optimizer = new SGD({ learningRate: (step) => ops.add(ops.cast(step, 'float32'), 1) });
    const step = jit((gradient: Tensor) => optimizer.apply([gradient], [weight]));
    step(tensor([1]));
    step(tensor([1]));
    expect(weight.item()).toBe(-2);
    const fixed = new SGD({ learningRate: (() => 0.1) as never });
    expect(() => fixed.apply([tensor([1])], [weight])).toThrow(
      'SGD: expected learningRate to answer a tensor, got 0.1.',
    );
  });
});

describe('configs', () => {
  test.each(casesOf('config'))('$name', (one) => {
    const optimizer = make(one.className, one.options, one.schedule);
    const written = toKerasConfig(serialized(optimizer)) as unknown as OptimizerCase['serialized'];
    const expected = structuredClone(one.serialized);
    for (const side of [written, expected]) side.config.name = withoutCount(side.config.name);
    expect(written).toEqual(expected);
    expect(optimizers.get(serialized(optimizer)).getConfig()).toEqual(optimizer.getConfig());
  });

  test.each(casesOf('lossScaleConfig'))('$name', (one) => {
    const optimizer = new LossScaleOptimizer({ innerOptimizer: 'adam' });
    const { config } = toKerasConfig(serialized(optimizer)) as unknown as { config: OptimizerCase['config'] };
    type Config = { name: string; inner_optimizer: { config: { name: string } } };
    const plain = (given: object): Config => {
      const copy = structuredClone(given) as Config;
      copy.name = withoutCount(copy.name);
      copy.inner_optimizer.config.name = withoutCount(copy.inner_optimizer.config.name);
      return copy;
    };
    expect(plain(config)).toEqual(plain(one.config));
    expect(optimizers.get(serialized(optimizer)).getConfig()).toEqual(optimizer.getConfig());
  });

  test.each(
    Object.entries(golden.facts.get as Record<string, string | null>).filter(([, expected]) => expected !== null),
  )('get %s', (name, expected) => {
    expect(optimizers.get(name).type.className).toBe(expected);
  });

  test('every name makes an optimizer', () => {
    for (const name of optimizers.names().filter((name) => name !== 'lossscaleoptimizer')) {
      const optimizer = optimizers.get(name);
      expect(optimizers.get(serialized(optimizer)).getConfig()).toEqual(optimizer.getConfig());
    }
  });
});

describe('errors', () => {
  const weight = new Variable([1, 2], { name: 'w' });
  const built = new SGD({ name: 'built' });
  built.build([weight]);

  test.each<[string, () => unknown, string]>([
    [
      'two ways of clipping',
      () => new Adam({ clipnorm: 1, clipvalue: 1 }),
      'Adam: expected at most one of clipnorm, clipvalue and globalClipnorm, got clipnorm and clipvalue.\n  Choose one of them.',
    ],
    [
      'accumulation',
      () => new Adam({ gradientAccumulationSteps: 1 }),
      'Adam: gradientAccumulationSteps: expected a whole number of at least 2, got 1.',
    ],
    [
      'learning rate',
      () => new Adam({ learningRate: '0.1' as never }),
      'Adam: learningRate: expected a number, a schedule or a function of the step, got "0.1".\n  Write learningRate: 0.001, or a class of optimizers.schedules.',
    ],
    ['momentum', () => new SGD({ momentum: 2 }), 'SGD: momentum: expected a number from 0 to 1, got 2.'],
    ['option', () => new Adam({ beta_1: 0.9 } as never), "Adam: unknown option 'beta_1'.\n  Did you mean 'beta1'?"],
    ['name', () => optimizers.get('adm'), 'optimizers.get: unknown optimizer "adm".\n  Did you mean \'adam\'?'],
    [
      'setting the rate of a schedule',
      () => {
        new SGD({
          learningRate: makeSchedule({ className: 'CosineDecay', options: { initialLearningRate: 1, decaySteps: 2 } }),
        }).learningRate = 0.1;
      },
      'SGD: learningRate: expected an optimizer with a number as learning rate, got one with CosineDecay.\n  Make the optimizer with a number, new optimizer({ learningRate: 0.001 }), to change it later.',
    ],
    [
      'a schedule after the start',
      () => {
        built.learningRate = new schedules.CosineDecay({ initialLearningRate: 1, decaySteps: 2 });
      },
      'SGD: learningRate: expected a number once the optimizer has been used, got CosineDecay.\n  Steps are recorded with the learning rate that they started with: make a new optimizer with the schedule.',
    ],
    [
      'decay after the start',
      () => built.excludeFromWeightDecay({ varNames: ['w'] }),
      'SGD: expected excludeFromWeightDecay before the first step.\n  Call it before fit, apply or build.',
    ],
    [
      'other weights',
      () => built.apply([tensor([1])], [new Variable([1], { name: 'v' })]),
      'SGD "built": expected weights that the optimizer was built for, got "v".\n  Make a new optimizer for other weights.',
    ],
    [
      'numbers of gradients',
      () => built.apply([], undefined) ?? built.apply([tensor([1]), tensor([1])]),
      'SGD "built": expected as many gradients as weights, got 2 gradients and 1 weights.\n  Call optimizer.apply(grads, variables), or optimizer.build(variables) first.',
    ],
    [
      'shape of a gradient',
      () => built.apply([tensor([1])]),
      'SGD "built": expected a gradient of shape [2] for "w", got [1].\n  Give gradients in the order of the weights.',
    ],
    [
      'no gradient',
      () => built.apply([null]),
      'SGD "built": expected a gradient for at least one weight, got none.\n  Does the loss depend on the weights?',
    ],
    [
      'options of the inner optimizer',
      () => new LossScaleOptimizer({ innerOptimizer: 'adam', clipnorm: 1 } as never),
      'LossScaleOptimizer: clipnorm: expected it to be left out, got 1.\n  Give clipnorm to the innerOptimizer.',
    ],
  ])('%s', (_, run, message) => {
    expect(messageOf(run)).toBe(message);
  });

  test('nothing has changed', () => {
    expectValues(weight, tensor([1, 2]), 0);
    expect(built.iterations.item()).toBe(0);
  });
});

test('the average of weights that a mean of gradients was applied to', () => {
  const optimizer = new SGD({ useEma: true, emaMomentum: 0.5 });
  const weights = startWeights();
  optimizer.applyGradients(
    (gradientsOf('gradients')[0] as Tensor[]).map((gradient, i) => [gradient, weights[i] as Variable]),
  );
  optimizer.finalizeVariableValues(weights);
  // The first average is the weights themselves.
  expectWeights(
    weights,
    (casesOf('steps').find(({ name }) => name === 'SGD/0') as OptimizerCase).weights,
    0,
    tolerance,
  );
  expect(() => optimizer.finalizeVariableValues([new Variable([1], { name: 'other' })])).toThrow('got "other"');
});

describe('a recorded step updates all weights with one operator', () => {
  const programOf = (optimizer: Optimizer): string => {
    const weights = [new Variable([[1, 2]], { name: 'kernel' }), new Variable([0, 0], { name: 'bias' })];
    const step = jit((grads: Tensor[]) => optimizer.apply(grads, weights));
    return step.programFor([tensor([[1, 1]]), tensor([1, 1])]).toString({ lines: false });
  };

  test('SGD', () => {
    expect(programOf(new SGD({ momentum: 0.5 }))).toMatchInlineSnapshot(`
      "program(%0: float32[1, 2], %1: float32[2]) {
        torchlayers::sgd_([@kernel.0, @bias.1], [%0, %1], [@kernel_momentum.2, @bias_momentum.3], @learning_rate.4, 0.5, False)
        torchlayers::accumulate_([@iteration.5], [int32[]#0])  # accumulate: add + assign
        return ()
      }"
    `);
  });

  test('Adam with every option of the base class', () => {
    const optimizer = new Adam({
      weightDecay: 0.5,
      clipvalue: 1,
      gradientAccumulationSteps: 2,
      useEma: true,
      emaOverwriteFrequency: 4,
      lossScaleFactor: 2,
    });
    expect(programOf(optimizer)).toMatchInlineSnapshot(`
      "program(%0: float32[1, 2], %1: float32[2]) {
        %2: float32[1, 2] = aten::div.Tensor(%0, float32[]#0)
        %3: float32[2] = aten::div.Tensor(%1, float32[]#0)
        %4: int32[] = aten::add.Tensor(@iteration.0, int32[]#1, 1)
        %5: int32[] = aten::remainder.Tensor(%4, int32[]#2)
        %6: bool[] = aten::eq.Tensor(%5, int32[]#3)
        cond(%6, [%2, %3] (%0: float32[1, 2], %1: float32[2]) {
            %2: float32[1, 2], %3: float32[2] = aten::_foreach_add.List([%0, %1], [@kernel_gradient_accumulator.0, @bias_gradient_accumulator.1], 1)
            %4: float32[1, 2], %5: float32[2] = aten::_foreach_div.Scalar([%2, %3], 2)
            %6: float32[1, 2] = aten::clamp(%4, -1, 1)
            %7: float32[2] = aten::clamp(%5, -1, 1)
            %8: float32[] = aten::mul.Tensor(@learning_rate.2, float32[]#0)
            %9: float32[] = aten::sub.Tensor(float32[]#1, %8, 1)
            aten::_foreach_mul_.Tensor([@kernel.3, @bias.4], %9)
            %10: int32[] = aten::div.Tensor_mode(@iteration.5, int32[]#2, 'floor')
            torchlayers::adam_([@kernel.3, @bias.4], [%6, %7], [@kernel_momentum.6, @bias_momentum.7], [@kernel_velocity.8, @bias_velocity.9], [], %10, @learning_rate.2, 0.90000000000000002, 0.999, 9.9999999999999995e-08, False)
            aten::_foreach_zero_([@kernel_gradient_accumulator.0, @bias_gradient_accumulator.1])
            return ()
          }, [%2, %3] (%0: float32[1, 2], %1: float32[2]) {
            aten::_foreach_add_.List([@kernel_gradient_accumulator.0, @bias_gradient_accumulator.1], [%0, %1], 1)
            return ()
          })
        %7: int32[] = aten::div.Tensor_mode(@iteration.0, int32[]#2, 'floor')
        torchlayers::ema_([@kernel_average.10, @bias_average.11], [@kernel.4, @bias.5], 0.98999999999999999, %7)
        %8: int32[] = aten::add.Tensor(%7, int32[]#1, 1)
        %9: int32[] = aten::remainder.Tensor(%8, int32[]#4)
        %10: bool[] = aten::eq.Tensor(%9, int32[]#3)
        cond(%10, [] () {
            assign(@kernel.0, @kernel_average.1)
            assign(@bias.2, @bias_average.3)
            return ()
          }, [] () {
            return ()
          })
        torchlayers::accumulate_([@iteration.0], [int32[]#5])  # accumulate: add + assign
        return ()
      }"
    `);
  });
});
