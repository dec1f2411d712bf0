import { type ChildProcess, spawn } from 'node:child_process';
import { findTensorBoard } from './tools.js';

/** A running TensorBoard; `await board.stop()` ends it. */
export interface RunningTensorBoard {
  /** 'http://127.0.0.1:40953' */
  url: string;
  /** What a path below /data answers, as JSON. @throws Error for an answer that is none */
  get(path: string): Promise<unknown>;
  post(path: string, body: object): Promise<unknown>;
  stop(): Promise<void>;
}

/** Starts the real TensorBoard on a folder, on a port that is free. `fast`: which of its two readers of files reads. */
export async function startTensorBoard(
  logDir: string,
  { fast = true }: { fast?: boolean } = {},
): Promise<RunningTensorBoard> {
  const program = findTensorBoard();
  if (program === null) throw new Error('expected TensorBoard: ask missingTools first.');
  const flags = ['--host', '127.0.0.1', '--port', '0', '--reload_interval', '1', '--load_fast', String(fast)];
  const child = spawn(program, ['--logdir', logDir, ...flags], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const stop = (): Promise<void> => end(child);
  try {
    const url = await addressOf(child);
    const ask = async (path: string, init: RequestInit = {}): Promise<unknown> => {
      const answer = await fetch(`${url}/data/${path}`, { ...init, signal: AbortSignal.timeout(20_000) });
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${path}: ${answer.status} ${text.slice(0, 500)}`);
      return text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text;
    };
    return {
      url,
      get: (path) => ask(path),
      post: (path, body) =>
        ask(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function addressOf(child: ChildProcess): Promise<string> {
  let output = '';
  return new Promise((resolve, reject) => {
    const fail = (reason: string): void => reject(new Error(`TensorBoard ${reason}:\n${output}`));
    const deadline = setTimeout(() => fail('did not start within a minute'), 60_000);
    child.stderr?.on('data', (chunk) => {
      output += chunk;
      const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(output) ?? [];
      if (url === undefined) return;
      clearTimeout(deadline);
      resolve(url);
    });
    child.on('error', (error) => fail(error.message));
    child.on('exit', (code) => {
      clearTimeout(deadline);
      fail(`ended with ${code}`);
    });
  });
}

/** Ends the program and the reader that it started: both are in a group of their own. */
async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const { pid } = child;
  process.kill(-pid, 'SIGTERM');
  const deadline = setTimeout(() => process.kill(-pid, 'SIGKILL'), 5000);
  await gone;
  clearTimeout(deadline);
}
