import { mkdtemp, open, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Hdf5Reader, Hdf5Writer } from '../../lib/saving/hdf5/session.js';

test('what is written is read', async () => {
  const path = join(await mkdtemp(join(tmpdir(), 'h5-')), 'a.h5');
  await (await open(path, 'w')).close();
  const writer = await Hdf5Writer.create(path, path);
  await writer.group('a');
  await writer.group('a/vars');
  await writer.attribute('a/vars', 'name', 'Schicht');
  await writer.attribute('a', 'layer_names', ['eins', 'zwei']);
  await writer.attribute('a/vars', 'weight_names', []);
  await writer.dataset('a/vars/0', [3, 1000, 1000], 'float32', (offset) =>
    Float32Array.from({ length: 1e6 }, (_, i) => (offset[0] as number) * 1e6 + i),
  );
  await writer.dataset('a/vars/1', [], 'int32', () => Int32Array.of(7));
  await writer.dataset('a/vars/2', [0, 2], 'float32', () => new Float32Array(0));
  await writer.dataset('a/vars/3', [2], 'uint8', () => Uint8Array.of(1, 0));
  await writer.dataset('a/vars/4', [2], 'int64', () => BigInt64Array.of(1n, -2n));
  await writer.close();
  const reader = await Hdf5Reader.open(path, { path, offset: 0, size: (await stat(path)).size });
  expect([...reader.nodes.keys()]).toEqual([
    '',
    'a',
    'a/vars',
    'a/vars/0',
    'a/vars/1',
    'a/vars/2',
    'a/vars/3',
    'a/vars/4',
  ]);
  expect(reader.nodes.get('a')).toEqual({ kind: 'group', attributes: { layer_names: ['eins', 'zwei'] } });
  expect(reader.nodes.get('a/vars')).toEqual({ kind: 'group', attributes: { name: 'Schicht', weight_names: [] } });
  const values = new Float32Array(await reader.read('a/vars/0'));
  expect(values.every((value, i) => value === i)).toBe(true);
  expect(new Int32Array(await reader.read('a/vars/1'))).toEqual(Int32Array.of(7));
  expect((await reader.read('a/vars/2')).byteLength).toBe(0);
  expect(new BigInt64Array(await reader.read('a/vars/4'))).toEqual(BigInt64Array.of(1n, -2n));
  await reader.close();
});
