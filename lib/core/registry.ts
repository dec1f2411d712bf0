import { AsyncLocalStorage } from 'node:async_hooks';

/** A user's classes and functions by name. */
export type CustomObjects = Readonly<Record<string, unknown>>;

const registered = new Map<string, unknown>();
const names = new WeakMap<object, string>();
const scopes = new AsyncLocalStorage<ReadonlyMap<string, unknown>>();

/** The table of all registered objects itself: changes of it take effect. @internal */
export function registeredObjects(): Map<string, unknown> {
  return registered;
}

/** Makes an object known; configs name it so. @internal */
export function registerObject(name: string, object: object): void {
  registered.set(name, object);
  names.set(object, name);
}

/** The name under which configs know an object; null for one that nobody registered. @internal */
export function nameOfRegistered(object: object): string | null {
  return names.get(object) ?? null;
}

/** The user's object of that name, if there is one; 'package>Name' is found as 'Name' too. @internal */
export function findObject(name: string): unknown {
  const bare = name.split('>').pop() as string;
  const scope = scopes.getStore();
  return scope?.get(name) ?? registered.get(name) ?? scope?.get(bare) ?? registered.get(bare);
}

/** Runs `fn`, and what it awaits, with further objects known by name. @internal */
export function withObjects<T>(objects: CustomObjects, fn: () => T): T {
  return scopes.run(new Map([...(scopes.getStore() ?? []), ...Object.entries(objects)]), fn);
}
