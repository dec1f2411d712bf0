// What crosses between JavaScript and native code: odd typed arrays, sizes, names, and values of wrong types.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { call, callList } from '../../lib/core/call.js';
import { cond } from '../../lib/core/control.js';
import { ArgumentError, NativeError, ShapeError } from '../../lib/core/errors.js';
import { native } from '../../lib/core/native.js';
import { jit } from '../../lib/core/program.js';
import { type Tensor, tensor } from '../../lib/core/tensor.js';
import { Variable } from '../../lib/core/variable.js';
import { crashes, runChild } from '../support/child.js';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

/** A garbage collection after which finalizers have run. */
async function collect(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const large = 1 << 16;

describe('typed arrays', () => {
  it('may be windows on larger buffers, shared or resizable', () => {
    const bytes = new ArrayBuffer(64);
    new Float32Array(bytes).set([0, 1, 2, 3, 4, 5]);
    expect(tensor(new Float32Array(bytes, 8, 3)).arraySync()).toEqual([2, 3, 4]);
    expect(tensor(new Float32Array(bytes, 8, 3), { copy: false }).arraySync()).toEqual([2, 3, 4]);
    expect(tensor(Buffer.from([7, 8, 9]).subarray(1)).arraySync()).toEqual([8, 9]);
    const shared = new Int32Array(new SharedArrayBuffer(16), 4, 2);
    shared.set([5, 6]);
    expect(tensor(shared).arraySync()).toEqual([5, 6]);
    const Resizable = ArrayBuffer as new (length: number, options: { maxByteLength: number }) => ArrayBuffer;
    const tracking = new Uint8Array(new Resizable(2, { maxByteLength: 8 }));
    (tracking.buffer as unknown as { resize(length: number): void }).resize(4);
    expect(tensor(tracking).shape).toEqual([4]);
  });

  it('without a buffer are empty, and an error where a shape is asked for', () => {
    const detached = new Float32Array(4);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    for (const copy of [true, false]) {
      expect(tensor(detached, { copy }).shape).toEqual([0]);
      expect(() => tensor(detached, { copy, shape: [4] })).toThrow(ShapeError);
      expect(() => native.fromArray(detached, [4], 11, 'cpu', copy)).toThrow(/expected values for shape \[4\], got 0/);
    }
  });

  it('are never read past their end', () => {
    for (const shape of [[3], [2, 2], [1, 1], [2 ** 32, 2 ** 32], [2 ** 62, 4], [-2], [0]]) {
      expect(() => native.fromArray(new Float32Array(2), shape, 11, 'cpu', true), String(shape)).toThrow(/shape|sizes/);
    }
    const target = tensor([1, 2, 3]);
    for (const offset of [1, 3, -1, 2 ** 62, 2 ** 63 - 1024]) {
      expect(() => native.copyInto(target.handle, offset, new Float32Array(3))).toThrow(/don't fit|whole number/);
    }
    native.copyInto(target.handle, 1, new Float32Array([8, 9]));
    expect(target.arraySync()).toEqual([1, 8, 9]);
  });

  it('that show a tensor are cloned and never handed over, as some versions of Node say by an error', async () => {
    const values = tensor(new Float32Array(large).fill(3)).dataSync() as Float32Array;
    const transfer = [values.buffer as ArrayBuffer];
    const { port1, port2 } = new MessageChannel();
    const received: unknown[] = [];
    port2.on('message', (message) => received.push(message));
    const sent: unknown[] = [structuredClone(values)];
    port1.postMessage(values);
    for (const send of [
      () => sent.push(structuredClone(values, { transfer })),
      () => port1.postMessage(values, transfer),
    ]) {
      try {
        send();
      } catch (error) {
        expect((error as Error).name).toBe('DataCloneError');
      }
    }
    await collect();
    port1.close();
    for (const clone of [values, ...sent, ...received] as Float32Array[]) {
      expect([clone.length, ...new Set(clone)]).toEqual([large, 3]);
    }
    expect(received.length).toBeGreaterThan(0);
  });

  it('outlive the tensors and programs whose memory they show', async () => {
    const arrays = (() => {
      const constant = tensor(new Float32Array(large).fill(5));
      const weight = new Variable(new Float32Array(large).fill(6));
      const f = jit((x: Tensor) => [constant, weight, call('aten::add.Tensor', x, constant, 1)]);
      const results = f(tensor(new Float32Array(large).fill(1)));
      return [...results.map((t) => t.dataSync()), constant.dataSync(), weight.dataSync()];
    })();
    await collect();
    for (let i = 0; i < 20; i++) tensor(new Float32Array(large).fill(100 + i));
    expect(arrays.map((array) => [...new Set(array as Float32Array)])).toEqual([[5], [6], [6], [5], [6]]);
  });

  it('given with copy: false live as long as anybody looks at them', async () => {
    const view = (() => {
      const x = tensor(new Float32Array(large).fill(4), { copy: false });
      return call('aten::reshape', x, [2, large / 2]);
    })();
    await collect();
    const fill = Array.from({ length: 20 }, () => new Float32Array(large).fill(9));
    expect(call('aten::sum', view).item()).toBe(4 * large);
    expect(fill.length).toBe(20);
  });

  it('of a loop that never yields are copies from some point on, so that memory stays bounded', () => {
    const held: ArrayBufferLike[] = [];
    // 320 MB shown by arrays that are alive: more than may be shared.
    for (let i = 0; i < 80; i++) held.push(tensor(new Uint8Array(4 << 20).fill(i)).dataSync().buffer);
    expect(held.map((buffer) => new Uint8Array(buffer)[4_000_000])).toEqual(held.map((_, i) => i));
    const x = tensor(new Uint8Array(4 << 20).fill(1));
    const copy = x.dataSync();
    copy[0] = 7;
    expect(x.dataSync()[0]).toBe(1);
  });
});

describe('sizes and numbers', () => {
  it.each([
    [() => call('aten::zeros', [-1], 'float32'), NativeError, /negative/],
    [() => call('aten::zeros', [2 ** 40, 2 ** 40], 'float32'), NativeError, /./],
    [() => call('aten::zeros', [2 ** 63], 'float32'), ArgumentError, /expected a whole number, got 9\.22337e\+18/],
    [() => call('aten::zeros', [2n ** 64n], 'float32'), ArgumentError, /whole number of 64 bits/],
    [() => call('aten::zeros', [Number.NaN], 'float32'), ArgumentError, /expected a whole number, got nan/],
    [() => call('aten::full', [1], 2n ** 70n), ArgumentError, /whole number of 64 bits/],
    [() => call('aten::reshape', tensor([1, 2]), [-1, -1]), NativeError, /./],
    [() => call('aten::reshape', tensor([1, 2]), [2 ** 53]), NativeError, /./],
    [() => call('aten::expand', tensor([1]), [2 ** 62, 8]), NativeError, /./],
    [() => tensor([1], { shape: [2 ** 60] }), ShapeError, /./],
    [() => jit(() => call('aten::zeros', [2 ** 62, 8], 'float32'))(), NativeError, /./],
    [() => native.recordInput([2], 11, 'cpu'), Error, /none is open/],
    [() => native.setThreads(-1), Error, /threads: expected a whole number from 0 .* to 1024, got -1/],
    [() => native.setThreads(1e9), Error, /to 1024/],
    [() => native.sessionCreate([], 1e9), Error, /to 1024/],
  ])('out of range are errors %#', (use, type, message) => {
    expect(use).toThrow(type);
    expect(use).toThrow(message);
  });

  it('of 64 bits keep all their digits', () => {
    expect(call('aten::full', [1], 2n ** 62n + 1n, 'int64').dataSync()[0]).toBe(2n ** 62n + 1n);
  });

  it('a shape that does not fit an input leaves the recording usable', () => {
    native.recordBegin();
    try {
      expect(() => native.recordInput([-1], 11, 'cpu')).toThrow(/negative/);
      const x = native.recordInput([2], 11, 'cpu');
      const program = native.recordEnd([x]);
      expect(native.programText(program)).toBe('program(%0: float32[2]) {\n  return %0\n}');
    } finally {
      native.recordAbort();
    }
  });
});

describe('calls', () => {
  it('take lists of any length, and at most 63 arguments', () => {
    const many = Array.from({ length: 300 }, (_, i) => tensor([i]));
    expect(call('aten::cat', many, 0).shape).toEqual([300]);
    expect(jit((xs: Tensor[]) => call('aten::cat', xs, 0))(many).dataSync()[299]).toBe(299);
    expect(callList('aten::unbind.int', call('aten::cat', many, 0), 0).length).toBe(300);
    const use = () => call('aten::neg', ...Array.from({ length: 64 }, () => tensor(1)));
    expect(use).toThrow(ArgumentError);
    expect(use).toThrow(/expected at most 64 arguments, got 65/);
  });

  it('carry names of any letters', () => {
    const name = 'größe/重み/🚀 "q"\0';
    const v = new Variable([1], { name });
    const f = jit((x: Tensor) => call('aten::add.Tensor', v, x, 1));
    expect(f(tensor([1])).arraySync()).toEqual([2]);
    expect(f.programs[0]?.toString()).toContain(`@${name}.0`);
    expect(() => v.assign([1, 2])).toThrow(name);
    expect(() => call('aten::größe/重み/🚀')).toThrow("unknown operator 'aten::größe/重み/🚀'");
  });

  it('see the operator that they named, whatever a getter of an argument looks up meanwhile', () => {
    const sizes = Object.defineProperty([0], 0, {
      get: () => {
        for (const type of ['float', 'int', 'Scalar', 'Tensor'])
          for (const name of ['pow', 'eq', 'ne', 'lt', 'le', 'gt', 'ge', 'mul', 'div', 'sub', 'remainder']) {
            try {
              native.operator(`aten::${name}.${type}`);
            } catch {}
          }
        return 3;
      },
    });
    expect(call('aten::ones', sizes, 'float32').arraySync()).toEqual([1, 1, 1]);
  });

  it('answer errors for every kind of wrong value, in every export', async () => {
    const { code, signal, output, errors } = await runChild(new URL('./fixtures/fuzz.ts', import.meta.url), ['2000']);
    const lines = output.trim().split('\n');
    expect({ signal, code }, `in ${lines.at(-1)}: ${errors}`).toEqual({ signal: null, code: 0 });
    expect(errors).not.toMatch(crashes);
    const summary = JSON.parse(lines.at(-1) as string) as { exports: number; errors: number; still: number[] };
    expect(summary.exports).toBe(Object.keys(native).length);
    expect(summary.errors).toBeGreaterThan(10_000);
    expect(summary.still).toEqual([1, 2, 3]);
  }, 90_000);
});

describe('tensors', () => {
  it('say that they stay in their thread when they are sent to another', () => {
    const { port1 } = new MessageChannel();
    for (const value of [tensor([1]), new Variable([1]), { nested: [tensor(1)] }]) {
      for (const send of [() => structuredClone(value), () => port1.postMessage(value)]) {
        expect(send).toThrow(/A tensor stays in its thread: send what await t\.data\(\) answers.* could not be cloned/);
      }
    }
    port1.close();
  });

  it('captured by programs and branches may be disposed', () => {
    const [a, b, c] = [tensor([1]), tensor([10]), tensor([100])];
    const f = jit((x: Tensor) =>
      cond(
        call('aten::gt.Scalar', x, 0),
        () => call('aten::add.Tensor', x, a, 1),
        () => call('aten::add.Tensor', call('aten::add.Tensor', x, b, 1), c, 1),
      ),
    );
    f(tensor([1]));
    for (const t of [a, b, c]) t.dispose();
    for (let i = 0; i < 100; i++) tensor([i + 1000]);
    expect([f(tensor([1])).arraySync(), f(tensor([-1])).arraySync()]).toEqual([[2], [109]]);
  });

  it('of another kind of handle are refused', () => {
    const program = jit((x: Tensor) => x).programFor(tensor(1)).handle;
    expect(() => native.shape(program as never)).toThrow(/expected a tensor of this thread/);
    expect(() => native.runProgram(tensor(1).handle as never, [])).toThrow(/expected a program of this thread/);
    expect(() => native.sessionStop(program as never)).toThrow(/expected a session of this thread/);
  });
});
