import { describe, expect, test, vi } from 'vitest';
import { fieldsOf } from '../../lib/core/configurable.js';
import { isFloat } from '../../lib/core/dtype.js';
import { native } from '../../lib/core/native.js';
import { grad, jit, type SymbolicTensor, Tensor, tensor, tidy } from '../../lib/index.js';
import { deserialize, serialize } from '../../lib/layers/family.js';
import { Input, type Layer } from '../../lib/layers/index.js';
import * as ops from '../../lib/ops/index.js';
import { fromKerasConfig, type KerasObject, toKerasConfig } from '../../lib/saving/config-keys.js';
import { type GoldenArray, loadGolden } from './golden.js';

/** What a layer is held against, beside Keras' values. */
export interface LayerSuite<Options> {
  /** Options that make a typical layer. */
  options: Options;
  /** Values of the properties that options set where only the required ones are given. */
  defaults: Record<string, unknown>;
  /** Wrong options, and what the error says. */
  wrong?: [options: Record<string, unknown>, message: RegExp][];
  /** Shape of a typical input with its batch, at least 2. */
  inputShape: readonly number[];
  /** Shape of its output. */
  outputShape: readonly number[];
  /** What `apply` is given. @default {} */
  call?: { training?: boolean };
  /** A typical input, where measurements are none. @default values of both signs, float32 */
  input?: () => Tensor;
  /** Whether a mask that rides on the input comes out. */
  supportsMasking: boolean;
  /** Whether the layer makes or ends masks by itself: its own test holds them, and this suite leaves them alone. @default false */
  ownMasks?: boolean;
  /** Whether outputs follow from the inputs alone, so that two calls can be compared. @default true */
  deterministic?: boolean;
}

type LayerClass<Options> = { new (options: Options): Layer; readonly className: string };

/** Values that look like measurements: a few digits, both signs, none near a kink at 0. */
export function sample(shape: readonly number[], seed = 1): Tensor {
  const size = shape.reduce((product, axis) => product * axis, 1);
  const values = Float32Array.from({ length: size }, (_, i) => {
    const turn = Math.sin((i + 1) * 12.9898 + seed * 78.233) * 43758.5453;
    const part = turn - Math.floor(turn);
    return (part < 0.5 ? -0.2 : 0.2) + (part - 0.5) * 2;
  });
  return tensor(values, { shape });
}

/** Fails unless values, shape and dtype are those expected, to float tolerance. */
export function expectClose(actual: Tensor, expected: Tensor | GoldenArray, tolerance = 1e-5): void {
  const data = expected instanceof Tensor ? expected.dataSync() : expected.data;
  expect([...actual.shape]).toEqual([...expected.shape]);
  if (expected instanceof Tensor || isFloat(actual.dtype) === false) expect(actual.dtype).toBe(expected.dtype);
  const values = actual.dataSync();
  for (let i = 0; i < data.length; i++) {
    const [a, b] = [Number(values[i]), Number(data[i])];
    const near = Object.is(a, b) || Math.abs(a - b) <= tolerance * (1 + Math.abs(b));
    if (!near) expect.fail(`value ${i} of ${data.length}: expected ${b}, got ${a}`);
  }
}

