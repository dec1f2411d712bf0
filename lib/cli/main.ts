#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { doctor } from './doctor.js';
import { install } from './install.js';

const usage = `Usage:
  torchlayers doctor [--json]
      Versions, the libtorch found and how, build, processor, threads, devices, and what is wrong.
  torchlayers install [--cuda | --cpu] [--force] [--keep-downloads]
      Fetches libtorch into the per-user cache; CUDA's where there is an NVIDIA driver.`;

/** A command line that can't be followed. */
class UsageError extends Error {}

async function main(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      json: { type: 'boolean' },
      cuda: { type: 'boolean' },
      cpu: { type: 'boolean' },
      force: { type: 'boolean' },
      'keep-downloads': { type: 'boolean' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  const [command, ...rest] = positionals;
  if (values.help) {
    console.log(usage);
    return 0;
  }
  if (rest.length > 0) throw new UsageError(`torchlayers: expected one command, got '${positionals.join(' ')}'.`);
  if (command === 'doctor') return doctor({ json: values.json ?? false });
  if (command === 'install') {
    if (values.cuda && values.cpu) throw new UsageError('torchlayers install: expected --cuda or --cpu, got both.');
    const stop = new AbortController();
    process.once('SIGINT', () => stop.abort(new Error('torchlayers install: stopped; the next one continues.')));
    await install({
      signal: stop.signal,
      ...((values.cuda || values.cpu) && { cuda: values.cuda ?? false }),
      ...(values.force && { force: true }),
      ...(values['keep-downloads'] && { keepDownloads: true }),
    });
    return 0;
  }
  throw new UsageError(
    `torchlayers: expected doctor or install, got ${command === undefined ? 'no command' : `'${command}'`}.`,
  );
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  const code = (error as NodeJS.ErrnoException).code ?? '';
  if (error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS')) console.error(usage);
  process.exitCode = 1;
}
