import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const folder = fileURLToPath(new URL('../../examples/', import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.ts'))
  .map((file) => file.replace(/\.ts$/, ''));

test('there are examples', () => {
  expect(names).toEqual(
    expect.arrayContaining([
      'tensors',
      'gradients',
      'linear-regression',
      'jit',
      'functional',
      'subclassing',
      'prediction',
    ]),
  );
});

// They are run, with small settings, by scripts/ci.ts.
describe.each(names)('%s', (name) => {
  const text = readFileSync(`${folder}${name}.ts`, 'utf8');

  test('has less than 80 lines', () => {
    expect(text.trimEnd().split('\n').length).toBeLessThan(80);
  });

  test('says what it shows and how to run it', () => {
    const comments = text.split('\n').filter((line) => line.startsWith('// '));
    const [what] = comments;
    const how = comments.find((line) => line.startsWith('// npm '));
    expect(what).toMatch(/^\/\/ \S.{20,}$/);
    expect(how).toMatch(new RegExp(`^// npm (run example -- ${name}|start)( |$)`));
  });

  test('uses the package as its users do, and takes the options that its first lines show', () => {
    const imported = [...text.matchAll(/from '([^']+)'/g)].map(([, from]) => from);
    expect(imported).toContain('torchlayers');
    expect(imported.filter((from) => from !== 'torchlayers' && !from?.startsWith('node:'))).toEqual([]);
    const shown = [...(/^\/\/ npm .*$/m.exec(text)?.[0] ?? '').matchAll(/ --([a-z]+)/g)].map(([, option]) => option);
    for (const option of shown) expect(text).toMatch(new RegExp(`${option}: { type: '(string|boolean)'`));
  });
});
