import { describe, expect, it } from 'vitest';
import { call, schemaOf } from '../../lib/core/call.js';
import { jit } from '../../lib/core/program.js';
import { tensor } from '../../lib/core/tensor.js';
import { calledOperators, currentLock, differences, readLock, type SchemaLock } from '../../scripts/schema-lock.js';

describe('schema.lock.json', () => {
  it('fits the sources and the libtorch that runs; else npm run schema-lock, and review what moved', () => {
    expect(differences(readLock(), currentLock())).toEqual([]);
  });

  it('is of the version that is pinned', () => {
    expect(readLock().libtorch).toBe(currentLock([]).libtorch);
  });

  it('would name every difference', () => {
    const lock = currentLock(['aten::neg', 'aten::abs', 'aten::nonzero']);
    const moved: SchemaLock = structuredClone(lock);
    expect(differences(lock, moved)).toEqual([]);
    moved.operators['aten::neg'] = { schema: `${schemaOf('aten::neg')} moved` };
    delete moved.operators['aten::abs'];
    delete moved.operators['aten::nonzero']?.recordable;
    moved.operators['aten::new'] = { schema: '' };
    expect(differences(lock, moved)).toEqual([
      `aten::neg: was ${schemaOf('aten::neg')}, is ${schemaOf('aten::neg')} moved`,
      'aten::nonzero: recordable was false, is true',
      'aten::new: not in the lock',
      'aten::abs: in the lock, but no longer called',
    ]);
  });

  it('finds the operators of lib/ and says which a recording refuses', () => {
    const names = calledOperators();
    expect(names).toContain('aten::addmm');
    expect(names).toContain('torchlayers::adam_');
    expect(names.length).toBeGreaterThan(150);
    const { operators } = currentLock([
      'aten::nonzero',
      'aten::index.Tensor',
      'aten::item',
      'aten::where',
      'aten::neg',
    ]);
    expect(Object.values(operators).map(({ recordable }) => recordable)).toEqual([
      false,
      'by arguments',
      false,
      false,
      undefined,
    ]);
    expect(() => jit(() => call('aten::nonzero', tensor([1])))()).toThrow(/aren't known while recording/);
  });
});