/** Checks a layer whole: options, shapes, config, recording, gradient, mask, a step of training, memory. */
export function layerSuite<Options extends object>(
  LayerOf: LayerClass<Options>,
  suite: LayerSuite<NoInfer<Options>>,
): void {
  const { options, inputShape, outputShape, call = {}, deterministic = true } = suite;
  const input = suite.input ?? ((): Tensor => sample(inputShape));
  const differentiable = isFloat(input().dtype);
  const make = (extra: object = {}): Layer => new LayerOf({ ...options, ...extra });
  const unknownBatch = (shape: readonly number[]): (number | null)[] => [null, ...shape.slice(1)];

  describe(LayerOf.className, () => {
    test('defaults', () => {
      const fields = fieldsOf(LayerOf as never);
      const needed = Object.fromEntries(
        Object.entries(options).filter(
          ([name]) => fields[name] !== undefined && !('default' in (fields[name] as object)),
        ),
      );
      expect(new LayerOf(needed as Options)).toMatchObject(suite.defaults);
    });

    test.each(suite.wrong ?? [])('refuses %j', (wrong, message) => {
      expect(() => make(wrong)).toThrow(message);
    });

    test('refuses unknown options and names the nearest', () => {
      expect(() => make({ nmae: 'x' })).toThrow(
        new RegExp(`^${LayerOf.className}: unknown option 'nmae'\\.\\n {2}Did you mean 'name'\\?$`),
      );
    });

    test('infers the shape and dtype that it computes', () => {
      const layer = make();
      expect(layer.computeOutputShape(inputShape)).toEqual([...outputShape]);
      expect(layer.computeOutputShape(unknownBatch(inputShape))).toEqual(unknownBatch(outputShape));
      expect(layer.weights).toEqual([]);
      const y = layer.apply(input(), call);
      expect([...y.shape]).toEqual([...outputShape]);
      const symbol: SymbolicTensor = layer.apply(Input({ shape: inputShape.slice(1), dtype: input().dtype }));
      expect([...symbol.shape]).toEqual(unknownBatch(outputShape));
      expect(symbol.dtype).toBe(y.dtype);
    });

    test('comes back from its config', () => {
      const layer = make({ name: 'twin' });
      layer.apply(input(), call);
      const config = JSON.parse(JSON.stringify(serialize(layer)));
      const twin = deserialize(config);
      expect(twin).toBeInstanceOf(LayerOf);
      expect(twin.getConfig()).toEqual(layer.getConfig());
      expect(fromKerasConfig(JSON.parse(JSON.stringify(toKerasConfig(config))))).toEqual(config);
      expect(twin.weights.map(({ path, shape, dtype }) => ({ path, shape, dtype }))).toEqual(
        layer.weights.map(({ path, shape, dtype }) => ({ path, shape, dtype })),
      );
      twin.setWeights(layer.getWeights());
      if (deterministic) expectClose(twin.apply(input(), call), layer.apply(input(), call), 0);
    });

    test('records what it computes', () => {
      const layer = make();
      const recorded = jit((x: Tensor) => layer.apply(x, call));
      const x = input();
      const y = recorded(x);
      expect([...y.shape]).toEqual([...outputShape]);
      if (deterministic) expectClose(recorded(x), layer.apply(x, call), 1e-6);
      expect(recorded.programs).toHaveLength(1);
    });

    test('has the gradient that differences show', () => {
      if (!deterministic || !differentiable) return;
      const layer = make();
      const x = input();
      const weight = sample(outputShape, 2);
      const loss = (given: Tensor): Tensor => ops.sum(ops.multiply(layer.apply(given, call), weight));
      const slope = grad(loss)(x).dataSync();
      const values = Float32Array.from(x.dataSync() as Float32Array);
      const step = 1e-2;
      for (let i = 0; i < values.length; i += Math.max(1, Math.floor(values.length / 8))) {
        const at = (delta: number): number => {
          const moved = values.slice();
          moved[i] = (values[i] as number) + delta;
          return loss(tensor(moved, { shape: inputShape })).item();
        };
        expect((at(step) - at(-step)) / (2 * step)).toBeCloseTo(Number(slope[i]), 2);
      }
    });

    test(suite.supportsMasking ? 'passes a mask on' : 'ends a mask', () => {
      const layer = make();
      expect(layer.supportsMasking).toBe(suite.supportsMasking);
      if (suite.ownMasks === true) return;
      const x = input();
      const mask = tensor(
        new Uint8Array(inputShape[0] as number).map((_, i) => i % 2),
        { dtype: 'bool' },
      );
      x.mask = mask;
      const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
      expect(layer.apply(x, call).mask).toBe(suite.supportsMasking ? mask : undefined);
      expect(warning).toHaveBeenCalledTimes(suite.supportsMasking ? 0 : 1);
      warning.mockRestore();
    });

    test('a step down the gradient lowers a loss', () => {
      const layer = make();
      const x = input();
      const target = sample(outputShape, 3);
      const loss = (): Tensor => ops.mean(ops.square(ops.subtract(layer.apply(x, call), target)));
      const before = loss().item();
      const weights = layer.trainableWeights;
      const slopes = grad((_: Tensor[]) => loss())(weights);
      for (const [i, w] of weights.entries()) w.assignSub(ops.multiply(slopes[i] as Tensor, 0.01));
      const after = loss().item();
      if (weights.length > 0) expect(after).toBeLessThan(before);
      else if (deterministic) expect(after).toBe(before);
    });

    test('leaves no tensor behind', () => {
      const layer = make();
      const x = input();
      tidy(() => {
        layer.apply(x, call);
      });
      layer.clearLosses();
      const { tensors } = native.memory();
      for (let i = 0; i < 3; i++) {
        tidy(() => {
          if (differentiable) grad((given: Tensor) => ops.sum(layer.apply(given, call)))(x);
          else layer.apply(x, call);
        });
        layer.clearLosses();
      }
      // A garbage collection of earlier tests' leftovers may lower the count meanwhile, never raise it.
      expect(native.memory().tensors).toBeLessThanOrEqual(tensors);
    });
  });
}

