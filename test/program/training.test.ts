// The text of whole training steps as they are recorded; test/core/fusion.test.ts has the fused form.
import { afterEach, describe, expect, it } from 'vitest';
import { native, type ProgramHandle } from '../../lib/core/native.js';
import { config, Input, layers, Sequential, tensor, utils } from '../../lib/index.js';

const sessionRun = native.sessionRun;
afterEach(() => {
  config.setFusion(true);
  native.sessionRun = sessionRun;
});

/** The first program that `fit` runs for its steps. */
async function stepText(model: Sequential, x: number[][], y: number[][]): Promise<string> {
  let step: ProgramHandle | undefined;
  native.sessionRun = (session, job) => {
    if (job.data.length > 0) step ??= job.program;
    return sessionRun(session, job);
  };
  await model.fit(tensor(x), tensor(y), { batchSize: 2, epochs: 1, verbose: 0, shuffle: false });
  if (step === undefined) throw new Error('fit ran no step');
  return native.programText(step);
}

describe('a training step', () => {
  it('of dense layers with dropout and Adam is these operators', async () => {
    utils.clearSession();
    config.setFusion(false);
    const model = new Sequential([
      Input({ shape: [4] }),
      new layers.Dense({ units: 3, activation: 'relu' }),
      new layers.Dropout({ rate: 0.5 }),
      new layers.Dense({ units: 2, activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
    const text = await stepText(
      model,
      [
        [1, 2, 3, 4],
        [4, 3, 2, 1],
      ],
      [
        [1, 0],
        [0, 1],
      ],
    );
    const operators = text
      .split('\n')
      .slice(1, -2)
      .map((line) =>
        line
          .trim()
          .replace(/^.* = /, '')
          .replace(/\(.*/, ''),
      );
    expect(operators).toMatchInlineSnapshot(`
      [
        "watch",
        "aten::addmm",
        "aten::relu",
        "read",
        "aten::add.Tensor",
        "assign",
        "torchlayers::dropout",
        "aten::addmm",
        "aten::softmax.int",
        "aten::sum.dim_IntList",
        "aten::div.Tensor",
        "aten::clamp",
        "aten::log",
        "aten::mul.Tensor",
        "aten::sum.dim_IntList",
        "aten::neg",
        "aten::mean.dim",
        "gradient",
        "detach",
        "detach",
        "detach",
        "aten::mul.Tensor",
        "aten::add.Tensor",
        "assign",
        "aten::add.Tensor",
        "assign",
        "torchlayers::adam_",
        "aten::add.Tensor",
        "assign",
        "aten::argmax",
        "aten::argmax",
        "aten::eq.Tensor",
        "aten::to.dtype",
        "aten::sum.dim_IntList",
        "aten::add.Tensor",
        "assign",
        "aten::add.Tensor",
        "assign",
      ]
    `);
    // No matrix product is left as a bare one beside an addition.
    expect(operators.filter((name) => name === 'aten::mm' || name === 'aten::matmul')).toEqual([]);
  });
});
