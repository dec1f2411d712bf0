import { ArgumentError, FileFormatError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { inferSpecs, type SymbolicSpec, SymbolicTensor } from '../core/symbolic.js';
import { formatShape, Tensor } from '../core/tensor.js';
import { isPlainObject, leaves } from '../core/tree.js';
import type { CallOptions, LayerInputs, SymbolicInputs } from '../layers/inputs.js';
import { Layer } from '../layers/layer.js';
import { mapSpecs, type SpecTree } from '../layers/specs.js';
import * as functions from '../ops/index.js';
import { operationTable } from './operation-table.js';

type OpsFunction = (...args: unknown[]) => unknown;

interface Parameter {
  name: string;
  /** Kept by the operation, not given to its call: the axis of a sum. */
  setting: boolean;
  /** Stands by its name in Keras' configs. */
  byName: boolean;
  /** Absent: required. */
  default?: unknown;
}

interface Description {
  /** Name in `ops`. */
  name: string;
  module: string | null;
  className: string;
  parameters: readonly Parameter[];
  fn: OpsFunction;
}

// Where configs say that functions without a twin in Keras are.
const ownModule = 'torchlayers.ops';
const aliases: Readonly<Record<string, string>> = { abs: 'absolute', conj: 'conjugate' };
const descriptions = new Map<string, Description>();

function describe(name: string): Description {
  let found = descriptions.get(name);
  if (found === undefined) {
    const fn = (functions as unknown as Record<string, OpsFunction>)[name] as OpsFunction;
    const text = operationTable[aliases[name] ?? name];
    found = text === undefined ? unlisted(name, fn) : parsed(name, fn, text);
    descriptions.set(name, found);
  }
  return found;
}

/** A function that Keras doesn't have, or has no operation for: its arguments are kept as they stand. */
function unlisted(name: string, fn: OpsFunction): Description {
  const parameters = Array.from({ length: fn.length }, (_, i) => ({ name: `x${i}`, setting: false, byName: false }));
  return { name, module: ownModule, className: (name[0] as string).toUpperCase() + name.slice(1), parameters, fn };
}

function parsed(name: string, fn: OpsFunction, text: string): Description {
  const [path, ...words] = text.split(' ') as [string, ...string[]];
  const dot = path.lastIndexOf('.');
  const parameters = words.map((word): Parameter => {
    const [, mark, parameter, value] = /^([*!]?)([^=]+)(?:=(.*))?$/.exec(word) as unknown as [
      string,
      string,
      string,
      string?,
    ];
    return {
      name: parameter,
      setting: mark === '*',
      byName: mark === '!',
      ...(value !== undefined && { default: JSON.parse(value) }),
    };
  });
  return { name, module: path.slice(0, dot), className: path.slice(dot + 1), parameters, fn };
}

/**
 * A function of `ops` that was given a symbolic tensor: a step of a model's graph between its layers, as Keras' Operation. It has no weights and lets no
 * mask through.
 * @internal
 */
export abstract class Operation extends Layer {
  /** The function of `ops` that this class stands for. */
  static readonly operation: string = '';
  /** Arguments that aren't tensors: `{ axis: 1 }`. */
  readonly settings: Readonly<Record<string, unknown>>;

  constructor(options: { name?: string | null; settings?: Readonly<Record<string, unknown>> } = {}) {
    const { settings = {}, ...rest } = options;
    super(rest);
    this.settings = settings;
    this.built = true;
  }

  get #description(): Description {
    return describe((this.constructor as typeof Operation).operation);
  }

  override call(...args: unknown[]): unknown {
    const { fn, parameters } = this.#description;
    const values: Record<string, unknown> = { ...this.settings };
    for (const [i, parameter] of this.#callParameters.entries()) {
      if (args[i] !== undefined) values[parameter.name] = args[i];
    }
    const positional = parameters.slice(0, fn.length).map(({ name }) => values[name]);
    const others = parameters.slice(fn.length).filter(({ name }) => values[name] !== undefined);
    const options = Object.fromEntries(others.map(({ name }) => [name, values[name]]));
    return others.length === 0 ? fn(...positional) : fn(...positional, options);
  }

  /** Computes on tensors; symbolic tensors give symbolic tensors, and a node of the graph. */
  override apply<Output = SymbolicTensor>(
    inputs: SymbolicInputs,
    ...rest: readonly (LayerInputs | CallOptions | undefined)[]
  ): Output;
  override apply<Output = Tensor>(
    inputs: LayerInputs,
    ...rest: readonly (LayerInputs | CallOptions | undefined)[]
  ): Output;
  override apply(...args: unknown[]): unknown {
    if (!args.some(isSymbolic)) return this.call(...args);
    let index = 0;
    const outputs = mapSpecs(this.#inferred(args), ({ shape, dtype }) => {
      const suffix = index++ === 0 ? '' : `_${index - 1}`;
      return new SymbolicTensor({ shape, dtype, name: `${this.name}_output${suffix}` });
    });
    if (leaves(outputs).some((output) => !(output instanceof SymbolicTensor))) {
      throw new ArgumentError(
        `ops.${this.#description.name}: expected a function that answers tensors, where it is given symbolic tensors.`,
        'Write the computation into a layer of your own.',
      );
    }
    return this.addNode(args, {}, outputs).outputs;
  }

  override getConfig(): Record<string, unknown> {
    const settings = this.#description.parameters.filter(({ setting }) => setting);
    return {
      name: this.name,
      ...Object.fromEntries(
        settings.map((parameter) => [parameter.name, this.settings[parameter.name] ?? parameter.default]),
      ),
    };
  }

  static override fromConfig<T>(this: new (options: never) => T, config: Record<string, unknown>): T {
    const { name, ...all } = config;
    // biome-ignore lint/complexity/noThisInStatic: the class of one function of `ops`.
    const { parameters } = describe((this as unknown as typeof Operation).operation);
    // Keras writes defaults too, of parameters that only Keras has among them.
    const given = Object.entries(all).filter(
      ([key, value]) => !parameters.some((one) => one.name === key && value === one.default),
    );
    const settings = Object.fromEntries(given);
    // biome-ignore lint/complexity/noThisInStatic: the class of one function of `ops`.
    return new (this as unknown as new (options: object) => T)({ name, settings });
  }

  /** Arguments of an application as a config holds them: by position, and by name where Keras does so. */
  splitArguments(args: readonly unknown[]): { args: unknown[]; kwargs: Record<string, unknown> } {
    const result: { args: unknown[]; kwargs: Record<string, unknown> } = { args: [], kwargs: {} };
    for (const [i, { name, byName, default: otherwise = null }] of this.#callParameters.entries()) {
      const value = args[i] === undefined ? otherwise : args[i];
      if (byName) result.kwargs[name] = value;
      else result.args.push(value);
    }
    return result;
  }

  /** The inverse of {@link Operation.splitArguments}. */
  joinArguments(args: readonly unknown[], kwargs: Readonly<Record<string, unknown>>): unknown[] {
    const left = [...args];
    const joined = this.#callParameters.map((parameter) => {
      const value = parameter.name in kwargs ? kwargs[parameter.name] : left.shift();
      return 'default' in parameter && value === parameter.default ? undefined : value;
    });
    return trimmed(joined);
  }

  get #callParameters(): Parameter[] {
    return this.#description.parameters.filter(({ setting }) => !setting);
  }

  #inferred(args: readonly unknown[]): SpecTree {
    try {
      return inferSpecs(args, (given) => this.call(...(given as unknown[]))) as SpecTree;
    } catch (error) {
      if (error instanceof Error) {
        const shapes = args
          .filter((arg) => arg instanceof SymbolicTensor)
          .map((arg) => `${arg.dtype}${formatShape(arg.shape)}`);
        error.message = `${error.message}\n  In ops.${this.#description.name}, applied to symbolic tensors of ${shapes.join(', ')}; sizes of unknown axes are tried out.`;
      }
      throw error;
    }
  }
}

