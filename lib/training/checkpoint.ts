import type { CallbackState } from '../callbacks/callback.js';
import { FileFormatError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';

/** Version of what stands in a checkpoint. Newer ones are refused. @internal */
export const checkpointVersion = 1;

/** A checkpoint as it stands in a file: facts as JSON, and tensors by name. @internal */
export interface Checkpoint {
  facts: CheckpointFacts;
  tensors: Map<string, Tensor>;
}

/** Where a run stands, between two steps. @internal */
export interface Place {
  epoch: number;
  /** Steps of the epoch that are done. */
  step: number;
  /** True if training was ended early: nothing is left to do. */
  stopped: boolean;
  /** Batches of the data that are used up: of an array's order, or of an iterable since its start. */
  position: number;
  /** [key, offset] of the order of the samples at hand, and of the generator of orders. */
  order: readonly string[] | null;
  shuffle: readonly string[] | null;
}

/** One Variable as a checkpoint names it. @internal */
export interface VariableFacts {
  name: string;
  dtype: string;
  shape: readonly number[];
}

/** @internal */
export interface CheckpointFacts {
  version: number;
  /** What must be the same in the run that goes on. */
  run: Readonly<Record<string, unknown>>;
  place: Place;
  /** Logs of the last whole epoch. */
  logs: unknown;
  random: { seed: number; drawn: number; stream: readonly string[] | null };
  variables: Readonly<Record<string, readonly VariableFacts[]>>;
  callbacks: readonly { name: string; state: unknown }[];
}

/** Replaces in a state what JSON can't hold: tensors go to `tensors` under a name, numbers like NaN and -0 become marked strings. @internal */
export function packState(state: CallbackState, path: string, tensors: Map<string, Tensor>): unknown {
  if (state instanceof Tensor) {
    // The callback may free or replace its tensor while the file is written: a view holds the memory.
    tensors.set(path, state.reshape([...state.shape]));
    return { $tensor: path };
  }
  if (typeof state === 'number' && (!Number.isFinite(state) || Object.is(state, -0))) {
    return { $number: Object.is(state, -0) ? '-0' : String(state) };
  }
  if (Array.isArray(state)) {
    return (state as readonly CallbackState[]).map((item, i) => packState(item, `${path}/${i}`, tensors));
  }
  if (isPlainObject(state)) {
    const entries = Object.entries(state as Record<string, CallbackState>);
    return Object.fromEntries(
      entries.map(([key, value], i) => [
        key.startsWith('$') ? `$${key}` : key,
        packState(value, `${path}/${i}`, tensors),
      ]),
    );
  }
  return state;
}

/** What {@link packState} was given. @throws {FileFormatError} if a tensor is missing @internal */
export function unpackState(packed: unknown, tensors: ReadonlyMap<string, Tensor>, where: string): CallbackState {
  if (Array.isArray(packed)) return packed.map((item) => unpackState(item, tensors, where));
  if (!isPlainObject(packed)) return packed as CallbackState;
  if ('$number' in packed) return Number(packed['$number']);
  if ('$tensor' in packed) {
    const found = tensors.get(String(packed['$tensor']));
    if (found !== undefined) return found;
    throw new FileFormatError(`${where}: expected a tensor '${packed['$tensor']}', got none.`, damaged);
  }
  return Object.fromEntries(
    Object.entries(packed).map(([key, value]) => [
      key.startsWith('$$') ? key.slice(1) : key,
      unpackState(value, tensors, where),
    ]),
  );
}

/** What to do about a checkpoint that can't be read. @internal */
export const damaged = 'Delete the file to start anew.';

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isWhole = (value: unknown): boolean => typeof value === 'string' && /^-?\d{1,19}$/.test(value);
const isStream = (value: unknown): boolean =>
  value === null || (Array.isArray(value) && value.length === 2 && value.every(isWhole));

const placeChecks: Record<keyof Place, (value: unknown) => boolean> = {
  epoch: isCount,
  step: isCount,
  stopped: (value) => typeof value === 'boolean',
  position: isCount,
  order: isStream,
  shuffle: isStream,
};

/** Holds parsed JSON against what this version writes. @throws {FileFormatError} for anything else @internal */
export function checkFacts(facts: unknown, where: string): CheckpointFacts {
  const fail = (expected: string, hint = damaged): never => {
    throw new FileFormatError(`${where}: expected ${expected}.`, hint);
  };
  if (!isPlainObject(facts)) return fail('the facts of a checkpoint, got something else');
  const { version, run, place, random, variables, callbacks } = facts;
  if (!isCount(version)) fail('a version number, got none');
  if ((version as number) > checkpointVersion) {
    const hint = 'Update torchlayers, or delete the file to start anew.';
    fail(`a checkpoint of version ${checkpointVersion} or older, got version ${version}`, hint);
  }
  if (!isPlainObject(run)) fail("'run', got none");
  if (!isPlainObject(place)) fail("'place', got none");
  for (const [key, holds] of Object.entries(placeChecks)) {
    if (!holds((place as Record<string, unknown>)[key])) fail(`a sound value as place.${key}, got another`);
  }
  if (!isPlainObject(random) || !isCount(random['seed']) || !isCount(random['drawn']) || !isStream(random['stream'])) {
    fail('a random state, got another');
  }
  const lists = isPlainObject(variables) ? Object.values(variables) : [null];
  const sound = (one: unknown): boolean =>
    isPlainObject(one) &&
    typeof one['name'] === 'string' &&
    typeof one['dtype'] === 'string' &&
    Array.isArray(one['shape']) &&
    one['shape'].every(isCount);
  if (!lists.every((list) => Array.isArray(list) && list.every(sound))) fail('a list of variables, got another');
  const named = (one: unknown): boolean => isPlainObject(one) && typeof one['name'] === 'string';
  if (!Array.isArray(callbacks) || !callbacks.every(named)) fail('a list of callbacks, got another');
  return facts as unknown as CheckpointFacts;
}
