// npx tsx scripts/tensorboard-env.ts: installs the real TensorBoard for the tests that read event files back through it, into a Python environment
// of its own in the per-user cache. Does nothing where it is there already.
import { existsSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { capture, isMain, run } from './commands.js';

const version = '2.21.0';

/** Where `test/support/tools.ts` looks for it. */
const folder = join(homedir(), '.cache', 'torchlayers', 'tensorboard');

/** Makes the environment unless it holds this version. @throws Error if Python or the package index is out of reach */
export function installTensorBoard(): void {
  const program = join(folder, 'bin', 'tensorboard');
  if (existsSync(program) && capture(program, ['--version']).output.includes(version)) return;
  // What an interrupted installation left would stay broken.
  rmSync(folder, { recursive: true, force: true });
  run('tensorboard-env', 'python3', ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', `tensorboard==${version}`];
  run('tensorboard-env', join(folder, 'bin', 'python'), pip);
}

if (isMain(import.meta.url)) {
  installTensorBoard();
  console.log(`tensorboard-env: TensorBoard ${version} in ${folder}`);
}
