import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { StateError } from '../../lib/core/errors.js';
import { fetchFile } from '../../lib/datasets/cache.js';

const content = Buffer.from('{"the": 1}');
const words = { where: 'imdb.getWordIndex', places: 'here or there', remedy: 'Connect and load again.' };
let folder: string;
let server: Server;
let url: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cache-'));
  server = createServer((_, response) => response.end(content));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/words.json`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(folder, { recursive: true });
});

describe.each(['sha256', 'md5'] as const)('a file with a digest by %s', (algorithm) => {
  test('is fetched when the digest is right', async () => {
    const file = join(folder, 'deep', 'words.json');
    const digest = createHash(algorithm).update(content).digest('hex');
    await fetchFile({ file, url, digest, algorithm }, words);
    expect(await readFile(file)).toEqual(content);
  });

  test('is an error, and no file, when it is wrong', async () => {
    const file = join(folder, 'words.json');
    const digest = createHash(algorithm).update('other').digest('hex');
    const error = await fetchFile({ file, url, digest, algorithm }, words).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(StateError);
    expect((error as Error).message).toMatch(
      new RegExp(
        `^imdb\\.getWordIndex: expected the data here or there, got none: .*its ${algorithm} is .*\\n {2}Connect and load again\\.$`,
      ),
    );
    expect(await readdir(folder)).toEqual([]);
  });
});
