import { Configurable, plain, type SerializedObject, serialized } from '../core/configurable.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import {
  type CustomObjects,
  findObject,
  nameOfRegistered,
  registeredObjects,
  registerObject,
  withObjects,
} from '../core/registry.js';
import { withSharing } from '../core/sharing.js';
import { isPlainObject } from '../core/tree.js';
import { deserialize as deserializeLayer, serialize as serializeLayer } from '../layers/family.js';
import { Layer } from '../layers/layer.js';
import { checkOptions } from '../training/compile.js';
import { classOf, fromKerasConfig, type KerasObject, toKerasConfig } from './config-keys.js';
import { checkCustomObjects } from './model-config.js';

type AnyClass = abstract new (...args: never[]) => unknown;
type AnyFunction = (...args: never[]) => unknown;

/** Options of {@link registerKerasSerializable}. */
export interface RegisterOptions {
  /** First part of the name in files, 'package>Name'; null for the bare name. @default 'Custom' */
  package?: string | null;
  /** Second part. @default the name of the class or function */
  name?: string | null;
}

/**
 * Makes a class or function known by a name, under which files hold it: `keras.saving.register_keras_serializable`. Answers a decorator, which can be
 * called as a function too.
 *
 * @throws {ArgumentError} for wrong options, and for what is no class with a config and no named function
 * @example
 * ```ts
 * const squared = (x: Tensor): Tensor => ops.square(x);
 * saving.registerKerasSerializable({ package: 'mine' })(squared);
 * saving.getRegisteredName(squared); // 'mine>squared'
 * ```
 */
export function registerKerasSerializable(
  options: RegisterOptions = {},
): <T extends AnyClass | AnyFunction>(object: T, context?: unknown) => T {
  const where = 'registerKerasSerializable';
  checkOptions(where, options, ['package', 'name']);
  const { package: packageName = 'Custom', name = null } = options;
  for (const [key, value] of Object.entries({ package: packageName, name })) {
    if (value === null || (typeof value === 'string' && value !== '' && !value.includes('>'))) continue;
    throw new ArgumentError(`${where}: ${key}: expected a name without '>', got ${show(value)}.`);
  }
  return (object) => {
    const own = name ?? (object as { name?: string } | null)?.name;
    if (typeof object !== 'function' || own === undefined || own === '') {
      throw new ArgumentError(
        `${where}: expected a class or a named function, got ${show(object)}.`,
        `Give a name: ${where}({ name: 'squared' })(fn).`,
      );
    }
    registerObject(packageName === null ? own : `${packageName}>${own}`, object);
    return object;
  };
}

/**
 * Runs `fn`, and all that it awaits, with further classes and functions known by name: `keras.saving.custom_object_scope`.
 *
 * @throws {ArgumentError} for other values than classes and functions
 * @example
 * ```ts
 * const tripled = (x: Tensor): Tensor => ops.multiply(x, 3);
 * saving.customObjectScope({ tripled }, () => new layers.Activation({ activation: 'tripled' }).apply(tensor([2]))); // [6]
 * ```
 */
export function customObjectScope<T>(customObjects: CustomObjects, fn: () => T): T {
  if (typeof fn !== 'function') {
    throw new ArgumentError(
      `customObjectScope: expected a function, got ${show(fn)}.`,
      'Write saving.customObjectScope({ MyLayer }, () => …).',
    );
  }
  return withObjects(checkCustomObjects('customObjectScope', customObjects), fn);
}

/** All registered classes and functions by name: the table itself, so that changes take effect. `keras.saving.get_custom_objects`. */
export function getCustomObjects(): Map<string, unknown> {
  return registeredObjects();
}

/** The name under which files hold a class or function: 'package>Name', or its own name. `keras.saving.get_registered_name`. */
export function getRegisteredName(object: AnyClass | AnyFunction): string {
  if (typeof object !== 'function') {
    throw new ArgumentError(`getRegisteredName: expected a class or function, got ${show(object)}.`);
  }
  return nameOfRegistered(object) ?? object.name;
}

