// Loads damaged files for scripts/fuzz/supervise.ts, one after the other, and says before and after each which one it is. It dies of what it finds.

import fs from 'node:fs';
import { cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import net from 'node:net';
import { basename, join, resolve, sep } from 'node:path';
import { datasets, errors, Input, layers, type Model, models, Sequential, saving, type Tensor } from '../lib/index.js';
import { smallModel } from '../test/saving/named-files.js';
import { readZip } from '../test/support/npz.js';
import { corpus, type Format, formats, mutate, type Specimen } from './fuzz/corpus.js';
import { Random } from './fuzz/random.js';
import { type Fault, type FromWorker, jumpMb, type Outcome, type Work } from './fuzz/supervise.js';

const send = (message: FromWorker): void => void process.send?.(message);

// What is opened while a file is read, but for the file's own folder.
let watched: string | null = null;
const strayed: string[] = [];

function watch(): void {
  const check = (path: unknown): void => {
    if (watched === null || typeof path === 'number') return;
    const place = resolve(path instanceof URL ? path.pathname : String(path));
    // The reader of HDF5 files is a program of ours that starts when it is needed.
    if (place === join(String(process.env.KERAS_HOME), 'datasets')) return;
    const ours = /[\\/](?:lib[\\/]saving[\\/]hdf5|node_modules)[\\/]/.test(place);
    if (place !== watched && !place.startsWith(watched + sep) && !ours) strayed.push(place);
  };
  const holders: [object, readonly string[]][] = [
    [
      fs,
      [
        'open',
        'openSync',
        'readFile',
        'readFileSync',
        'writeFile',
        'writeFileSync',
        'createReadStream',
        'createWriteStream',
      ],
    ],
    [fs, ['mkdir', 'mkdirSync', 'unlink', 'unlinkSync', 'rename', 'renameSync', 'readdir', 'readdirSync', 'symlink']],
    [
      fs.promises,
      ['open', 'readFile', 'writeFile', 'mkdir', 'unlink', 'rename', 'readdir', 'rm', 'symlink', 'copyFile'],
    ],
  ];
  for (const [holder, names] of holders) {
    const functions = holder as Record<string, (...args: unknown[]) => unknown>;
    for (const name of names) {
      const original = functions[name] as (...args: unknown[]) => unknown;
      functions[name] = function (this: unknown, ...args: unknown[]): unknown {
        check(args[0]);
        return original.apply(this, args);
      };
    }
  }
  const { connect } = net.Socket.prototype;
  net.Socket.prototype.connect = function (this: net.Socket, ...args: never[]): net.Socket {
    if (watched !== null) strayed.push('a connection to another machine');
    return (connect as (...all: never[]) => net.Socket).apply(this, args);
  } as typeof connect;
  syncBuiltinESMExports();
}

// Weights are read into models that the files belong to.
let small: Model;
let pair: Model;

async function load(format: Format, path: string): Promise<void> {
  if (format === 'safetensors') {
    const { tensors } = await saving.loadSafetensors(path);
    for (const value of Object.values(tensors)) value.dispose();
    // Those of other names are none of the model's.
    if (basename(path).startsWith('weights')) await small.loadWeights(path);
  } else if (format === 'npz') await small.loadWeights(path);
  else if (format === 'weights.h5') await pair.loadWeights(path);
  else if (format === 'imdb') {
    for (const [, y] of await datasets.imdb.loadData({ path })) (y as Tensor).dispose();
  } else {
    const model = await models.loadModel(path);
    for (const weight of model.weights) weight.dispose();
  }
}

/** Does what no reader may do. */
async function commit(fault: Fault['kind']): Promise<void> {
  if (fault === 'crash') process.abort();
  if (fault === 'foreign') throw new TypeError('rehearsed');
  if (fault === 'strayed') await readdir(import.meta.dirname);
  if (fault === 'memory') Buffer.alloc(400 * 2 ** 20, 1);
  while (fault === 'hang') Math.random();
}

async function outcomeOf({ format, main, files }: Specimen, folder: string, fault?: Fault['kind']): Promise<Outcome> {
  const own = join(folder, 'file');
  await rm(own, { recursive: true, force: true });
  await mkdir(own, { recursive: true });
  for (const [name, bytes] of files) await writeFile(join(own, name), bytes);
  strayed.length = 0;
  watched = own;
  try {
    if (fault !== undefined) await commit(fault);
    await load(format, join(own, main));
    return strayed.length > 0 ? { kind: 'strayed', message: strayed.join(', ') } : { kind: 'read' };
  } catch (error) {
    if (strayed.length > 0) return { kind: 'strayed', message: strayed.join(', ') };
    if (error instanceof errors.TorchLayersError) return { kind: 'refused' };
    const { code, syscall } = (error ?? {}) as NodeJS.ErrnoException;
    if (error instanceof Error && typeof code === 'string' && typeof syscall === 'string') return { kind: 'system' };
    return { kind: 'foreign', message: error instanceof Error ? String(error.stack) : String(error) };
  } finally {
    watched = null;
  }
}

const peakMb = (): number => process.resourceUsage().maxRSS / 1024;

async function work({ seed, from, to, folder, only, rehearse, rehearseFrom = 0 }: Work): Promise<void> {
  // Where data sets are looked for: it is made, and stays empty.
  process.env.KERAS_HOME = join(folder, 'home');
  small = smallModel();
  pair = new Sequential({ layers: [Input({ shape: [2] }), new layers.Dense({ units: 2, name: 'dense' })] });
  const specimens = corpus();
  const byFormat = formats.map((format) => specimens.filter((one) => one.format === format));
  // All of them can be read as they are: what is refused later is refused for its damage. This fills caches too.
  for (const specimen of specimens) {
    const outcome = await outcomeOf(specimen, folder);
    if (outcome.kind === 'read') continue;
    throw new Error(`expected to read ${specimen.name} (${specimen.format}), got ${JSON.stringify(outcome)}`);
  }
  const unzip = (bytes: Buffer): Map<string, Buffer> => {
    const path = join(folder, 'whole.zip');
    fs.writeFileSync(path, bytes);
    return readZip(path);
  };
  let lastPeak = peakMb();
  send({ kind: 'ready', peakMb: lastPeak });
  for (let file = from; file < to; file++) {
    const random = new Random(seed, file);
    const choices = only === undefined ? random.pick(byFormat) : (byFormat[formats.indexOf(only)] as Specimen[]);
    const specimen = mutate(random.pick(choices), random, unzip);
    send({ kind: 'begin', file, format: specimen.format, name: specimen.name });
    const outcome = await outcomeOf(specimen, folder, rehearse?.[file - rehearseFrom]);
    const peak = peakMb();
    if (outcome.kind === 'foreign' || outcome.kind === 'strayed' || peak - lastPeak > jumpMb) {
      await cp(join(folder, 'file'), join(folder, `fault-${file}`), { recursive: true });
    }
    lastPeak = peak;
    send({ kind: 'end', file, outcome, peakMb: peak });
    if (file % 100 === 99) globalThis.gc?.();
  }
  send({ kind: 'finished' });
}

watch();
process.once('message', (message: Work) => {
  work(message).then(
    () => process.disconnect(),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
