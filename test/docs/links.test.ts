// Links between the pages lead to files and headings that are there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/core/libtorch.js';

/** Headings as the anchors that code hosts make of them. */
function anchors(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/^```.*?^```/gms, '');
  return [...text.matchAll(/^#+ (.+)$/gm)].map((match) =>
    (match[1] as string)
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replace(/\s/g, '-'),
  );
}

function broken(file: string, text: string): string[] {
  const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1] as string);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : resolve(dirname(file), path);
    return !existsSync(target) || (anchor !== undefined && !anchors(target).includes(anchor));
  });
}

const files = [
  ...readdirSync(packageRoot).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(packageRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
  join('native', 'OVERVIEW.md'),
];

describe('links', () => {
  test.each(files)('of %s', (file) => {
    const path = join(packageRoot, file);
    expect(broken(path, readFileSync(path, 'utf8'))).toEqual([]);
  });

  test('that lead nowhere are found', () => {
    const page = join(packageRoot, 'README.md');
    expect(broken(page, '[a](docs/nowhere.md) [b](#no-such-heading) [c](LICENSE) [d](https://example.org)')).toEqual([
      'docs/nowhere.md',
      '#no-such-heading',
    ]);
  });
});