/** Options of {@link getRegisteredObject}. */
export interface RegisteredObjectOptions {
  /** Where to look after the registered ones. @default {} */
  customObjects?: CustomObjects | null;
  /** Where to look at last. @default {} */
  moduleObjects?: CustomObjects | null;
}

/** The class or function of that name, or null: `keras.saving.get_registered_object`. */
export function getRegisteredObject(name: string, options: RegisteredObjectOptions = {}): unknown {
  checkOptions('getRegisteredObject', options, ['customObjects', 'moduleObjects']);
  if (typeof name !== 'string') throw new ArgumentError(`getRegisteredObject: expected a name, got ${show(name)}.`);
  const { customObjects, moduleObjects } = options;
  const own = (objects: CustomObjects | null | undefined): unknown =>
    objects != null && Object.hasOwn(objects, name) ? objects[name] : undefined;
  return findObject(name) ?? own(customObjects) ?? own(moduleObjects) ?? null;
}

/**
 * An object as Keras' files hold it: `keras.saving.serialize_keras_object`. Plain values, arrays and objects of them pass.
 *
 * @example
 * ```ts
 * saving.serializeKerasObject(new layers.Dense({ units: 2 })); // { module: 'keras.layers', class_name: 'Dense', … }
 * ```
 */
export function serializeKerasObject(object: unknown): unknown {
  const write = (value: unknown): unknown => {
    if (value instanceof Layer) return toKerasConfig(serializeLayer(value));
    if (value instanceof Configurable) return toKerasConfig(serialized(value));
    if (Array.isArray(value)) return value.map(write);
    if (isPlainObject(value)) return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, write(one)]));
    if (typeof value === 'function') {
      const name = nameOfRegistered(value) ?? value.name;
      if (findObject(name) !== value) {
        throw new ArgumentError(
          `serializeKerasObject: expected registered functions, got ${show(value)}.`,
          'Make it known first: saving.registerKerasSerializable()(fn).',
        );
      }
      return { module: 'builtins', class_name: 'function', config: name, registered_name: 'function' };
    }
    return plain(value);
  };
  return withSharing(() => write(object));
}

/** Options of {@link deserializeKerasObject}. */
export interface DeserializeOptions {
  /** Classes and functions that the config names; beside those registered. @default {} */
  customObjects?: CustomObjects | null;
}

/**
 * The object that {@link serializeKerasObject}, or Keras, wrote: `keras.saving.deserialize_keras_object`.
 *
 * @throws {ArgumentError} for a config that names an unknown class or function
 * @example
 * ```ts
 * const dense = new layers.Dense({ units: 2 });
 * const twin = saving.deserializeKerasObject(saving.serializeKerasObject(dense));
 * ```
 */
export function deserializeKerasObject(config: unknown, options: DeserializeOptions = {}): unknown {
  checkOptions('deserializeKerasObject', options, ['customObjects']);
  const customObjects = checkCustomObjects('deserializeKerasObject', options.customObjects);
  const read = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(read);
    if (!isPlainObject(value)) return value;
    if (typeof value.class_name === 'string' && 'config' in value) return readObject(value as unknown as KerasObject);
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, read(one)]));
  };
  return withObjects(customObjects, () => withSharing(() => read(config)));
}

function readObject(config: KerasObject): unknown {
  const object = fromKerasConfig(config) as SerializedObject;
  if (object.className === 'function') {
    const found = findObject(String(object.config));
    if (found !== undefined) return found;
    throw unknown(String(object.config));
  }
  const type = classOf({
    module: object.module ?? null,
    className: object.className,
    registeredName: object.registeredName ?? null,
  });
  if (type === undefined) throw unknown(object.registeredName ?? object.className);
  return type.prototype instanceof Layer ? deserializeLayer(object) : type.fromConfig(object.config);
}

function unknown(name: string): ArgumentError {
  return new ArgumentError(
    `deserializeKerasObject: expected a known class or function, got ${show(name)}.`,
    'Make it known: saving.registerKerasSerializable()(MyClass), or customObjects: { MyClass }.',
  );
}
