// TensorFlow.js in the per-user cache: it is compared with, not depended on. Made anew when bench/javascript/package.json changes.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { cacheFolder, packageRoot } from '../lib/core/libtorch.js';
import { run } from '../scripts/commands.js';

/** The folder whose node_modules holds TensorFlow.js; installs it if need be. */
export function tfjsFolder(): string {
  const manifest = join(packageRoot, 'bench', 'javascript', 'package.json');
  const version = createHash('sha256').update(readFileSync(manifest)).digest('hex').slice(0, 12);
  const folder = join(cacheFolder(), 'bench', `tfjs-${version}`);
  if (existsSync(join(folder, 'complete'))) return folder;
  console.error(`Installing TensorFlow.js into ${folder} (once; about 200 MB).`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  copyFileSync(manifest, join(folder, 'package.json'));
  // As npm itself does: on Windows it is a script of the shell.
  const npm = process.env['npm_execpath'];
  const [command, args] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
  run('bench: tfjs', command, [...args, 'install', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder });
  // Written last: an installation that was cut off is made anew.
  writeFileSync(join(folder, 'complete'), '');
  return folder;
}
