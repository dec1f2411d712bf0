import { ArgumentError } from './errors.js';
import type { Field, Fields } from './fields.js';
import { show } from './fields.js';
import { nearestName, toSnakeCase } from './names.js';
import { nameOfRegistered } from './registry.js';
import { noteWritten } from './sharing.js';
import { isPlainObject } from './tree.js';

/** A class with a table of fields. */
export interface ConfigurableClass {
  // biome-ignore lint/suspicious/noExplicitAny: constructors of subclasses differ in their options only.
  new (options?: any): Configurable;
  /** Its own options; base classes add theirs. */
  readonly fields: Fields;
  /** Its name in configs. */
  readonly className: string;
  /** Keras' module of a built-in class; `null` for a user's. */
  readonly module: string | null;
  /** Makes an object from what `getConfig` answered. */
  fromConfig(config: Record<string, unknown>): Configurable;
}

/** An object as a config holds it: class, constructor's options, and where the class lives. */
export interface SerializedObject {
  /** Keras' module of a built-in class: 'keras.layers'; `null` for a user's. */
  module: string | null;
  /** 'Dense'. */
  className: string;
  /** What `getConfig` answered, keys in camelCase. */
  config: Record<string, unknown>;
  /** The name under which a user's class is known; `null` for a built-in one. */
  registeredName: string | null;
  /** Number that all configs of one object share, where it stands in several places of a model. */
  sharedObjectId?: number;
}

const merged = new WeakMap<object, Fields>();

/** All fields of a class, its base classes' first. */
export function fieldsOf(type: ConfigurableClass): Fields {
  let fields = merged.get(type);
  if (fields === undefined) {
    const base = Object.getPrototypeOf(type) as ConfigurableClass | null;
    const inherited = base !== null && 'fields' in base ? fieldsOf(base) : {};
    fields = Object.hasOwn(type, 'fields') ? { ...inherited, ...type.fields } : inherited;
    merged.set(type, fields);
  }
  return fields;
}

/** Keras' key of a field. */
export function configKey(name: string, field: Field): string {
  return field.key ?? toSnakeCase(name);
}

/**
 * Base of everything that is made from one options object and can be written to a config: layers, losses, metrics, optimizers, initializers, …
 *
 * A subclass declares its own options in `static readonly fields` and the same names with `declare`; the constructor checks each option and sets the
 * property; `getConfig` and `fromConfig` follow from the table.
 *
 * @example
 * ```ts
 * class Scale extends Layer {
 *   static override readonly className = 'Scale';
 *   static override readonly fields = { factor: required(is.number()) };
 *   declare readonly factor: number;
 *   override call(x: Tensor): Tensor {
 *     return ops.multiply(x, this.factor);
 *   }
 * }
 * ```
 */
export abstract class Configurable {
  /** Options of this class alone; base classes add theirs. */
  static readonly fields: Fields = {};
  /** Keras' module of the class, as files name it: 'keras.layers'. `null` for a user's class. */
  static readonly module: string | null = null;

  /** Name of the class in configs. Built-in classes state it, so that minifiers can't change it. */
  static get className(): string {
    // biome-ignore lint/complexity/noThisInStatic: the subclass whose name is asked for, not this class.
    return this.name;
  }

  /**
   * @param options by the names of the class's fields
   * @throws {ArgumentError} for an option that is unknown (with the nearest known name), missing or of a wrong type
   */
  constructor(options: object = {}) {
    const type = new.target as unknown as ConfigurableClass;
    const given = checkOptions(classNameOf(type), options);
    const fields = fieldsOf(type);
    const taken = Object.keys(fields).filter((name) => (fields[name] as Field).takes !== false);
    for (const name of Object.keys(given)) {
      if (taken.includes(name)) continue;
      const near = nearestName(name, taken);
      throw new ArgumentError(
        `${classNameOf(type)}: unknown option '${name}'.`,
        near === null ? `Options: ${taken.join(', ')}.` : `Did you mean '${near}'?`,
      );
    }
    for (const name of taken) {
      const field = fields[name] as Field;
      let value = given[name];
      if (value === undefined) {
        if (!('default' in field)) {
          throw new ArgumentError(
            `${classNameOf(type)}: option '${name}' is required.`,
            `Write new ${classNameOf(type)}({ ${name}: … }).`,
          );
        }
        value = typeof field.default === 'function' ? (field.default as () => unknown)() : field.default;
      }
      Object.defineProperty(this, name, {
        value: field.check(value, `${classNameOf(type)}: ${name}`),
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }

  /** The class of this object, with its table of fields. @internal */
  get type(): ConfigurableClass {
    return this.constructor as unknown as ConfigurableClass;
  }

  /** The options that make an equal object: plain JSON, keys in camelCase. */
  getConfig(): Record<string, unknown> {
    const config: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(fieldsOf(this.type))) {
      if (field.writes === false) continue;
      const value = (this as unknown as Record<string, unknown>)[name];
      config[name] = field.toConfig === undefined ? plain(value) : field.toConfig(value as never);
    }
    return config;
  }

  /** Makes an object from what `getConfig` answered. */
  static fromConfig<T extends Configurable>(this: new (options: never) => T, config: Record<string, unknown>): T {
    // biome-ignore lint/complexity/noThisInStatic: the subclass that it is called on.
    const type = this as unknown as ConfigurableClass;
    const fields = fieldsOf(type);
    const options = Object.fromEntries(Object.entries(config).filter(([name]) => fields[name]?.takes !== false));
    return new type(options) as T;
  }
}

function checkOptions(className: string, options: unknown): Record<string, unknown> {
  if (isPlainObject(options)) return options;
  throw new ArgumentError(
    `${className}: expected an object of options, got ${show(options)}.`,
    `Write new ${className}({ … }).`,
  );
}

/** A value as plain JSON: objects with a config become {@link SerializedObject}s. */
export function plain(value: unknown): unknown {
  if (value instanceof Configurable) return serialized(value);
  if (Array.isArray(value)) return value.map(plain);
  if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([key, child]) => [key, plain(child)]));
  return value === undefined ? null : value;
}

/** Name of a class in configs: a user's subclass of a built-in class goes by its own name. */
export function classNameOf(type: ConfigurableClass): string {
  return Object.hasOwn(type, 'className') ? type.className : (type as unknown as { name: string }).name;
}

/** An object with its class, for configs; keys in camelCase. */
export function serialized(object: Configurable): SerializedObject {
  const { type } = object;
  const className = classNameOf(type);
  const module = Object.hasOwn(type, 'module') ? type.module : null;
  // Classes that Keras doesn't export go by their names, as a user's do.
  const named = module === null || module.startsWith('keras.src.') || module.startsWith('torchlayers.');
  const registeredName = named ? (nameOfRegistered(type) ?? className) : null;
  const result: SerializedObject = { module, className, config: object.getConfig(), registeredName };
  noteWritten(object, result);
  return result;
}
