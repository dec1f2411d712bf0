import { expect } from 'vitest';
import { Input, layers, Sequential, type Tensor, tensor, utils } from '../../lib/index.js';
import type { CompileOptions } from '../../lib/training/compile.js';

/** Numbers that look random and are the same everywhere. */
export function numbers(count: number, seed = 1): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** `samples` rows of 6 features, and one-hot labels of 3 classes that follow from them. */
export function smallData(samples: number): { x: Tensor; y: Tensor; labels: Int32Array } {
  const values = numbers(samples * 6);
  const labels = Int32Array.from({ length: samples }, (_, i) => {
    const [a = 0, b = 0] = values.subarray(i * 6);
    return a > 0.2 ? 0 : b > 0 ? 1 : 2;
  });
  return {
    x: tensor(values, { shape: [samples, 6] }),
    y: utils.toCategorical(tensor(labels), { numClasses: 3 }),
    labels,
  };
}

/** 6 features, one hidden layer with dropout, 3 classes; compiled. */
export function smallModel(options: CompileOptions & { seed?: number; dropout?: number } = {}): Sequential {
  const { seed = 1, dropout = 0.3, ...compile } = options;
  utils.setRandomSeed(seed);
  const model = new Sequential([
    Input({ shape: [6] }),
    new layers.Dense({ units: 8, activation: 'relu' }),
    new layers.Dropout({ rate: dropout }),
    new layers.Dense({ units: 3, activation: 'softmax' }),
  ]);
  model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'], ...compile });
  return model;
}

/** Checks that two lists of numbers are equal to some digits. */
export function expectClose(actual: readonly number[] | undefined, expected: readonly number[], digits = 5): void {
  expect(actual).toEqual(expected.map((value) => expect.closeTo(value, digits)));
}
