// Running other programs, for the scripts of this folder.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { packageRoot } from '../lib/core/libtorch.js';

/** Options of `run`. */
export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
}

/** Runs a program, its output going where ours goes. @throws Error with the command when it fails */
export function run(what: string, command: string, args: string[], options: RunOptions = {}): void {
  const { status, signal, error } = spawnSync(command, args, { cwd: packageRoot, stdio: 'inherit', ...options });
  if (error === undefined && status === 0) return;
  const reason = error?.message ?? (signal === null ? `ended with status ${status}` : `was ended by ${signal}`);
  throw new Error(`${what}: '${command} ${args.join(' ')}' ${reason}.`);
}

/** Runs a program and gives its output, both streams, and whether it succeeded. */
export function capture(command: string, args: string[], options: RunOptions = {}): { ok: boolean; output: string } {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: packageRoot,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    ...options,
  });
  return { ok: status === 0, output: `${stdout ?? ''}${stderr ?? ''}${error?.message ?? ''}` };
}

/** The script that a package's command is, so that it runs through `process.execPath` on every system, without a shell. */
export function binOf(name: string, command: string = name): string {
  const manifest = join(packageRoot, 'node_modules', name, 'package.json');
  const { bin } = JSON.parse(readFileSync(manifest, 'utf8')) as { bin: string | Record<string, string> };
  const file = typeof bin === 'string' ? bin : bin[command];
  if (file === undefined) throw new Error(`${name} has no command ${command}.`);
  return join(dirname(manifest), file);
}

/** True if a program is on the PATH. */
export function hasCommand(name: string): boolean {
  return spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0;
}

/** True in the module that node was started with. */
export function isMain(url: string): boolean {
  return url === new URL(process.argv[1] ?? '', 'file:').href;
}

/** Files of native/ whose name fits, with their full paths. */
export function nativeFiles(pattern: RegExp): string[] {
  return readdirSync(join(packageRoot, 'native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}