interface OperationClass {
  new (options?: object): Operation;
  fromConfig(config: Record<string, unknown>): Operation;
}

const classes = new Map<string, OperationClass>();

/** The class of the operations that a function of `ops` makes. */
function classOf(name: string): OperationClass {
  let made = classes.get(name);
  if (made === undefined) {
    const { className, module } = describe(name);
    made = class extends Operation {
      static override readonly operation = name;
      static override readonly className: string = className;
      static override readonly module: string | null = module;
    } as unknown as OperationClass;
    classes.set(name, made);
  }
  return made;
}

function trimmed(values: readonly unknown[]): unknown[] {
  return values.slice(0, values.findLastIndex((value) => value !== undefined) + 1);
}

/** True for a symbolic tensor, and for an array with one. @internal */
export function isSymbolic(value: unknown): boolean {
  if (value instanceof SymbolicTensor) return true;
  if (!Array.isArray(value)) return false;
  for (const item of value) if (item instanceof SymbolicTensor) return true;
  return false;
}

/** What needs no computation for a symbolic tensor. */
const facts: Readonly<Record<string, (x: SymbolicSpec) => unknown>> = {
  shape: (x) => x.shape,
  ndim: (x) => x.shape.length,
  size: ({ shape }) => (shape.includes(null) ? null : shape.reduce((size: number, axis) => size * (axis as number), 1)),
  dtype: (x) => x.dtype,
  isTensor: () => false,
};

