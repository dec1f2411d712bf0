import { describe, expect, test, vi } from 'vitest';
import { type Fields, is, optional } from '../../lib/core/fields.js';
import {
  ArgumentError,
  config,
  DTypePolicy,
  grad,
  Input,
  jit,
  noGrad,
  SeedGenerator,
  ShapeError,
  StateError,
  SymbolicTensor,
  type Tensor,
  tensor,
  tidy,
  type Variable,
} from '../../lib/index.js';
import { type CallOptions, Dense, Dropout, InputSpec, Layer, type ShapeTree } from '../../lib/layers/index.js';
import { nameScope } from '../../lib/layers/name-scope.js';
import { Mean } from '../../lib/metrics/index.js';
import * as ops from '../../lib/ops/index.js';
import { expectClose, layerSuite, sample } from '../support/layer-suite.js';

/** A user's layer as the documentation shows it. */
class Scale extends Layer {
  static override readonly className: string = 'Scale';
  static override readonly fields: Fields = { start: optional(is.number(), 1) };
  declare readonly start: number;
  factor!: Variable;

  constructor(options: { start?: number; name?: string | null } = {}) {
    super(options);
  }

  override build(inputShape: ShapeTree): void {
    this.factor = this.addWeight({
      name: 'factor',
      shape: [(inputShape as number[]).at(-1) as number],
      initializer: 'ones',
    });
  }

  override call(x: Tensor): Tensor {
    return ops.multiply(ops.multiply(x, this.factor), this.start);
  }
}

/** Notes what reaches `call`. */
class Probe extends Layer {
  seen: CallOptions[] = [];
  override call(x: Tensor, options: CallOptions): Tensor {
    this.seen = [...this.seen, options];
    return ops.add(x, 0);
  }
}

