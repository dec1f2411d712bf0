// Runs one contestant in a process of its own.
import { spawn } from 'node:child_process';
import { packageRoot } from '../lib/core/libtorch.js';
import type { Measurement, Run } from './workload.js';

/** A program that prints one line of JSON, a {@link Measurement}, as its last line. */
export interface Contestant {
  name: string;
  command: string;
  args: string[];
  env?: Record<string, string>;
}

/** Runs a contestant and answers what it measured. @throws Error with its output if it fails */
export function measure({ name, command, args, env = {} }: Contestant): Promise<Run> {
  const start = performance.now();
  const child = spawn(command, args, {
    cwd: packageRoot,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      const seconds = (performance.now() - start) / 1000;
      const line = output.trimEnd().split('\n').pop() ?? '';
      if (code === 0 && line.startsWith('{')) {
        resolve({ ...(JSON.parse(line) as Measurement), process_s: seconds });
        return;
      }
      const tail = `${errors}${output}`.trimEnd().split('\n').slice(-25).join('\n');
      reject(new Error(`bench: ${name} ended with ${signal ?? `status ${code}`}:\n${tail}`));
    });
  });
}
