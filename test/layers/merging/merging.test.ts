import { describe, expect, test } from 'vitest';
import { native } from '../../../lib/core/native.js';
import {
  grad,
  Input,
  jit,
  type Layer,
  layers,
  Model,
  ops,
  SymbolicTensor,
  type Tensor,
  tensor,
  tidy,
} from '../../../lib/index.js';
import { deserialize, serialize } from '../../../lib/layers/family.js';
import { fromKerasConfig, type KerasObject, toKerasConfig } from '../../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from '../../support/golden.js';
import { expectClose, sample } from '../../support/layer-suite.js';

interface MergeCase {
  kind: string;
  className: 'Add' | 'Subtract' | 'Multiply' | 'Average' | 'Maximum' | 'Minimum' | 'Concatenate' | 'Dot';
  options: Record<string, unknown>;
  x: GoldenArray[];
  masks: (GoldenArray | null)[] | null;
  y: GoldenArray;
  mask: GoldenArray | null;
  outputShape: (number | null)[];
  serialized: KerasObject;
}

const cases = loadGolden<MergeCase>('functional').cases.filter(({ kind }) => kind === 'merge');

function make({ className, options }: Pick<MergeCase, 'className' | 'options'>): Layer {
  return new (layers[className] as unknown as new (options: object) => Layer)(options);
}

function inputs({ x, masks }: MergeCase): Tensor[] {
  return x.map((value, i) => {
    const one = tensor(value);
    const mask = masks?.[i];
    if (mask != null) one.mask = tensor(mask, { dtype: 'bool' });
    return one;
  });
}

describe('merging layers as in Keras', () => {
  test.each(cases)('$name', (one) => {
    const layer = make(one);
    const given = inputs(one);
    const y = layer.apply(given);
    expectClose(y, one.y);
    if (one.mask === null) expect(y.mask).toBeUndefined();
    else expect(y.mask?.dataSync()).toEqual(tensor(one.mask, { dtype: 'bool' }).dataSync());
    expectClose(
      jit((xs: Tensor[]) => layer.apply(xs))(one.x.map((value) => tensor(value))),
      make(one).apply(one.x),
      1e-6,
    );

    const shapes = one.x.map(({ shape }) => [null, ...shape.slice(1)]);
    expect(make(one).computeOutputShape(shapes)).toEqual(one.outputShape);
    const symbols = shapes.map((batchShape) => Input({ batchShape }));
    const output: SymbolicTensor = make(one).apply(symbols);
    expect([output.shape, output.dtype]).toEqual([one.outputShape, 'float32']);
    const model = new Model({ inputs: symbols, outputs: output });
    const replayed = model.apply(inputs(one));
    expectClose(replayed, one.y);
    expect(replayed.mask?.arraySync()).toEqual(y.mask?.arraySync());
  });

  test.each(cases)('$name: config', (one) => {
    const layer = make({ ...one, options: { ...one.options, name: one.serialized.class_name.toLowerCase() } });
    layer.apply(inputs(one));
    const written = toKerasConfig(JSON.parse(JSON.stringify(serialize(layer)))) as KerasObject;
    expect(written.config).toEqual(one.serialized.config);
    const twin = deserialize(fromKerasConfig(one.serialized) as never);
    expect(twin.getConfig()).toEqual(layer.getConfig());
  });
});

