import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { threadId } from 'node:worker_threads';
import Database from 'libsql';
import { FileFormatError } from '../core/errors.js';
import type { ParameterConfig, ParameterValue } from './parameter.js';
import type { Bracket, Trial, TrialStatus } from './trial.js';

/** What the search does next, as its algorithm says. */
export type Suggestion =
  | { next: 'run'; values: Record<string, ParameterValue>; bracket?: Bracket }
  /** Nothing before a running trial has ended. */
  | { next: 'wait' }
  | { next: 'stop' };

/** An end of a trial. @internal */
export interface Outcome {
  status: TrialStatus;
  score: number | null;
  metrics: Record<string, number>;
  bestEpoch: number | null;
  message: string | null;
}

const version = 1;
const heartbeatMs = 2000;
/** A worker that was silent for so long is taken for dead. */
const silentMs = 60_000;

/**
 * The trials of one search, in a SQLite file that any number of threads and processes share. Every change is one transaction, so a kill leaves the state
 * before or after it; a trial whose worker is gone is given to the next one that asks, with the same values.
 * @internal
 */
export class TrialStore {
  readonly path: string;
  readonly #db: Database.Database;
  readonly #owner: string;
  #timer: NodeJS.Timeout | null = null;

  constructor(path: string) {
    this.path = path;
    this.#owner = `${hostname()}|${process.pid}|${threadId}|${randomUUID()}`;
    this.#db = this.#open();
  }

  /** Trials in order of their ids. */
  trials(): Trial[] {
    return this.#db.prepare('SELECT * FROM trials ORDER BY id').all().map(toTrial);
  }

  /** A value kept for the whole search; undefined if there is none. */
  setting<T>(key: string): T | undefined {
    const row = this.#db.prepare('SELECT value FROM settings WHERE key = ?').get(key) as { value: string } | undefined;
    return row === undefined ? undefined : (JSON.parse(row.value) as T);
  }

  /** Keeps a value unless one is there; answers the one that is kept. */
  settle<T>(key: string, value: T): T {
    this.#db.prepare('INSERT OR IGNORE INTO settings (key, value) VALUES (?, ?)').run(key, JSON.stringify(value));
    return this.setting<T>(key) as T;
  }

