// What .ci/run runs after `npm ci`: every check in order, each timed; the last line says how many passed and failed.
//   --skip sanitize,node-gyp  leaves parts out; --only biome,types runs these alone
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { packageRoot } from '../lib/core/libtorch.js';
import { binOf, capture, run } from './commands.js';
import { lintSteps } from './lint.js';
import { installTensorBoard } from './tensorboard-env.js';
import { type Counts, runCtest, runVitest } from './test.js';

const { values } = parseArgs({ options: { skip: { type: 'string' }, only: { type: 'string' } } });
const skipped = values.skip?.split(',') ?? [];
const only = values.only?.split(',');
const total: Counts = { passed: 0, failed: 0 };
const times: [string, number][] = [];

/** Runs one part; a part that gives no counts is one check. */
async function part(name: string, work: () => Counts | undefined | Promise<undefined>): Promise<void> {
  if (skipped.includes(name) || only?.includes(name) === false) return;
  console.log(`\n== ${name}`);
  const startMs = Date.now();
  try {
    const { passed, failed } = (await work()) ?? { passed: 1, failed: 0 };
    total.passed += passed;
    total.failed += failed;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    total.failed += 1;
  }
  times.push([name, (Date.now() - startMs) / 1000]);
}

const check = (work: () => void | Promise<void>) => async (): Promise<undefined> => {
  await work();
  return undefined;
};

/** Names that an addon exports and imports, without their addresses, and the libraries that it asks for. */
function symbols(path: string): string {
  const { ok, output } = capture('nm', ['-D', '--format=posix', path]);
  if (!ok) throw new Error(`nm ${path}: ${output}`);
  const names = output.split('\n').map((line) => line.split(' ').slice(0, 2).join(' '));
  // Which of C++'s weak inline functions stay is the compiler's choice.
  const own = names.filter((line) => /^(napi_|node_api_|_ZN2at|_ZN3c10|GOMP_|omp_)\S* [TU]/.test(line)).sort();
  const needed = capture('readelf', ['--dynamic', '--wide', path]).output.match(/\((NEEDED|RUNPATH)\).*/g) ?? [];
  return [...own, ...needed.filter((line) => /torch|c10|omp|RUNPATH/.test(line)).sort()].join('\n');
}

/** What the addon in `folder` exports, how it was built, and the schemas of the operators that it registers. */
function surface(folder: string): string {
  const script = `
    const { loadAddon } = await import(${JSON.stringify(pathToFileURL(join(packageRoot, 'dist', 'core', 'loader.js')).href)});
    const native = loadAddon();
    const { openmp, cuda, libtorch, compiler } = native.buildInfo();
    console.log(JSON.stringify([Object.keys(native).sort(), { openmp, cuda, libtorch, compiler }]));`;
  const { ok, output } = capture(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, TORCHLAYERS_ADDON: folder },
  });
  if (!ok) throw new Error(output);
  const text = readFileSync(join(folder, 'torchlayers.node'), 'latin1');
  const schemas = new Set(text.match(/[a-z]\w*(\.\w+)?\([\x20-\x7e]*\) -> [\x20-\x7e]+/g));
  return `${output}${[...schemas].sort().join('\n')}\n`;
}

