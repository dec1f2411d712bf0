// What the real TensorBoard reads from a folder that a real fit wrote, and what it draws of it in a real browser.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { History } from '../../lib/callbacks/index.js';
import { callbacks, Input, layers, Sequential, summary, utils } from '../../lib/index.js';
import { readHistograms } from '../support/event-files.js';
import { type RunningTensorBoard, startTensorBoard } from '../support/tensorboard.js';
import { launchBrowser, missingTools, type TestBrowser } from '../support/tools.js';
import { smallData } from '../training/small-model.js';

const missing = missingTools('tensorboard');
const missingBrowser = missing ?? missingTools('chromium');
const folder = mkdtempSync(join(tmpdir(), 'torchlayers-board-'));
const shots = process.env['TORCHLAYERS_SCREENSHOTS'] ?? folder;
const runs = [
  { name: 'first', units: 4 },
  { name: 'second', units: 16 },
] as const;
const histories: Record<string, History['history']> = {};

async function train({ name, units }: (typeof runs)[number]): Promise<void> {
  const { x, y } = smallData(200);
  utils.setRandomSeed(1);
  const model = new Sequential({
    name: 'small',
    layers: [
      Input({ shape: [6] }),
      new layers.Dense({ units, activation: 'relu', name: 'hidden' }),
      new layers.Dense({ units: 3, activation: 'softmax', name: 'classes' }),
    ],
  });
  model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
  const board = new callbacks.TensorBoard({
    logDir: join(folder, 'logs', name),
    histogramFreq: 1,
    writeImages: true,
    updateFreq: 'batch',
    hparams: { units, optimizer: 'adam', shuffled: true },
    text: { note: 'A **first** try.' },
  });
  const options = { verbose: 0, epochs: 6, batchSize: 20, validationSplit: 0.2 } as const;
  histories[name] = (await model.fit(x, y, { ...options, callbacks: [board] })).history;
}

