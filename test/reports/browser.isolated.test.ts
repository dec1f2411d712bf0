// What is written is opened in a real browser: it must be drawn, ask for nothing, fit any window, and answer a pointer.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Page } from 'playwright-core';
import { Input, layers, Model, reports, Sequential, tensor, utils } from 'torchlayers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { countConfusions } from '../../lib/reports/confusion-matrix.js';
import { formatNumber } from '../../lib/reports/text.js';
import { launchBrowser, missingTools, type TestBrowser } from '../support/tools.js';

const epochs = 40;
const curve = (from: number, to: number) => Array.from({ length: epochs }, (_, i) => to + (from - to) / (i + 1));
const run = (best: number) => ({
  loss: curve(1, 0.01),
  val_loss: curve(1, 0.08),
  accuracy: curve(0.1, best),
  val_accuracy: curve(0.1, best - 0.02),
});
const nasty = `</script><script>window.hacked = 1</script><img src=x onerror="window.hacked = 2"> <b>'"&`;

const truth = Array.from({ length: 200 }, (_, i) => i % 10);
const guess = truth.map((label, i) => (i % 9 === 0 ? (label + 3) % 10 : label));
// Where to leave pictures of what was seen, for a person to look at.
const shots = process.env['TORCHLAYERS_SCREENSHOTS'];

const missing = missingTools('chromium');

