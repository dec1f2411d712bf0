import { describe, expect, test } from 'vitest';
import { serialized } from '../../lib/core/configurable.js';
import { layers, optimizers } from '../../lib/index.js';
import { serialize } from '../../lib/layers/family.js';
import { fromKerasConfig, toKerasConfig } from '../../lib/saving/config-keys.js';

describe("Keras' keys of configs", () => {
  test('come from each class, also where snake_case would be wrong', () => {
    const { config } = toKerasConfig(serialized(new optimizers.Adam({ beta1: 0.5 })));
    expect(config).toMatchObject({ beta_1: 0.5, use_ema: false, clipnorm: null });
    expect(config).not.toHaveProperty('beta1');
  });

  test('go to the places of objects inside objects', () => {
    const dense = toKerasConfig(
      serialize(new layers.Dense({ units: 2, kernelInitializer: 'he_normal', kernelRegularizer: 'l1', name: 'd' })),
    );
    expect(dense).toMatchObject({
      class_name: 'Dense',
      registered_name: null,
      config: {
        kernel_initializer: { module: 'keras.initializers', class_name: 'HeNormal', registered_name: null },
        kernel_regularizer: { class_name: 'L1' },
        dtype: { class_name: 'DTypePolicy', config: { name: 'float32' } },
      },
    });
    expect(fromKerasConfig(JSON.parse(JSON.stringify(dense)))).toEqual(
      JSON.parse(
        JSON.stringify(
          serialize(new layers.Dense({ units: 2, kernelInitializer: 'he_normal', kernelRegularizer: 'l1', name: 'd' })),
        ),
      ),
    );
  });

  test('of an unknown class follow the spelling', () => {
    const object = {
      module: null,
      className: 'Mine',
      config: { someOption: [1, { x: 2 }] },
      registeredName: 'my>Mine',
    };
    expect(toKerasConfig(object)).toEqual({
      module: null,
      class_name: 'Mine',
      config: { some_option: [1, { x: 2 }] },
      registered_name: 'my>Mine',
    });
    expect(fromKerasConfig(toKerasConfig(object))).toEqual(object);
  });

  test('leave names of functions alone', () => {
    const fn = { module: 'builtins', className: 'function', config: 'my_function', registeredName: 'function' };
    expect(toKerasConfig(fn as never)).toEqual({
      module: 'builtins',
      class_name: 'function',
      config: 'my_function',
      registered_name: 'function',
    });
  });
});
