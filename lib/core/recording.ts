import { join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { native } from './native.js';

/**
 * Where each node of a recording was called, in parallel to the native nodes. `Error` objects: V8 gathers frames at once but formats them only
 * when somebody looks.
 */
export type CallSites = Error[];

const stack: CallSites[] = [];

/** True while a function is being recorded (and recording isn't suspended). */
export function isRecording(): boolean {
  return stack.length > 0 && native.recordDepth() > 0;
}

/** Starts noting call sites for a new recording. @internal */
export function beginSites(): void {
  stack.push([]);
}

/** Ends the newest recording and returns its call sites. @internal */
export function endSites(): CallSites {
  return stack.pop() ?? [];
}

/** Notes the JavaScript line of the node just recorded; costs one comparison outside recordings. @internal */
export function noteCallSite(): void {
  const sites = stack[stack.length - 1];
  if (sites === undefined) return;
  const position = native.recordPosition();
  if (position < 0 || sites[position] !== undefined) return;
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  sites[position] = new Error('call site');
  Error.stackTraceLimit = limit;
}

/** Runs a function outside the current recording and gradient scopes: for creating Variables, which must happen once, not at every step. */
export function suspendRecording<T>(fn: () => T): T {
  native.suspend();
  const hidden = stack.splice(0, stack.length);
  try {
    return fn();
  } finally {
    stack.push(...hidden);
    native.resume();
  }
}

// This package's own code, whether the sources run or what was compiled of them: source maps lead from dist to lib.
const root = fileURLToPath(new URL('../..', import.meta.url));
const own = [join(root, 'lib') + sep, join(root, 'dist') + sep];

/** What a value that is refused rejects with later, if it is a promise, disturbs nobody. @internal */
export function unawaited(value: unknown): void {
  if (value instanceof Promise) value.catch(() => {});
}

/** ', at file:line:column' of the user's code that is running, or '': what errors about recordings say of their place. @internal */
export function userPlace(): string {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 40;
  const line = userLine(new Error('place'));
  Error.stackTraceLimit = limit;
  return line === null ? '' : `, at ${line}`;
}

/** The first line of a call site outside this package: 'file:line:column', or null. @internal */
export function userLine(site: Error | undefined): string | null {
  for (const line of site?.stack?.split('\n') ?? []) {
    const match = /^\s+at (?:.*\()?((?:file:\/\/)?[^\s()]+:\d+:\d+)\)?$/.exec(line);
    if (match === null) continue;
    const [, place = ''] = match;
    const path = place.startsWith('file://') ? fileURLToPath(place) : place;
    if (path.startsWith('node:') || own.some((folder) => path.startsWith(folder))) continue;
    return path;
  }
  return null;
}
