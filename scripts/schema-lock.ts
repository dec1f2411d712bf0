// npm run schema-lock: writes schema.lock.json, the schemas of the operators that lib/ calls as the libtorch at hand has them.
// A test holds the file against the libtorch that runs, so that a new version names what moved before anything goes wrong silently.
// Review the difference: what `recordable` says is what users may call inside recorded functions.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../lib/core/libtorch.js';
import { libtorchLocation } from '../lib/core/loader.js';
import { native } from '../lib/core/native.js';
import { isMain } from './commands.js';

/** What the lock holds of an operator. */
export interface LockedOperator {
  schema: string;
  /** Left out where a recorded function may always call it. */
  recordable?: false | 'by arguments';
}

/** The contents of schema.lock.json. */
export interface SchemaLock {
  libtorch: string;
  operators: Record<string, LockedOperator>;
}

const path = join(packageRoot, 'schema.lock.json');

/** Names of the operators that stand as strings in lib/, sorted. */
export function calledOperators(): string[] {
  const names = new Set<string>();
  const sources = readdirSync(join(packageRoot, 'lib'), { recursive: true, encoding: 'utf8' });
  for (const file of sources.filter((name) => name.endsWith('.ts'))) {
    const text = readFileSync(join(packageRoot, 'lib', file), 'utf8');
    // Only whole strings: comments and error messages name operators too.
    for (const [, name] of text.matchAll(/['"`]((?:aten|torchlayers|mkldnn)::[\w.]+)['"`]/g)) names.add(name as string);
    const pieced = /['"`](?:aten|torchlayers|mkldnn)::[^'"`]*\$\{/.exec(text);
    if (pieced !== null) throw new Error(`lib/${file}: ${pieced[0]}…: write names of operators as whole strings.`);
  }
  return [...names].sort();
}

/** The lock that fits the libtorch at hand. @throws Error for a name that libtorch doesn't know */
export function currentLock(names: readonly string[] = calledOperators()): SchemaLock {
  const operators = names.map((name): [string, LockedOperator] => {
    const { schema, recordable } = native.operator(name);
    if (recordable === 'always') return [name, { schema }];
    return [name, { schema, recordable: recordable === 'never' ? false : recordable }];
  });
  return { libtorch: libtorchLocation().version, operators: Object.fromEntries(operators) };
}

/** The lock as committed. */
export function readLock(): SchemaLock {
  return JSON.parse(readFileSync(path, 'utf8')) as SchemaLock;
}

/** What moved from one lock to the other, one line each. */
export function differences(locked: SchemaLock, found: SchemaLock): string[] {
  const lines: string[] = [];
  for (const [name, now] of Object.entries(found.operators)) {
    const then = locked.operators[name];
    if (then === undefined) lines.push(`${name}: not in the lock`);
    else if (then.schema !== now.schema) lines.push(`${name}: was ${then.schema}, is ${now.schema}`);
    else if (then.recordable !== now.recordable)
      lines.push(`${name}: recordable was ${then.recordable ?? true}, is ${now.recordable ?? true}`);
  }
  for (const name of Object.keys(locked.operators)) {
    if (found.operators[name] === undefined) lines.push(`${name}: in the lock, but no longer called`);
  }
  return lines;
}

function main(): void {
  const lock = currentLock();
  writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
  console.log(`${path}: ${Object.keys(lock.operators).length} operators of libtorch ${lock.libtorch}`);
}

if (isMain(import.meta.url)) main();
