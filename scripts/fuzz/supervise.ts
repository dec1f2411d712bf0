import { type ChildProcess, fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Format } from './corpus.js';

/** What a worker is asked to do: files `from` to `to - 1` of a seed. */
export interface Work {
  seed: number;
  from: number;
  to: number;
  folder: string;
  only?: Format;
  /** Faults that the first files commit, so that a test sees them found. */
  rehearse?: readonly Fault['kind'][];
  /** Number of the first of those. */
  rehearseFrom?: number;
}

/** What came of one file. The last two are faults. */
export type Outcome =
  | { kind: 'read' }
  | { kind: 'refused' }
  | { kind: 'system' }
  | { kind: 'foreign'; message: string }
  | { kind: 'strayed'; message: string };

/** What a worker says. */
export type FromWorker =
  | { kind: 'ready'; peakMb: number }
  | { kind: 'begin'; file: number; format: Format; name: string }
  | { kind: 'end'; file: number; outcome: Outcome; peakMb: number }
  | { kind: 'finished' };

/** A file that was neither read nor refused as it should be. */
export interface Fault {
  file: number;
  format: string;
  name: string;
  kind: 'foreign' | 'strayed' | 'crash' | 'hang' | 'memory';
  message: string;
  /** Where the file was kept. */
  kept: string;
}

/** What {@link fuzz} found. */
export interface Report {
  files: number;
  read: number;
  refused: number;
  system: number;
  /** How many of each format there were, and how many of them were read. */
  formats: Record<string, { files: number; read: number }>;
  faults: Fault[];
  /** By how much the memory of a worker grew at most while it read damaged files, in MiB. */
  growthMb: number;
  /** The most processor time that one file took, in seconds; null where the system doesn't tell. */
  slowestSeconds: number | null;
}

/** Options of {@link fuzz}. */
export interface FuzzOptions {
  seed?: number;
  /** Number of the first file. */
  from?: number;
  /** How many files at most. */
  files?: number;
  /** Stop after so long. */
  minutes?: number;
  /** One format alone. */
  only?: Format;
  /** Faults that the first files commit, so that a test sees them found. @default none */
  rehearse?: readonly Fault['kind'][];
  progress?: (report: Report) => void;
}

// A file may take so much processor time; and so long if the process does nothing at all.
const busySeconds = 5;
const idleSeconds = 60;
/** One small file must not take so much memory. */
export const jumpMb = 256;
const filesPerWorker = 5000;

/** Processor time of a process so far, in seconds. */
function processorSeconds(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return null;
  }
}

/** Loads damaged files in processes of their own, so that one that dies or hangs is a fault of a file and not the end of the search. */
export async function fuzz(options: FuzzOptions = {}): Promise<Report> {
  const { seed = 1, from = 0, files = Number.POSITIVE_INFINITY, minutes = Number.POSITIVE_INFINITY } = options;
  const until = Date.now() + minutes * 60_000;
  const report: Report = {
    files: 0,
    read: 0,
    refused: 0,
    system: 0,
    formats: {},
    faults: [],
    growthMb: 0,
    slowestSeconds: null,
  };
  const folder = await mkdtemp(join(tmpdir(), 'torchlayers-fuzz-'));
  let next = from;
  while (next < from + files && Date.now() < until) {
    const to = Math.min(next + filesPerWorker, from + files);
    const work: Work = { seed, from: next, to, folder };
    if (options.only !== undefined) work.only = options.only;
    if (options.rehearse !== undefined) Object.assign(work, { rehearse: options.rehearse, rehearseFrom: from });
    next = await runWorker(work, until, report, folder, options.progress);
  }
  if (report.faults.length === 0) await rm(folder, { recursive: true, force: true });
  return report;
}

