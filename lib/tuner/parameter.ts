import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';

/** What a hyperparameter can be. */
export type ParameterValue = number | string | boolean;

/** Holds while the hyperparameter `name` has one of `values`. */
export interface Condition {
  readonly name: string;
  readonly values: readonly ParameterValue[];
}

/** How probabilities spread over a range: evenly, evenly over the logarithm, or that mirrored. */
export type Sampling = 'linear' | 'log' | 'reverse_log';

/** A hyperparameter as plain JSON. */
export interface ParameterConfig {
  kind: 'int' | 'float' | 'choice' | 'boolean' | 'fixed';
  name: string;
  default: ParameterValue;
  conditions: readonly Condition[];
  minValue?: number;
  maxValue?: number;
  step?: number | null;
  sampling?: Sampling;
  values?: readonly ParameterValue[];
  ordered?: boolean;
}

/**
 * One hyperparameter: its kind, its values, and how they lie on the line from 0 to 1, which random draws and the Gaussian process use.
 * `toProbability` answers the middle of the stretch that `fromProbability` maps to a value.
 */
export class Parameter {
  readonly config: ParameterConfig;

  constructor(config: ParameterConfig) {
    this.config = config;
  }

  get name(): string {
    return this.config.name;
  }

  get default(): ParameterValue {
    return this.config.default;
  }

  get conditions(): readonly Condition[] {
    return this.config.conditions;
  }

  /** Whether there is nothing to choose. */
  get isFixed(): boolean {
    return this.config.kind === 'fixed';
  }

