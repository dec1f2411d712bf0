import { readFileSync } from 'node:fs';
import { tuner } from 'torchlayers';
import { describe, expect, it } from 'vitest';
import { GaussianProcess } from '../../lib/tuner/gaussian-process.js';

interface Golden {
  probabilities: number[];
  ranges: {
    kind: 'int' | 'float';
    low: number;
    high: number;
    options: tuner.RangeOptions;
    values: number[];
    back: number[];
    default: number;
  }[];
  gaussianProcesses: {
    noise: number;
    x: number[][];
    y: number[];
    at: number[][];
    lengthScale: number;
    mean: number[];
    deviation: number[];
  }[];
}
const golden: Golden = JSON.parse(readFileSync(new URL('../golden/tuner.json', import.meta.url), 'utf8'));

describe('HyperParameters', () => {
  it.each(golden.ranges)('$kind from $low to $high $options lies on the line as in KerasTuner', (one) => {
    const hp = new tuner.HyperParameters();
    expect(hp[one.kind]('x', one.low, one.high, one.options)).toBe(one.default);
    const [parameter] = hp.space as [tuner.Parameter];
    golden.probabilities.forEach((probability, i) => {
      const value = parameter.fromProbability(probability);
      expect(value).toBeCloseTo(one.values[i] as number, 9);
      expect(parameter.toProbability(value)).toBeCloseTo(one.back[i] as number, 9);
    });
  });

  it('keeps values, conditions and scopes', () => {
    const hp = new tuner.HyperParameters();
    expect(hp.choice('kind', ['a', 'b'])).toBe('a');
    expect(hp.conditionalScope('kind', 'b', () => hp.int('depth', 1, 3))).toBeUndefined();
    expect(hp.unvisited).toEqual([[{ name: 'kind', values: ['b'] }]]);
    expect(hp.float('rate', 0, 1, { default: 0.5, parentName: 'kind', parentValues: ['b'] })).toBe(0.5);
    expect(hp.values).toEqual({ kind: 'a' });

    const other = hp.withValues({ kind: 'b' });
    expect(other.choice('kind', ['a', 'b'])).toBe('b');
    expect(other.conditionalScope('kind', 'b', () => other.int('depth', 1, 3))).toBe(1);
    expect(other.float('rate', 0, 1, { default: 0.5, parentName: 'kind', parentValues: ['b'] })).toBe(0.5);
    expect(other.values).toEqual({ kind: 'b', depth: 1, rate: 0.5 });
    expect(other.space.map((one) => one.name)).toEqual(['kind', 'rate', 'depth']);
    expect(tuner.HyperParameters.fromConfig(other.getConfig()).getConfig()).toEqual(other.getConfig());
  });

  const hp = (): tuner.HyperParameters => new tuner.HyperParameters();
  it.each<[string, () => unknown, string]>([
    ['a fraction', () => hp().int('n', 1.5, 3), 'hp.int("n"): minValue: expected a whole number, got 1.5.'],
    [
      'a reversed range',
      () => hp().float('x', 3, 1),
      'hp.float("x"): expected minValue of at most maxValue, got 3 and 1.',
    ],
    [
      'a logarithm of 0',
      () => hp().float('x', 0, 1, { sampling: 'log' }),
      "expected minValue above 0 with sampling 'log', got 0.",
    ],
    [
      'a ratio of 1',
      () => hp().float('x', 1, 2, { sampling: 'log', step: 1 }),
      'step: expected a number above 1, got 1.',
    ],
    [
      'a default outside',
      () => hp().int('n', 1, 3, { default: 7 }),
      'default: expected a whole number from 1 to 3, got 7.',
    ],
    [
      'no choices',
      () => hp().choice('c', []),
      'hp.choice("c"): expected an array of numbers, of strings or of booleans, got [].',
    ],
    ['mixed choices', () => hp().choice('c', [1, 'a'] as never), 'got [1, "a"].'],
    ['a choice twice', () => hp().choice('c', [1, 1]), 'expected each value once'],
    ['ordered strings', () => hp().choice('c', ['a'], { ordered: true }), 'ordered: expected false'],
    [
      'an unknown parent',
      () => hp().boolean('b', { parentName: 'c', parentValues: [1] }),
      'expected a parent that was asked for before, got "c".',
    ],
    [
      'an unknown option',
      () => hp().int('n', 1, 3, { stp: 2 } as never),
      `hp.int("n"): unknown option 'stp'.\n  Did you mean 'step'?`,
    ],
    ['a choice that is no number', () => hp().choice('c', [Number.NaN]), 'got [NaN].'],
    [
      'a fixed value that is no number',
      () => hp().fixed('c', Number.NaN),
      'expected a number, string or boolean, got NaN.',
    ],
    [
      'parentValues alone',
      () => hp().int('n', 1, 3, { parentValues: [1] }),
      'hp.int("n"): expected parentName with parentValues, got parentValues alone.',
    ],
    ['a name that objects have', () => hp().int('constructor', 1, 3), 'got "constructor".'],
    [
      'a scope that awaits',
      () => {
        const one = hp();
        one.boolean('b', { default: true });
        one.conditionalScope('b', true, async () => one.int('n', 1, 2));
      },
      'expected a function that asks at once, got one that answers a promise.',
    ],
    ['no name', () => hp().int('', 1, 3), 'hp.int: expected a name, got "".'],
    [
      'an unknown name',
      () => hp().get('n'),
      'hp.get: expected the name of a hyperparameter that counts here, got "n".',
    ],
  ])('refuses %s', (_, act, message) => {
    expect(act).toThrow(message);
  });
});

describe('GaussianProcess', () => {
  it.each(golden.gaussianProcesses)("predicts what scikit-learn's does, $noise", (one) => {
    const process = new GaussianProcess(one.noise);
    process.fit(
      one.x.map((row) => Float64Array.from(row)),
      one.y,
    );
    expect(process.lengthScale).toBeCloseTo(one.lengthScale, 3);
    const { mean, deviation } = process.predict(one.at.map((row) => Float64Array.from(row)));
    for (const [i, value] of one.mean.entries()) expect(mean[i]).toBeCloseTo(value, 3);
    for (const [i, value] of one.deviation.entries()) expect(deviation[i]).toBeCloseTo(value, 3);
  });
});
