import { describe, expect, test } from 'vitest';
import { Input, jit, layers, Model, models, ops, type Tensor, tensor, utils } from '../../../lib/index.js';
import { deserialize, serialize } from '../../../lib/layers/family.js';
import { toKerasConfig } from '../../../lib/saving/config-keys.js';
import { expectClose, layerSuite, sample } from '../../support/layer-suite.js';

function doubled(x: Tensor, { factor = 2 }: { factor?: number } = {}): Tensor {
  return ops.multiply(x, factor);
}
utils.registerCustomObject(doubled);

layerSuite(layers.Lambda, {
  options: { function: doubled },
  defaults: { function: doubled, outputShape: null, mask: null, arguments: {} },
  wrong: [
    [{ function: 3 }, /Lambda: function: expected a function, got 3/],
    [{ outputShape: 'wide' }, /Lambda: outputShape: expected a function, got "wide"/],
    [{ arguments: [1] }, /Lambda: arguments: expected an object of options, got \[1\]/],
  ],
  inputShape: [2, 3],
  outputShape: [2, 3],
  supportsMasking: false,
});

describe('Lambda', () => {
  test('gives its arguments, training and mask to the function', () => {
    const seen: unknown[] = [];
    const layer = new layers.Lambda({
      function: (x: Tensor, options: object) => {
        seen.push(options);
        return x;
      },
      arguments: { factor: 3 },
    });
    const x = sample([1, 2]);
    const mask = tensor([true]);
    layer.apply(x, { training: true, mask });
    expect(seen).toEqual([{ factor: 3, training: true, mask }]);
    expectClose(new layers.Lambda({ function: doubled, arguments: { factor: 3 } }).apply(x), ops.multiply(x, 3), 0);
  });

  test('takes several inputs, answers several outputs, and is recorded', () => {
    const layer = new layers.Lambda({ function: ([a, b]: [Tensor, Tensor]) => [ops.add(a, b), ops.subtract(a, b)] });
    const inputs = [Input({ shape: [3] }), Input({ shape: [3] })];
    const model = new Model({ inputs, outputs: layer.apply<never>(inputs) });
    const [a, b] = [sample([2, 3]), sample([2, 3], 2)];
    const [sum, difference] = jit((xs: Tensor[]) => model.apply<[Tensor, Tensor]>(xs))([a, b]);
    expectClose(sum, ops.add(a, b));
    expectClose(difference, ops.subtract(a, b));
  });

  test('says its shape where it is told so', () => {
    const fn = (x: Tensor): Tensor => ops.reshape(x, [-1, 2, 2]);
    expect(new layers.Lambda({ function: fn, outputShape: [2, 2] }).computeOutputShape([7, 4])).toEqual([7, 2, 2]);
    const layer = new layers.Lambda({ function: fn, outputShape: (shape) => [(shape as number[])[0] as number, 2, 2] });
    expect(layer.apply(Input({ shape: [4], batchSize: 5 })).shape).toEqual([5, 2, 2]);
  });

  test('makes masks', () => {
    const x = sample([2, 3]);
    const layer = new layers.Lambda({ function: doubled, mask: (inputs) => ops.greater(inputs as Tensor, 0) });
    expect(layer.apply(x, { mask: tensor([true, true]) }).mask?.arraySync()).toEqual(ops.greater(x, 0).arraySync());
  });

  test('a config names registered functions and refuses all others', () => {
    const config = toKerasConfig(serialize(new layers.Lambda({ function: doubled, name: 'twice' })));
    expect(config.config).toMatchObject({
      function: { class_name: 'function', config: 'doubled' },
      arguments: {},
      name: 'twice',
    });
    expect(config.config).not.toHaveProperty('mask');
    const own = new layers.Lambda({ function: (x: Tensor) => x });
    expect(() => own.getConfig()).toThrow(
      /Lambda: function: expected a registered function, got function function: a config holds names, never code\.\n {2}Make it known first/,
    );
    const foreign = (name: string, body: unknown) => ({
      module: 'keras.layers',
      className: 'Lambda',
      config: {
        name: 'l',
        function: { className: name, config: body, module: 'builtins', registeredName: 'function' },
      },
      registeredName: null,
    });
    expect(() => deserialize(foreign('__lambda__', { code: '4wEAAAA=' }) as never)).toThrow(
      /got the code of a Python lambda\.\n {2}Code in files is never run/,
    );
    expect(() => deserialize(foreign('function', 'constructor') as never)).toThrow(
      /expected the name of a registered function, got "constructor"/,
    );
  });

  test('is cloned with its function', () => {
    const x = Input({ shape: [2] });
    const layer = new layers.Lambda({ function: (a: Tensor) => ops.square(a), name: 'squares' });
    const twin = models.cloneModel(new Model({ inputs: x, outputs: layer.apply(x) }));
    expect(twin.apply(tensor([[2, 3]])).arraySync()).toEqual([[4, 9]]);
    expect(twin.getLayer({ name: 'squares' })).not.toBe(layer);
  });
});
