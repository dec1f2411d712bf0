// What the two commands take, and what they say to what they don't.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { experimentsPlan, reproducePlan } from '../../experiments/plan.js';
import { ArgumentError } from '../../lib/core/errors.js';

const folder = mkdtempSync(join(tmpdir(), 'torchlayers-plan-'));
const out = join(folder, 'results', 'deep');
writeFileSync(join(folder, 'file'), '');
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const experimentNames =
  'dropout, optimizer, epochs, learning-rate, hidden-neurons, batch-size, regularization, batch-normalization';
const rowNames = 'softmax, hidden, dropout, rmsprop-10, rmsprop-250, adam';
const experimentOptions = '--epochs N, --seeds N, --limit N, --out TEXT, --quick';
const reproduceOptions = '--with-keras, --seeds N, --only TEXT, --out TEXT, --quick';

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(ArgumentError);
    return (error as Error).message;
  }
  throw new Error('expected an error, got none');
}

describe('experiments', () => {
  test('takes names and options in any order', () => {
    const plan = experimentsPlan([
      '--epochs',
      '3',
      'optimizer',
      '--limit=500',
      'dropout',
      '--seeds',
      '2',
      '--out',
      out,
    ]);
    expect(plan.chosen.map(({ name }) => name)).toEqual(['dropout', 'optimizer']);
    expect(plan).toMatchObject({ epochs: 3, limit: 500, seeds: 2, folder: out });
    expect(statSync(out).isDirectory()).toBe(true);
  });

  test("left to itself takes all images and each experiment's own epochs", () => {
    expect(experimentsPlan(['all', '--out', out])).toMatchObject({ epochs: null, limit: 60_000, seeds: 1 });
    expect(
      experimentsPlan(['all', '--out', out])
        .chosen.map(({ name }) => name)
        .join(', '),
    ).toBe(experimentNames);
  });

  test('--quick is small, and what is given beside it counts', () => {
    expect(experimentsPlan(['all', '--quick', '--out', out])).toMatchObject({ epochs: 1, limit: 1000 });
    expect(experimentsPlan(['all', '--quick', '--epochs', '2', '--out', out])).toMatchObject({
      epochs: 2,
      limit: 1000,
    });
  });

  test.each([
    [
      [],
      'expected the name of an experiment, got none.',
      `Names: ${experimentNames}, all. Write: npm run experiments -- dropout`,
    ],
    [['dropuot'], 'unknown name "dropuot".', `Names: ${experimentNames}, all.`],
    [['all', '--epoch', '3'], 'unknown option --epoch.', `Options: ${experimentOptions}.`],
    [['all', '-q'], 'unknown option -q.', `Options: ${experimentOptions}.`],
    [['all', '--toString'], 'unknown option --toString.', `Options: ${experimentOptions}.`],
    [['all', '--epochs'], '--epochs: expected a value, got none.', `Options: ${experimentOptions}.`],
    [
      ['all', '--epochs', '0'],
      '--epochs: expected a whole number of at least 1, got "0".',
      `Options: ${experimentOptions}.`,
    ],
    [
      ['all', '--seeds', '1.5'],
      '--seeds: expected a whole number of at least 1, got "1.5".',
      `Options: ${experimentOptions}.`,
    ],
    [
      ['all', '--limit', '9'],
      '--limit: expected a whole number of at least 10, got "9".',
      `Options: ${experimentOptions}.`,
    ],
    [
      ['all', '--limit', '1e3'],
      '--limit: expected a whole number of at least 10, got "1e3".',
      `Options: ${experimentOptions}.`,
    ],
    [['all', '--quick=yes'], '--quick: expected no value, got "yes".', `Options: ${experimentOptions}.`],
    [['all', '--quick', '--quick'], 'expected --quick once, got it twice.', `Options: ${experimentOptions}.`],
  ])('%j is an error', (args, problem, hint) => {
    expect(messageOf(() => experimentsPlan(args))).toBe(`experiments: ${problem}\n  ${hint}`);
  });

  test('a file where the folder should be is an error', () => {
    const file = join(folder, 'file');
    expect(messageOf(() => experimentsPlan(['all', '--out', file]))).toBe(
      `experiments: --out: expected a folder, got the file ${file}.\n  Name another place.`,
    );
  });
});

describe('reproduce', () => {
  test('takes its options', () => {
    expect(reproducePlan(['--out', out])).toEqual({
      only: rowNames.split(', '),
      withKeras: false,
      quick: false,
      seeds: 1,
      limit: 60_000,
      folder: out,
    });
    expect(
      reproducePlan(['--with-keras', '--only', 'adam,softmax', '--quick', '--seeds', '3', '--out', out]),
    ).toMatchObject({ only: ['adam', 'softmax'], withKeras: true, quick: true, seeds: 3, limit: 1000 });
  });

  test.each([
    [
      ['adam'],
      'expected options alone, got "adam".',
      `Write --only adam for one line of the table. Names: ${rowNames}.`,
    ],
    [['--only', 'adam,sgd'], '--only: unknown name "sgd".', `Names: ${rowNames}.`],
    [['--epochs', '3'], 'unknown option --epochs.', `Options: ${reproduceOptions}.`],
    [['--only='], '--only: expected a value, got none.', `Options: ${reproduceOptions}.`],
  ])('%j is an error', (args, problem, hint) => {
    expect(messageOf(() => reproducePlan(args))).toBe(`reproduce: ${problem}\n  ${hint}`);
  });
});
