// npm run example -- <name> [its arguments]: runs examples/<name>.ts; without a name, lists them.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../lib/core/libtorch.js';
import { binOf, run } from './commands.js';

const folder = join(packageRoot, 'examples');
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''));
const [name, ...args] = process.argv.slice(2);

if (name === undefined || !existsSync(join(folder, `${name}.ts`))) {
  console.error(
    `example: expected one of ${names.join(', ')}, got ${name ?? 'no name'}.\n  npm run example -- ${names[0] ?? '<name>'}`,
  );
  process.exitCode = 1;
} else {
  try {
    run(name, process.execPath, [binOf('tsx'), join(folder, `${name}.ts`), ...args]);
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