interface LayerCase {
  kind: string;
  className: string;
  options: Record<string, unknown>;
  call: { training?: boolean };
  x: GoldenArray;
  weights: { name: string; path: string; shape: number[]; dtype: string; value: GoldenArray }[];
  y: GoldenArray;
  gradient: { upstream: GoldenArray; dx: GoldenArray | null; dWeights: GoldenArray[] } | null;
  outputShapes: { input: (number | null)[]; output: (number | null)[] }[];
  config: Record<string, unknown>;
  serialized: KerasObject;
  countParams: number;
}

/** Holds a layer against Keras' own values: outputs, gradients, shapes, weights, configs. */
export function goldenLayerSuite<Options extends object>(
  LayerOf: LayerClass<Options>,
  { tolerance = 1e-5, family = 'layers' }: { tolerance?: number; family?: string } = {},
): void {
  const cases = loadGolden<LayerCase>(family).cases.filter(
    ({ kind, className }) => kind === 'layer' && className === LayerOf.className,
  );
  const build = (one: LayerCase): Layer => {
    const layer = new LayerOf(one.options as Options);
    layer.build(one.x.shape);
    layer.setWeights(one.weights.map(({ value }) => value));
    return layer;
  };

  describe(`${LayerOf.className} as Keras`, () => {
    test('has cases', () => expect(cases.length).toBeGreaterThan(0));

    test.each(cases)('$name', (one) => {
      const layer = build(one);
      const x = tensor(one.x);
      expectClose(layer.apply(x, one.call), one.y, tolerance);
      expect(layer.countParams()).toBe(one.countParams);
      expect(layer.weights.map(({ name, path, shape, dtype }) => ({ name, path, shape: [...shape], dtype }))).toEqual(
        one.weights.map(({ name, path, shape, dtype }) => ({ name, path, shape, dtype })),
      );
      for (const { input, output } of one.outputShapes) {
        expect(new LayerOf({ ...one.options, name: null } as Options).computeOutputShape(input)).toEqual(output);
      }
      const written = JSON.parse(JSON.stringify(toKerasConfig(serialize(layer))));
      expect(written).toEqual(one.serialized);
      expect(Object.keys(written.config).sort()).toEqual(Object.keys(one.config).sort());
      const twin = deserialize(fromKerasConfig(one.serialized) as never);
      expect(twin.getConfig()).toEqual(layer.getConfig());
    });

    test.each(cases.filter(({ gradient }) => gradient !== null))('$name: gradient', (one) => {
      const layer = build(one);
      const { upstream, dx, dWeights } = one.gradient as NonNullable<LayerCase['gradient']>;
      const loss = (x: Tensor, _weights: Tensor[]): Tensor =>
        ops.sum(ops.multiply(layer.apply(x, one.call), tensor(upstream)));
      const x = tensor(one.x);
      const weights = layer.trainableWeights;
      const slopes = grad((given: Tensor[]) => loss(x, given))(weights);
      if (dx !== null) expectClose(grad((given: Tensor) => loss(given, weights))(x), dx, tolerance);
      for (const [i, expected] of dWeights.entries()) expectClose(slopes[i] as Tensor, expected, tolerance);
    });
  });
}
