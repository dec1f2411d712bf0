import { Configurable, type ConfigurableClass, type SerializedObject } from './configurable.js';
import { ArgumentError } from './errors.js';
import { show } from './fields.js';
import { nearestName, toSnakeCase } from './names.js';
import { findObject, nameOfRegistered, registeredObjects, registerObject } from './registry.js';
import { noteRead, sharedObject } from './sharing.js';
import { isPlainObject } from './tree.js';

/** Classes (and functions) of one kind that strings name: 'adam', 'Adam', 'glorot_uniform', 'mse'. */
export interface Family<T> {
  /** The object that a name, a config, a class or an object stands for. `where` starts the error: 'Dense: kernelInitializer'. */
  get(identifier: unknown, where: string): T;
  /** All names that `get` knows, in Keras' main spelling. */
  names(): string[];
}

/**
 * Makes a user's class or function known by name, for configs and string identifiers.
 *
 * @param name the class's or function's own name if left out
 * @throws {ArgumentError} if the name is taken by another object
 * @example
 * ```ts
 * const cubed = (x: Tensor) => ops.power(x, 3);
 * utils.registerCustomObject(cubed);
 * new layers.Activation({ activation: 'cubed' }).apply(tensor([2])); // [8]
 * ```
 */
export function registerCustomObject(
  object: ConfigurableClass | ((...args: never[]) => unknown),
  name: string = object.name,
): void {
  if (typeof object !== 'function' || name === '') {
    throw new ArgumentError(`registerCustomObject: expected a class or a named function, got ${show(object)}.`);
  }
  const known = registeredObjects().get(name);
  if (known !== undefined && known !== object) {
    throw new ArgumentError(
      `registerCustomObject: the name '${name}' is taken by another object.`,
      'Give another name.',
    );
  }
  if (nameOfRegistered(object) === null) registerObject(name, object);
  else registeredObjects().set(name, object);
}

/** The user's object of that name, if one was registered. @internal */
export function customObject(name: string): ConfigurableClass | ((...args: never[]) => unknown) | undefined {
  return findObject(name) as ConfigurableClass | undefined;
}

/** What a family is made from. */
export interface FamilyOptions<T> {
  /** What an error calls one member: 'initializer', 'loss', 'activation'. */
  kind: string;
  /** Built-in classes and functions by exported name. A function, so that a family may be defined before its members. */
  members: () => Readonly<Record<string, unknown>>;
  /** Further names, to exported names: { mse: 'MeanSquaredError' }. */
  aliases?: Readonly<Record<string, string>>;
  /** True for an object that `get` passes through unchanged. */
  accepts: (value: unknown) => boolean;
  /** Makes the family's object from a plain function, when a user gives one. */
  wrap?: (fn: (...args: never[]) => unknown) => T;
}

/** Defines how names and configs of one kind become objects. */
export function defineFamily<T>(options: FamilyOptions<T>): Family<T> {
  const { kind, members, aliases = {}, accepts, wrap } = options;
  let index: Map<string, unknown> | undefined;
  const table = (): Map<string, unknown> => {
    if (index === undefined) {
      index = new Map();
      for (const [name, member] of Object.entries(members())) {
        if (typeof member !== 'function') continue;
        for (const spelling of [name, toSnakeCase(name), name.toLowerCase()]) {
          if (!index.has(spelling)) index.set(spelling, member);
        }
      }
      for (const [alias, name] of Object.entries(aliases)) index.set(alias, members()[name]);
    }
    return index;
  };
  const isClass = (value: unknown): value is ConfigurableClass =>
    typeof value === 'function' && value.prototype instanceof Configurable;
  const make = (member: unknown, config: Record<string, unknown>): T => {
    if (isClass(member)) return member.fromConfig(config) as T;
    return (wrap === undefined ? member : wrap(member as () => unknown)) as T;
  };
  const named = (name: string, config: Record<string, unknown>, where: string): T => {
    const member = customObject(name) ?? table().get(name) ?? table().get(toSnakeCase(name));
    if (member === undefined) {
      const near = nearestName(name, [...family.names(), ...Object.keys(aliases)]);
      throw new ArgumentError(
        `${where}: unknown ${kind} ${JSON.stringify(name)}.`,
        near === null ? `Known: ${family.names().join(', ')}.` : `Did you mean '${near}'?`,
      );
    }
    return make(member, config);
  };
  const family: Family<T> = {
    get(identifier, where) {
      if (accepts(identifier)) return identifier as T;
      if (typeof identifier === 'string') return named(identifier, {}, where);
      if (isPlainObject(identifier) && typeof identifier.className === 'string') {
        const { className, config, registeredName, sharedObjectId } = identifier as unknown as SerializedObject;
        const shared = sharedObject(sharedObjectId);
        if (shared !== undefined && accepts(shared)) return shared as T;
        const name =
          registeredName !== null && registeredName !== undefined && customObject(registeredName)
            ? registeredName
            : className;
        if (className === 'function') return named(String(config), {}, where);
        const object = named(name, config ?? {}, where);
        noteRead(sharedObjectId, object);
        return object;
      }
      if (isClass(identifier)) return make(identifier, {});
      if (typeof identifier === 'function' && wrap !== undefined) return wrap(identifier as () => unknown);
      throw new ArgumentError(
        `${where}: expected the name of a${/^[aeiou]/.test(kind) ? 'n' : ''} ${kind}, an object or a function, got ${show(identifier)}.`,
        `Known: ${family.names().join(', ')}.`,
      );
    },
    names() {
      return [...new Set(Object.keys(members()).map(toSnakeCase))].sort();
    },
  };
  return family;
}