describe("a user's layer", () => {
  test('comes back from its config under its registered name', async () => {
    const { registerCustomObject } = await import('../../lib/core/family.js');
    registerCustomObject(Scale as never);
    expect(Scale.fromConfig(new Scale({ start: 3 }).getConfig())).toMatchObject({ start: 3 });
  });

  layerSuite(Scale, {
    options: { start: 2 },
    defaults: { start: 1 },
    wrong: [[{ start: '2' }, /^Scale: start: expected a number, got "2"\./]],
    inputShape: [2, 3],
    outputShape: [2, 3],
    supportsMasking: false,
  });

  test('that forgets `declare` is told so', () => {
    class Forgetful extends Scale {
      // What a class field without `declare` compiles to.
      constructor(options: { start?: number }) {
        super(options);
        Object.assign(this, { start: undefined });
      }
    }
    expect(() => new Forgetful({ start: 2 }).apply([[1]])).toThrow(
      /option 'start' was overwritten by the class\.\n {2}Write `declare readonly start/,
    );
  });
});

describe('names and paths', () => {
  test('follow the class', () => {
    const [first, second] = [new Scale(), new Scale()];
    expect(first.name).toMatch(/^scale(_\d+)?$/);
    expect(second.name).not.toBe(first.name);
    class HTTPScale extends Scale {}
    expect(new HTTPScale().name).toMatch(/^http_scale/);
  });

  test('of weights hold their place', () => {
    class Block extends Layer {
      readonly inner = new Dense({ units: 2, name: 'inner' });
      override call(x: Tensor): unknown {
        return this.inner.apply(x);
      }
    }
    const block = new Block({ name: 'block' });
    nameScope('head', () => block.apply(sample([1, 3])));
    expect(block.weights.map(({ path }) => path)).toEqual(['head/block/inner/kernel', 'head/block/inner/bias']);
    expect(block.path).toBe('head/block');
    expect(() => nameScope('a/b', () => 0)).toThrow(ArgumentError);
  });
});

describe('what a layer owns', () => {
  class Owner extends Layer {
    readonly own = this.addWeight({ name: 'own', shape: [2] });
    readonly list = [new Dense({ units: 1, name: 'a' }), { deep: new Dense({ units: 1, name: 'b' }) }];
    readonly still = this.addWeight({ name: 'still', trainable: false, dtype: 'int32' });
    readonly generator = new SeedGenerator({ seed: 1 });
    readonly mean = new Mean({ name: 'm' });
    readonly drop = new Dropout({ rate: 0.5 });
    again: unknown;
    override call(x: Tensor): unknown {
      return x;
    }
  }

  test('is found in properties, arrays and objects, each once, trainable weights first', () => {
    const owner = new Owner();
    owner.again = owner.list;
    for (const layer of [owner.list[0], (owner.list[1] as { deep: Dense }).deep]) (layer as Dense).build([null, 3]);
    expect(owner.weights.map(({ name }) => name)).toEqual(['own', 'still', 'kernel', 'bias', 'kernel', 'bias']);
    expect(owner.trainableWeights).toHaveLength(5);
    expect(owner.nonTrainableWeights.map(({ name }) => name)).toEqual(['still']);
    expect(owner.variables).toHaveLength(8);
    expect(owner.metrics).toEqual([owner.mean]);
    expect(owner.metricsVariables).toEqual([...owner.mean.variables]);
  });

  test('follows trainable, moving statistics excepted', () => {
    const owner = new Owner();
    owner.trainable = false;
    expect(owner.trainableWeights).toEqual([]);
    expect(owner.nonTrainableWeights).toEqual(owner.weights);
    expect((owner.list[0] as Dense).trainable).toBe(false);
    owner.trainable = true;
    expect(owner.still.trainable).toBe(false);
    expect(owner.own.trainable).toBe(true);
    expect(() => Object.assign(owner, { trainable: 1 })).toThrow(/trainable: expected true or false, got 1/);
    expect(new Dense({ units: 1, trainable: false }).trainable).toBe(false);
  });

  test('is written and read as arrays, all or nothing', () => {
    const layer = new Dense({ units: 2 });
    layer.build([null, 2]);
    layer.setWeights([
      [
        [1, 2],
        [3, 4],
      ],
      [5, 6],
    ]);
    expect(layer.getWeights().map(({ data, shape }) => ({ data: [...data], shape: [...shape] }))).toEqual([
      { data: [1, 2, 3, 4], shape: [2, 2] },
      { data: [5, 6], shape: [2] },
    ]);
    expect(() =>
      layer.setWeights([
        [
          [9, 9],
          [9, 9],
        ],
        [1, 2, 3],
      ]),
    ).toThrow(ShapeError);
    expect([...(layer.getWeights()[0]?.data ?? [])]).toEqual([1, 2, 3, 4]);
    expect(() => new Dense({ units: 2 }).countParams()).toThrow(StateError);
  });
});

describe('building', () => {
  test('happens once, on data, on symbols or by hand', () => {
    const layer = new Dense({ units: 2 });
    layer.apply(Input({ shape: [3] }));
    const [kernel] = layer.weights;
    layer.apply(sample([4, 3]));
    layer.build([null, 3]);
    expect(layer.weights[0]).toBe(kernel);
    expect(layer.getBuildConfig()).toEqual({ inputShape: [null, 3] });
  });

  test('while recording makes real weights that later calls share', () => {
    const layer = new Dense({ units: 2 });
    const step = jit((x: Tensor) => layer.apply(x));
    const x = sample([4, 3]);
    const y = step(x);
    expect(layer.weights).toHaveLength(2);
    expectClose(layer.apply(x), y, 1e-6);
  });

  test('of a shape with unknown sizes is refused', () => {
    expect(() => new Scale({ name: 'open' }).build([null, null])).toThrow(
      /^Scale "open": weight "factor": expected a shape of whole numbers, got \[null\]\./,
    );
  });
});

describe('calling', () => {
  test('takes training from the enclosing call, false at the top', () => {
    class Outer extends Layer {
      readonly probe = new Probe();
      override call(x: Tensor): unknown {
        return this.probe.apply(this.probe.apply(x), { training: false });
      }
    }
    const outer = new Outer();
    outer.apply([[1]], { training: true });
    outer.apply([[1]]);
    outer.apply([[1]], { training: null });
    expect(outer.probe.seen.map(({ training }) => training)).toEqual([true, false, false, false, false, false]);
    expect(() => outer.apply([[1]], { training: 'yes' as never })).toThrow(
      /training: expected true, false or null, got "yes"/,
    );
    expect(() => outer.apply([[1]], { trainig: true })).toThrow(
      /unknown option 'trainig'\.\n {2}Did you mean 'training'\?/,
    );
  });

  test('casts floats alone to the compute dtype', () => {
    class Typed extends Probe {
      override call(x: Tensor): Tensor {
        return x;
      }
    }
    const half = new Typed({ dtype: 'float16' });
    expect(half.apply(tensor([1.5])).dtype).toBe('float16');
    expect(half.apply([1.5]).dtype).toBe('float16');
    expect(half.apply(tensor([1], { dtype: 'int32' })).dtype).toBe('int32');
    expect(new Typed({ dtype: 'float16', autocast: false }).apply(tensor([1.5])).dtype).toBe('float32');
  });

  test('gives several inputs and their masks, options last', () => {
    const mask = tensor([true]);
    const [a, b] = [tensor([1]), tensor([2])];
    b.mask = mask;
    class Two extends Layer {
      seen: unknown[] = [];
      override call(...args: never[]): Tensor {
        this.seen = args;
        return ops.add(args[0] as Tensor, args[1] as Tensor);
      }
    }
    const two = new Two();
    expect(two.apply(a, b, { scale: 3 }).arraySync()).toEqual([3]);
    expect(two.seen[2]).toEqual({ scale: 3, training: false, mask: undefined, masks: [undefined, mask] });
    const list = new Probe();
    expect(() => list.apply([a, b])).toThrow();
    expect(list.seen[0]?.mask).toEqual([null, mask]);
  });

  test('passes masks on where the layer says so, and warns once where not', () => {
    class Passing extends Probe {
      override supportsMasking = true;
    }
    class Shortening extends Probe {
      override computeMask(_: unknown, mask: unknown): Tensor {
        return ops.logicalNot(mask as Tensor);
      }
    }
    const x = tensor([[1], [2]]);
    const mask = tensor([true, false]);
    expect(new Passing().apply(x, { mask }).mask).toBe(mask);
    expect(new Shortening().apply(x, { mask }).mask?.arraySync()).toEqual([false, true]);
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const probe = new Probe({ name: 'ending' });
    for (let i = 0; i < 2; i++) expect(probe.apply(x, { mask }).mask).toBeUndefined();
    expect(warning.mock.calls).toEqual([
      [expect.stringMatching(/^Probe "ending" was given a masked input, but does not pass masks on/)],
    ]);
    warning.mockRestore();
  });

  test('collects the losses of the outermost call', () => {
    class Losing extends Layer {
      override call(x: Tensor): Tensor {
        this.addLoss(ops.sum(x));
        return x;
      }
    }
    class Outer extends Layer {
      readonly a = new Losing();
      readonly b = new Losing();
      override call(x: Tensor): unknown {
        return this.b.apply(this.a.apply(x));
      }
    }
    const outer = new Outer();
    outer.apply([1, 2]);
    outer.apply([2, 2]);
    expect(outer.losses.map((loss) => loss.item())).toEqual([4, 4]);
    outer.apply(Input({ shape: [3] }));
    expect(outer.losses).toEqual([]);
    jit((x: Tensor) => [outer.apply(x), ...outer.losses])(tensor([1, 2]));
    expect(outer.losses).toEqual([]);
    expect(() => outer.addLoss(3 as never)).toThrow(/addLoss: expected a tensor, got 3/);
    const slope = grad((x: Tensor) => {
      outer.apply(x);
      return ops.add(...(outer.losses as [Tensor, Tensor]));
    })(tensor([1, 2]));
    expect(slope.arraySync()).toEqual([2, 2]);
  });

  test("keeps a user's error and says in which layer", () => {
    class Failing extends Layer {
      override call(): never {
        throw new RangeError('out of luck');
      }
    }
    class Outer extends Layer {
      readonly inner = new Failing({ name: 'inner' });
      override call(x: Tensor): unknown {
        return this.inner.apply(x);
      }
    }
    let error: unknown;
    try {
      new Outer({ name: 'outer' }).apply([[1, 2]]);
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(RangeError);
    expect((error as Error).message).toBe('out of luck\n  In Failing "inner", applied to float32[1, 2].');
    expect((error as Error).stack).toContain('In Failing "inner"');
    // The next call starts outside of the one that failed.
    const probe = new Probe();
    probe.apply([1]);
    expect(probe.seen[0]?.training).toBe(false);
  });

  test.each([
    ['nothing', undefined, /expected call to answer a tensor.*got undefined/],
    ['a promise', Promise.resolve(1), /A call is synchronous/],
    ['a number', 3, /expected call to answer a tensor.*got 3/],
  ])('refuses a layer that answers %s', (_, answer, message) => {
    class Wrong extends Layer {
      override call(): unknown {
        return answer;
      }
    }
    expect(() => new Wrong().apply([1])).toThrow(message);
  });

  test.each([
    ['a layer', new Dense({ units: 1 })],
    ['a string', 'data'],
    ['a function', () => 1],
  ])('refuses %s as input', (_, input) => {
    expect(() => new Probe().apply(input as never)).toThrow(/expected a tensor or numbers, got/);
  });

  test('refuses no input', () => {
    expect(() => (new Probe().apply as () => void)()).toThrow();
  });
});

describe('symbolic tensors', () => {
  test('go through layers and remember where they come from', () => {
    const x = Input({ shape: [3], name: 'x' });
    const layer = new Dense({ units: 2 });
    const y = layer.apply(x);
    expect(y).toBeInstanceOf(SymbolicTensor);
    expect(y.history).toMatchObject({ layer, index: 0 });
    expect(layer.nodes[0]?.args).toEqual([x]);
    expect(layer.input).toBe(x);
    expect(layer.output).toBe(y);
    expect(() => new Dense({ units: 2 }).output).toThrow(StateError);
  });

  test('of layers with several outputs', () => {
    class Split extends Layer {
      override call(x: Tensor): Tensor[] {
        return [ops.add(x, 1), ops.sum(x, { axis: 1 })];
      }
    }
    const outputs = new Split().apply<SymbolicTensor[]>(Input({ shape: [3] }));
    expect(outputs.map(({ shape }) => shape)).toEqual([[null, 3], [null]]);
    expect(outputs.map(({ history }) => history?.index)).toEqual([0, 1]);
    expect(new Split().computeOutputShape([null, 3])).toEqual([[null, 3], [null]]);
  });

  test('respect a computeOutputShape of the user', () => {
    class Opaque extends Probe {
      override computeOutputShape(): ShapeTree {
        return [null, 7];
      }
    }
    expect(new Opaque().apply(Input({ shape: [3] })).shape).toEqual([null, 7]);
  });

  test('change nothing where only a shape is asked for', () => {
    const layer = new Dense({ units: 2, kernelInitializer: 'ones' });
    expect(layer.computeOutputSpec({ shape: [null, 4], dtype: 'float32' })).toEqual({
      shape: [null, 2],
      dtype: 'float32',
    });
    expect(layer.built).toBe(false);
    expect(layer.path).toBeNull();
    expect(layer.getBuildConfig()).toBeNull();
    layer.build([null, 9]);
    expect(layer.computeOutputShape([5, null, 9])).toEqual([5, null, 2]);
    expect(layer.apply(ops.ones([1, 9])).arraySync()).toEqual([[9, 9]]);
  });
});

describe('InputSpec', () => {
  class Checked extends Probe {
    constructor(spec: InputSpec | (InputSpec | null)[]) {
      super({ name: 'checked' });
      this.inputSpec = spec;
    }
  }
  test.each([
    [
      { ndim: 4, axisNames: ['batch', 'height', 'width', 'channels'] },
      [32, 28, 28],
      'Checked "checked": expected input of rank 4 [batch, height, width, channels], got rank 3 [32, 28, 28].',
    ],
    [{ minNdim: 3 }, [2, 3], 'Checked "checked": expected input of rank 3 or more, got rank 2 [2, 3].'],
    [{ maxNdim: 2 }, [2, 3, 4], 'Checked "checked": expected input of rank 2 or less, got rank 3 [2, 3, 4].'],
    [{ axes: { 1: 5 } }, [2, 3], 'Checked "checked": expected input with 5 along axis 1, got [2, 3] with 3.'],
    [{ shape: [null, 5] }, [2, 3], 'Checked "checked": expected input of shape [null, 5], got [2, 3].'],
    [{ dtype: 'int32' }, [2], 'Checked "checked": expected input of dtype int32, got float32.'],
  ])('%j refuses %j', (options, shape, message) => {
    expect(() => new Checked(new InputSpec(options as never)).apply(sample(shape))).toThrow(message);
  });

  test('takes what fits', () => {
    const squeezed = new InputSpec({ shape: [null, 5, 1], allowLastAxisSqueeze: true });
    for (const shape of [
      [2, 5],
      [2, 5, 1],
    ])
      expect(new Checked(squeezed).apply(sample(shape)).shape).toEqual(shape);
    expect(() => new Checked(squeezed).apply(sample([2, 4]))).toThrow(ShapeError);
    expect(() => new Checked([new InputSpec({ ndim: 1 }), null]).apply([tensor([1])])).toThrow(
      /expected 2 inputs, got 1/,
    );
    expect(() => new InputSpec({ ndim: 2, axes: { 2: 1 } })).toThrow(ArgumentError);
  });
});

describe('dtype policies', () => {
  test('say what is computed in and what is kept', () => {
    const policy = new DTypePolicy({ name: 'mixed_float16' });
    expect([policy.computeDtype, policy.variableDtype]).toEqual(['float16', 'float32']);
    expect(new Dense({ units: 1, dtype: policy }).getConfig().dtype).toEqual({
      module: 'keras',
      className: 'DTypePolicy',
      config: { name: 'mixed_float16' },
      registeredName: null,
    });
  });

  test('come from the settings where none is given', () => {
    config.setDtypePolicy('mixed_bfloat16');
    try {
      expect(new Dense({ units: 1 }).computeDtype).toBe('bfloat16');
      expect(new Dense({ units: 1, dtype: 'float64' }).computeDtype).toBe('float64');
    } finally {
      config.setDtypePolicy(null);
    }
    expect(new Dense({ units: 1 }).computeDtype).toBe('float32');
    expect(() => config.setDtypePolicy('mixed_float15' as never)).toThrow(/Did you mean 'mixed_float16'\?/);
  });
});

test('weights made inside tidy and noGrad live on', () => {
  const layer = new Dense({ units: 2 });
  tidy(() => noGrad(() => layer.apply(sample([1, 3]))));
  expect(layer.apply(sample([1, 3])).shape).toEqual([1, 2]);
});