beforeAll(async () => {
  if (missing !== null) return;
  for (const run of runs) await train(run);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Tries until it holds: TensorBoard reads every second, and pages draw when they have their data. */
const soon = (check: () => Promise<void>): Promise<void> => vi.waitFor(check, { timeout: 60_000, interval: 200 });
const curve = (points: unknown): [number, number][] =>
  (points as [number, number, number][]).map(([, step, value]) => [step, value]);
const rounded = (values: number[] | undefined): [number, number][] =>
  (values ?? []).map((value, epoch) => [epoch, Math.fround(value)]);

// TensorBoard has two readers of event files, a fast one and the one in Python.
describe.skipIf(missing !== null).each([true, false])(`read back over HTTP, fast: %s${missing ?? ''}`, (fast) => {
  let board: RunningTensorBoard;
  beforeAll(async () => {
    board = await startTensorBoard(join(folder, 'logs'), { fast });
    const all = runs.flatMap(({ name }) => [name, `${name}/train`, `${name}/validation`]);
    await soon(async () => expect(await board.get('runs')).toEqual(all.sort()));
    // Runs appear before all of their events are read.
    const last = 'plugin/scalars/scalars?run=second%2Fvalidation&tag=epoch_loss';
    await soon(async () => expect(await board.get(last)).toHaveLength(6));
  });
  afterAll(() => board?.stop());

  const scalars = async (run: string, tag: string): Promise<[number, number][]> =>
    curve(await board.get(`plugin/scalars/scalars?run=${encodeURIComponent(run)}&tag=${tag}`));

  test('curves of epochs and steps', async () => {
    const tags = (await board.get('plugin/scalars/tags')) as Record<string, object>;
    expect(Object.keys(tags['first/train'] ?? {}).sort()).toEqual([
      'batch_accuracy',
      'batch_loss',
      'epoch_accuracy',
      'epoch_learning_rate',
      'epoch_loss',
    ]);
    for (const { name } of runs) {
      const { loss, accuracy, val_loss: validationLoss } = histories[name] ?? {};
      expect(await scalars(`${name}/train`, 'epoch_loss')).toEqual(rounded(loss));
      expect(await scalars(`${name}/train`, 'epoch_accuracy')).toEqual(rounded(accuracy));
      expect(await scalars(`${name}/validation`, 'epoch_loss')).toEqual(rounded(validationLoss));
      const iterations = (validationLoss ?? []).map((value, epoch) => [8 * (epoch + 1), Math.fround(value)]);
      expect(await scalars(`${name}/validation`, 'evaluation_loss_vs_iterations')).toEqual(iterations);
      const steps = await scalars(`${name}/train`, 'batch_loss');
      expect(steps.map(([step]) => step)).toEqual(Array.from({ length: 48 }, (_, i) => i + 1));
      // The last step of an epoch shows its mean.
      expect(steps.filter(([step]) => step % 8 === 0).map(([, value]) => value)).toEqual(loss?.map(Math.fround));
    }
  });

  test('histograms', async () => {
    const path = 'plugin/histograms/histograms?run=first%2Ftrain&tag=small%2Fhidden%2Fkernel%2Fhistogram';
    const found = (await board.get(path)) as [number, number, number[][]][];
    const written = readHistograms(join(folder, 'logs/first/train'), 'small/hidden/kernel/histogram');
    expect(found.map(([, step, rows]) => ({ step, rows }))).toEqual(written);
    expect(found).toHaveLength(6);
  });

  test('text', async () => {
    const [note] = (await board.get('plugin/text/text?run=first%2Ftrain&tag=note')) as { text: string; step: number }[];
    expect(note).toMatchObject({ step: 0, text: '<p>A <strong>first</strong> try.</p>' });
  });

  test('images', async () => {
    const path = 'run=second%2Ftrain&tag=small%2Fclasses%2Fkernel%2Fimage&sample=0';
    const images = (await board.get(`plugin/images/images?${path}`)) as { step: number; query: string }[];
    expect(images.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5]);
    const answer = await fetch(`${board.url}/data/plugin/images/individualImage?${images[5]?.query}`);
    expect(answer.headers.get('content-type')).toBe('image/png');
    const png = Buffer.from(await answer.arrayBuffer());
    // [16, 3] lies on its longer side.
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([16, 3]);
  });

  test('graphs: of the run, and drawn by TensorBoard from the config', async () => {
    expect(await board.get('plugin/graphs/info')).toMatchObject({
      'first/train': { run_graph: true, tags: { keras: { conceptual_graph: true } } },
    });
    const run = (await board.get('plugin/graphs/graph?run=first%2Ftrain&conceptual=false')) as string;
    const names = [...run.matchAll(/^ {2}name: "(.*)"/gm)].map(([, name]) => name);
    expect(names).toEqual([
      'input',
      'hidden/kernel',
      'hidden/bias',
      'hidden/Dense',
      'classes/kernel',
      'classes/bias',
      'classes/Dense',
    ]);
    const config = (await board.get('plugin/graphs/graph?run=first%2Ftrain&conceptual=true&tag=keras')) as string;
    const edges = config
      .split(/^node /m)
      .slice(1)
      .map((node) => {
        const [name, ...inputs] = [...node.matchAll(/^ {2}(?:name|input): "(.*)"/gm)].map(([, text]) => text);
        return [
          name?.replace(/input_layer.*/, 'input'),
          inputs.map((input) => input?.replace(/input_layer.*/, 'input')),
        ];
      });
    expect(edges).toEqual([
      ['small/input', []],
      ['small/hidden', ['small/input']],
      ['small/classes', ['small/hidden']],
    ]);
  });

  test('hyperparameters, with the metrics of their runs', async () => {
    const experiment = (await board.post('plugin/hparams/experiment', { experimentName: '' })) as {
      hparamInfos: { name: string; type: string }[];
      metricInfos: { name: { group: string; tag: string } }[];
    };
    expect(experiment.hparamInfos.map(({ name, type }) => `${name}: ${type}`).sort()).toEqual([
      'optimizer: DATA_TYPE_STRING',
      'shuffled: DATA_TYPE_BOOL',
      'units: DATA_TYPE_FLOAT64',
    ]);
    const { sessionGroups } = (await board.post('plugin/hparams/session_groups', {
      experimentName: '',
      allowedStatuses: ['STATUS_SUCCESS'],
      colParams: [
        ...experiment.hparamInfos.map(({ name }) => ({ hparam: name, includeInResult: true })),
        ...experiment.metricInfos.map(({ name }) => ({ metric: name, includeInResult: true })),
      ],
      startIndex: 0,
      sliceSize: 10,
    })) as {
      sessionGroups: { hparams: object; metricValues: { name: { group: string; tag: string }; value: number }[] }[];
    };
    const found = sessionGroups.map(({ hparams, metricValues }) => ({
      hparams,
      loss: metricValues.find(({ name }) => name.group === 'validation' && name.tag === 'epoch_loss')?.value,
    }));
    expect(found).toHaveLength(2);
    for (const { name, units } of runs) {
      const loss = Math.fround(histories[name]?.['val_loss']?.at(-1) as number);
      expect(found).toContainEqual({ hparams: { units, optimizer: 'adam', shuffled: true }, loss });
    }
  });
});

describe.skipIf(missingBrowser !== null)(`in a browser${missingBrowser ?? ''}`, () => {
  let board: RunningTensorBoard;
  let browser: TestBrowser;
  beforeAll(async () => {
    const writer = summary.createFileWriter(join(folder, 'logs/first/train'));
    await writer.image('checked', { data: new Uint8Array(48).fill(200), shape: [1, 4, 4, 3] }, { step: 0 });
    await writer.close();
    board = await startTensorBoard(join(folder, 'logs'));
    // A page asks for its data once, then every half minute.
    await soon(async () => expect(await board.get('plugin/images/tags')).toHaveProperty(['first/train', 'checked']));
    await soon(async () => expect(await board.get('plugin/scalars/tags')).toHaveProperty(['second/validation']));
    browser = await launchBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await board?.stop();
  });

  async function open(hash: string): Promise<{ page: Page; errors: string[] }> {
    const opened = await browser.open(`${board.url}/#${hash}`);
    opened.page.setDefaultTimeout(60_000);
    return opened;
  }

  /** A screenshot that shows more than one colour on white; its place, for whoever wants to look. */
  async function shoot(page: Page, name: string): Promise<void> {
    const path = join(shots, `tensorboard-${name}.png`);
    await page.screenshot({ path });
    expect(statSync(path).size).toBeGreaterThan(20_000);
  }

  test('the page of scalars draws a curve with a point for each step', async () => {
    const { page, errors } = await open('scalars');
    const card = page.locator('tf-scalar-card', { hasText: 'batch_loss' });
    // Four curves, each once as it is and once smoothed.
    const lines = card.locator('vz-line-chart2 path.line[stroke]');
    await soon(async () => expect(await lines.count()).toBeGreaterThanOrEqual(4));
    const drawn = await lines.evaluateAll((paths) => paths.map((path) => path.getAttribute('d') ?? ''));
    const points = drawn.map((d) => d.split('L').length);
    // 48 steps of training, 12 of validation.
    expect([...new Set(points)].sort((a, b) => b - a)).toEqual([48, 12]);
    for (const d of drawn) {
      const heights = d
        .slice(1)
        .split('L')
        .map((point: string) => Number(point.split(',')[1]));
      expect(new Set(heights.map((y: number) => y.toFixed(2))).size).toBeGreaterThan(2);
    }
    await shoot(page, 'scalars');
    expect(errors).toEqual([]);
    await page.close();
  });

  test('the page of time series draws charts', async () => {
    const { page, errors } = await open('timeseries');
    const card = page.locator('scalar-card', { hasText: 'batch_loss' });
    await soon(async () => expect(await card.locator('line-chart canvas').count()).toBe(1));
    const size = await card.locator('line-chart canvas').boundingBox();
    expect(size?.width).toBeGreaterThan(100);
    await shoot(page, 'timeseries');
    expect(errors).toEqual([]);
    await page.close();
  });

  test('the page of graphs draws layers and the edges between them, with the shapes', async () => {
    const names = ['classes', 'hidden', 'input'];
    const { page, errors } = await open('graphs&run=first%2Ftrain');
    const nodes = page.locator('tf-graph-scene g.node');
    await soon(async () => expect(await nodes.count()).toBe(names.length));
    const shown = await nodes.evaluateAll((all) => all.map((node) => node.getAttribute('data-name')));
    expect(shown.sort()).toEqual(names);
    expect(await page.locator('tf-graph-scene path.edgeline').count()).toBe(2);
    const texts = await page.locator('tf-graph-scene g.edge text').allTextContents();
    expect(texts.sort()).toEqual(['?×4', '?×6']);
    await shoot(page, 'graphs');
    expect(errors).toEqual([]);
    await page.close();
  });

  test('the page of images shows a picture', async () => {
    const { page, errors } = await open('images');
    const picture = page.locator('tf-image-loader', { hasText: 'checked' }).locator('img').first();
    // The browser refuses a PNG with a wrong checksum: it has no size then.
    const width = () => picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth);
    await soon(async () => expect(await width()).toBe(4));
    await shoot(page, 'images');
    expect(errors).toEqual([]);
    await page.close();
  });
});
