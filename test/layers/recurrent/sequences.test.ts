import { describe, expect, test } from 'vitest';
import { grad, Input, jit, layers, ops, Tensor, tensor } from '../../../lib/index.js';
import { deserialize, serialize } from '../../../lib/layers/family.js';
import { fromKerasConfig, type KerasObject, toKerasConfig } from '../../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from '../../support/golden.js';
import { expectClose } from '../../support/layer-suite.js';

interface Spec {
  className: keyof typeof layers;
  options: Record<string, unknown>;
}

interface SequenceCase {
  kind: string;
  layer: Spec;
  x: GoldenArray;
  mask: GoldenArray | null;
  initial: GoldenArray[] | null;
  weights: { path: string; value: GoldenArray }[];
  outputs: GoldenArray[];
  upstreams: GoldenArray[];
  dx: GoldenArray;
  dInitial: GoldenArray[] | null;
  dWeights: GoldenArray[];
  serialized: KerasObject;
  outputShapes: { input: (number | null)[]; output: unknown }[];
}

const isSpec = (value: unknown): value is Spec => typeof value === 'object' && value !== null && 'className' in value;

function made(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(made);
  if (!isSpec(value)) return value;
  const options = Object.fromEntries(Object.entries(value.options).map(([key, item]) => [key, made(item)]));
  return new (layers[value.className] as unknown as new (options: object) => layers.Layer)(options);
}

const flat = (outputs: unknown): Tensor[] =>
  outputs instanceof Tensor ? [outputs] : (outputs as unknown[]).flatMap(flat);

describe('recurrent layers as Keras', () => {
  const cases = loadGolden<SequenceCase>('recurrent').cases.filter(({ kind }) => kind === 'sequence');
  const build = (one: SequenceCase): layers.Layer => {
    const layer = made(one.layer) as layers.Layer;
    layer.build(one.x.shape);
    layer.setWeights(one.weights.map(({ value }) => value));
    return layer;
  };
  const run = (layer: layers.Layer, one: SequenceCase, x: Tensor, initial: Tensor[] | null): Tensor[] =>
    flat(
      layer.apply<unknown>(x, {
        ...(one.mask !== null && { mask: tensor(one.mask) }),
        ...(initial !== null && { initialState: initial }),
      }),
    );

  test('has cases', () => expect(cases.length).toBeGreaterThan(50));

  test.each(cases)('$name', (one) => {
    const layer = build(one);
    const initial = one.initial?.map((state) => tensor(state)) ?? null;
    expect(layer.weights.map(({ path }) => path)).toEqual(one.weights.map(({ path }) => path));
    const outputs = run(layer, one, tensor(one.x), initial);
    expect(outputs).toHaveLength(one.outputs.length);
    for (const [i, y] of one.outputs.entries()) expectClose(outputs[i] as Tensor, y);
    const recorded = jit((x: Tensor) => run(layer, one, x, initial));
    for (const [i, y] of recorded(tensor(one.x)).entries()) expectClose(y, one.outputs[i] as GoldenArray);
    for (const { input, output } of one.outputShapes) {
      const shape = layer.computeOutputShape(input);
      expect(shape).toEqual(output);
      const symbolic = outputShapesOf(layer.apply(Input({ shape: input.slice(1) })) as unknown);
      expect(symbolic).toEqual(shapesIn(output));
    }
    const written = JSON.parse(JSON.stringify(toKerasConfig(serialize(layer))));
    expect(written).toEqual(one.serialized);
    const twin = deserialize(fromKerasConfig(one.serialized) as never);
    expect(JSON.parse(JSON.stringify(serialize(twin)))).toEqual(JSON.parse(JSON.stringify(serialize(layer))));
    expect(twin.weights.map(({ path }) => path)).toEqual(one.weights.map(({ path }) => path));
  });

  test.each(cases)('$name: gradient', (one) => {
    const layer = build(one);
    const upstreams = one.upstreams.map((value) => tensor(value));
    const loss = (x: Tensor, initial: Tensor[] | null): Tensor =>
      run(layer, one, x, initial)
        .map((y, i) => ops.sum(ops.multiply(y, upstreams[i] as Tensor)))
        .reduce((sum, part) => ops.add(sum, part));
    const x = tensor(one.x);
    const initial = one.initial?.map((state) => tensor(state)) ?? null;
    expectClose(grad((given: Tensor) => loss(given, initial))(x), one.dx);
    const slopes = grad((_: Tensor[]) => loss(x, initial))(layer.trainableWeights);
    for (const [i, expected] of one.dWeights.entries()) expectClose(slopes[i] as Tensor, expected);
    if (initial === null || one.dInitial === null) return;
    const states = grad((given: Tensor[]) => loss(x, given))(initial);
    for (const [i, expected] of one.dInitial.entries()) expectClose(states[i] as Tensor, expected);
  });
});

function shapesIn(tree: unknown): unknown[] {
  const list = tree as unknown[];
  return list.some(Array.isArray) ? list.flatMap(shapesIn) : [list];
}

function outputShapesOf(outputs: unknown): unknown[] {
  return Array.isArray(outputs) ? outputs.flatMap(outputShapesOf) : [[...(outputs as Tensor).shape]];
}
