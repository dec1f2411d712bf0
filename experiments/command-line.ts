// Options of `npm run experiments` and `npm run reproduce`: what is known, checked before anything trains.
import { parseArgs } from 'node:util';
import { ArgumentError } from '../lib/core/errors.js';

/** What an option takes: nothing, text, or a whole number of at least `min`. */
export type OptionKind = { kind: 'flag' } | { kind: 'text' } | { kind: 'whole'; min: number };

type Known = Readonly<Record<string, OptionKind>>;
type ValueOf<Kind> = Kind extends 'flag' ? true : Kind extends 'text' ? string : number;

/** Options by name; one that was not given is not there. */
export interface CommandLine<K extends Known> {
  values: { [Name in keyof K]?: ValueOf<K[Name]['kind']> };
  positionals: string[];
}

function list(known: Known): string {
  const written = { flag: '', text: ' TEXT', whole: ' N' };
  return Object.entries(known)
    .map(([name, { kind }]) => `--${name}${written[kind]}`)
    .join(', ');
}

/** Reads the arguments of `command`. @throws {ArgumentError} for an unknown option or a wrong value */
export function readCommandLine<const K extends Known>(
  command: string,
  args: readonly string[],
  known: K,
): CommandLine<K> {
  const options = Object.fromEntries(
    Object.entries(known).map(([name, { kind }]) => [
      name,
      { type: kind === 'flag' ? ('boolean' as const) : ('string' as const) },
    ]),
  );
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true });
  const hint = `Options: ${list(known)}.`;
  const values: Record<string, true | string | number> = {};
  const positionals: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value);
    if (token.kind !== 'option') continue;
    const option = Object.hasOwn(known, token.name) ? known[token.name] : undefined;
    if (option === undefined) throw new ArgumentError(`${command}: unknown option ${token.rawName}.`, hint);
    if (Object.hasOwn(values, token.name)) {
      throw new ArgumentError(`${command}: expected --${token.name} once, got it twice.`, hint);
    }
    values[token.name] = valueOf(`${command}: --${token.name}`, option, token.value, hint);
  }
  return { values: values as CommandLine<K>['values'], positionals };
}

function valueOf(where: string, option: OptionKind, value: string | undefined, hint: string): true | string | number {
  if (option.kind === 'flag') {
    if (value === undefined) return true;
    throw new ArgumentError(`${where}: expected no value, got ${JSON.stringify(value)}.`, hint);
  }
  if (value === undefined || value === '') throw new ArgumentError(`${where}: expected a value, got none.`, hint);
  if (option.kind === 'text') return value;
  const number = /^\d+$/.test(value) ? Number(value) : Number.NaN;
  if (Number.isSafeInteger(number) && number >= option.min) return number;
  throw new ArgumentError(
    `${where}: expected a whole number of at least ${option.min}, got ${JSON.stringify(value)}.`,
    hint,
  );
}

/** The names to run: each must be known. @throws {ArgumentError} with the list of names */
export function checkNames(where: string, names: readonly string[], known: readonly string[]): void {
  for (const name of names) {
    if (known.includes(name)) continue;
    throw new ArgumentError(`${where}: unknown name ${JSON.stringify(name)}.`, `Names: ${known.join(', ')}.`);
  }
}

/** Runs a command: an error's message goes to stderr and the process ends with 1, after SIGINT with 130. */
export async function main(work: (signal: AbortSignal) => Promise<boolean>): Promise<void> {
  const controller = new AbortController();
  // A terminal tells npm, tsx and this process alike, so it may come more than once.
  const onInterrupt = (): void => controller.abort(new Error('Interrupted: what was finished is saved.'));
  process.on('SIGINT', onInterrupt);
  try {
    process.exitCode = (await work(controller.signal)) ? 0 : 1;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = controller.signal.aborted ? 130 : 1;
  } finally {
    process.off('SIGINT', onInterrupt);
  }
}
