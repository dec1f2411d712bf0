// The recurrent operators in recorded steps: their gradients become nodes, and agree with those of libtorch's engine.
import { afterEach, describe, expect, test } from 'vitest';
import { call, callList } from '../../lib/core/call.js';
import { config, jit, ops, random, type Tensor, Variable, valueAndGrad } from '../../lib/index.js';

afterEach(() => config.setFusion(true));

const [batch, steps, inputs, units] = [3, 6, 4, 5];
const draw = (seed: number, shape: number[]): Tensor => random.uniform(shape, { minval: -1, maxval: 1, seed });
const x = draw(1, [batch, steps, inputs]);
const mask = ops.greater(draw(2, [batch, steps]), -0.5);

interface Kind {
  name: string;
  gates: number;
  states: number;
  bias: number[];
}

const kinds: Kind[] = [
  { name: 'lstm', gates: 4, states: 2, bias: [4 * units] },
  { name: 'gru', gates: 3, states: 1, bias: [2, 3 * units] },
];

describe.each(kinds)('$name', ({ name, gates, states, bias }) => {
  const initial = Array.from({ length: states }, (_, i) => new Variable(draw(5 + i, [batch, units])));
  const weights = [
    new Variable(draw(7, [inputs, gates * units])),
    new Variable(draw(8, [units, gates * units])),
    new Variable(draw(9, bias)),
  ];
  const table = new Variable(draw(10, [7, inputs]));
  const words = ops.cast(ops.multiply(draw(11, [batch, steps]), 3.4), 'int32').add(3);

  test.each([
    ['the sequence', [0]],
    ['the state', [1]],
    ['both', [0, 1]],
  ] as const)('%s: nodes and engine agree', (_, used) => {
    const loss = (given: Tensor, counted: Tensor): Tensor => {
      const results = callList(
        `torchlayers::${name}`,
        given,
        ...initial,
        ...weights,
        counted,
        null,
        used.includes(0 as never),
        false,
        true,
      );
      const parts = used.map((i) => ops.sum(ops.multiply(results[i] as Tensor, results[i] as Tensor)));
      return parts.reduce((a, b) => ops.add(a, b));
    };
    const gradients = (fusion: boolean): { values: number[][]; text: string } => {
      config.setFusion(fusion);
      const step = jit((given: Tensor, counted: Tensor) => {
        const { value, grads } = valueAndGrad((_: readonly Variable[]) => loss(given, counted))([
          ...initial,
          ...weights,
        ]);
        return [value, ...(grads as Tensor[])];
      });
      const values = step(x, mask).map((tensor) => Array.from(tensor.dataSync() as Float32Array));
      return { values, text: String(step.programs[0]) };
    };
    const fused = gradients(true);
    const plain = gradients(false);
    expect(fused.text).toContain(`torchlayers::${name}_backward(`);
    expect(plain.text).toContain('= gradient(');
    expect(fused.values).toEqual(plain.values.map((row) => row.map((value) => expect.closeTo(value, 4))));
    expect(plain.values.every((row) => row.some((value) => Math.abs(value) > 1e-3))).toBe(true);
  });

  test('after an embedding, the table gets its gradient too', () => {
    const gradients = (fusion: boolean): { values: number[][]; text: string } => {
      config.setFusion(fusion);
      const step = jit((given: Tensor) => {
        const { grads } = valueAndGrad((_: readonly Variable[]) => {
          const rows = call('aten::embedding', table, given, -1, false, false);
          const results = callList(
            `torchlayers::${name}`,
            rows,
            ...initial,
            ...weights,
            null,
            null,
            false,
            true,
            false,
          );
          return ops.sum(results[1] as Tensor);
        })([table, ...weights]);
        return grads as Tensor[];
      });
      const values = step(words).map((tensor) => Array.from(tensor.dataSync() as Float32Array));
      return { values, text: String(step.programs[0]) };
    };
    const fused = gradients(true);
    const plain = gradients(false);
    expect(fused.text).toContain('aten::embedding_dense_backward(');
    expect(fused.values).toEqual(plain.values.map((row) => row.map((value) => expect.closeTo(value, 4))));
  });
});
