// clang-tidy over native/. It parses libtorch's headers anew for each file (10 to 20 s), so a file that was clean is remembered in the
// per-user cache by its own contents, those of all our headers, and the settings.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cacheFolder, findLibtorch, packageRoot } from '../lib/core/libtorch.js';
import { hasCommand, nativeFiles } from './commands.js';

function digestOf(files: string[]): string {
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file)).update('\0');
  return hash.digest('hex');
}

function arguments_(database: string): string[] {
  const gcc = spawnSync('g++', ['-print-file-name=include'], { encoding: 'utf8' }).stdout?.trim() ?? '';
  return [
    '-p',
    database,
    '--quiet',
    // The compiler that wrote the database may be another one, and clang's own omp.h is a package of its own.
    '--extra-arg=-Wno-unknown-warning-option',
    // Clang does not clone function templates; the kernels have a plain form for sanitizers.
    '--extra-arg=-DTORCHLAYERS_SANITIZED',
    // The macro: gcc's omp.h uses a form of this attribute that clang does not know.
    ...(gcc === '' ? [] : [`--extra-arg=-idirafter${gcc}`, '--extra-arg=-D__malloc__(...)=__malloc__']),
  ];
}

/** Checks every source; several at a time. Findings are printed. @throws Error with their number */
export async function tidy(): Promise<void> {
  if (!hasCommand('clang-tidy')) throw new Error('clang-tidy: not installed; apt-get install clang-tidy.');
  const database = join(packageRoot, 'build');
  if (!existsSync(join(database, 'compile_commands.json'))) {
    throw new Error('clang-tidy: no build/compile_commands.json; npm run build -- --native --force');
  }
  const version = spawnSync('clang-tidy', ['--version'], { encoding: 'utf8' }).stdout;
  const common = digestOf([join(packageRoot, '.clang-tidy'), ...nativeFiles(/\.h$/).sort()]);
  const settings = `${version}\0${common}\0${findLibtorch().found?.version}`;
  const clean = join(cacheFolder(), 'tidy');
  mkdirSync(clean, { recursive: true });

  const options = arguments_(database);
  const waiting = nativeFiles(/\.cc$/).filter((path) => !path.includes('/test/'));
  let dirty = 0;
  const work = async (): Promise<void> => {
    for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
      const key = createHash('sha256')
        .update(settings)
        .update(digestOf([path]))
        .digest('hex');
      if (existsSync(join(clean, key))) continue;
      const { status, output } = await runTidy([...options, path]);
      if (status === 0) {
        writeFileSync(join(clean, key), '');
      } else {
        dirty += 1;
        console.log(output);
      }
    }
  };
  await Promise.all(Array.from({ length: Number(process.env['JOBS'] ?? availableParallelism()) }, work));
  if (dirty > 0) throw new Error(`clang-tidy: findings in ${dirty} files, above.`);
}

function runTidy(args: string[]): Promise<{ status: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn('clang-tidy', args, { stdio: ['ignore', 'pipe', 'ignore'] });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, output }));
  });
}
