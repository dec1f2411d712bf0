import { describe, expect, it } from 'vitest';
import { type DType, dtypes, itemSize, resultType, standardizeDType } from '../../lib/core/dtype.js';
import { loadGolden } from '../support/golden.js';

describe('resultType', () => {
  it('is commutative, idempotent and never loses range', () => {
    const plain = dtypes.filter((dtype) => !dtype.startsWith('float8'));
    for (const a of plain) {
      expect(resultType(a)).toBe(a);
      for (const b of plain) {
        const joined = resultType(a, b);
        expect(joined).toBe(resultType(b, a));
        expect(resultType(joined, a)).toBe(joined);
      }
    }
  });

  it('takes lone numbers as weak', () => {
    expect(resultType('uint8', 'int')).toBe('uint8');
    expect(resultType('float16', 'float')).toBe('float16');
    expect(resultType('int32', 'float')).toBe('float32');
    expect(resultType('bool', 'int')).toBe('int32');
    expect(resultType('float', 'int')).toBe('float32');
  });
});

describe("Keras' promotion", () => {
  const { pairs } = loadGolden('utilities').facts['resultType'] as {
    pairs: Record<string, Record<string, DType | null>>;
  };

  it.each(Object.keys(pairs))('is the same for %s and every other dtype', (a) => {
    for (const [b, expected] of Object.entries(pairs[a] ?? {})) {
      if (expected === null && a !== b)
        expect(() => resultType(a as DType, b as DType), `${a}, ${b}`).toThrow(/No dtype holds both/);
      else if (expected !== null) expect(resultType(a as DType, b as DType), `${a}, ${b}`).toBe(expected);
    }
  });
});

describe('dtypes', () => {
  it('have sizes and names as Keras has them', () => {
    expect(dtypes.map((dtype: DType) => itemSize(dtype))).toEqual([1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 8, 16, 1, 1]);
    expect([standardizeDType(undefined), standardizeDType('float'), standardizeDType('int')]).toEqual([
      'float32',
      'float32',
      'int32',
    ]);
    expect(() => standardizeDType('double')).toThrow(/expected one of bool, .*got "double"/);
  });
});
