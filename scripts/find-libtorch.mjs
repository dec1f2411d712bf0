// Prints the folder of libtorch that the build compiles against (lib/core/libtorch.ts decides): CMakeLists.txt and binding.gyp run this.
// With an argument, prints that part of it: `include` or `lib`.
import { join } from 'node:path';
import { register } from 'tsx/esm/api';

register();
const { describeMissing, findLibtorch } = await import('../lib/core/libtorch.ts');
const { found, tried } = findLibtorch({ headers: true });
if (found === undefined) {
  process.stderr.write(`${describeMissing(tried)}\n`);
  process.exitCode = 1;
} else {
  const part = process.argv[2];
  const path = part === undefined ? found.path : join(found.path, part);
  process.stdout.write(path.split('\\').join('/'));
}
