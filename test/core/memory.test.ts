// What the garbage collector is told: the true size of memory, once, and nothing for stand-ins.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { call } from '../../lib/core/call.js';
import { memory, trimMemory } from '../../lib/core/memory.js';
import { jit, record } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { tidy } from '../../lib/core/tidy.js';
import { Variable } from '../../lib/core/variable.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;
const MB = 2 ** 20;
/** What V8 has been told of. */
const externalMb = (): number => memory().externalBytes / MB;
const zeros = (mb: number): Tensor => call('aten::zeros', [mb * (MB / 4)], 'float32');

describe('memory', () => {
  it('of a tensor is told to V8, and taken back when it is disposed or collected', () => {
    gc();
    const start = externalMb();
    const x = zeros(32);
    expect(externalMb() - start).toBeCloseTo(32, 0);
    x.dispose();
    expect(externalMb() - start).toBeCloseTo(0, 0);
    (() => {
      for (let i = 0; i < 4; i++) zeros(8);
    })();
    gc();
    expect(Math.abs(externalMb() - start)).toBeLessThan(9);
  });

  it('of views and of values of Variables is told once', () => {
    gc();
    const start = externalMb();
    const x = zeros(32);
    const kept = [call('aten::reshape', x, [-1, 2]), call('aten::slice.Tensor', x, 0, 0, 5), new Variable(x)];
    kept.push((kept[2] as Variable).value);
    expect(externalMb() - start).toBeLessThan(65);
    for (const t of [x, ...kept]) t.dispose();
    expect(externalMb() - start).toBeCloseTo(0, 0);
  });

  it('of stand-ins is none: recording a huge function neither computes nor calls the garbage collector', () => {
    const before = memory();
    const start = externalMb();
    const program = record([{ shape: [1 << 20, 1 << 10], dtype: 'float32', device: 'cpu' }], ([x]) => {
      let y = x as Tensor;
      for (let i = 0; i < 500; i++) y = call('aten::add.Tensor', y, y, 1);
      expect(externalMb() - start).toBeLessThan(4);
      return call('aten::sum', y);
    });
    expect(program.size).toBe(501);
    const after = memory();
    expect(after.bytes - before.bytes).toBeLessThan(MB);
  });

  it('is counted for the process, and given back', () => {
    gc();
    const before = memory();
    const x = zeros(64);
    expect(memory().bytes - before.bytes).toBeGreaterThanOrEqual(64 * MB);
    expect(memory().tensors - before.tensors).toBe(1);
    x.dispose();
    trimMemory();
    expect(memory().cachedBytes).toBe(0);
    expect(memory().peakBytes).toBeGreaterThanOrEqual(64 * MB);
  });

  it('of a steady loop asks the system for nothing', () => {
    const w = new Variable(new Float32Array(1000));
    const step = jit((x: Tensor) => {
      w.assign(call('aten::add.Tensor', w, call('aten::mul.Tensor', x, x), 1));
      return call('aten::sum', w);
    });
    const x = tensor(new Float32Array(1000).fill(2));
    const round = (): void => tidy(() => void step(x));
    for (let i = 0; i < 20; i++) round();
    const { allocations, tensors } = memory();
    for (let i = 0; i < 500; i++) round();
    expect(memory()).toMatchObject({ allocations, tensors });
  });
});
