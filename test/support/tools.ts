import { accessSync, constants, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Programs that some tests need and a machine may lack; with TORCHLAYERS_REQUIRE_TOOLS=1 (as in CI) a missing one fails its tests. */
const required = process.env['TORCHLAYERS_REQUIRE_TOOLS'] === '1';

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}

function inPath(...names: string[]): string | null {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    for (const name of names) {
      const path = join(folder, name);
      if (folder !== '' && isExecutable(path)) return path;
    }
  }
  return null;
}

function given(variable: string): string | null {
  const path = process.env[variable];
  if (path === undefined || path === '') return null;
  if (!isExecutable(path)) throw new Error(`${variable}: expected an executable file, got "${path}".`);
  return path;
}

/** Chromium or Chrome: CHROMIUM_PATH, else the usual names in PATH, else /usr/bin. */
export function findChromium(): string | null {
  const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
  const usual = names.map((name) => `/usr/bin/${name}`).find(isExecutable);
  return given('CHROMIUM_PATH') ?? inPath(...names) ?? usual ?? null;
}

/** TensorBoard's program: TENSORBOARD, else in PATH, else where `scripts/tensorboard-env.ts` installs it. */
export function findTensorBoard(): string | null {
  const installed = join(homedir(), '.cache/torchlayers/tensorboard/bin/tensorboard');
  return given('TENSORBOARD') ?? inPath('tensorboard') ?? (isExecutable(installed) ? installed : null);
}

type Tool = 'chromium' | 'tensorboard';

const finders: Readonly<Record<Tool, { find: () => string | null; hint: string }>> = {
  chromium: { find: findChromium, hint: 'install chromium, or set CHROMIUM_PATH' },
  tensorboard: { find: findTensorBoard, hint: 'run npx tsx scripts/tensorboard-env.ts, or set TENSORBOARD' },
};

/**
 * For `describe.skipIf(...)`: why tests that need these tools can't run, or null. Says so on stderr, and throws where tools are required.
 *
 * @example
 * ```ts
 * const missing = missingTools('chromium');
 * describe.skipIf(missing !== null)(`in a browser${missing ?? ''}`, () => { … });
 * ```
 */
export function missingTools(...names: Tool[]): string | null {
  const missing = names.filter((name) => finders[name].find() === null);
  if (missing.length === 0) return null;
  const reason = missing.map((name) => `${name} is not installed (${finders[name].hint})`).join('; ');
  if (required) throw new Error(`TORCHLAYERS_REQUIRE_TOOLS=1, but ${reason}.`);
  process.stderr.write(`Skipped: ${reason}.\n`);
  return ` (skipped: ${reason})`;
}

/** A running browser with a profile of its own; `await browser.close()` ends it and removes the profile. */
export interface TestBrowser {
  context: BrowserContext;
  /** A new page; errors of its scripts are collected in `errors`. */
  open(url: string, size?: { width: number; height: number }): Promise<{ page: Page; errors: string[] }>;
  close(): Promise<void>;
}

const flags = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts headless Chromium. @throws {Error} if there is none: ask {@link missingTools} first */
export async function launchBrowser(options: { colorScheme?: 'light' | 'dark' } = {}): Promise<TestBrowser> {
  const executablePath = findChromium();
  if (executablePath === null) throw new Error(`expected a browser, got none: ${finders.chromium.hint}.`);
  const profile = await mkdtemp(join(tmpdir(), 'torchlayers-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    args: flags,
    timeout: 60_000,
    colorScheme: options.colorScheme ?? 'light',
  });
  return {
    context,
    async open(url, size = { width: 1280, height: 900 }) {
      const page = await context.newPage();
      const errors: string[] = [];
      page.on('pageerror', (error) => errors.push(String(error)));
      await page.setViewportSize(size);
      await page.goto(url, { timeout: 60_000 });
      return { page, errors };
    },
    async close() {
      await context.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
