// Virtual environments of the Python contestants, in the per-user cache; made anew when the pinned versions change.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, packageRoot } from '../lib/core/libtorch.js';
import { run } from '../scripts/commands.js';

/** The Python of an environment with exactly the packages of bench/python/requirements-<name>.txt; makes it if need be. */
export function pythonFor(name: string): string {
  const requirements = join(packageRoot, 'bench', 'python', `requirements-${name}.txt`);
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  const folder = join(cacheFolder(), 'bench', `${name}-${version}`);
  const python = (root: string): string =>
    process.platform === 'win32' ? join(root, 'Scripts', 'python.exe') : join(root, 'bin', 'python');
  if (existsSync(join(folder, 'complete'))) return python(folder);
  console.error(`Making the Python environment ${folder} (once; a few minutes and up to 3 GB).`);
  rmSync(folder, { recursive: true, force: true });
  const base = process.env['PYTHON'] ?? (process.platform === 'win32' ? 'python' : 'python3');
  run(`bench: ${name}`, base, ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
  run(`bench: ${name}`, python(folder), pip);
  // Written last: an environment that was cut off is made anew.
  writeFileSync(join(folder, 'complete'), '');
  return python(folder);
}
