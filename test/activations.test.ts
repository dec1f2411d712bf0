import { describe, expect, test } from 'vitest';
import * as activations from '../lib/activations.js';
import { grad } from '../lib/core/autograd.js';
import { registerCustomObject } from '../lib/core/family.js';
import { toCamelCase } from '../lib/core/names.js';
import { jit } from '../lib/core/program.js';
import { type Tensor, tensor } from '../lib/core/tensor.js';
import * as ops from '../lib/ops/index.js';
import { expectValues, load, messageOf } from './ops/support.js';
import { type GoldenArray, loadGolden } from './support/golden.js';

interface ActivationCase {
  fn: string;
  kerasName: string;
  args: number[];
  options: Record<string, unknown>;
  x: GoldenArray;
  y: GoldenArray;
  special?: { x: GoldenArray; y: GoldenArray };
  gradient: { x: GoldenArray; upstream: GoldenArray; dx: GoldenArray };
}

const golden = loadGolden<ActivationCase>('activations');
const library = activations as unknown as Record<string, (x: Tensor, ...rest: unknown[]) => Tensor>;

describe('values, special values and gradients', () => {
  test.each(golden.cases)('$name', ({ fn, args, options, x, y, special, gradient }) => {
    const activation = library[fn] as (x: Tensor, ...rest: unknown[]) => Tensor;
    const rest = Object.keys(options).length === 0 ? args : [...args, options];
    const run = (value: Tensor): Tensor => activation(value, ...rest);
    expectValues(run(load(x)), y, 3e-6);
    expectValues(jit(run)(load(x)), y, 3e-6);
    // The exact gelu of Infinity is a documented difference.
    const exactGelu = fn === 'gelu' && options['approximate'] !== true;
    if (special !== undefined && !exactGelu) expectValues(run(load(special.x)), special.y);
    const upstream = load(gradient.upstream);
    expectValues(
      grad((value: Tensor) => ops.sum(ops.multiply(run(value), upstream)))(load(gradient.x)),
      gradient.dx,
      5e-6,
    );
  });
});

describe('names', () => {
  const found = golden.facts['get'] as Record<string, string | null>;
  const aliases = golden.facts['aliases'] as Record<string, string>;
  const known = Object.entries(found).filter(([, name]) => name !== null) as [string, string][];

  test.each(known)('get(%s)', (text, name) => {
    expect(activations.serialize(activations.get(text))).toBe(aliases[name] ?? name);
  });

  test('serialize answers what Keras writes', () => {
    for (const [name, text] of Object.entries(golden.facts['serialized'] as Record<string, string>)) {
      const fn = library[toCamelCase(name)];
      expect(fn, name).toBeTypeOf('function');
      expect(activations.serialize(fn)).toBe(text);
    }
  });

  test('null is linear', () => {
    const x = tensor([1, 2]);
    expect(activations.get(null)(x)).toBe(x);
  });

  test("a user's function passes, and is found by its name once registered", () => {
    function twice(x: Tensor): Tensor {
      return ops.multiply(x, 2);
    }
    expect(activations.get(twice)).toBe(twice);
    registerCustomObject(twice, 'activationsTestTwice');
    expect(
      activations
        .get('activationsTestTwice')(tensor([3]))
        .arraySync(),
    ).toEqual([6]);
  });

  test('a wrong name is an error with the nearest one', () => {
    expect(messageOf(() => activations.get('rellu', 'Dense: activation'))).toBe(
      'Dense: activation: unknown activation "rellu".\n  Did you mean \'relu\'?',
    );
  });

  test.each([[42], [tensor([1])], [{}]])('%s is no activation', (wrong) => {
    expect(messageOf(() => activations.get(wrong, 'Dense: activation'))).toMatch(
      /^Dense: activation: expected the name of an activation/,
    );
  });

  test('a function without a name has no config', () => {
    expect(
      messageOf(() =>
        activations.serialize(
          (
            (): unknown => (x: Tensor) =>
              x
          )(),
        ),
      ),
    ).toMatch(/named function/);
  });
});

describe('wrong arguments', () => {
  test('unknown option', () => {
    expect(messageOf(() => activations.relu([1], { slope: 1 } as never))).toMatch(
      /^activations\.relu: unknown option 'slope'/,
    );
  });

  test('a value where options stand', () => {
    expect(messageOf(() => activations.relu([1], 0.1 as never))).toBe(
      'activations.relu: expected options as one object, got 0.1.\n  Write activations.relu(x, { negativeSlope: 0.1 }).',
    );
  });

  test('glu needs an even size', () => {
    expect(messageOf(() => activations.glu([[1, 2, 3]]))).toBe(
      'ops.glu: expected an even size at axis 1, got shape [1, 3].',
    );
  });

  test('softmax needs its axis', () => {
    expect(messageOf(() => activations.softmax([1, 2], { axis: 1 }))).toBe(
      'ops.softmax: expected axis from -1 to 0 for shape [2], got 1.',
    );
  });
});
