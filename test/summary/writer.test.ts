import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { DisposedError, ops, StateError, summary, tensor, Variable } from '../../lib/index.js';
import {
  eventFiles,
  readEvents,
  readHistograms,
  readRecords,
  readScalars,
  readSummaries,
} from '../support/event-files.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlayers-summary-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const open = (options: summary.FileWriterOptions = {}): summary.FileWriter => summary.createFileWriter(folder, options);

describe('a file', () => {
  test('has the name that readers look for, and begins with the version of the format', async () => {
    const writer = open();
    expect(writer.path).toBeNull();
    expect(readdirSync(folder)).toEqual([]);
    await writer.scalar('loss', 0.5, { step: 3 });
    await writer.close();
    const [name = ''] = readdirSync(folder);
    expect(name).toMatch(/^events\.out\.tfevents\.\d{10}\..+\.\d+\.\d{4,}\.v2$/);
    expect(name).toContain(`.${hostname()}.${process.pid}.`);
    expect(writer.path).toBe(join(folder, name));
    const [version, loss] = readEvents(folder);
    expect(version?.what).toEqual({ case: 'fileVersion', value: 'brain.Event:2' });
    expect(loss?.step).toBe(3n);
    expect(Math.abs((loss?.wallTime ?? 0) - Date.now() / 1000)).toBeLessThan(60);
  });

  test('writers of one folder have files of their own', async () => {
    for (const value of [1, 2]) {
      const writer = open({ filenameSuffix: '.own' });
      await writer.scalar('x', value, { step: value });
      await writer.close();
    }
    expect(eventFiles(folder)).toHaveLength(2);
    expect(eventFiles(folder).every((path) => path.endsWith('.own'))).toBe(true);
    expect(readScalars(folder)['x']).toEqual([
      [1, 1],
      [2, 2],
    ]);
  });

  test('is filled without flush, too, some moments later', async () => {
    const writer = open({ flushMs: 1 });
    await writer.scalar('x', 1, { step: 0 });
    await expect
      .poll(() => (writer.path === null ? 0 : readFileSync(writer.path).length), { timeout: 10_000 })
      .toBeGreaterThan(50);
    await writer.close();
  });

  test('read while it grows, shows whole records and at most the beginning of the next', async () => {
    const writer = open({ flushMs: 0 });
    const lengths = new Set<number>();
    for (let step = 0; step < 300; step++) {
      await writer.scalar('x', step, { step });
      if (step % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
      if (writer.path === null) continue;
      // Throws for a wrong checksum.
      const { records } = readRecords(readFileSync(writer.path));
      expect(records.length).toBeGreaterThanOrEqual(Math.max(0, ...lengths));
      lengths.add(records.length);
    }
    await writer.close();
    expect(lengths.size).toBeGreaterThan(2);
    expect(readScalars(folder)['x']).toEqual(Array.from({ length: 300 }, (_, step) => [step, step]));
  });

  test('a loop that awaits never runs ahead of the disk', async () => {
    const writer = open({ flushMs: 10_000 });
    let most = 0;
    for (let step = 0; step < 3000; step++) {
      await writer.text('note', 'x'.repeat(1000), { step });
      most = Math.max(most, writer.pendingBytes);
    }
    await writer.close();
    expect(readSummaries(folder)).toHaveLength(3000);
    expect(most).toBeGreaterThan(500_000);
    expect(most).toBeLessThan(1.1 * 2 ** 20);
    expect(writer.pendingBytes).toBe(0);
  });

  test('everything that was not awaited is there after close, in order', async () => {
    const writer = open();
    for (let step = 0; step < 50; step++) void writer.scalar('x', step, { step });
    await writer.close();
    expect(readScalars(folder)['x']?.map(([step]) => step)).toEqual(Array.from({ length: 50 }, (_, step) => step));
  });
});

describe('values', () => {
  test('scalars of tensors and Variables, as they are when given', async () => {
    const writer = open();
    const variable = new Variable(1.5);
    await writer.scalar('tensor', tensor([7], { dtype: 'int32' }), { step: 0 });
    const first = writer.scalar('variable', variable, { step: 0 });
    await first;
    variable.assign(2.5);
    await writer.scalar('variable', variable, { step: 1 });
    await writer.close();
    expect(readScalars(folder)).toEqual({
      tensor: [[0, 7]],
      variable: [
        [0, 1.5],
        [1, 2.5],
      ],
    });
  });

  test('histograms of tensors, arrays and typed arrays', async () => {
    const writer = open();
    const expected = [
      [0, 1, 2],
      [1, 2, 1],
    ];
    const all = {
      array: [0, 0.5, 2],
      typed: Float32Array.of(0, 0.5, 2),
      tensor: tensor([0, 0.5, 2]),
      wide: BigInt64Array.of(0n, 0n, 2n),
    };
    for (const [name, values] of Object.entries(all)) await writer.histogram(name, values, { step: 4, buckets: 2 });
    await writer.close();
    for (const name of Object.keys(all)) expect(readHistograms(folder, name)).toEqual([{ step: 4, rows: expected }]);
    // A tensor that was given stays the caller's.
    expect(await all.tensor.array()).toEqual([0, 0.5, 2]);
  });

  test('a graph of one’s own', async () => {
    const writer = open();
    await writer.graph([
      { name: 'in', op: 'Placeholder', shape: [null, 3], dtype: 'float32' },
      {
        name: 'box/out',
        op: 'MatMul',
        inputs: ['in'],
        device: 'cpu',
        attributes: { units: 3, rate: 0.5, name: 'x', on: true },
      },
    ]);
    await writer.close();
    const { GraphDefSchema } = await import('../../lib/summary/generated/graph_pb.js');
    const { fromBinary } = await import('@bufbuild/protobuf');
    const event = readEvents(folder).find(({ what }) => what.case === 'graphDef');
    const { node } = fromBinary(GraphDefSchema, event?.what.value as Uint8Array);
    expect(node.map(({ name, op, input, device }) => ({ name, op, input, device }))).toEqual([
      { name: 'in', op: 'Placeholder', input: [], device: '' },
      { name: 'box/out', op: 'MatMul', input: ['in'], device: 'cpu' },
    ]);
    expect(node[0]?.attr['_output_shapes']?.value).toMatchObject({
      value: { shape: [{ dim: [{ size: -1n }, { size: 3n }] }] },
    });
    const attributes = Object.entries(node[1]?.attr ?? {}).map(([name, { value }]) => [name, value.case, value.value]);
    expect(attributes).toEqual([
      ['units', 'i', 3n],
      ['rate', 'f', 0.5],
      ['name', 's', Buffer.from('x')],
      ['on', 'b', true],
    ]);
  });
});

describe('what goes wrong', () => {
  const bad: [string, (writer: summary.FileWriter) => unknown, string][] = [
    ['no name', (w) => w.scalar('', 1, { step: 0 }), 'FileWriter.scalar: name: expected a name, got "".'],
    [
      'no step',
      (w) => w.scalar('x', 1, {} as never),
      'FileWriter.scalar: step: expected a whole number of at least 0, got undefined.',
    ],
    [
      'step',
      (w) => w.scalar('x', 1, { step: -1 }),
      'FileWriter.scalar: step: expected a whole number of at least 0, got -1.',
    ],
    ['no options', (w) => w.scalar('x', 1, 5 as never), 'FileWriter.scalar: expected an object of options, got 5.'],
    [
      'unknown option',
      (w) => w.scalar('x', 1, { steps: 1 } as never),
      "FileWriter.scalar: unknown option 'steps'.\n  Did you mean 'step'?",
    ],
    [
      'scalar',
      (w) => w.scalar('x', 'one' as never, { step: 0 }),
      'FileWriter.scalar: expected a number or a tensor of one element, got "one".',
    ],
    [
      'many',
      (w) => w.scalar('x', ops.ones([2]), { step: 0 }),
      'FileWriter.scalar: expected a number or a tensor of one element, got shape [2].',
    ],
    [
      'description',
      (w) => w.scalar('x', 1, { step: 0, description: 1 as never }),
      'FileWriter.scalar: description: expected a string, got 1.',
    ],
    [
      'buckets',
      (w) => w.histogram('x', [1], { step: 0, buckets: 0 }),
      'FileWriter.histogram: buckets: expected a whole number of at least 1, got 0.',
    ],
    [
      'image rank',
      (w) => w.image('x', ops.ones([4, 4, 1]), { step: 0 }),
      'FileWriter.image: expected images of shape [images, height, width, channels] with 1 to 4 channels, got [4, 4, 1].\n  One more axis',
    ],
    ['channels', (w) => w.image('x', ops.ones([1, 4, 4, 5]), { step: 0 }), 'with 1 to 4 channels, got [1, 4, 4, 5].'],
    [
      'image dtype',
      (w) => w.image('x', ops.ones([1, 2, 2, 1], { dtype: 'int32' }), { step: 0 }),
      'FileWriter.image: expected images of a float dtype (0 to 1), uint8 (0 to 255) or bool, got int32.',
    ],
    [
      'maxOutputs',
      (w) => w.image('x', ops.ones([1, 2, 2, 1]), { step: 0, maxOutputs: -1 }),
      'FileWriter.image: maxOutputs: expected a whole number of at least 0, got -1.',
    ],
    [
      'text',
      (w) => w.text('x', 5 as never),
      'FileWriter.text: expected a string, an array of strings, or rows of equal length, got 5.',
    ],
    ['ragged text', (w) => w.text('x', [['a', 'b'], ['c']]), 'rows of equal length, got [["a", "b"], ["c"]].'],
    [
      'graph',
      (w) => w.graph('model' as never),
      'FileWriter.graph: expected a model or an array of nodes, got "model".',
    ],
    [
      'twice',
      (w) =>
        w.graph([
          { name: 'a', op: 'x' },
          { name: 'a', op: 'y' },
        ]),
      'FileWriter.graph: expected nodes of different names, got "a" twice.',
    ],
    [
      'no node',
      (w) => w.graph([{ name: 'a', op: 'x', inputs: ['b'] }]),
      'FileWriter.graph: inputs of "a": expected names of nodes, got "b".',
    ],
    [
      'hparams',
      (w) => w.hparams({ rate: Number.NaN }),
      'FileWriter.hparams: rate: expected a finite number, a string or a boolean, got NaN.',
    ],
    [
      'status',
      (w) => w.hparamsEnd({ status: 'done' as never }),
      "FileWriter.hparamsEnd: status: expected one of 'success', 'failure', 'running', got \"done\".",
    ],
  ];
  test.each(bad)('%s', (_, run, message) => {
    const writer = open();
    expect(() => run(writer)).toThrow(message);
    expect(readdirSync(folder)).toEqual([]);
  });

  test.each([
    [() => summary.createFileWriter(''), 'createFileWriter: logDir: expected the path of a folder, got "".'],
    [() => summary.createFileWriter(5 as never), 'createFileWriter: logDir: expected the path of a folder, got 5.'],
    [
      () => open({ filenameSuffix: '/x' }),
      'createFileWriter: filenameSuffix: expected the end of a file\'s name, got "/x".',
    ],
    [() => open({ flushMs: -1 }), 'createFileWriter: flushMs: expected a whole number from 0 to 2147483647, got -1.'],
    [() => open({ flush: 1 } as never), "createFileWriter: unknown option 'flush'."],
  ])('createFileWriter %#', (make, message) => {
    expect(make).toThrow(message);
  });

  test('a closed writer takes nothing more', async () => {
    const writer = open();
    await writer.scalar('x', 1, { step: 0 });
    await writer.close();
    await writer.close();
    expect(() => writer.scalar('x', 1, { step: 1 })).toThrow(StateError);
    expect(() => writer.hparams({ a: 1 })).toThrow('FileWriter: expected an open writer, got a closed one.');
    expect(readScalars(folder)['x']).toEqual([[0, 1]]);
  });

  test('a tensor that is gone is an error of its own call; the rest is written', async () => {
    const writer = open();
    const gone = ops.ones([3]);
    gone.dispose();
    await expect(async () => writer.histogram('x', gone, { step: 0 })).rejects.toThrow(DisposedError);
    await writer.scalar('y', 1, { step: 0 });
    await writer.close();
    expect(readScalars(folder)['y']).toEqual([[0, 1]]);
  });

  test('after a failed write nothing is accepted, and every call says why', async () => {
    const writer = open();
    await writer.scalar('x', 1, { step: 0 });
    await writer.flush();
    rmSync(folder, { recursive: true });
    await writer.scalar('x', 2, { step: 1 });
    const reason = 'got ENOENT.\n  The folder was removed while events were written to it.';
    await expect(writer.flush()).rejects.toThrow(reason);
    expect(() => writer.scalar('x', 3, { step: 2 })).toThrow(reason);
    await expect(writer.close()).rejects.toThrow(reason);
  });
});
