import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { callbacks } from '../../lib/index.js';
import { smallData, smallModel } from '../training/small-model.js';

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

const seen: Seen[] = [];
let silent = false;
const server = createServer((request, response) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { method, url, headers } = request;
    seen.push({ method, url, headers, body });
    if (!silent) response.end('thank you');
  });
});
let root = '';
const { x, y } = smallData(50);

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  seen.length = 0;
  silent = false;
});

test('a form with a field of JSON, as Keras sends it', async () => {
  const monitor = new callbacks.RemoteMonitor({ root, headers: { 'x-run': 'seven' } });
  const { history } = await smallModel().fit(x, y, { verbose: 0, epochs: 2, callbacks: [monitor] });
  expect(seen.map(({ method, url }) => `${method} ${url}`)).toEqual(Array(2).fill('POST /publish/epoch/end/'));
  expect(seen[0]?.headers['content-type']).toMatch(/^application\/x-www-form-urlencoded/);
  expect(seen[0]?.headers['x-run']).toBe('seven');
  const [first, second] = seen.map(({ body }) => JSON.parse(new URLSearchParams(body).get('data') as string));
  expect(first).toEqual({ epoch: 0, accuracy: history['accuracy']?.[0], loss: history['loss']?.[0] });
  expect(second.epoch).toBe(1);
});

test('JSON itself, to another path; NaN as null', async () => {
  const monitor = new callbacks.RemoteMonitor({ root, path: '/epochs', sendAsJson: true });
  await monitor.onEpochEnd(3, { loss: Number.NaN, accuracy: 0.5 });
  expect(seen[0]?.url).toBe('/epochs');
  expect(seen[0]?.headers['content-type']).toBe('application/json');
  expect(seen[0]?.body).toBe('{"epoch":3,"loss":null,"accuracy":0.5}');
});

test('another field', async () => {
  await new callbacks.RemoteMonitor({ root, field: 'event' }).onEpochEnd(0, { loss: 1 });
  expect(new URLSearchParams(seen[0]?.body).get('event')).toBe('{"epoch":0,"loss":1}');
});

test('no server, and a silent one, are warnings', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const gone = createServer();
  await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
  await new Promise((resolve) => gone.close(resolve));
  await new callbacks.RemoteMonitor({ root: address }).onEpochEnd(0, { loss: 1 });
  silent = true;
  await new callbacks.RemoteMonitor({ root, timeoutMs: 50 }).onEpochEnd(0, { loss: 1 });
  expect(warned.mock.calls.map(([text]) => String(text).split(': ')[1])).toEqual([
    `could not reach the server at ${address}`,
    `could not reach the server at ${root}`,
  ]);
  vi.restoreAllMocks();
});
