// The same training in Keras (JAX backend), in a process and a Python environment of its own.
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { mnistFile } from '../bench/datasets.js';
import { pythonFor } from '../bench/python-environments.js';
import { packageRoot } from '../lib/core/libtorch.js';
import type { Outcome, Settings } from './network.js';

/** Makes what Keras needs: its environment, once, and the data as a file. */
export async function prepareKeras(): Promise<{ python: string; data: string }> {
  return { python: pythonFor('keras'), data: await mnistFile() };
}

/** Trains once in Keras. @throws Error with the process' last lines if it fails, signal.reason when aborted */
export function trainInKeras(
  { python, data }: { python: string; data: string },
  settings: Settings,
  { seed, limit, signal }: { seed: number; limit: number; signal: AbortSignal },
): Promise<Outcome> {
  const script = join(packageRoot, 'experiments', 'keras_mnist.py');
  const child = spawn(python, [script, data, JSON.stringify(settings), String(seed), String(limit)], {
    env: { ...process.env, KERAS_BACKEND: 'jax' },
    stdio: ['ignore', 'pipe', 'pipe'],
    signal,
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.setEncoding('utf8').on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', (error) => reject(signal.aborted ? signal.reason : error));
    child.on('close', (code, ended) => {
      const line = output.trimEnd().split('\n').pop() ?? '';
      if (code === 0 && line.startsWith('{')) resolve(JSON.parse(line) as Outcome);
      else if (signal.aborted) reject(signal.reason);
      else {
        const tail = `${errors}${output}`.trimEnd().split('\n').slice(-15).join('\n');
        reject(new Error(`reproduce: Keras ended with ${ended ?? `status ${code}`}:\n${tail}`));
      }
    });
  });
}
