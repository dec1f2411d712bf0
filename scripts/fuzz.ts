// `npm run fuzz -- --minutes N [--seed S] [--from FILE] [--files COUNT] [--only FORMAT]`: loads damaged model files until the time is over. Each must be
// read, or refused with an error of ours or of the system; what dies, hangs, strays or takes too much memory is kept for study. A seed and a file's number
// give the same file on every machine.

import { parseArgs } from 'node:util';
import { type Format, formats } from './fuzz/corpus.js';
import { type FuzzOptions, fuzz } from './fuzz/supervise.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string' },
    from: { type: 'string' },
    files: { type: 'string' },
    only: { type: 'string' },
  },
});

function number(name: 'minutes' | 'seed' | 'from' | 'files'): number | undefined {
  const text = values[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  throw new Error(`fuzz: --${name}: expected a number, got ${text}.`);
}

if (values.only !== undefined && !formats.includes(values.only as Format)) {
  throw new Error(`fuzz: --only: expected one of ${formats.join(', ')}, got ${values.only}.`);
}
const [minutes, seed, from, files] = [
  number('minutes'),
  number('seed') ?? Date.now() % 1_000_000,
  number('from'),
  number('files'),
];
const options: FuzzOptions = {
  seed,
  progress: ({ files: done, faults }) => console.log(`${done} files, ${faults.length} faults`),
};
if (from !== undefined) options.from = from;
if (files !== undefined) options.files = files;
if (minutes !== undefined || files === undefined) options.minutes = minutes ?? 1;
if (values.only !== undefined) options.only = values.only as Format;
const started = Date.now();
const { faults, ...report } = await fuzz(options);
console.log({ seed, seconds: (Date.now() - started) / 1000, ...report });
for (const { message, ...fault } of faults) console.error(fault, `\n${message}`);
if (faults.length > 0) process.exitCode = 1;
