// npm run lint [-- --tidy]; npm run format is the same with --write.
//   Biome, clang-format, strict TypeScript over everything, knip; --tidy adds clang-tidy, which takes minutes.
import { parseArgs } from 'node:util';
import { binOf, hasCommand, isMain, nativeFiles, run } from './commands.js';
import { tidy } from './tidy.js';

/** A check by name; each throws when it finds something. */
export function lintSteps(
  options: { write?: boolean; tidy?: boolean } = {},
): Record<string, () => void | Promise<void>> {
  const node = (what: string, script: string, args: string[]): void => run(what, process.execPath, [script, ...args]);
  return {
    biome: () =>
      node('biome', binOf('@biomejs/biome', 'biome'), [
        'check',
        '--error-on-warnings',
        ...(options.write ? ['--write'] : []),
      ]),
    'clang-format': () => {
      if (!hasCommand('clang-format')) throw new Error('clang-format: not installed; apt-get install clang-format.');
      const mode = options.write ? ['-i'] : ['--dry-run', '--Werror'];
      run('clang-format', 'clang-format', [...mode, ...nativeFiles(/\.(cc|h|cu)$/)]);
    },
    types: () => node('types', binOf('typescript', 'tsc'), ['--noEmit', '-p', 'tsconfig.json']),
    knip: () => node('knip', binOf('knip'), ['--no-progress']),
    ...(options.tidy && { 'clang-tidy': tidy }),
  };
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({ options: { write: { type: 'boolean' }, tidy: { type: 'boolean' } } });
  for (const [name, check] of Object.entries(lintSteps(values))) {
    try {
      await check();
    } catch (error) {
      console.error(`${name}: failed. ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
    }
  }
}