  /** Every value that a grid visits, the default first; ten evenly spread ones where a range has no step. */
  get grid(): ParameterValue[] {
    const all = new Set<ParameterValue>([this.default]);
    const count = this.#count() ?? 10;
    for (let i = 0; i < count; i++)
      all.add(this.#count() === null ? this.fromProbability((i + 0.5) / 10) : this.#at(i));
    return [...all];
  }

  /** The value that lies at `probability`, from 0 to below 1. */
  fromProbability(probability: number): ParameterValue {
    const count = this.#count();
    if (count !== null) return this.#at(Math.min(count - 1, Math.floor(probability * count)));
    const { kind, maxValue = 0 } = this.config;
    // A whole number without a step: the last one has its stretch too.
    if (kind === 'int') return Math.min(maxValue, Math.floor(this.#spread(probability, maxValue + 1)));
    return Math.min(maxValue, this.#spread(probability, maxValue));
  }

  /** Where a value lies, from 0 to 1. */
  toProbability(value: ParameterValue): number {
    const count = this.#count();
    if (count !== null) return (this.#indexOf(value) + 0.5) / count;
    const { kind, maxValue = 0 } = this.config;
    return kind === 'int'
      ? this.#gather((value as number) + 0.5, maxValue + 1)
      : this.#gather(value as number, maxValue);
  }

  /** How many values there are; null for a continuous range. */
  #count(): number | null {
    const { kind, values = [], minValue = 0, maxValue = 0, step = null, sampling } = this.config;
    if (kind === 'choice') return values.length;
    if (kind === 'boolean') return 2;
    if (kind === 'fixed') return 1;
    if (step === null) return null;
    if (sampling === 'linear') return Math.floor((maxValue - minValue) / step + 1e-8) + 1;
    return Math.floor(Math.log(maxValue / minValue) / Math.log(step) + 1e-8) + 1;
  }

  #at(index: number): ParameterValue {
    const { kind, values = [], minValue = 0, maxValue = 0, step, sampling } = this.config;
    if (kind === 'choice') return values[index] as ParameterValue;
    if (kind === 'boolean') return index === 1;
    if (kind === 'fixed') return this.default;
    const by = step as number;
    if (sampling === 'linear') return tidyNumber(minValue + index * by);
    const power = tidyNumber(minValue * by ** index);
    return sampling === 'log' ? power : tidyNumber(maxValue + minValue - power);
  }

  #indexOf(value: ParameterValue): number {
    const count = this.#count() as number;
    for (let i = 0; i < count; i++) if (this.#at(i) === value) return i;
    // A value between two steps, from hyperparameters given by hand.
    const { minValue = 0, maxValue = 0, step, sampling } = this.config;
    const number = Number(value);
    const by = step ?? 1;
    if (sampling === 'linear') return (number - minValue) / by;
    const ratio = sampling === 'log' ? number / minValue : (maxValue - number + minValue) / minValue;
    return Math.log(ratio) / Math.log(by);
  }

  #spread(probability: number, end: number): number {
    const { minValue: start = 0, sampling } = this.config;
    if (sampling === 'linear') return start + probability * (end - start);
    if (sampling === 'log') return start * (end / start) ** probability;
    return end + start - start * (end / start) ** (1 - probability);
  }

  #gather(value: number, end: number): number {
    const { minValue: start = 0, sampling } = this.config;
    if (end === start) return 0.5;
    if (sampling === 'linear') return (value - start) / (end - start);
    if (sampling === 'log') return Math.log(value / start) / Math.log(end / start);
    return 1 - Math.log((end + start - value) / start) / Math.log(end / start);
  }
}

/** 0.30000000000000004 is meant as 0.3. */
function tidyNumber(value: number): number {
  return Number(value.toPrecision(12));
}

/** Options of a range. */
export interface RangeOptions<Default = number> {
  /** Distance between values; their ratio where `sampling` is logarithmic. @default 1 for linear whole numbers, else any value of the range */
  step?: number | null;
  /** How draws spread over the range. @default 'linear' */
  sampling?: Sampling;
  /** Value where nothing is chosen. @default the least value */
  default?: Default | null;
}

/** Checks a range and answers its config. @internal */
export function rangeConfig(
  kind: 'int' | 'float',
  name: string,
  minValue: unknown,
  maxValue: unknown,
  options: RangeOptions,
): Omit<ParameterConfig, 'conditions'> {
  const where = `hp.${kind}("${name}")`;
  const { sampling = 'linear', default: given = null } = options;
  const step = options.step ?? (kind === 'int' && sampling === 'linear' ? 1 : null);
  const what = kind === 'int' ? 'a whole number' : 'a number';
  const isRight = (value: unknown): value is number =>
    kind === 'int' ? Number.isSafeInteger(value) : typeof value === 'number' && Number.isFinite(value);
  for (const [key, value] of Object.entries({ minValue, maxValue })) {
    if (!isRight(value)) throw new ArgumentError(`${where}: ${key}: expected ${what}, got ${show(value)}.`);
  }
  const [min, max] = [minValue as number, maxValue as number];
  if (min > max) throw new ArgumentError(`${where}: expected minValue of at most maxValue, got ${min} and ${max}.`);
  if (!['linear', 'log', 'reverse_log'].includes(sampling)) {
    throw new ArgumentError(
      `${where}: sampling: expected one of 'linear', 'log', 'reverse_log', got ${show(sampling)}.`,
    );
  }
  if (sampling !== 'linear' && min <= 0) {
    throw new ArgumentError(`${where}: expected minValue above 0 with sampling '${sampling}', got ${min}.`);
  }
  const least = sampling === 'linear' ? 0 : 1;
  if (step !== null && !(isRight(step) && step > least)) {
    throw new ArgumentError(`${where}: step: expected ${what} above ${least}, got ${show(step)}.`);
  }
  if (given !== null && !(isRight(given) && given >= min && given <= max)) {
    throw new ArgumentError(`${where}: default: expected ${what} from ${min} to ${max}, got ${show(given)}.`);
  }
  return { kind, name, minValue: min, maxValue: max, step, sampling, default: given ?? min };
}

/** Checks a choice and answers its config. @internal */
export function choiceConfig(
  name: string,
  values: unknown,
  options: { ordered?: boolean | null; default?: unknown },
): Omit<ParameterConfig, 'conditions'> {
  const where = `hp.choice("${name}")`;
  const { ordered = null, default: given = null } = options;
  const list: unknown[] = Array.isArray(values) ? values : [];
  const type = typeof list[0];
  if (
    list.length === 0 ||
    !['number', 'string', 'boolean'].includes(type) ||
    list.some((one) => typeof one !== type || Number.isNaN(one))
  ) {
    throw new ArgumentError(`${where}: expected an array of numbers, of strings or of booleans, got ${show(values)}.`);
  }
  if (new Set(list).size !== list.length) {
    throw new ArgumentError(`${where}: expected each value once, got ${show(values)}.`);
  }
  if (given !== null && !list.includes(given)) {
    throw new ArgumentError(`${where}: default: expected one of ${show(values)}, got ${show(given)}.`);
  }
  if (ordered === true && type !== 'number') {
    throw new ArgumentError(`${where}: ordered: expected false for values that are no numbers, got true.`);
  }
  return {
    kind: 'choice',
    name,
    values: list as ParameterValue[],
    ordered: ordered ?? type === 'number',
    default: (given ?? list[0]) as ParameterValue,
  };
}
