import { clearScreenDown, moveCursor } from 'node:readline';
import { renderTable } from '../models/table.js';
import type { Goal } from './objective.js';
import type { Parameter, ParameterValue } from './parameter.js';
import { ranked, type Trial } from './trial.js';

/** Rows of the live table. */
const shown = 10;

/** Shows a search while it runs: on a terminal a table of running and best trials, else a line for each trial that ended. @internal */
export class Board {
  readonly #verbose: number;
  readonly #limit: number | null;
  #lines = 0;
  #drawnMs = 0;

  constructor(verbose: number, limit: number | null) {
    this.#verbose = verbose;
    this.#limit = limit;
  }

  /** Draws the table anew, at most ten times a second. */
  show(trials: readonly Trial[], goal: Goal | null): void {
    if (this.#verbose !== 1 || !process.stdout.isTTY || Date.now() - this.#drawnMs < 100) return;
    this.#draw(trials, goal);
  }

  /** A trial has ended. */
  finished(trials: readonly Trial[], id: number, goal: Goal | null): void {
    if (this.#verbose === 0) return;
    if (process.stdout.isTTY && this.#verbose === 1) {
      this.#draw(trials, goal);
      return;
    }
    const trial = trials[id] as Trial;
    const [best] = goal === null ? [] : ranked(trials, goal.direction);
    const result = trial.score === null ? trial.status : `${goal?.name} ${number(trial.score)}`;
    const of = this.#limit === null ? '' : `/${this.#limit}`;
    const lead = best === undefined ? '' : `, best ${number(best.score as number)} of trial ${best.id}`;
    console.log(`Trial ${id + 1}${of}: ${list(trial.values)} - ${result} (${trial.seconds?.toFixed(1)} s${lead})`);
  }

  /** The search has ended. */
  end(trials: readonly Trial[], goal: Goal): void {
    if (this.#verbose === 1 && process.stdout.isTTY) this.#draw(trials, goal);
  }

  #draw(trials: readonly Trial[], goal: Goal | null): void {
    this.#drawnMs = Date.now();
    const running = trials.filter((trial) => trial.status === 'running');
    const best = goal === null ? [] : ranked(trials, goal.direction).slice(0, shown);
    const ended = trials.length - running.length;
    const head = `${ended}${this.#limit === null ? '' : ` of ${this.#limit}`} trials, ${running.length} running`;
    const text = `${head}\n${resultsTable([...running, ...best], goal)}\n`;
    moveCursor(process.stdout, 0, -this.#lines);
    clearScreenDown(process.stdout);
    process.stdout.write(text);
    this.#lines = text.split('\n').length - 1;
  }
}

/** Trials as a table. @internal */
export function resultsTable(trials: readonly Trial[], goal: Goal | null): string {
  const names = [...new Set(trials.flatMap((trial) => Object.keys(trial.values)))];
  const rows = trials.map((trial) => [
    String(trial.id),
    ...names.map((name) => (trial.values[name] === undefined ? '' : value(trial.values[name]))),
    trial.score === null ? trial.status : number(trial.score),
    trial.bestEpoch === null ? '' : String(trial.bestEpoch + 1),
    trial.seconds === null ? '' : trial.seconds.toFixed(1),
  ]);
  return table(['Trial', ...names, goal?.name ?? 'score', 'Epoch', 'Seconds'], rows);
}

/** A search space as a table. @internal */
export function spaceTable(space: readonly Parameter[]): string {
  const rows = space.map(({ config }) => {
    const { minValue, maxValue, step, sampling, values } = config;
    const range =
      config.kind === 'int' || config.kind === 'float'
        ? `${minValue} to ${maxValue}${step == null ? '' : `, step ${step}`}${sampling === 'linear' ? '' : `, ${sampling}`}`
        : (values ?? (config.kind === 'boolean' ? [false, true] : [config.default])).map(value).join(', ');
    const conditions = config.conditions.map((one) => `${one.name}: ${one.values.map(value).join(', ')}`).join('; ');
    return [config.name, config.kind, range, value(config.default), conditions];
  });
  return table(['Hyperparameter', 'Kind', 'Values', 'Default', 'Counts for'], rows);
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)));
  const width = widths.reduce((sum, column) => sum + column + 3, 1);
  const columns = process.stdout.columns ?? Math.max(width, 80);
  return renderTable({
    header,
    rows,
    widths,
    align: header.map(() => 'left' as const),
    width,
    columns,
    styleHeader: (text) => text,
  }).join('\n');
}

function list(values: Readonly<Record<string, ParameterValue>>): string {
  return Object.entries(values)
    .map(([name, one]) => `${name} ${value(one)}`)
    .join(', ');
}

function value(one: ParameterValue): string {
  return typeof one === 'number' ? number(one) : String(one);
}

function number(one: number): string {
  return String(Number(one.toPrecision(5)));
}
