import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { checkOptions } from '../training/compile.js';
import { checkSignal } from '../training/options.js';

const where = 'tuner.searchInWorkers';

/** Options of {@link searchInWorkers}. */
export interface WorkersOptions {
  /** Threads that run the script. @default 2 */
  workers?: number;
  /** What each finds as `workerData` of node:worker_threads; arguments of the command line are passed on. @default null */
  workerData?: unknown;
  /** Ends all of them; trials at hand are done anew by the next search on the folder. @default null */
  signal?: AbortSignal | null;
}

/**
 * Runs a script in several worker threads at once and waits for all. A script that searches on one folder shares its trials with the others; so do several
 * processes that run it, without this function.
 *
 * @param script the module that searches: `import.meta.url` for the one at hand
 * @throws what a worker threw first; the others are ended
 * @throws the signal's reason when it is aborted
 * @example
 * ```ts
 * import { isMainThread } from 'node:worker_threads';
 *
 * async function main(): Promise<void> {
 *   if (isMainThread) await tuner.searchInWorkers(import.meta.url, { workers: 2 });
 *   else await search.search(x, y, { epochs: 3, validationSplit: 0.2, verbose: 0 });
 * }
 * ```
 */
export async function searchInWorkers(script: string | URL, options: WorkersOptions = {}): Promise<void> {
  checkOptions(where, options, ['workers', 'workerData', 'signal']);
  const { workers = 2, workerData = null, signal = null } = options;
  checkSignal(where, signal);
  if (typeof script !== 'string' && !(script instanceof URL)) {
    throw new ArgumentError(
      `${where}: script: expected a path or URL, got ${show(script)}.`,
      'Write tuner.searchInWorkers(import.meta.url).',
    );
  }
  if (!Number.isSafeInteger(workers) || workers < 1) {
    throw new ArgumentError(`${where}: workers: expected a whole number of at least 1, got ${show(workers)}.`);
  }
  signal?.throwIfAborted();
  const url = typeof script === 'string' && script.startsWith('file:') ? new URL(script) : script;
  const running = Array.from({ length: workers }, () => new Worker(url, { workerData, argv: process.argv.slice(2) }));
  const end = (): void => {
    for (const worker of running) void worker.terminate();
  };
  signal?.addEventListener('abort', end, { once: true });
  try {
    await Promise.all(
      running.map(async (worker) => {
        const [code] = await once(worker, 'exit').catch(explain);
        signal?.throwIfAborted();
        if (code !== 0) throw new ArgumentError(`${where}: a worker ended with exit code ${code}.`);
      }),
    );
  } finally {
    signal?.removeEventListener('abort', end);
    end();
  }
}

/** Throws what a worker threw, with the way out where the script is not JavaScript. */
function explain(error: NodeJS.ErrnoException): never {
  if (error.code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
  throw new ArgumentError(
    `${where}: script: expected JavaScript, got another file: ${error.message}.`,
    'A worker thread has no TypeScript loader: compile the script, or start several processes of it.',
    { cause: error },
  );
}
