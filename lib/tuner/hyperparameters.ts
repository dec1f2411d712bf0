import { ArgumentError, StateError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import {
  type Condition,
  choiceConfig,
  Parameter,
  type ParameterConfig,
  type ParameterValue,
  type RangeOptions,
  rangeConfig,
} from './parameter.js';

/** Options of every hyperparameter. */
export interface ParentOptions {
  /** Another hyperparameter that this one depends on. @default null */
  parentName?: string | null;
  /** Values of the parent with which this one counts. @default null */
  parentValues?: ParameterValue | readonly ParameterValue[] | null;
}

/**
 * The hyperparameters of a search and the values of one trial.
 *
 * A function that builds a model asks for each value where it needs it; the first time it asks, the hyperparameter joins the search space.
 *
 * Source: KerasTuner `HyperParameters`. One difference: a conditional scope is a function that only runs while its condition holds, so its values are
 * always there.
 *
 * @example
 * ```ts
 * function build(hp: tuner.HyperParameters): Sequential {
 *   const model = new Sequential([new layers.Dense({ units: hp.int('units', 32, 256, { step: 32 }), activation: 'relu' })]);
 *   if (hp.boolean('dropout')) model.add(new layers.Dropout({ rate: hp.float('rate', 0.1, 0.5, { parentName: 'dropout', parentValues: true }) }));
 *   model.add(new layers.Dense({ units: 10, activation: 'softmax' }));
 *   const learningRate = hp.float('learningRate', 1e-4, 1e-2, { sampling: 'log' });
 *   model.compile({ optimizer: new optimizers.Adam({ learningRate }), loss: 'sparse_categorical_crossentropy', metrics: ['accuracy'] });
 *   return model;
 * }
 * ```
 */
export class HyperParameters {
  /** Values of the hyperparameters that count in this trial, by name. */
  readonly values: Record<string, ParameterValue> = {};
  readonly #space: Parameter[] = [];
  readonly #scopes: Condition[] = [];
  /** Scopes that were asked for and did not run: the search visits them once to learn what they hold. @internal */
  readonly unvisited: Condition[][] = [];

  /** All hyperparameters asked for so far, in order. */
  get space(): readonly Parameter[] {
    return this.#space;
  }

  /**
   * A whole number from `minValue` to `maxValue`, both included.
   * @throws {ArgumentError} for a range that is none
   */
  int(name: string, minValue: number, maxValue: number, options: RangeOptions & ParentOptions = {}): number {
    return this.#ask('int', name, () => rangeConfig('int', name, minValue, maxValue, options), options, [
      'step',
      'sampling',
    ]) as number;
  }

  /**
   * A number from `minValue` to `maxValue`.
   * @throws {ArgumentError} for a range that is none
   */
  float(name: string, minValue: number, maxValue: number, options: RangeOptions & ParentOptions = {}): number {
    return this.#ask('float', name, () => rangeConfig('float', name, minValue, maxValue, options), options, [
      'step',
      'sampling',
    ]) as number;
  }

  /**
   * One of some values of the same type.
   * @param options.ordered whether near values are alike; true for numbers, false for others
   * @throws {ArgumentError} for no values, or values of several types
   */
  choice<T extends ParameterValue>(
    name: string,
    values: readonly T[],
    options: { ordered?: boolean | null; default?: T | null } & ParentOptions = {},
  ): T {
    return this.#ask('choice', name, () => choiceConfig(name, values, options), options, ['ordered']) as T;
  }

  /** True or false. @param options.default false */
  boolean(name: string, options: { default?: boolean } & ParentOptions = {}): boolean {
    const config = (): Omit<ParameterConfig, 'conditions'> => {
      const { default: given = false } = options;
      if (typeof given !== 'boolean') {
        throw new ArgumentError(`hp.boolean("${name}"): default: expected true or false, got ${show(given)}.`);
      }
      return { kind: 'boolean', name, default: given };
    };
    return this.#ask('boolean', name, config, options, []) as boolean;
  }

  /** A value that is not searched, so that it stands in the results with the others. */
  fixed<T extends ParameterValue>(name: string, value: T, options: ParentOptions = {}): T {
    const config = (): Omit<ParameterConfig, 'conditions'> => {
      if (!['number', 'string', 'boolean'].includes(typeof value) || Number.isNaN(value)) {
        throw new ArgumentError(`hp.fixed("${name}"): expected a number, string or boolean, got ${show(value)}.`);
      }
      return { kind: 'fixed', name, default: value };
    };
    return this.#ask('fixed', name, config, options, []) as T;
  }

  /**
   * Runs `fn` if the hyperparameter `parentName` has one of `parentValues`; what it asks for counts only then.
   *
   * @returns what `fn` answers, or undefined
   * @throws {ArgumentError} if the parent was not asked for before
   * @example
   * ```ts
   * const hp = new tuner.HyperParameters();
   * const kind = hp.choice('optimizer', ['sgd', 'adam']);
   * const momentum = hp.conditionalScope('optimizer', ['sgd'], () => hp.float('momentum', 0, 0.9)) ?? 0;
   * ```
   */
  conditionalScope<T>(
    parentName: string,
    parentValues: ParameterValue | readonly ParameterValue[],
    fn: () => T,
  ): T | undefined {
    const condition = this.#condition('hp.conditionalScope', parentName, parentValues);
    if (!this.#holds(condition)) {
      this.unvisited.push([...this.#scopes, condition]);
      return undefined;
    }
    this.#scopes.push(condition);
    try {
      const result = fn();
      if (!(result instanceof Promise)) return result;
      result.catch(() => {});
      throw new ArgumentError(
        'hp.conditionalScope: expected a function that asks at once, got one that answers a promise.',
        'Ask for the values in the scope, and await outside of it.',
      );
    } finally {
      this.#scopes.pop();
    }
  }

  /** A value by name. @throws {ArgumentError} for one that is not there or does not count in this trial */
  get(name: string): ParameterValue {
    const value = this.values[name];
    if (value !== undefined) return value;
    const known = this.#space.map((parameter) => parameter.name);
    const near = nearestName(name, known);
    throw new ArgumentError(
      `hp.get: expected the name of a hyperparameter that counts here, got "${name}".`,
      known.includes(name)
        ? 'Its condition does not hold in this trial.'
        : near === null
          ? `There are ${known.join(', ') || 'none yet'}.`
          : `Did you mean '${near}'?`,
    );
  }

  /** Whether a hyperparameter of that name is in the space. */
  has(name: string): boolean {
    return this.#space.some((parameter) => parameter.name === name);
  }

  /** Whether a hyperparameter counts, given the values there are. */
  isActive(parameter: Parameter): boolean {
    return parameter.conditions.every((condition) => this.#holds(condition));
  }

  /** Adds hyperparameters that aren't there yet, with their defaults if they count. */
  merge(parameters: Iterable<Parameter>): void {
    for (const parameter of parameters) {
      if (this.#find(parameter.config) !== undefined) continue;
      this.#space.push(parameter);
      if (this.isActive(parameter)) this.values[parameter.name] ??= parameter.default;
    }
  }

  /** The same space and values, apart from this. */
  copy(): HyperParameters {
    return this.withValues(this.values);
  }

  /** The same space with other values. @internal */
  withValues(values: Readonly<Record<string, ParameterValue>>): HyperParameters {
    const copied = new HyperParameters();
    copied.#space.push(...this.#space);
    Object.assign(copied.values, values);
    return copied;
  }

  /** Space and values as plain JSON. */
  getConfig(): { space: ParameterConfig[]; values: Record<string, ParameterValue> } {
    return { space: this.#space.map((parameter) => parameter.config), values: { ...this.values } };
  }

  /** What `getConfig` answered, as an object again. */
  static fromConfig(config: {
    space: readonly ParameterConfig[];
    values: Readonly<Record<string, ParameterValue>>;
  }): HyperParameters {
    const made = new HyperParameters();
    made.#space.push(...config.space.map((one) => new Parameter(one)));
    Object.assign(made.values, config.values);
    return made;
  }

  #ask(
    kind: ParameterConfig['kind'],
    name: string,
    make: () => Omit<ParameterConfig, 'conditions'>,
    options: ParentOptions,
    more: readonly string[],
  ): ParameterValue {
    if (typeof name !== 'string' || name === '') {
      throw new ArgumentError(`hp.${kind}: expected a name, got ${show(name)}.`, `Write hp.${kind}('units', …).`);
    }
    if (name in Object.prototype) {
      throw new ArgumentError(
        `hp.${kind}: expected a name that JavaScript's objects don't have themselves, got "${name}".`,
        'Give it another name.',
      );
    }
    const taken = [...more, ...(kind === 'fixed' ? [] : ['default']), 'parentName', 'parentValues'];
    const unknown = Object.keys(options).find((key) => !taken.includes(key));
    if (unknown !== undefined) {
      const near = nearestName(unknown, taken);
      throw new ArgumentError(
        `hp.${kind}("${name}"): unknown option '${unknown}'.`,
        near === null ? `Options: ${taken.join(', ')}.` : `Did you mean '${near}'?`,
      );
    }
    const { parentName = null, parentValues = null } = options;
    if (parentName === null && parentValues !== null) {
      throw new ArgumentError(
        `hp.${kind}("${name}"): expected parentName with parentValues, got parentValues alone.`,
        "Write { parentName: 'optimizer', parentValues: ['sgd'] }.",
      );
    }
    const own = parentName === null ? [] : [this.#condition(`hp.${kind}("${name}")`, parentName, parentValues ?? [])];
    const config: ParameterConfig = { ...make(), conditions: [...this.#scopes, ...own] };
    const known = this.#find(config);
    const parameter = known ?? new Parameter(config);
    if (known === undefined) this.#space.push(parameter);
    // A parameter whose own parent has another value: its default is what the caller gets, and it does not count.
    if (!this.isActive(parameter)) return parameter.default;
    const value = this.values[name] ?? parameter.default;
    this.values[name] = value;
    return value;
  }

  #find(config: ParameterConfig): Parameter | undefined {
    const conditions = JSON.stringify(config.conditions);
    const same = this.#space.filter((parameter) => parameter.name === config.name);
    const found = same.find((parameter) => JSON.stringify(parameter.conditions) === conditions);
    if (found !== undefined && found.config.kind !== config.kind) {
      throw new StateError(
        `hp.${config.kind}("${config.name}"): expected the kind it had before, ${found.config.kind}.`,
        'Give each hyperparameter a name of its own.',
      );
    }
    return found;
  }

  #condition(where: string, name: string, given: ParameterValue | readonly ParameterValue[]): Condition {
    const values = Array.isArray(given) ? (given as readonly ParameterValue[]) : [given as ParameterValue];
    if (!this.has(name)) {
      throw new ArgumentError(
        `${where}: expected a parent that was asked for before, got ${show(name)}.`,
        'Ask for the parent first: hp.choice(…), then what depends on it.',
      );
    }
    if (values.length === 0) {
      throw new ArgumentError(`${where}: expected values of "${name}" for which it counts, got none.`);
    }
    return { name, values };
  }

  #holds({ name, values }: Condition): boolean {
    const value = this.values[name];
    return value !== undefined && values.includes(value);
  }
}
