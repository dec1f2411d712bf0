// npm run coverage: writes docs/coverage.md, which of Keras' public names are there; with --check, fails if the file is out of date.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { packageRoot } from '../lib/core/libtorch.js';
import * as torchlayers from '../lib/index.js';
import { isMain } from './commands.js';

/** A public object of Keras. */
export interface Entry {
  /** 'layers.AveragePooling2D'. */
  name: string;
  /** Its other names. */
  aliases: string[];
}

/** What stands for an object of Keras here. */
export interface Found {
  entry: Entry;
  /** Path in torchlayers, or null. */
  path: string | null;
  /** Aliases that are not there. */
  missing: string[];
}

const page = join(packageRoot, 'docs', 'coverage.md');

// Modules in the order of the page; others follow by name, with their submodules.
const order = ['', 'layers', 'activations', 'losses', 'metrics', 'optimizers', 'optimizers.schedules', 'initializers'];
order.push('regularizers', 'constraints', 'callbacks', 'ops', 'ops.image', 'random', 'datasets', 'utils', 'saving');

// Further addresses of objects that Keras has elsewhere too: a second namespace for each would help nobody.
const repeated = /^(ops\.(numpy|nn|linalg)|mixed_precision|preprocessing|backend)\./;

// What has a name of its own here, and where.
const renamed: Record<string, string> = {
  KerasTensor: 'SymbolicTensor',
  device: 'withDevice',
  'ops.cond': 'cond',
  'ops.custom_gradient': 'customGradient',
  'utils.register_keras_serializable': 'utils.registerCustomObject',
};

/** Keras' name as it is written here: `ops.segment_sum` -> `ops.segmentSum`; classes and constants stay. */
export function ownName(name: string): string {
  const camel = (part: string): string => part.replace(/_+([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
  return name
    .split('.')
    .map((part) => (/^[a-z]/.test(part) ? camel(part) : part))
    .join('.');
}

/** The lines of keras-api.txt. */
export function kerasNames(): { version: string; entries: Entry[] } {
  const [head = '', ...lines] = readFileSync(join(packageRoot, 'scripts', 'keras-api.txt'), 'utf8')
    .trim()
    .split('\n');
  const entries = lines.map((line) => {
    const [name = '', ...aliases] = line.split(' ');
    return { name, aliases };
  });
  return { version: /Keras (\S+),/.exec(head)?.[1] ?? '', entries };
}

function isThere(path: string): boolean {
  let value: unknown = torchlayers;
  for (const part of path.split('.')) {
    if (value === null || (typeof value !== 'object' && typeof value !== 'function') || !(part in value)) return false;
    value = (value as Record<string, unknown>)[part];
  }
  return true;
}

/** Looks for an object of Keras under all its names. */
export function find(entry: Entry): Found {
  const { name, aliases } = entry;
  const other = renamed[name];
  const candidates = [ownName(name), ...(other === undefined ? [] : [other]), ...aliases.map(ownName)];
  const path = candidates.find(isThere) ?? null;
  const missing = aliases.filter((alias) => !repeated.test(alias) && !isThere(ownName(alias)));
  return { entry, path, missing };
}

function moduleOf({ name }: Entry): string {
  const module = name.slice(0, Math.max(0, name.lastIndexOf('.')));
  return order.includes(module) ? module : (module.split('.')[0] as string);
}

function place(module: string): number {
  const at = order.indexOf(module);
  return at < 0 ? order.length : at;
}

const title = (module: string): string => (module === '' ? 'top level' : module);
const percent = (part: number, all: number): string => `${Math.round((100 * part) / all)}%`;

/** The name within its module; the whole path where it differs from Keras'. */
function describe(module: string, { entry, path }: Found): string {
  const expected = ownName(entry.name);
  if (path !== null && path !== expected) return `\`${path}\` (Keras: \`${entry.name}\`)`;
  return `\`${module === '' ? expected : expected.slice(module.length + 1)}\``;
}

function list(names: string[]): string {
  return names.sort((a, b) => a.toLowerCase().localeCompare(b.toLowerCase(), 'en')).join(', ');
}

function section(module: string, found: Found[]): string[] {
  const there = found.filter(({ path }) => path !== null);
  const notThere = found.filter(({ path }) => path === null);
  const aliases = there.flatMap(({ missing }) => missing).map((alias) => `\`${ownName(alias)}\``);
  const lines = [`## ${title(module)}`, ''];
  if (there.length > 0) lines.push(`There (${there.length}): ${list(there.map((one) => describe(module, one)))}.`, '');
  if (notThere.length > 0)
    lines.push(`Not there (${notThere.length}): ${list(notThere.map((one) => describe(module, one)))}.`, '');
  if (aliases.length > 0) lines.push(`There, but not under these other names: ${list(aliases)}.`, '');
  return lines;
}

/** The text of docs/coverage.md. */
export function coverageText(): string {
  const { version, entries } = kerasNames();
  const modules = new Map<string, Found[]>();
  for (const entry of entries) {
    const module = moduleOf(entry);
    modules.set(module, [...(modules.get(module) ?? []), find(entry)]);
  }
  const sorted = [...modules].sort(([a], [b]) => place(a) - place(b) || a.localeCompare(b, 'en'));
  const count = (found: Found[]): number => found.filter(({ path }) => path !== null).length;
  const there = sorted.reduce((sum, [, found]) => sum + count(found), 0);
  const rows = sorted.map(
    ([module, found]) =>
      `| ${title(module)} | ${count(found)} | ${found.length} | ${percent(count(found), found.length)} |`,
  );
  return [
    '# What is there of Keras',
    '',
    `Every public name of Keras ${version}, and whether torchlayers exports it. Written by \`npm run coverage\`; a test fails when it is out of date.`,
    '',
    'Functions are spelled in camelCase (`ops.segment_sum` is `ops.segmentSum`), classes as in Keras. "There" says that the name exists;',
    "what differs from Keras stands in its documentation. Names that Keras keeps for Keras 2's programs alone (`legacy`) are left out, and what Keras",
    'offers under several modules is counted once: `ops.numpy`, `ops.nn`, `ops.linalg`, `mixed_precision`, `preprocessing` and parts of `backend` only repeat.',
    '',
    '| module | there | in Keras | share |',
    '| --- | ---: | ---: | ---: |',
    ...rows,
    `| **all** | **${there}** | **${entries.length}** | **${percent(there, entries.length)}** |`,
    '',
    ...sorted.flatMap(([module, found]) => section(module, found)),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

if (isMain(import.meta.url)) {
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  const text = coverageText();
  if (!values.check) {
    writeFileSync(page, text);
    console.log(`coverage: wrote ${page}`);
  } else if (readFileSync(page, 'utf8') !== text) {
    console.error(
      'coverage: expected docs/coverage.md to list the exports of lib/index.ts, got an older list.\n  npm run coverage',
    );
    process.exitCode = 1;
  }
}
