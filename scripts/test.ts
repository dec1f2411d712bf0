// npm test: the TypeScript tests (vitest) and the native ones (ctest), with one closing line.
//   --only vitest|ctest      one of the two
//   --sanitize address       the native tests, built with that sanitizer in a folder of their own
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { findLibtorch, packageRoot } from '../lib/core/libtorch.js';
import { buildNative, buildTypeScript } from './build.js';
import { binOf, capture, hasCommand, isMain, run } from './commands.js';

/** How many tests passed and failed. */
export interface Counts {
  passed: number;
  failed: number;
}

/** Runs vitest, all projects or some. */
export function runVitest(args: string[] = []): Counts {
  const folder = mkdtempSync(join(tmpdir(), 'torchlayers-vitest-'));
  const report = join(folder, 'report.json');
  try {
    const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
    let ended = true;
    try {
      run('vitest', process.execPath, [binOf('vitest'), 'run', ...reporters, ...args]);
    } catch {
      ended = false;
    }
    if (!existsSync(report)) return { passed: 0, failed: 1 };
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8'));
    // A file that does not load, or a crashed fork, fails no single test.
    return { passed: numPassedTests, failed: Math.max(numFailedTests, ended ? 0 : 1) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Builds and runs the native tests; counts their cases, not their files. */
export function runCtest(sanitize?: string): Counts {
  if (!hasCommand('cmake')) throw new Error('ctest: the native tests need CMake; apt-get install cmake.');
  const build = join(packageRoot, 'build', sanitize === undefined ? 'test' : `test-${sanitize}`);
  const jobs = process.env['JOBS'] ?? String(availableParallelism());
  const { found } = findLibtorch({ headers: true });
  const generator = hasCommand('ninja') ? ['-G', 'Ninja'] : [];
  const options = ['-DTESTS=ON', `-DSANITIZE=${sanitize ?? ''}`, ...(found ? [`-DLIBTORCH=${found.path}`] : [])];
  run('ctest', 'cmake', ['-S', '.', '-B', build, ...generator, ...options]);
  run('ctest', 'cmake', ['--build', build, '--target', 'native_tests', '--parallel', jobs]);
  const { ok, output } = capture('ctest', ['--test-dir', build, '--verbose']);
  const counts = { passed: 0, failed: 0 };
  for (const [, passed, failed] of output.matchAll(/^\d+: (\d+) passed, (\d+) failed$/gm)) {
    counts.passed += Number(passed);
    counts.failed += Number(failed);
  }
  if (!ok || counts.passed === 0) {
    console.log(output);
    counts.failed = Math.max(counts.failed, 1);
  } else {
    console.log(output.slice(output.lastIndexOf('\n\n')).trim());
  }
  return counts;
}

if (isMain(import.meta.url)) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { only: { type: 'string' }, sanitize: { type: 'string' } },
  });
  const total: Counts = { passed: 0, failed: 0 };
  const add = ({ passed, failed }: Counts): void => {
    total.passed += passed;
    total.failed += failed;
  };
  try {
    if (values.sanitize === undefined && values.only !== 'ctest') {
      buildTypeScript();
      buildNative();
      add(runVitest(positionals));
    }
    if (values.only !== 'vitest') add(runCtest(values.sanitize));
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    total.failed += 1;
  }
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exitCode = total.failed === 0 ? 0 : 1;
}
