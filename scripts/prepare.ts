// What `npm ci` runs in a clone, never in a user's install: finds or fetches libtorch, then builds dist/ and the addon.

import { install } from '../lib/cli/install.js';
import { cacheFolder, describeMissing, findLibtorch } from '../lib/core/libtorch.js';
import { buildNative, buildTypeScript } from './build.js';

const userNamedIt = Boolean(process.env['LIBTORCH']) || process.env['LIBTORCH_USE_PYTORCH'] === '1';

try {
  let { found, tried } = findLibtorch({ headers: true });
  if (found === undefined && !userNamedIt) {
    console.log(`prepare: fetching libtorch into ${cacheFolder()}`);
    await install();
    ({ found, tried } = findLibtorch({ headers: true }));
  }
  if (found === undefined) throw new Error(describeMissing(tried));
  console.log(`prepare: libtorch ${found.version} in ${found.path} (found by: ${found.how})`);
  buildTypeScript();
  buildNative();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
