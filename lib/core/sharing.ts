// While one model is written or read, objects that stand in several places of its config keep being one object: Keras' `shared_object_id`.

interface Shared {
  sharedObjectId?: number;
}

interface Scope {
  written: Map<object, Shared>;
  read: Map<number, unknown>;
}

let scope: Scope | null = null;
let count = 0;

/** Runs `fn` as one model's writing or reading. @internal */
export function withSharing<T>(fn: () => T): T {
  const before = scope;
  scope = { written: new Map(), read: new Map() };
  count = 0;
  try {
    return fn();
  } finally {
    scope = before;
  }
}

/** Notes what was written for an object; a second time both get a number. @internal */
export function noteWritten(object: object, config: Shared): void {
  const first = scope?.written.get(object);
  if (scope === null || first === undefined) scope?.written.set(object, config);
  else {
    first.sharedObjectId ??= ++count;
    config.sharedObjectId = first.sharedObjectId;
  }
}

/** The object that was made from the config of that number. @internal */
export function sharedObject(id: unknown): unknown {
  return typeof id === 'number' ? scope?.read.get(id) : undefined;
}

/** Keeps an object for further configs of its number. @internal */
export function noteRead(id: unknown, object: unknown): void {
  if (typeof id === 'number') scope?.read.set(id, object);
}
