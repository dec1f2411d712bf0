import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** How a child process ended. */
export interface Ending {
  code: number | null;
  signal: string | null;
  output: string;
  errors: string;
}

/** Runs a TypeScript file in a Node process of its own, for at most a minute. `flags` are Node's. */
export function runChild(
  file: URL,
  args: readonly string[] = [],
  options: { flags?: readonly string[]; env?: Record<string, string> } = {},
): Promise<Ending> {
  const child = spawn(process.execPath, [...(options.flags ?? []), '--import', 'tsx', fileURLToPath(file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
  });
  let output = '';
  let errors = '';
  child.stdout.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const deadline = setTimeout(() => child.kill('SIGKILL'), 60_000);
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearTimeout(deadline);
      resolve({ code, signal, output, errors });
    });
  });
}

/** What a process that crashes in native code leaves on stderr. */
export const crashes: RegExp =
  /terminate called|Segmentation|core dumped|FATAL|Assertion|double free|corrupt|Sanitizer/i;
