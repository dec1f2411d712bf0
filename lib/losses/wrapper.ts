import { fieldsOf } from '../core/configurable.js';
import { ArgumentError } from '../core/errors.js';
import { type Fields, is, required, show } from '../core/fields.js';
import { toSnakeCase } from '../core/names.js';
import { unawaited } from '../core/recording.js';
import { Tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { FunctionLoss, type LossOptions, nameField } from './loss.js';

/** A loss as a plain function: one loss per sample. */
// biome-ignore lint/suspicious/noExplicitAny: the options differ from function to function.
export type LossFunction = (yTrue: Tensor, yPred: Tensor, options?: any) => Tensor;

/** Options of {@link LossFunctionWrapper}; those that it doesn't know go to the function. */
export interface LossFunctionWrapperOptions extends LossOptions {
  /** The function. */
  fn: LossFunction;
  /** Options of the function. */
  [option: string]: unknown;
}

// Functions whose labels are class numbers: a marker, so that the wrapper needs to name none of them.
const ofClassNumbers = new WeakSet<LossFunction>();

/** Marks a function whose labels are class numbers, which stay integers. @internal */
export function markClassNumbers(fn: LossFunction): void {
  ofClassNumbers.add(fn);
}

/** A function as configs hold it. @internal */
export function functionConfig(fn: (...args: never[]) => unknown): Record<string, unknown> {
  return { module: 'builtins', className: 'function', config: toSnakeCase(fn.name), registeredName: 'function' };
}

/**
 * Splits the options of a wrapper of a function: those of the wrapper's own table of fields, and the function's.
 * @internal
 */
export function splitOptions(
  type: Parameters<typeof fieldsOf>[0],
  options: unknown,
): [object, Record<string, unknown>] {
  if (!isPlainObject(options)) return [options as object, {}];
  const known = fieldsOf(type);
  const entries = Object.entries(options);
  return [
    Object.fromEntries(entries.filter(([name]) => name in known)),
    Object.fromEntries(entries.filter(([name]) => !(name in known))),
  ];
}

/**
 * A loss made of any function `(yTrue, yPred, options) => Tensor` that answers one loss per sample. `compile({ loss: fn })` makes one by itself.
 *
 * Source: Keras' `LossFunctionWrapper`.
 *
 * @example
 * ```ts
 * const loss = new LossFunctionWrapper({ fn: binaryCrossentropy, fromLogits: true });
 * loss.apply([[0, 1]], [[-2, 3]]).item(); // 0.0877577
 * ```
 */
export class LossFunctionWrapper extends FunctionLoss {
  static override readonly className: string = 'LossFunctionWrapper';
  static override readonly module: string | null = 'keras.losses';
  static override readonly fields: Fields = {
    name: nameField(null),
    fn: required(is.function, { toConfig: functionConfig as (value: never) => unknown }),
  };

  /** The function. */
  declare readonly fn: LossFunction;
  /** Options that the function gets. */
  readonly fnOptions: Readonly<Record<string, unknown>>;
  /** @internal */
  override readonly castsLabels: boolean;
  /** Class number that the function leaves out. @internal */
  readonly ignoreClass: number | null;

  constructor(options: LossFunctionWrapperOptions) {
    const [own, rest] = splitOptions(new.target as never, options);
    super(own);
    this.fnOptions = rest;
    this.castsLabels = !ofClassNumbers.has(this.fn);
    this.ignoreClass = typeof rest.ignoreClass === 'number' ? rest.ignoreClass : null;
  }

  protected override compute(yTrue: Tensor, yPred: Tensor): Tensor {
    const plain = Object.keys(this.fnOptions).length === 0;
    const losses: unknown = plain ? this.fn(yTrue, yPred) : this.fn(yTrue, yPred, this.fnOptions);
    if (losses instanceof Tensor) return losses;
    unawaited(losses);
    throw new ArgumentError(
      `Loss "${this.name}": expected the function to answer a tensor, got ${show(losses)}.`,
      'Compute the loss with ops, without reading values.',
    );
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), ...this.fnOptions };
  }
}