/** The addon through node-gyp, in a copy of the tree, held against the one that cmake-js built. */
function compareWithGyp(): void {
  const copy = mkdtempSync(join(tmpdir(), 'torchlayers-gyp-'));
  try {
    for (const name of ['native', 'scripts', 'lib', 'binding.gyp', 'package.json', 'libtorch.json', 'tsconfig.json']) {
      cpSync(join(packageRoot, name), join(copy, name), { recursive: true });
    }
    symlinkSync(join(packageRoot, 'node_modules'), join(copy, 'node_modules'));
    // ccache then sees the same command lines and file contents as in any other copy.
    const env = { ...process.env, CCACHE_BASEDIR: copy, CCACHE_NOHASHDIR: '1' };
    const compilers =
      process.env['CXX'] === undefined && capture('ccache', ['--version']).ok
        ? { CC: 'ccache cc', CXX: 'ccache c++' }
        : {};
    run('node-gyp', process.execPath, [binOf('node-gyp'), 'rebuild', '--silent', '-j', process.env['JOBS'] ?? 'max'], {
      cwd: copy,
      env: { ...env, ...compilers },
    });
    const ours = join(packageRoot, 'build', 'Release');
    const theirs = join(copy, 'build', 'Release');
    if (surface(ours) !== surface(theirs)) {
      throw new Error(`node-gyp: the addons differ.\ncmake-js: ${surface(ours)}node-gyp: ${surface(theirs)}`);
    }
    for (const name of ['torchlayers.node', 'torchlayers_loader.node']) {
      const [a, b] = [symbols(join(ours, name)), symbols(join(theirs, name))];
      if (a !== b) throw new Error(`node-gyp: the symbols of ${name} differ.\ncmake-js:\n${a}\nnode-gyp:\n${b}`);
    }
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** Where examples write. */
const scratch = mkdtempSync(join(tmpdir(), 'torchlayers-examples-'));

/** Settings that keep each example short; one that isn't here runs as it is. */
const exampleArguments: Record<string, string[]> = {
  'confusion.ts': ['--epochs', '1', '--limit', '2000', '--out', join(scratch, 'confusion')],
  'custom-parts.ts': ['--epochs', '2'],
  'functional.ts': ['--epochs', '5', '--samples', '500'],
  'gradients.ts': ['--at', '2'],
  'imdb-lstm.ts': ['--epochs', '1', '--limit', '500'],
  'imdb-sentiment.ts': ['--epochs', '1', '--limit', '1000'],
  'jit.ts': ['--rounds', '200'],
  'linear-regression.ts': ['--steps', '100'],
  'mnist-cnn.ts': ['--epochs', '1', '--limit', '1000'],
  'mnist-mlp.ts': ['--epochs', '1', '--limit', '6000', '--seed', '1'],
  'prediction.ts': ['--limit', '3000', '--epochs', '1', '--show', '2'],
  'resume.ts': ['--epochs', '1', '--dir', join(scratch, 'resume')],
  'save-and-load.ts': ['--out', join(scratch, 'models')],
  'softmax-regression.ts': ['--epochs', '2', '--limit', '6000'],
  'subclassing.ts': ['--epochs', '1', '--limit', '2000'],
  'tuning.ts': ['--trials', '2', '--epochs', '1', '--limit', '1000', '--out', join(scratch, 'tuning')],
};

/** Data sets that no npm package brings: an example that needs them runs where they are in Keras' cache. */
const exampleData: Record<string, string[]> = {
  'imdb-lstm.ts': ['imdb.npz'],
  'imdb-sentiment.ts': ['imdb.npz', 'imdb_word_index.json'],
};

/** Every example with small settings. */
function runExamples(): Counts {
  const counts = { passed: 0, failed: 0 };
  const folder = join(packageRoot, 'examples');
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.ts'))) {
    const cache = join(process.env['KERAS_HOME'] ?? join(homedir(), '.keras'), 'datasets');
    const missing = (exampleData[file] ?? []).filter((name) => !existsSync(join(cache, name)));
    if (missing.length > 0) {
      console.log(`${file}: left out, ${missing.join(' and ')} not in Keras' cache`);
      continue;
    }
    const args = [binOf('tsx'), join(folder, file), ...(exampleArguments[file] ?? [])];
    const { ok, output } = capture(process.execPath, args);
    console.log(`${file}: ${ok ? 'ran' : `failed\n${output}`}`);
    counts[ok ? 'passed' : 'failed'] += 1;
  }
  rmSync(scratch, { recursive: true, force: true });
  return counts;
}

/** The chapter's experiments and its table, with little data. */
function runExperiments(): void {
  const folder = mkdtempSync(join(tmpdir(), 'torchlayers-experiments-'));
  try {
    const quick = (script: string, ...args: string[]): void =>
      run(script, process.execPath, [binOf('tsx'), join('experiments', script), ...args, '--quick', '--out', folder]);
    quick('run.ts', 'all');
    quick('reproduce.ts');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

for (const [name, lint] of Object.entries(lintSteps({ tidy: true }))) await part(name, check(lint));
await part(
  'protos',
  check(() => run('protos', process.execPath, [binOf('tsx'), 'scripts/protos.ts', '--check'])),
);
await part('tools', check(installTensorBoard));
// Tests that need a browser or TensorBoard fail where these are missing, instead of being left out.
process.env['TORCHLAYERS_REQUIRE_TOOLS'] = '1';
await part('vitest', () => runVitest());
await part('ctest', () => runCtest());
await part('examples', runExamples);
await part('experiments', check(runExperiments));
await part('node-gyp', check(compareWithGyp));
await part('sanitize', () => runCtest('address'));

console.log('\ntime of each part');
for (const [name, seconds] of times) console.log(`  ${name.padEnd(14)}${seconds.toFixed(1).padStart(8)} s`);
console.log(`\n${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 ? 0 : 1;