describe.skipIf(missing !== null)(`in a browser${missing ?? ''}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'torchlayers-pages-'));
  const address = (name: string): string => pathToFileURL(join(folder, name)).href;
  const report: Record<string, reports.Report> = {};
  let browser: TestBrowser;

  beforeAll(async () => {
    const probabilities = guess.map((label) => Array.from({ length: 10 }, (_, i) => (i === label ? 0.91 : 0.01)));
    const images = tensor(
      Uint8Array.from({ length: 200 * 64 }, (_, i) => (i * 7) % 256),
      { shape: [200, 8, 8] },
    );
    report.history = await reports.history(run(0.98), { title: 'A run' });
    report.compare = await reports.compare({ SGD: run(0.9), Adam: run(0.98), [nasty]: run(0.95) }, { title: nasty });
    report.sweep = await reports.sweep({
      title: 'Neurons',
      xLabel: 'neurons',
      values: [32, 64, 128],
      series: { accuracy: [0.9, 0.95, 0.97], parameters: [26_506, 55_050, 118_282] },
      logX: true,
    });
    report.matrix = await reports.confusionMatrix(truth, guess, { labels: [...'abcdefghi', nasty] });
    report.worst = await reports.worstPredictions(images, truth, probabilities, { count: 9 });
    report.page = reports.page(Object.values(report), {
      title: 'Everything',
      notes: [nasty],
      table: {
        columns: ['run', 'a rather long heading', 'another'],
        rows: [
          [nasty, 0.9, 1],
          ['Adam', 0.98, 2],
        ],
      },
    });
    for (const [name, made] of Object.entries(report)) {
      await made.save(join(folder, `${name}.html`));
      await made.save(join(folder, `${name}.svg`));
      await made.save(join(folder, `${name}-dark.svg`), { theme: 'dark' });
    }
    browser = await launchBrowser();
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Opens a page and checks, when the test is done with it, that it complained about nothing and asked for nothing. */
  async function visit(name: string, use: (page: Page) => Promise<void>, width = 1280): Promise<void> {
    const requests: string[] = [];
    const complaints: string[] = [];
    const { context } = browser;
    const noteRequest = (request: { url(): string }): void => {
      if (!request.url().startsWith('data:')) requests.push(request.url());
    };
    const noteMessage = (message: { type(): string; text(): string }): void => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
    };
    context.on('request', noteRequest);
    context.on('console', noteMessage);
    const { page, errors } = await browser.open(address(name), { width, height: 900 });
    try {
      await use(page);
      if (shots !== undefined)
        await page.screenshot({ path: join(shots, `reports-${name}-${width}.png`), fullPage: true });
      expect({ errors, complaints, requests }).toEqual({ errors: [], complaints: [], requests: [address(name)] });
      expect(await page.evaluate('window.hacked')).toBeUndefined();
    } finally {
      context.off('request', noteRequest);
      context.off('console', noteMessage);
      await page.close();
    }
  }

  /** Where a value of a chart is drawn, in pixels of the window. */
  const placeOf = (page: Page, chart: number, x: number, y: number): Promise<{ x: number; y: number }> =>
    page.evaluate(`(() => {
      const element = document.querySelectorAll('[data-chart]')[${chart}];
      element.scrollIntoView({ block: 'center' });
      const [left, top] = echarts.getInstanceByDom(element).convertToPixel({ seriesIndex: 0 }, [${x}, ${y}]);
      const box = element.getBoundingClientRect();
      return { x: box.left + left, y: box.top + top };
    })()`);

  /** Texts of the tooltips that show. */
  const tooltips = (page: Page): Promise<string[]> =>
    page.evaluate(`[...document.querySelectorAll('[data-chart] > div')]
      .filter((box) => box.querySelector('.tip') && getComputedStyle(box).visibility === 'visible' && getComputedStyle(box).opacity !== '0')
      .map((box) => box.innerText.replace(/\\s+/g, ' ').trim())`);

  async function hover(page: Page, chart: number, x: number, y: number): Promise<string[]> {
    const place = await placeOf(page, chart, x, y);
    await page.mouse.move(place.x - 2, place.y - 1);
    await page.mouse.move(place.x, place.y);
    await page.waitForFunction(`[...document.querySelectorAll('.tip')].length > 0`);
    return tooltips(page);
  }

  test('each curve is drawn through all its points', () =>
    visit('history.html', async (page) => {
      const numbers = await page.evaluate(`[...document.querySelectorAll('[data-chart] path')]
        .filter((path) => path.getAttribute('stroke')?.startsWith('var(--series') && path.getAttribute('fill') === 'none')
        .map((path) => (path.getAttribute('d').match(/[ML]/g) ?? []).length)`);
      // Two panels of two curves; the legend's keys are lines of two points.
      expect((numbers as number[]).filter((count) => count > 2)).toEqual([epochs, epochs, epochs, epochs]);
      const texts = (await page.locator('[data-chart] text').allTextContents()).map((text) => text.trim());
      for (const words of ['loss', 'accuracy', 'training', 'validation', 'epoch', '1', '40'])
        expect(texts).toContain(words);
      expect(texts).toContain(`best ${formatNumber(run(0.98).val_loss[epochs - 1] as number)} in epoch ${epochs}`);
    }));

  test('a pointer over an epoch shows its numbers, in all panels', () =>
    visit('history.html', async (page) => {
      const { loss, val_loss, accuracy, val_accuracy } = run(0.98);
      const at = (values: number[]) => formatNumber(values[6] as number);
      expect(await hover(page, 0, 7, loss[6] as number)).toEqual([
        `epoch 7 training ${at(loss)} validation ${at(val_loss)}`,
        `epoch 7 training ${at(accuracy)} validation ${at(val_accuracy)}`,
      ]);
    }));

  test('names in tooltips are text, runs are told apart from what they were measured on', () =>
    visit('compare.html', async (page) => {
      const [first] = await hover(page, 0, 2, 0.5);
      expect(first).toMatch(
        /^epoch 2 SGD train 0\.505 SGD validation 0\.54 Adam train 0\.505 Adam validation 0\.54 <\/script>/,
      );
    }));

  test('a click in a legend hides the run in all panels', () =>
    visit('compare.html', async (page) => {
      const shown = () =>
        page.evaluate(`[...document.querySelectorAll('[data-chart]')].map((element) =>
          [...element.querySelectorAll('path')].filter((path) => path.getAttribute('stroke') === 'var(--series-1)' &&
            (path.getAttribute('d').match(/L/g) ?? []).length > 2).length)`);
      expect(await shown()).toEqual([2, 2]);
      const box = (await page.locator('[data-chart] text', { hasText: 'Adam' }).first().boundingBox()) as {
        x: number;
        y: number;
      };
      await page.mouse.click(box.x + 8, box.y + 6);
      await expect.poll(shown).toEqual([0, 0]);
    }));

  test('what was swept stands on the axis', () =>
    visit('sweep.html', async (page) => {
      const texts = await page.locator('[data-chart="1"] text').allTextContents();
      for (const words of ['parameters', 'neurons', '32', '64', '128', '26,506', '118,282'])
        expect(texts).toContain(words);
      expect(await hover(page, 1, 64, 55_050)).toEqual(['neurons 64 accuracy 0.95', 'neurons 64 parameters 55,050']);
    }));

  test('a cell of the matrix tells its numbers', () =>
    visit('matrix.html', async (page) => {
      const texts = await page.locator('[data-chart] text').allTextContents();
      const counts = await countConfusions(truth, guess);
      const columns = counts.map((_, column) => counts.reduce((sum, row) => sum + (row[column] as number), 0));
      // The sums of all rows are 20.
      const shown = [...counts.flat(), ...columns, ...counts.map(() => 20), 200]
        .filter((count) => count > 0)
        .map(String);
      expect(texts.filter((text) => /^\d+$/.test(text)).sort()).toEqual(shown.sort());
      const [right] = await hover(page, 0, 1, 1);
      expect(right).toMatch(/^true b, predicted b samples \d+ of true b \d+\.\d% of predicted b \d+\.\d%$/);
      const [sum] = await hover(page, 0, 10, 0);
      expect(sum).toBe('true a samples 20');
    }));

  test('the images of the sheet are images', () =>
    visit('worst.html', async (page) => {
      const sizes =
        await page.evaluate(`Promise.all([...document.querySelectorAll('svg image')].map(async (element) => {
        const image = new Image();
        image.src = element.getAttribute('href');
        await image.decode();
        return image.naturalWidth + 'x' + image.naturalHeight;
      }))`);
      expect(sizes).toEqual(new Array(9).fill('8x8'));
    }));

  const colours = (page: Page): Promise<string[]> =>
    page.evaluate(`(() => {
      const path = [...document.querySelectorAll('[data-chart] path')].find((one) => one.getAttribute('stroke') === 'var(--series-0)');
      const text = document.querySelector('[data-chart] text');
      return [getComputedStyle(document.body).backgroundColor, getComputedStyle(path).stroke, getComputedStyle(text).fill];
    })()`);

  test('light and dark: as the system says, until the button is pressed', async () => {
    const light = ['rgb(246, 247, 249)', 'rgb(0, 114, 178)'];
    const dark = ['rgb(18, 21, 28)', 'rgb(87, 178, 238)'];
    await visit('history.html', async (page) => {
      expect((await colours(page)).slice(0, 2)).toEqual(light);
      await page.emulateMedia({ colorScheme: 'dark' });
      expect((await colours(page)).slice(0, 2)).toEqual(dark);
      expect(await page.locator('#theme').textContent()).toBe('Light');
      await page.locator('#theme').click();
      expect((await colours(page)).slice(0, 2)).toEqual(light);
      await page.locator('#theme').click();
      await page.emulateMedia({ colorScheme: 'light' });
      expect((await colours(page)).slice(0, 2)).toEqual(dark);
    });
  });

  test.each([320, 390, 768, 1280, 2560])('a window of %i pixels holds everything', (width) =>
    visit(
      'page.html',
      async (page) => {
        expect(await page.evaluate('[document.documentElement.scrollWidth, innerWidth]')).toEqual([width, width]);
        const sizes = (await page.evaluate(`[...document.querySelectorAll('[data-chart]')].map((element) =>
          [element.clientWidth, Number(element.querySelector('svg').getAttribute('width'))])`)) as [number, number][];
        expect(sizes).toHaveLength(7);
        for (const [room, drawn] of sizes) expect(drawn).toBe(room);
      },
      width,
    ),
  );

  test('charts follow the size of the window', () =>
    visit('history.html', async (page) => {
      await page.setViewportSize({ width: 500, height: 700 });
      const width = () => page.evaluate(`Number(document.querySelector('[data-chart] svg').getAttribute('width'))`);
      await expect.poll(width).toBeLessThan(480);
      await page.setViewportSize({ width: 1500, height: 700 });
      await expect.poll(width).toBeGreaterThan(480);
    }));

  test('without JavaScript the charts are pictures', async () => {
    const { page } = await browser.open('about:blank');
    try {
      const session = await browser.context.newCDPSession(page);
      await session.send('Emulation.setScriptExecutionDisabled', { value: true });
      await page.goto(address('history.html'));
      expect(await page.locator('noscript svg').count()).toBe(2);
      expect(await page.locator('noscript svg').first().isVisible()).toBe(true);
      expect(await page.locator('.chart').first().isVisible()).toBe(false);
    } finally {
      await page.close();
    }
  });

  test('SVG files are well-formed pictures of the size that they say', async () => {
    const names = Object.keys(report).flatMap((name) => [`${name}.svg`, `${name}-dark.svg`]);
    writeFileSync(join(folder, 'pictures.html'), names.map((name) => `<img src="${name}">`).join(''));
    const { page, errors } = await browser.open(address('pictures.html'));
    const sizes = await page.evaluate(`Promise.all([...document.images].map(async (image) => {
      await image.decode();
      return [image.naturalWidth, image.naturalHeight];
    }))`);
    await page.close();
    expect(errors).toEqual([]);
    const said = names.map((name) => {
      const svg = (report[name.replace(/(-dark)?\.svg$/, '')] as reports.Report).svg();
      return /^<svg [^>]*width="(\d+)" height="(\d+)"/.exec(svg)?.slice(1).map(Number);
    });
    expect(sizes).toEqual(said);
  });

  test('a drawn model: every text lies in its box, and names are text', async () => {
    const x = Input({ shape: [8], name: 'x' });
    const hidden = new layers.Dense({ units: 4, activation: 'relu', name: '<b>"hidden" & <i>' }).apply(x);
    const inner = new Sequential({ name: 'inner', layers: [Input({ shape: [4] }), new layers.Dense({ units: 4 })] });
    const sum = new layers.Add({ name: 'sum' }).apply([hidden, inner.apply(hidden)]);
    const model = new Model({ inputs: x, outputs: sum, name: 'drawn' });
    const svg = await utils.plotModel(model, {
      toFile: join(folder, 'model.svg'),
      showShapes: true,
      showDtype: true,
      showLayerNames: true,
      showLayerActivations: true,
      showTrainable: true,
      expandNested: true,
      dpi: 96,
    });
    writeFileSync(join(folder, 'model.html'), `<!doctype html><link rel="icon" href="data:,"><body>${svg}</body>`);
    await visit('model.html', async (page) => {
      const outside = await page.evaluate(`[...document.querySelectorAll('g.node')].flatMap((node) => {
        const box = node.getBBox();
        const cells = [...node.querySelectorAll('polygon')].map((cell) => cell.getBBox());
        const inside = (text, cell) => text.x >= cell.x && text.x + text.width <= cell.x + cell.width &&
          text.y >= cell.y && text.y + text.height <= cell.y + cell.height;
        return [...node.querySelectorAll('text')].filter((text) => !cells.some((cell) => inside(text.getBBox(), cell)))
          .map((text) => text.textContent);
      })`);
      expect(outside).toEqual([]);
      expect(await page.locator('g.node').count()).toBe(4);
      expect(await page.locator('g.edge').count()).toBe(4);
      expect(await page.locator('g.cluster').count()).toBe(1);
      expect(await page.locator('g.node text', { hasText: '<b>"hidden" & <i>' }).count()).toBe(1);
    });
  });
});
