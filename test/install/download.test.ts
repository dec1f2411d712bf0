import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DownloadOptions, download } from '../../lib/cli/libtorch/download.js';
import { type ArchiveServer, type Behaviour, serveArchive, sha256 } from './archive-server.js';

const data = Buffer.alloc(300_000, 'torchlayers ');
const digest = sha256(data);
const quick: DownloadOptions = { stallMs: 300, pauseMs: 1, tries: 3 };

let folder: string;
let path: string;
let server: ArchiveServer;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'torchlayers-download-'));
  path = join(folder, 'libtorch.zip');
});

afterEach(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function serve(...behaviours: Behaviour[]): Promise<void> {
  server = await serveArchive(data, behaviours);
}

/** The file is whole and nothing else is left beside it. */
function expectWhole(content: Buffer = data): void {
  expect(sha256(readFileSync(path))).toBe(sha256(content));
  expect(existsSync(`${path}.part`)).toBe(false);
  expect(existsSync(`${path}.part.tag`)).toBe(false);
}

describe('download', () => {
  it('fetches a file and reports its progress up to the end', async () => {
    await serve({ kind: 'whole' });
    const seen: [number, number][] = [];
    await download(server.url, path, digest, { ...quick, onProgress: (done, total) => seen.push([done, total]) });
    expectWhole();
    expect(seen[0]).toEqual([0, data.byteLength]);
    expect(seen.at(-1)).toEqual([data.byteLength, data.byteLength]);
  });

  it('takes a file that is there and right without asking the server', async () => {
    await serve({ kind: 'whole' });
    writeFileSync(path, data);
    await download(server.url, path, digest, quick);
    expect(server.requests).toEqual([]);
  });

  it('replaces a file that is there and wrong', async () => {
    await serve({ kind: 'whole' });
    writeFileSync(path, 'half');
    await download(server.url, path, digest, quick);
    expectWhole();
  });

  it.each<[string, Behaviour]>([
    ['was cut', { kind: 'cut', after: 100_000 }],
    ['stalled', { kind: 'stall', after: 100_000 }],
  ])('continues where a connection %s', async (_, behaviour) => {
    await serve(behaviour, { kind: 'whole' });
    await download(server.url, path, digest, quick);
    expectWhole();
    expect(server.requests).toEqual(['whole', 'bytes=100000-']);
  });

  it('survives any number of cuts as long as each try brings something', async () => {
    await serve(...Array.from({ length: 9 }, (): Behaviour => ({ kind: 'cut', after: 30_000 })), { kind: 'whole' });
    await download(server.url, path, digest, quick);
    expectWhole();
    expect(server.requests).toHaveLength(10);
  });

  it('starts over where the server ignores the range', async () => {
    await serve({ kind: 'cut', after: 100_000 }, { kind: 'no-range' });
    await download(server.url, path, digest, quick);
    expectWhole();
    expect(server.requests).toEqual(['whole', 'bytes=100000-']);
  });

  it('never joins parts of two versions of a file', async () => {
    await serve({ kind: 'cut', after: 100_000 }, { kind: 'status', status: 404 }, { kind: 'whole' });
    await expect(download(server.url, path, digest, quick)).rejects.toThrow('404');
    expect(statSync(`${path}.part`).size).toBe(100_000);
    const other = Buffer.alloc(200_000, 'another');
    server.replace(other);
    await download(server.url, path, sha256(other), quick);
    expectWhole(other);
    expect(server.requests).toEqual(['whole', 'bytes=100000-', 'bytes=100000-']);
  });

  it('throws a corrupt file away and fetches it once more', async () => {
    await serve({ kind: 'corrupt' }, { kind: 'whole' });
    await download(server.url, path, digest, quick);
    expectWhole();
    expect(server.requests).toEqual(['whole', 'whole']);
  });

  it('gives up on a file that stays corrupt, naming both digests, and leaves nothing', async () => {
    await serve({ kind: 'corrupt' });
    const wrong = Buffer.from(data);
    wrong[wrong.byteLength >> 1] = (wrong[wrong.byteLength >> 1] ?? 0) ^ 0xff;
    await expect(download(server.url, path, digest, quick)).rejects.toThrow(
      `${server.url}: its sha256 is ${sha256(wrong)}, and ${digest} was expected`,
    );
    expect(server.requests).toHaveLength(2);
    expect(existsSync(path) || existsSync(`${path}.part`)).toBe(false);
  });

  it('waits out a server that is busy', async () => {
    await serve({ kind: 'status', status: 503 }, { kind: 'whole' });
    await download(server.url, path, digest, quick);
    expectWhole();
  });

  it('does not repeat what a server refuses', async () => {
    await serve({ kind: 'status', status: 404 });
    await expect(download(server.url, path, digest, quick)).rejects.toThrow('the server answered 404 Not Found');
    expect(server.requests).toHaveLength(1);
  });

  it('gives up after the given number of tries that bring nothing, saying what happened', async () => {
    await serve({ kind: 'stall', after: 0 });
    await expect(download(server.url, path, digest, { ...quick, stallMs: 50 })).rejects.toThrow('no data for 0.05 s');
    expect(server.requests).toHaveLength(3);
  });

  it('stops at once when aborted, with the reason, and keeps the part', async () => {
    await serve({ kind: 'stall', after: 100_000 });
    const stop = new AbortController();
    const reason = new Error('enough');
    const onProgress = (done: number): void => {
      if (done >= 100_000) stop.abort(reason);
    };
    await expect(download(server.url, path, digest, { onProgress, signal: stop.signal })).rejects.toBe(reason);
    expect(statSync(`${path}.part`).size).toBe(100_000);
  });
});
