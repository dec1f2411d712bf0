import { ArgumentError } from '../core/errors.js';
import { type Fields, is, required, show } from '../core/fields.js';
import { unawaited } from '../core/recording.js';
import { Tensor, type TensorLike } from '../core/tensor.js';
import { asTensor } from '../losses/arguments.js';
import { functionConfig, splitOptions } from '../losses/wrapper.js';
import { FunctionMetric } from './mean.js';
import { type MetricOptions, nameField } from './metric.js';

/** A metric as a plain function: one value per sample, which are averaged. */
// biome-ignore lint/suspicious/noExplicitAny: the options differ from function to function.
export type MetricFunction = (yTrue: Tensor, yPred: Tensor, options?: any) => Tensor;

/** Options of {@link MeanMetricWrapper}; those that it doesn't know go to the function. */
export interface MeanMetricWrapperOptions extends MetricOptions {
  /** The function. */
  fn: MetricFunction;
  /** Options of the function. */
  [option: string]: unknown;
}

/**
 * Mean of any function `(yTrue, yPred, options) => Tensor` over all samples. `compile({ metrics: [fn] })` makes one by itself.
 *
 * Source: Keras' `MeanMetricWrapper`.
 *
 * @example
 * ```ts
 * const metric = new MeanMetricWrapper({ fn: binaryAccuracy, threshold: 0.3 });
 * metric.apply([[1], [0]], [[0.4], [0.4]]).item(); // 0.5
 * ```
 */
export class MeanMetricWrapper extends FunctionMetric {
  static override readonly className: string = 'MeanMetricWrapper';
  static override readonly module: string | null = 'keras.metrics';
  static override readonly fields: Fields = {
    name: nameField(null),
    fn: required(is.function, { toConfig: functionConfig as (value: never) => unknown }),
  };

  /** The function. */
  declare readonly fn: MetricFunction;
  /** Options that the function gets. */
  readonly fnOptions: Readonly<Record<string, unknown>>;

  constructor(options: MeanMetricWrapperOptions) {
    const [own, rest] = splitOptions(new.target as never, options);
    super(own);
    this.fnOptions = rest;
  }

  protected override compute(yTrue: TensorLike, yPred: TensorLike): Tensor {
    const [labels, predictions] = [asTensor(yTrue), asTensor(yPred)];
    const plain = Object.keys(this.fnOptions).length === 0;
    const values: unknown = plain ? this.fn(labels, predictions) : this.fn(labels, predictions, this.fnOptions);
    if (values instanceof Tensor) return values;
    unawaited(values);
    throw new ArgumentError(
      `Metric "${this.name}": expected the function to answer a tensor, got ${show(values)}.`,
      'Compute the metric with ops, without reading values.',
    );
  }

  override getConfig(): Record<string, unknown> {
    return { ...super.getConfig(), ...this.fnOptions };
  }
}
