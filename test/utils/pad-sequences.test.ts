import { describe, expect, test } from 'vitest';
import { ArgumentError, DTypeError, ShapeError, utils } from '../../lib/index.js';
import { type GoldenArray, loadGolden } from '../support/golden.js';
import { expectClose } from '../support/layer-suite.js';

interface PadCase {
  kind: string;
  sequences: number[][];
  options: utils.PadSequencesOptions;
  y: GoldenArray;
}

const { padSequences } = utils;

describe('padSequences', () => {
  const cases = loadGolden<PadCase>('sequences').cases.filter(({ kind }) => kind === 'pad');

  test.each(cases)('$name: $options', ({ sequences, options, y }) => {
    const result = padSequences(sequences, options);
    expect(result.dtype).toBe(options.dtype ?? 'int32');
    expectClose(result, y, 0);
  });

  test('takes typed arrays, and leaves its input as it was', () => {
    const sequences = [Int32Array.of(1, 2, 3), [4]];
    expect(padSequences(sequences, { maxlen: 2 }).arraySync()).toEqual([
      [2, 3],
      [0, 4],
    ]);
    expect(sequences).toEqual([Int32Array.of(1, 2, 3), [4]]);
    expect(padSequences([[Float32Array.of(1, 2)], []], { dtype: 'float16' }).arraySync()).toEqual([[[1, 2]], [[0, 0]]]);
  });

  test.each([
    ['no array', 'abc', {}, 'padSequences: expected an array of sequences, got "abc".'],
    ['numbers', [1, 2], {}, 'expected an array of sequences, got 1 at position 0.'],
    ['no sequences', [], {}, 'padSequences: expected at least one sequence, got none.\n  Or give maxlen.'],
    ['texts', [['a']], {}, 'expected numbers that int32 can hold, got "a" in sequence 0.'],
    ['numbers that are too large', [[1], [2 ** 31]], {}, 'expected numbers that int32 can hold, got 2147483648 in'],
    ['NaN', [[Number.NaN]], {}, 'expected numbers that int32 can hold, got NaN in sequence 0.'],
    ['a value that does not fit', [[1]], { dtype: 'uint8', value: -1 }, 'that uint8 can hold, got -1 as value.'],
    ['a maxlen of 0', [[1]], { maxlen: 0 }, 'expected maxlen to be a whole number of at least 1, got 0.'],
    ['another padding', [[1]], { padding: 'left' }, "expected padding to be one of 'pre', 'post', got \"left\"."],
    ['another truncating', [[1]], { truncating: 'left' }, "expected truncating to be one of 'pre', 'post'"],
    ['an unknown option', [[1]], { maxLen: 3 }, "Did you mean 'maxlen'?"],
    ['a number for options', [[1]], 200, 'Write padSequences(sequences, { maxlen: 200 }).'],
  ])('refuses %s', (_, sequences, options, message) => {
    const call = (): unknown => padSequences(sequences as number[][], options as utils.PadSequencesOptions);
    expect(call).toThrow(ArgumentError);
    expect(call).toThrow(message);
  });

  test('refuses steps of different shapes, and dtypes of no numbers', () => {
    expect(() => padSequences([[[1, 2]], [[3]]])).toThrow(ShapeError);
    expect(() => padSequences([[1, [2]] as never])).toThrow(
      'padSequences: expected steps of shape [], got [1] in sequence 0.',
    );
    expect(() => padSequences([[1]], { dtype: 'complex64' })).toThrow(DTypeError);
  });
});
