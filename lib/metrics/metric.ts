import { config } from '../core/config.js';
import { Configurable } from '../core/configurable.js';
import type { DType } from '../core/dtype.js';
import { type Field, type Fields, is, optional } from '../core/fields.js';
import { toSnakeCase, uniqueName } from '../core/names.js';
import { suspendRecording } from '../core/recording.js';
import type { Tensor, TensorLike } from '../core/tensor.js';
import { Variable, type VariableOptions } from '../core/variable.js';
import * as ops from '../ops/index.js';

/** Options that every metric takes. */
export interface MetricOptions {
  /** Name in logs and history. @default the class's name in snake_case */
  name?: string | null;
  /** Dtype of the state and the result. @default floatx */
  dtype?: DType | null;
}

/** Options of `updateState`. */
export interface UpdateOptions {
  /** Weights of the samples: a number, [batch], or the shape of the values. @default all 1 */
  sampleWeight?: TensorLike | null;
}

/** Options of {@link Metric.addVariable}. */
export interface MetricVariableOptions extends Omit<VariableOptions, 'trainable'> {
  /** Sizes of the axes. @default [] */
  shape?: readonly number[];
}

/** Field of a metric's name, with the name it has when none is given. @internal */
export function nameField(value: string | null): Field {
  return optional(is.nullable(is.string), value);
}

/**
 * Base of metrics: numbers that are gathered over batches and shown, but not trained on.
 *
 * A subclass makes its state with `addVariable`, changes it in `updateState` and computes the number in `result`. Both run inside recorded steps:
 * they compute with `ops` on tensors and never read values.
 *
 * Source: Keras' `Metric`.
 *
 * @example
 * ```ts
 * class Largest extends Metric {
 *   readonly largest = this.addVariable({ name: 'largest' });
 *   override updateState(yTrue: TensorLike, yPred: TensorLike): void {
 *     this.largest.assign(ops.maximum(this.largest, ops.max(yPred)));
 *   }
 *   override result(): Tensor {
 *     return this.largest.value;
 *   }
 * }
 * ```
 */
export abstract class Metric extends Configurable {
  static override readonly fields: Fields = {
    name: nameField(null),
    dtype: optional(is.nullable(is.dtype), null),
  };

  /** Name in logs and history. */
  declare name: string;
  /** Dtype of the state and the result. */
  declare readonly dtype: DType;
  /** Whether the number should rise or fall in training, if the metric knows: what `mode: 'auto'` of callbacks goes by. @default null */
  direction: 'up' | 'down' | null = null;
  readonly #variables: Variable[] = [];

  constructor(options: MetricOptions = {}) {
    super(options);
    if ((this.name as string | null) === null) this.name = uniqueName(toSnakeCase(this.type.className));
    if ((this.dtype as DType | null) === null) this.dtype = config.floatx();
  }

  /** Takes one batch into the state. Most metrics take `(yTrue, yPred, { sampleWeight })`; Mean and Sum take `(values, { sampleWeight })`. */
  abstract updateState(...args: unknown[]): void;

  /** The number (or numbers) over all batches since the last reset. */
  abstract result(): Tensor;

  /** Starts anew: every state variable becomes 0. */
  resetState(): void {
    for (const variable of this.variables) variable.assign(ops.zerosLike(variable));
  }

  /** Takes one batch into the state and answers the result so far. */
  apply(...args: Parameters<this['updateState']>): Tensor {
    this.updateState(...args);
    return this.result();
  }

  /** Makes a state variable: zeros of the metric's dtype, unless told otherwise. Call it in the constructor or as a property's initial value. */
  addVariable(options: MetricVariableOptions = {}): Variable {
    const { shape = [], dtype = this.dtype, name = 'variable', aggregation = 'sum' } = options;
    // Made now, not in each run of a program that is being recorded.
    const zeros = suspendRecording(() => ops.zeros(shape, { dtype }));
    const variable = new Variable(zeros, { dtype, trainable: false, name, aggregation });
    variable.path = `${this.name.replaceAll('/', '>')}/${name}`;
    this.#variables.push(variable);
    return variable;
  }

  /** The state: own variables, then those of metrics that are properties of this one. */
  get variables(): Variable[] {
    const inner = Object.values(this)
      .flat()
      .filter((value): value is Metric => value instanceof Metric);
    return [...this.#variables, ...inner.flatMap((metric) => metric.variables)];
  }
}
