// The pictures of docs/chapter-1.md: all are shown, none is large, each stands alone.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { packageRoot } from '../../lib/core/libtorch.js';

const folder = join(packageRoot, 'docs', 'images', 'chapter-1');
const page = readFileSync(join(packageRoot, 'docs', 'chapter-1.md'), 'utf8');
const shown = [...page.matchAll(/!\[([^\]]+)\]\(images\/chapter-1\/([^)]+)\)/g)];

test('every picture is shown once, with words for those who do not see it', () => {
  expect(shown.map((match) => match[2]).sort()).toEqual(readdirSync(folder).sort());
  for (const [, words] of shown) expect(words?.length).toBeGreaterThan(20);
});

describe.each(readdirSync(folder))('%s', (name) => {
  const svg = readFileSync(join(folder, name), 'utf8');

  test('is an SVG below 60 kB', () => {
    expect(svg).toMatch(/^(<\?xml[^>]*>\s*)?<svg\s/);
    expect(svg.trimEnd().endsWith('</svg>')).toBe(true);
    expect(Buffer.byteLength(svg)).toBeLessThan(60_000);
  });

  test('asks the network for nothing and runs no script', () => {
    const links = [...svg.matchAll(/(?:href|src)="([^"]*)"|url\(["']?([^)"']*)/g)].map((match) => match[1] ?? match[2]);
    expect(links.filter((link) => !/^(#|data:image\/)/.test(link as string))).toEqual([]);
    expect(svg).not.toMatch(/<script|\son\w+=/);
  });
});