/** Makes the operation for a call of a function of `ops` with symbolic tensors, and answers its symbolic results. @internal */
export function applyOperation(name: string, given: readonly unknown[]): unknown {
  const fact = facts[name];
  if (fact !== undefined) return fact(given[0] as SymbolicTensor);
  const { fn, parameters } = describe(name);
  const values: Record<string, unknown> = {};
  const last = given[fn.length];
  if (given.length > fn.length + 1 || (last !== undefined && !isPlainObject(last))) {
    throw new ArgumentError(
      `ops.${name}: expected ${fn.length} argument${fn.length === 1 ? '' : 's'} and options as one object, got ${show(given[fn.length])}.`,
    );
  }
  for (const [i, { name: parameter }] of parameters.slice(0, fn.length).entries()) values[parameter] = given[i];
  Object.assign(values, last);
  const known = new Set(parameters.map((parameter) => parameter.name));
  const settings = Object.fromEntries(
    Object.entries(values).filter(
      ([key]) => !known.has(key) || parameters.some((parameter) => parameter.name === key && parameter.setting),
    ),
  );
  const args = trimmed(parameters.filter(({ setting }) => !setting).map((parameter) => values[parameter.name]));
  if (Object.values(settings).some(isSymbolic) || Object.values(settings).some((value) => value instanceof Tensor)) {
    throw new ArgumentError(
      `ops.${name}: expected tensors as arguments of the call only, got one as an option.`,
      'Write the computation into a layer of your own.',
    );
  }
  return new (classOf(name))({ settings }).apply<unknown>(
    args[0] as SymbolicTensor,
    ...(args.slice(1) as SymbolicTensor[]),
  );
}

/** True for an operation in a config. @internal */
export function isOperationConfig(config: { module: string | null }): boolean {
  return config.module === ownModule || (config.module?.startsWith('keras.src.ops.') ?? false);
}

/** The operation that a config names. @throws {FileFormatError} for an unknown one @internal */
export function deserializeOperation(config: {
  module: string | null;
  className: string;
  config: Record<string, unknown>;
}): Operation {
  const path = `${config.module}.${config.className}`;
  const own = (config.className[0] ?? '').toLowerCase() + config.className.slice(1);
  const listed = Object.entries(operationTable).find(
    ([key, text]) => text.split(' ')[0] === path && Object.hasOwn(functions, key),
  );
  const name = config.module === ownModule ? own : listed?.[0];
  if (name === undefined || !Object.hasOwn(functions, name)) {
    throw new FileFormatError(
      `Model.fromConfig: expected an operation of ops, got ${path}.`,
      'The function is not available here: write a layer for it.',
    );
  }
  return classOf(name).fromConfig(config.config);
}
