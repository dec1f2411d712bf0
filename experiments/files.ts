// Where results go.
import { mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ArgumentError } from '../lib/core/errors.js';
import { packageRoot } from '../lib/core/libtorch.js';

/** Results land here unless `--out` says otherwise; git ignores it. */
export const defaultFolder: string = join(packageRoot, 'experiments-out');

/** Makes the folder for results. @throws {ArgumentError} if something else is there */
export function prepareFolder(command: string, path: string): string {
  const folder = resolve(path);
  const found = statSync(folder, { throwIfNoEntry: false });
  if (found !== undefined && !found.isDirectory()) {
    throw new ArgumentError(`${command}: --out: expected a folder, got the file ${folder}.`, 'Name another place.');
  }
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Writes JSON, whole or not at all. */
export function writeJson(path: string, value: unknown): void {
  writeFileSync(`${path}.partial`, `${JSON.stringify(value, null, 1)}\n`);
  renameSync(`${path}.partial`, path);
}
