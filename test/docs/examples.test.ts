// Runs every example of README.md, docs/*.md and of the comments in lib/, and compares the values that stand behind `//`.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as torchlayers from 'torchlayers';
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { packageRoot } from '../../lib/core/libtorch.js';
import { binOf } from '../../scripts/commands.js';
import { fixtures } from './fixtures.js';
import { comments, completed, freeNames, pages, type Snippet, withChecks } from './snippets.js';

const folder = mkdtempSync(join(tmpdir(), 'torchlayers-docs-'));
let count = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function within(path: string): Record<string, unknown> {
  const start = torchlayers as Record<string, unknown>;
  if (path === '') return start;
  return path.split('.').reduce((value, part) => value[part] as Record<string, unknown>, start);
}

/** Declarations of what the example leaves to its reader, on one line. */
function prelude({ code, namespace }: Snippet): string {
  const parts = namespace.split('.');
  const places = [...parts.map((_, i) => parts.slice(0, parts.length - i).join('.')), ''];
  const given = fixtures();
  const from = new Map<string, string[]>();
  for (const name of freeNames(code)) {
    const place = places.find((path) => Object.hasOwn(within(path), name));
    const source =
      place !== undefined
        ? ['torchlayers', place].filter(Boolean).join('.')
        : Object.hasOwn(given, name)
          ? 'given'
          : undefined;
    if (source !== undefined) from.set(source, [...(from.get(source) ?? []), name]);
  }
  return [
    `import * as torchlayers from 'torchlayers';`,
    `import { expectSame, fixtures } from '${join(import.meta.dirname, 'fixtures.ts')}';`,
    'const given = fixtures();',
    ...[...from].map(([source, names]) => `const { ${names.join(', ')} } = ${source};`),
  ].join(' ');
}

async function run(snippet: Snippet): Promise<void> {
  const { code, runs } = completed(snippet.code);
  const file = join(folder, `${++count}-${snippet.title.replace(/[^\w.]/g, '-')}.ts`);
  const body = runs ? withChecks(code).replace(/\bepochs: \d+/g, 'epochs: 1') : code;
  writeFileSync(file, `${prelude({ ...snippet, code })} ${body}\nexport {};\n`);
  await import(/* @vite-ignore */ file);
}

beforeEach(() => {
  torchlayers.utils.setRandomSeed(1);
  // Files that examples write go where nobody keeps anything.
  const before = process.cwd();
  process.chdir(folder);
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const log = vi.spyOn(console, 'log').mockReturnValue();
  return () => {
    process.chdir(before);
    stdout.mockRestore();
    log.mockRestore();
  };
});

describe('pages', () => {
  for (const snippet of pages()) test(`${snippet.title} runs`, () => run(snippet), 60_000);

  test('their types are right', () => {
    const checked = pages().filter(({ code }) => code.includes("from 'torchlayers'"));
    expect(checked.map(({ title }) => title)).toContain('README.md');
    for (const { title, code } of checked) {
      writeFileSync(join(folder, `${title.replace(/\W/g, '-')}.check.ts`), `${code}\nexport {};\n`);
    }
    const options = {
      extends: join(packageRoot, 'tsconfig.json'),
      compilerOptions: {
        rootDir: '/',
        noUnusedLocals: false,
        typeRoots: [join(packageRoot, 'node_modules', '@types')],
        paths: { torchlayers: [join(packageRoot, 'lib', 'index.ts')] },
      },
      include: [join(folder, '*.check.ts')],
    };
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options));
    const { status, stdout } = spawnSync(process.execPath, [binOf('typescript', 'tsc'), '-p', folder], {
      encoding: 'utf8',
    });
    // Types of lib/ itself are the linter's business.
    expect(stdout.split('\n').filter((line) => line.includes('.check.ts'))).toEqual([]);
    expect(status === 0 || stdout.includes('error TS')).toBe(true);
  }, 60_000);
});

describe('comments', () => {
  for (const snippet of comments()) test(`${snippet.title} runs`, () => run(snippet));
});

describe('the checker itself', () => {
  const example = (code: string): Snippet => ({ title: 'example', code, namespace: '' });

  test.each([
    ['ops.sum([1, 2]); // 3', 'ops.sum([1, 2]); // 4'],
    ['await ops.add([1], 1).array(); // [2]', 'await ops.add([1], 1).array(); // [3]'],
    ["ops.ones([1]).dtype; // 'float32'", "ops.ones([1]).dtype; // 'int32'"],
  ])('accepts %s and refuses %s', async (right, wrong) => {
    await run(example(right));
    await expect(run(example(wrong))).rejects.toThrow('to deeply equal');
  });

  test('takes words for words', () => {
    const code = ['x.shape; // rows first', 'const y = 1; // 2', '  inner(); // 3'].join('\n');
    expect(withChecks(code)).toBe(code);
  });

  test('an example that uses what is not there fails', async () => {
    await expect(run(example('ops.noSuchOperation([1]);'))).rejects.toThrow('noSuchOperation');
    await expect(run(example('nobodyMadeThis;'))).rejects.toThrow('nobodyMadeThis');
  });
});