  /** Adds hyperparameters to the space that all workers see; answers the whole space. */
  growSpace(found: readonly ParameterConfig[]): ParameterConfig[] {
    return this.#transaction(() => {
      const space = this.setting<ParameterConfig[]>('space') ?? [];
      const key = (one: ParameterConfig): string => JSON.stringify([one.name, one.conditions]);
      const known = new Set(space.map(key));
      space.push(...found.filter((one) => !known.has(key(one))));
      this.#db
        .prepare('INSERT INTO settings (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = ?2')
        .run('space', JSON.stringify(space));
      return space;
    });
  }

  /** Takes a trial that nobody works on any more, or makes the one that `suggest` answers for the trials so far. */
  claim(
    suggest: (trials: readonly Trial[], id: number) => Suggestion,
  ): { trial: Trial; attempt: number } | 'wait' | 'stop' {
    return this.#transaction(() => {
      const now = Date.now();
      const running = this.#db.prepare("SELECT * FROM trials WHERE status = 'running' ORDER BY id").all() as Row[];
      const orphan = running.find((row) => !isAlive(row, now));
      if (orphan !== undefined) {
        this.#db
          .prepare('UPDATE trials SET owner = ?, heartbeat = ?, started = ? WHERE id = ?')
          .run(this.#owner, now, now, orphan.id);
        this.#db.prepare('DELETE FROM epochs WHERE trial = ?').run(orphan.id);
        return { trial: toTrial(orphan), attempt: orphan.attempt };
      }
      const trials = this.trials();
      const id = trials.length;
      const suggestion = suggest(trials, id);
      if (suggestion.next !== 'run') return suggestion.next;
      this.#db
        .prepare(
          "INSERT INTO trials (id, status, parameters, bracket, owner, started, heartbeat) VALUES (?, 'running', ?, ?, ?, ?, ?)",
        )
        .run(id, JSON.stringify(suggestion.values), json(suggestion.bracket ?? null), this.#owner, now, now);
      return { trial: toTrial(this.#row(id)), attempt: 0 };
    });
  }

  /** Notes the numbers of an epoch of a running trial. */
  report(trial: number, execution: number, epoch: number, logs: Readonly<Record<string, number>>): void {
    this.#db
      .prepare('INSERT OR REPLACE INTO epochs (trial, execution, epoch, logs) VALUES (?, ?, ?, ?)')
      .run(trial, execution, epoch, JSON.stringify(logs));
  }

  /** The numbers of a trial's epochs, by execution. */
  curves(trial: number): Record<string, number>[][] {
    const rows = this.#db.prepare('SELECT * FROM epochs WHERE trial = ? ORDER BY execution, epoch').all(trial) as {
      execution: number;
      logs: string;
    }[];
    const curves: Record<string, number>[][] = [];
    for (const { execution, logs } of rows) {
      curves[execution] ??= [];
      (curves[execution] as Record<string, number>[]).push(JSON.parse(logs));
    }
    return curves;
  }

  /** Values that a trial took on the way: hyperparameters it was the first to ask for. */
  setValues(trial: number, values: Readonly<Record<string, ParameterValue>>): void {
    this.#db
      .prepare('UPDATE trials SET parameters = ? WHERE id = ? AND owner = ?')
      .run(JSON.stringify(values), trial, this.#owner);
  }

  /** Starts a failed trial once more. */
  retry(trial: number): void {
    this.#db.prepare('UPDATE trials SET attempt = attempt + 1 WHERE id = ? AND owner = ?').run(trial, this.#owner);
  }

  /** Ends a trial; false if it was given to another worker meanwhile, whose result counts. */
  finish(trial: number, outcome: Outcome): boolean {
    const { changes } = this.#db
      .prepare(
        `UPDATE trials SET status = ?, score = ?, metrics = ?, best_epoch = ?, message = ?, ended = ?, owner = NULL
         WHERE id = ? AND owner = ?`,
      )
      .run(
        outcome.status,
        outcome.score,
        JSON.stringify(outcome.metrics),
        outcome.bestEpoch,
        outcome.message,
        Date.now(),
        trial,
        this.#owner,
      );
    return changes === 1;
  }

  /** Gives a running trial back, for whoever asks next. */
  release(trial: number): void {
    this.#db.prepare('UPDATE trials SET owner = NULL WHERE id = ? AND owner = ?').run(trial, this.#owner);
  }

  /** Shows other workers that this one lives, until `rest`. */
  beat(): void {
    const statement = this.#db.prepare("UPDATE trials SET heartbeat = ? WHERE owner = ? AND status = 'running'");
    this.#timer ??= setInterval(() => statement.run(Date.now(), this.#owner), heartbeatMs).unref();
  }

  rest(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  close(): void {
    this.rest();
    // One file is left then, which can be copied.
    this.#db.pragma('wal_checkpoint(TRUNCATE)');
    this.#db.close();
  }

  #open(): Database.Database {
    const wrong = (reason: string, cause?: unknown): FileFormatError =>
      new FileFormatError(
        `Tuner: expected a search's trials in ${this.path}, got ${reason}.`,
        'Give another directory or projectName, or overwrite: true to start anew.',
        { cause },
      );
    let db: Database.Database;
    try {
      db = new Database(this.path, { timeout: 60_000 });
      db.pragma('busy_timeout = 60000');
      // Commits then wait for no disk; what a process wrote stays when it is killed. A process that opens at the same moment may be the one to switch.
      try {
        db.pragma('journal_mode = WAL');
      } catch (error) {
        if (!String(error).includes('locked')) throw error;
      }
      db.pragma('synchronous = NORMAL');
      db.exec(`
        BEGIN IMMEDIATE;
        CREATE TABLE IF NOT EXISTS settings (key TEXT PRIMARY KEY, value TEXT NOT NULL);
        CREATE TABLE IF NOT EXISTS trials (
          id INTEGER PRIMARY KEY, status TEXT NOT NULL, parameters TEXT NOT NULL, bracket TEXT, score REAL, metrics TEXT,
          best_epoch INTEGER, message TEXT, attempt INTEGER NOT NULL DEFAULT 0, owner TEXT, started REAL, ended REAL, heartbeat REAL);
        CREATE TABLE IF NOT EXISTS epochs (
          trial INTEGER NOT NULL, execution INTEGER NOT NULL, epoch INTEGER NOT NULL, logs TEXT NOT NULL, PRIMARY KEY (trial, execution, epoch));
        INSERT OR IGNORE INTO settings (key, value) VALUES ('version', '${version}');
        COMMIT;`);
    } catch (error) {
      throw wrong(error instanceof Error ? error.message : String(error), error);
    }
    const row = db.prepare("SELECT value FROM settings WHERE key = 'version'").get() as { value: string };
    if (Number(row.value) !== version) {
      db.close();
      throw wrong(`version ${row.value} where ${version} is known`);
    }
    return db;
  }

  #row(id: number): Row {
    return this.#db.prepare('SELECT * FROM trials WHERE id = ?').get(id) as Row;
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      const result = work();
      this.#db.exec('COMMIT');
      return result;
    } catch (error) {
      this.#db.exec('ROLLBACK');
      throw error;
    }
  }
}

interface Row {
  id: number;
  status: TrialStatus;
  parameters: string;
  bracket: string | null;
  score: number | null;
  metrics: string | null;
  best_epoch: number | null;
  message: string | null;
  attempt: number;
  owner: string | null;
  started: number;
  ended: number | null;
  heartbeat: number;
}

function toTrial(given: unknown): Trial {
  const row = given as Row;
  return {
    id: row.id,
    status: row.status,
    values: JSON.parse(row.parameters),
    score: row.score,
    metrics: row.metrics === null ? {} : JSON.parse(row.metrics),
    bestEpoch: row.best_epoch,
    seconds: row.ended === null ? null : (row.ended - row.started) / 1000,
    message: row.message,
    bracket: row.bracket === null ? null : JSON.parse(row.bracket),
  };
}

/** Whether the worker of a running trial may still be there. */
function isAlive({ owner, heartbeat }: Row, now: number): boolean {
  if (owner === null) return false;
  const [host, pid] = owner.split('|');
  if (host === hostname() && Number(pid) !== process.pid) {
    try {
      process.kill(Number(pid), 0);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ESRCH') return false;
    }
  }
  return now - heartbeat < silentMs;
}

function json(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
