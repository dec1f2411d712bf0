import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeAtomically } from '../../lib/saving/atomic.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atomic-'));
});
afterAll(() => rm(folder, { recursive: true }));

const put = (text: string) => (temporary: string) => writeFile(temporary, text);

describe('writeAtomically', () => {
  test('makes and replaces a file, keeps its permissions and links to it', async () => {
    const path = join(folder, 'a.txt');
    await writeAtomically(path, put('old'));
    await chmod(path, 0o640);
    await symlink(path, join(folder, 'link'));
    expect(await writeAtomically(join(folder, 'link'), async (temporary) => put('new')(temporary).then(() => 7))).toBe(
      7,
    );
    expect(await readFile(path, 'utf8')).toBe('new');
    expect((await stat(path)).mode & 0o777).toBe(0o640);
    expect((await readdir(folder)).sort()).toEqual(['a.txt', 'link']);
  });

  test('leaves the old file and nothing else when writing fails or is aborted', async () => {
    const path = join(folder, 'b.txt');
    await writeFile(path, 'old');
    const failure = new Error('no');
    await expect(writeAtomically(path, () => Promise.reject(failure))).rejects.toBe(failure);
    const controller = new AbortController();
    const writing = writeAtomically(
      path,
      async (temporary) => {
        await put('half')(temporary);
        controller.abort(failure);
      },
      { signal: controller.signal },
    );
    await expect(writing).rejects.toBe(failure);
    await expect(writeAtomically(path, put('x'), { signal: AbortSignal.abort(failure) })).rejects.toBe(failure);
    expect(await readFile(path, 'utf8')).toBe('old');
    expect((await readdir(folder)).filter((name) => name.includes('b.txt'))).toEqual(['b.txt']);
  });

  test('a full disk, told by the writer, names the file', async () => {
    const path = join(folder, 'full.txt');
    const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      errno: -28,
      syscall: 'write',
    });
    const error = (await writeAtomically(path, () => Promise.reject(full)).catch(
      (reason) => reason,
    )) as NodeJS.ErrnoException;
    expect(error.message).toBe(
      `"${path}": expected space on the disk, got ENOSPC.\n  Free space and try again; an older file of this name is untouched.`,
    );
    expect(error).toMatchObject({ code: 'ENOSPC', errno: -28, syscall: 'write', path, cause: full });
    expect(await readdir(folder)).not.toContain('full.txt');
  });

  test('says what is wrong with a place', async () => {
    const missing = join(folder, 'none', 'a.txt');
    await expect(writeAtomically(missing, put(''))).rejects.toThrow(
      `"${missing}": expected an existing folder, got ENOENT.\n  Create the folder first`,
    );
    await expect(writeAtomically(folder, put(''))).rejects.toThrow(`"${folder}": expected a file, got EISDIR.`);
    await expect(writeAtomically('', put(''))).rejects.toThrow('path: expected the path of a file, got "".');
  });

  test.skipIf(process.getuid?.() === 0)('says that permission is missing', async () => {
    const closed = join(folder, 'closed');
    await mkdir(closed, { mode: 0o500 });
    await expect(writeAtomically(join(closed, 'a'), put(''))).rejects.toThrow(
      'expected a place with permission, got EACCES',
    );
  });

  test('takes away what a killed process left, and nothing that is in use', async () => {
    const path = join(folder, 'c.txt');
    await writeAtomically(path, async (temporary) => {
      const own = temporary.replace(/\d+-[0-9a-f]{12}\.tmp$/, '');
      const old = new Date(Date.now() - 3_600_000);
      // No process has this number: it is above the largest that Linux gives.
      for (const [name, time] of [
        ['4999999-0123456789ab.tmp', old],
        ['4999999-0123456789ac.tmp', new Date()],
        [`${process.pid}-0123456789ad.tmp`, old],
        ['4999999-0123456789ae.tmp.h5', old],
      ] as const) {
        await writeFile(`${own}${name}`, '');
        await utimes(`${own}${name}`, time, time);
      }
      await put('x')(temporary);
    });
    await writeAtomically(path, put('y'));
    const left = (await readdir(folder))
      .filter((name) => name.startsWith('.c.txt'))
      .map((name) => name.replace(/^.*?-/, ''));
    expect(left.sort()).toEqual(['4999999-0123456789ac.tmp', `${process.pid}-0123456789ad.tmp`].sort());
  });
});