describe('merging layers', () => {
  const classes = ['Add', 'Subtract', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Concatenate', 'Dot'] as const;
  const typical = classes.map((className) => ({ className, options: className === 'Dot' ? { axes: 1 } : {} }));

  test.each(typical)('$className has the gradient that differences show', (one) => {
    const layer = make(one);
    const [a, b] = [sample([2, 3], 1), sample([2, 3], 5)];
    const weight = sample(
      layer.computeOutputShape([
        [2, 3],
        [2, 3],
      ]) as number[],
      2,
    );
    const loss = (x: Tensor, y: Tensor): Tensor => ops.sum(ops.multiply(layer.apply([x, y]), weight));
    const slopes = grad(loss, { argnums: [0, 1] })(a, b) as [Tensor, Tensor];
    for (const [k, slope] of slopes.entries()) {
      const values = Float32Array.from([a, b][k]?.dataSync() as Float32Array);
      for (let i = 0; i < values.length; i++) {
        const at = (delta: number): number => {
          const moved = tensor(
            values.map((value, j) => (i === j ? value + delta : value)),
            { shape: [2, 3] },
          );
          return (k === 0 ? loss(moved, b) : loss(a, moved)).item();
        };
        expect((at(1e-2) - at(-1e-2)) / 2e-2).toBeCloseTo(Number(slope.dataSync()[i]), 2);
      }
    }
  });

  test.each(typical)('$className leaves no tensor behind', (one) => {
    const layer = make(one);
    const given = [sample([2, 3]), sample([2, 3], 2)];
    tidy(() => void layer.apply(given));
    const { tensors } = native.memory();
    tidy(() => void layer.apply(given));
    expect(native.memory().tensors).toBeLessThanOrEqual(tensors);
  });

  test.each([
    ['add', 'Add', {}],
    ['subtract', 'Subtract', {}],
    ['multiply', 'Multiply', {}],
    ['average', 'Average', {}],
    ['maximum', 'Maximum', {}],
    ['minimum', 'Minimum', {}],
    ['concatenate', 'Concatenate', { axis: 1 }],
    ['dot', 'Dot', { axes: -1, normalize: true }],
  ] as const)('layers.%s is the layer as a function', (name, className, options) => {
    const given = [sample([2, 3]), sample([2, 3], 2)];
    const fn = layers[name] as (inputs: readonly Tensor[], options?: object) => Tensor;
    expectClose(fn(given, options), make({ className, options }).apply(given), 0);
    const symbolic = layers[name] as (inputs: readonly SymbolicTensor[], options?: object) => SymbolicTensor;
    expect(symbolic([Input({ shape: [3] }), Input({ shape: [3] })])).toBeInstanceOf(SymbolicTensor);
  });

  test('take tensors of unknown sizes', () => {
    const [a, b] = [Input({ shape: [null, 4] }), Input({ shape: [null, 4] })];
    expect(layers.add([a, b]).shape).toEqual([null, null, 4]);
    expect(layers.concatenate([a, b]).shape).toEqual([null, null, 8]);
    expect(layers.concatenate([a, b], { axis: 1 }).shape).toEqual([null, null, 4]);
    expect(layers.dot([a, b], { axes: 2 }).shape).toEqual([null, null, null]);
  });

  test('pass a single tensor on', () => {
    const x = sample([2, 3]);
    for (const className of ['Add', 'Multiply', 'Average', 'Maximum', 'Minimum', 'Concatenate'] as const)
      expectClose(make({ className, options: {} }).apply([x]), x, 0);
  });

  test.each<[string, () => unknown, RegExp]>([
    [
      'one tensor',
      () => new layers.Add().apply(sample([2, 3])),
      /Add "add.*": expected an array of at least 1 input, got no array\.\n {2}Write layer\.apply\(\[a, b\]\)\./,
    ],
    [
      'two arguments',
      () => new layers.Add().apply(sample([2, 3]), sample([2, 3])),
      /expected an array of at least 1 input/,
    ],
    ['an empty array', () => new layers.Add().apply([]), /expected an array of at least 1 input, got no array/],
    [
      'three inputs of Subtract',
      () => new layers.Subtract().apply([sample([1, 2]), sample([1, 2]), sample([1, 2])]),
      /Subtract ".*": expected an array of 2 inputs, got 3/,
    ],
    [
      'one input of Dot',
      () => new layers.Dot({ axes: 1 }).apply([sample([1, 2])]),
      /expected an array of 2 inputs, got 1/,
    ],
    [
      'shapes that do not broadcast',
      () => new layers.Multiply().apply([sample([2, 3]), sample([2, 4])]),
      /expected inputs whose shapes broadcast, got \[2, 3\] and \[2, 4\]/,
    ],
    [
      'batches that differ',
      () => new layers.Add().apply([sample([2, 3]), sample([4, 3])]),
      /expected inputs of one batch size, got \[2, 3\] and \[4, 3\]/,
    ],
    [
      'other sizes of Concatenate',
      () => new layers.Concatenate({ axis: 1 }).apply([sample([2, 3, 4]), sample([2, 3, 5])]),
      /expected shapes that differ in axis 1 only, got \[2, 3, 4\] and \[2, 3, 5\]/,
    ],
    [
      'ranks of Concatenate',
      () => new layers.Concatenate().apply([sample([2, 3, 4]), sample([2, 3])]),
      /expected shapes that differ in axis -1 only/,
    ],
    [
      'an axis that is not there',
      () => new layers.Concatenate({ axis: 3 }).apply([sample([2, 3]), sample([2, 3])]),
      /differ in axis 3 only/,
    ],
    [
      'sizes of Dot',
      () => new layers.Dot({ axes: 1 }).apply([sample([2, 3]), sample([2, 4])]),
      /expected equal sizes along axes 1, got 3 and 4 in \[2, 3\] and \[2, 4\]/,
    ],
    [
      'the batch as axis of Dot',
      () => new layers.Dot({ axes: [0, 1] }).apply([sample([2, 3]), sample([2, 2])]),
      /expected axes of the inputs, without the batch/,
    ],
    [
      'three axes',
      () => new layers.Dot({ axes: [1, 2, 3] as never }),
      /Dot: axes: expected a whole number or two, got \[1, 2, 3\]/,
    ],
    [
      'a fraction as axis',
      () => new layers.Concatenate({ axis: 0.5 }),
      /Concatenate: axis: expected a whole number, got 0\.5/,
    ],
    [
      'a misspelled option',
      () => new layers.Dot({ axes: 1, normalise: true } as never),
      /Dot: unknown option 'normalise'\.\n {2}Did you mean 'normalize'\?/,
    ],
  ])('refuse %s', (_, fn, message) => {
    expect(fn).toThrow(message);
  });
});
