import { ArgumentError } from '../../core/errors.js';
import { is, show } from '../../core/fields.js';
import { isPlainObject } from '../../core/tree.js';
import { checkHparams } from '../../summary/checks.js';
import { checkOptions } from '../../training/compile.js';
import type { TensorBoardOptions } from '../tensorboard.js';

const where = 'TensorBoard';

const defaults: Required<TensorBoardOptions> = {
  logDir: 'logs',
  histogramFreq: 0,
  writeGraph: true,
  writeImages: false,
  writeStepsPerSecond: false,
  updateFreq: 'epoch',
  profileBatch: 0,
  embeddingsFreq: 0,
  embeddingsMetadata: null,
  hparams: null,
  text: null,
};

/** The options with their defaults. @throws {ArgumentError} for unknown options and wrong types @internal */
export function checked(options: TensorBoardOptions): Required<TensorBoardOptions> {
  checkOptions(where, options, Object.keys(defaults));
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
  const all: Required<TensorBoardOptions> = { ...defaults, ...given };
  if (is.string(all.logDir, `${where}: logDir`) === '') {
    throw new ArgumentError(`${where}: logDir: expected the path of a folder, got "".`);
  }
  for (const name of ['histogramFreq', 'embeddingsFreq'] as const)
    is.integer({ min: 0 })(all[name], `${where}: ${name}`);
  for (const name of ['writeGraph', 'writeImages', 'writeStepsPerSecond'] as const) {
    is.boolean(all[name], `${where}: ${name}`);
  }
  checkUpdateFreq(all.updateFreq);
  checkProfileBatch(all.profileBatch);
  checkMetadata(all.embeddingsMetadata);
  if (all.hparams !== null) checkHparams(`${where}: hparams`, all.hparams);
  checkText(all.text);
  return all;
}

function checkUpdateFreq(value: unknown): void {
  if (['epoch', 'batch', 'merged'].includes(value as string)) return;
  if (Number.isSafeInteger(value) && (value as number) >= 1) return;
  throw new ArgumentError(
    `${where}: updateFreq: expected 'epoch', 'batch', 'merged' or a whole number of at least 1, got ${show(value)}.`,
  );
}

function checkProfileBatch(value: unknown): void {
  if (value === 0) return;
  throw new ArgumentError(
    `${where}: profileBatch: expected 0, as there is no profiler for TensorBoard, got ${show(value)}.`,
    'Leave profileBatch out. writeStepsPerSecond: true shows the speed; node --cpu-prof and perf show where the time goes.',
  );
}

function checkMetadata(value: unknown): void {
  const isMap = isPlainObject(value) && Object.values(value).every((path) => typeof path === 'string');
  if (value === null || typeof value === 'string' || isMap) return;
  throw new ArgumentError(
    `${where}: embeddingsMetadata: expected a file's name, or an object of them by the names of layers, got ${show(value)}.`,
    "Write embeddingsMetadata: { embedding: 'words.tsv' }.",
  );
}

function checkText(value: unknown): void {
  const isNotes = isPlainObject(value) && Object.values(value).every((note) => typeof note === 'string');
  if (value === null || isNotes) return;
  throw new ArgumentError(
    `${where}: text: expected an object of strings by their names, got ${show(value)}.`,
    "Write text: { note: 'A **first** try.' }.",
  );
}
