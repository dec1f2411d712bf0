// npm run lint [-- --tidy]; npm run format is the same with --write.
//   Biome, clang-format, strict TypeScript over everything, knip; --tidy adds clang-tidy, which takes minutes.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../lib/core/libtorch.js';
import { binOf, hasCommand, isMain, run } from './commands.js';

function nativeFiles(pattern: RegExp): string[] {
  return readdirSync(join(packageRoot, 'native'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

/** A check by name; each throws when it finds something. */
export function lintSteps(options: { write?: boolean; tidy?: boolean } = {}): Record<string, () => void> {
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
    ...(options.tidy && {
      'clang-tidy': () => {
        const database = ['build', 'build/test'].find((folder) =>
          existsSync(join(packageRoot, folder, 'compile_commands.json')),
        );
        if (database === undefined)
          throw new Error('clang-tidy: no compile_commands.json; build first: npm run build.');
        // libtorch's headers and ours were compiled by another compiler: warnings that only its options cause are none of ours.
        const extra = ['--extra-arg=-Wno-unknown-warning-option', '--quiet'];
        run('clang-tidy', 'clang-tidy', [
          '-p',
          database,
          ...extra,
          ...nativeFiles(/\.cc$/).filter((path) => !path.includes('/test/')),
        ]);
      },
    }),
  };
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({ options: { write: { type: 'boolean' }, tidy: { type: 'boolean' } } });
  for (const [name, check] of Object.entries(lintSteps(values))) {
    try {
      check();
    } catch (error) {
      console.error(`${name}: failed. ${error instanceof Error ? error.message : error}`);
      process.exitCode = 1;
    }
  }
}