/** Runs one worker until it has finished or died; the number of the next file. */
async function runWorker(
  work: Work,
  until: number,
  report: Report,
  folder: string,
  progress: FuzzOptions['progress'],
): Promise<number> {
  const child: ChildProcess = fork(fileURLToPath(new URL('../fuzz-worker.ts', import.meta.url)), [], {
    execArgv: ['--import', 'tsx', '--expose-gc', '--no-warnings', '--max-old-space-size=1024'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let complaints = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    complaints = (complaints + chunk.toString()).slice(-4000);
  });
  let begun: (FromWorker & { kind: 'begin' }) | null = null;
  let begunAt = 0;
  let processorAt: number | null = null;
  let basePeak: number | null = null;
  let lastPeak = 0;
  let next = work.from;
  let finished = false;
  let hung: string | null = null;
  const kept: Promise<void>[] = [];
  const fault = (kind: Fault['kind'], message: string): void => {
    const { file, format, name } = begun as FromWorker & { kind: 'begin' };
    const place = join(folder, `fault-${file}`);
    // A worker that lives on keeps the file itself, before the next one takes its place.
    if (kind === 'crash' || kind === 'hang') kept.push(cp(join(folder, 'file'), place, { recursive: true }));
    report.faults.push({ file, format, name, kind, message, kept: place });
  };
  child.on('message', (message: FromWorker) => {
    if (message.kind === 'ready') basePeak = lastPeak = message.peakMb;
    else if (message.kind === 'finished') finished = true;
    else if (message.kind === 'begin') {
      begun = message;
      begunAt = Date.now();
      processorAt = null;
    } else {
      const { outcome, peakMb, file } = message;
      const { format } = begun as FromWorker & { kind: 'begin' };
      next = file + 1;
      const counted = report.formats[format] ?? { files: 0, read: 0 };
      report.formats[format] = counted;
      counted.files++;
      report.files++;
      if (outcome.kind === 'foreign' || outcome.kind === 'strayed') fault(outcome.kind, outcome.message);
      else {
        report[outcome.kind]++;
        if (outcome.kind === 'read') counted.read++;
      }
      if (peakMb - lastPeak > jumpMb) fault('memory', `${Math.round(peakMb - lastPeak)} MiB for one file`);
      lastPeak = peakMb;
      report.growthMb = Math.max(report.growthMb, peakMb - (basePeak as number));
      begun = null;
      if (report.files % 500 === 0) progress?.(report);
      if (Date.now() > until) child.kill();
    }
  });
  const look = setInterval(() => {
    if (begun === null || child.pid === undefined) return;
    const used = processorSeconds(child.pid);
    processorAt ??= used;
    const busy = used === null || processorAt === null ? null : used - processorAt;
    const idle = (Date.now() - begunAt) / 1000;
    if (busy !== null) report.slowestSeconds = Math.max(report.slowestSeconds ?? 0, busy);
    const limit = busy === null ? busySeconds : idleSeconds;
    if ((busy ?? 0) <= busySeconds && idle <= limit) return;
    hung ??= busy === null ? `no end in ${idle} s` : `no end in ${busy} s of processor time, ${idle} s in all`;
    child.kill('SIGKILL');
  }, 200);
  child.send(work);
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((resolve) =>
    // Not 'close': a program that the worker started may hold its pipes for longer.
    child.once('exit', (...end) => resolve(end)),
  );
  // What it said last is on its way still.
  if (child.connected) await new Promise<void>((resolve) => child.once('disconnect', () => resolve()));
  await setImmediate();
  child.stderr?.destroy();
  clearInterval(look);
  if (begun !== null && !finished && (hung !== null || signal !== 'SIGTERM')) {
    const end = signal === null ? `exit code ${code}` : `signal ${signal}`;
    fault(hung === null ? 'crash' : 'hang', hung ?? `${end}: ${complaints}`);
    report.files++;
    next = (begun as FromWorker & { kind: 'begin' }).file + 1;
  } else if (!finished && signal !== 'SIGTERM') {
    throw new Error(`the fuzzer's worker ended between two files (code ${code}, ${signal}): ${complaints}`);
  }
  await Promise.all(kept);
  return next;
}
