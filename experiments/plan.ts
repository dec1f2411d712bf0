// What `npm run experiments` and `npm run reproduce` are asked to do.
import { ArgumentError } from '../lib/core/errors.js';
import { bookRows } from './book.js';
import { type Experiment, experiments } from './catalog.js';
import { checkNames, readCommandLine } from './command-line.js';
import { defaultFolder, prepareFolder } from './files.js';

const allImages = 60_000;
const fewImages = 1000;

/** What `npm run experiments` does. */
export interface ExperimentsPlan {
  chosen: Experiment[];
  /** `null`: each experiment's own. */
  epochs: number | null;
  seeds: number;
  /** Images to train on, and at most as many to test on. */
  limit: number;
  folder: string;
}

/** Reads the arguments of `npm run experiments` and makes the folder. @throws {ArgumentError} for what is wrong in them */
export function experimentsPlan(args: readonly string[]): ExperimentsPlan {
  const command = 'experiments';
  const names = experiments.map(({ name }) => name);
  const { values, positionals } = readCommandLine(command, args, {
    epochs: { kind: 'whole', min: 1 },
    seeds: { kind: 'whole', min: 1 },
    limit: { kind: 'whole', min: 10 },
    out: { kind: 'text' },
    quick: { kind: 'flag' },
  });
  if (positionals.length === 0) {
    throw new ArgumentError(
      `${command}: expected the name of an experiment, got none.`,
      `Names: ${names.join(', ')}, all. Write: npm run experiments -- ${names[0]}`,
    );
  }
  checkNames(command, positionals, [...names, 'all']);
  const quick = values.quick === true;
  return {
    chosen: experiments.filter(({ name }) => positionals.includes(name) || positionals.includes('all')),
    epochs: values.epochs ?? (quick ? 1 : null),
    seeds: values.seeds ?? 1,
    limit: values.limit ?? (quick ? fewImages : allImages),
    folder: prepareFolder(command, values.out ?? defaultFolder),
  };
}

/** What `npm run reproduce` does. */
export interface ReproducePlan {
  /** Names of lines of the chapter's table. */
  only: string[];
  withKeras: boolean;
  /** One epoch on few images: checks that all of it works, and holds no figures. */
  quick: boolean;
  seeds: number;
  limit: number;
  folder: string;
}

/** Reads the arguments of `npm run reproduce` and makes the folder. @throws {ArgumentError} for what is wrong in them */
export function reproducePlan(args: readonly string[]): ReproducePlan {
  const command = 'reproduce';
  const names = bookRows.map(({ name }) => name);
  const { values, positionals } = readCommandLine(command, args, {
    'with-keras': { kind: 'flag' },
    seeds: { kind: 'whole', min: 1 },
    only: { kind: 'text' },
    out: { kind: 'text' },
    quick: { kind: 'flag' },
  });
  const [stray] = positionals;
  if (stray !== undefined) {
    throw new ArgumentError(
      `${command}: expected options alone, got ${JSON.stringify(stray)}.`,
      `Write --only ${stray} for one line of the table. Names: ${names.join(', ')}.`,
    );
  }
  const only = values.only?.split(',') ?? names;
  checkNames(`${command}: --only`, only, names);
  const quick = values.quick === true;
  return {
    only,
    withKeras: values['with-keras'] === true,
    quick,
    seeds: values.seeds ?? 1,
    limit: quick ? fewImages : allImages,
    folder: prepareFolder(command, values.out ?? defaultFolder),
  };
}
