import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArgumentError, reports } from 'torchlayers';
import { afterAll, describe, expect, test } from 'vitest';
import { chartsOf, markupOf } from './charts.js';

const folder = mkdtempSync(join(tmpdir(), 'torchlayers-reports-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const nasty = `</script><script>alert(1)</script><!-- "q" 'a' & {b} \u0000\u2028 \ud800 <img src=x onerror=alert(2)>`;

function report(): Promise<reports.Report> {
  return reports.history({ loss: [1, 0.5], val_loss: [1, 0.75] }, { title: 'A run' });
}

describe('svg', () => {
  test('stands alone, in the colours of its theme', async () => {
    const made = await report();
    const [light, dark] = [made.svg(), made.svg({ theme: 'dark' })];
    expect(light).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    expect(light).toContain('fill="#ffffff"');
    expect(dark).toContain('fill="#1a1f29"');
    expect(dark).not.toContain('fill="#ffffff"');
    for (const svg of [light, dark]) {
      expect(svg).not.toContain('var(');
      expect(svg).not.toMatch(/(?:href|src)="(?!data:)/);
    }
  });

  test('is the same each time: nothing in it counts charts of the process', async () => {
    const made = await report();
    expect(made.svg()).toBe(made.svg());
    expect((await report()).svg()).toBe(made.svg());
  });

  test('identifiers of several charts differ', async () => {
    const svg = reports.page([await report(), await report()], { title: 'Two' }).svg();
    const ids = [...svg.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.length).toBeGreaterThan(1);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('refuses other themes', async () => {
    const made = await report();
    expect(() => made.svg({ theme: 'sepia' as 'dark' })).toThrow(
      "report.svg: expected theme to be one of 'light', 'dark', got \"sepia\".",
    );
  });
});

describe('html', () => {
  test('holds all it needs, the library once', async () => {
    const made = reports.page([await report(), await report()], { title: 'Two' });
    const markup = markupOf(made);
    expect(markup.match(/<script>/g)).toHaveLength(2);
    expect(markup).toContain(`content="default-src 'none'; img-src data:;`);
    expect(markup).not.toMatch(/(?:src|href)="(?!data:)/);
    // The smaller build where there is no heat map.
    const matrix = (await reports.confusionMatrix([0, 1], [0, 1])).html();
    expect(matrix.length).toBeGreaterThan(made.html().length + 300_000);
  });

  test('without JavaScript the pictures show', async () => {
    const html = (await report()).html();
    expect(html).toMatch(/<noscript><style>\.chart\{display:none\}<\/style><svg /);
  });

  test('names and titles can not leave their place', async () => {
    const runs = { [nasty]: { [nasty]: [1, 2], loss: [1, 2] }, 'other & <b>': { loss: [2, 3] } };
    const made = reports.page(
      [
        await reports.compare(runs, { title: nasty }),
        await reports.sweep({ title: nasty, xLabel: nasty, values: [nasty, 'b'], series: { [nasty]: [1, 2] } }),
        await reports.confusionMatrix([0, 1], [1, 1], { labels: [nasty, 'b'], title: nasty }),
        await reports.worstPredictions([[[0]]], [0], [[0.25, 0.75]], { labels: [nasty, 'b'], title: nasty }),
      ],
      { title: nasty, notes: [nasty], table: { columns: [nasty], rows: [[nasty]] } },
    );
    // Split where a browser does.
    const scripts = [...made.html().matchAll(/<script([^>]*)>(.*?)<\/script>/gs)];
    expect(scripts.map(([, attributes]) => attributes)).toEqual([' type="application/json" id="charts"', '', '']);
    expect(scripts[0]?.[2]).not.toMatch(/[<>]/);
    const markup = markupOf(made);
    expect(markup.match(/<script/g)).toHaveLength(3);
    expect(markup).not.toMatch(/<img|<!--/);
    expect(JSON.stringify(chartsOf(made))).toContain('</script>');
    for (const text of [markup, made.svg()]) {
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these must not be there.
      expect(text).not.toMatch(/[\u0000-\u0008]/);
      expect(text).not.toMatch(/\p{Surrogate}/u);
      expect(text).toContain('&lt;/script&gt;');
    }
    expect(made.svg()).not.toContain('<script');
  });
});

describe('save', () => {
  const path = (name: string): string => join(folder, name);

  test('writes the picture or the page by extension, and leaves no other file', async () => {
    const made = await report();
    await made.save(path('a.svg'));
    await made.save(path('b.SVG'), { theme: 'dark' });
    await made.save(path('c.html'));
    expect(readFileSync(path('a.svg'), 'utf8')).toBe(made.svg());
    expect(readFileSync(path('b.SVG'), 'utf8')).toBe(made.svg({ theme: 'dark' }));
    expect(readFileSync(path('c.html'), 'utf8')).toBe(made.html());
    expect(readdirSync(folder).sort()).toEqual(['a.svg', 'b.SVG', 'c.html']);
  });

  test.each([
    ['chart.png', 'report.save: expected a path that ends in .svg or .html, got "chart.png".'],
    ['', 'report.save: expected a path that ends in .svg or .html, got "".'],
    [3, 'report.save: expected a path that ends in .svg or .html, got 3.'],
  ])('refuses %o', async (name, message) => {
    const made = await report();
    await expect(made.save(name as string)).rejects.toThrow(ArgumentError);
    await expect(made.save(name as string)).rejects.toThrow(message);
  });

  test('an abort keeps the old file', async () => {
    const file = path('kept.svg');
    writeFileSync(file, 'old');
    const made = await report();
    const reason = new Error('no more');
    await expect(made.save(file, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    expect(readFileSync(file, 'utf8')).toBe('old');
    await expect(made.save(file, { signal: 1 as unknown as AbortSignal })).rejects.toThrow(
      'report.save: expected signal to be an AbortSignal, got 1.',
    );
  });

  test('a folder that is not there is named', async () => {
    const file = path('no/where.html');
    await expect((await report()).save(file)).rejects.toMatchObject({ code: 'ENOENT', path: file });
  });
});

describe('page', () => {
  test('each report below its title, in order', async () => {
    const second = await reports.history({ loss: [1] }, { title: 'Second' });
    const made = reports.page([await report(), second], { title: 'Both', notes: ['One.', 'Two.'] });
    expect([...made.html().matchAll(/<h[12]>(.*?)<\/h[12]>/g)].map(([, words]) => words)).toEqual([
      'Both',
      'A run',
      'Second',
    ]);
    expect([...made.html().matchAll(/<p class="note">(.*?)<\/p>/g)].map(([, words]) => words)).toEqual([
      'One.',
      'Two.',
    ]);
    expect(chartsOf(made)).toHaveLength(2);
    const nested = reports.page([made], { title: 'Outer' });
    expect([...nested.html().matchAll(/<h[12]>(.*?)<\/h[12]>/g)].map(([, words]) => words)).toEqual([
      'Outer',
      'Both',
      'A run',
      'Second',
    ]);
  });

  test('a table alone', () => {
    const table = {
      columns: ['name', 'value'],
      rows: [
        ['a', 1234.5],
        ['b', null],
      ],
    };
    const html = reports.page([], { title: 'Numbers', table }).html();
    expect(html).toContain('<tr><th>name</th><th class="number">value</th></tr>');
    expect(html).toContain('<tr><td>a</td><td class="number">1235</td></tr>');
    expect(html).toContain('<tr><td>b</td><td class="number"></td></tr>');
  });

  test.each([
    [[], {}, 'reports.page: expected title to be a string with words, got undefined.'],
    [{}, { title: 'x' }, 'reports.page: expected an array of reports, got an object.'],
    [[1], { title: 'x' }, 'reports.page: expected reports, got 1.\n  Give what reports.history answers.'],
    [[Promise.resolve()], { title: 'x' }, 'reports.page: expected reports, got Promise.\n  Await it:'],
    [[], { title: 'x', notes: 'y' }, 'reports.page: expected notes to be an array of strings, got "y".'],
    [[], { title: 'x', table: {} }, 'reports.page: expected table to have columns and rows, got an object.'],
    [
      [],
      { title: 'x', table: { columns: ['a'], rows: [[1, 2]] } },
      'reports.page: expected table.rows[0] to have 1 cells, got 2.',
    ],
    [
      [],
      { title: 'x', table: { columns: ['a'], rows: [[{}]] } },
      'expected the cells of a table to be words, numbers or null, got an object in row 0.',
    ],
  ])('refuses %o with %o', (given, options, message) => {
    expect(() => reports.page(given as never, options as never)).toThrow(message);
  });
});
