import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { suspendRecording } from '../core/recording.js';
import type { Tensor } from '../core/tensor.js';
import { isPlainObject, leaves, type Tree } from '../core/tree.js';
import type { Variable } from '../core/variable.js';
import { checkMetric, type Metric, metricFor } from '../metrics/index.js';
import type { CompileLoss } from './compile-loss.js';
import { byOutput, outputNames, perOutput, weightsByOutput } from './outputs.js';

type ByOutput = (Metric[] | null)[];

interface BuiltMetrics {
  plain: ByOutput;
  weighted: ByOutput;
  prefixes: (string | null)[];
}

/** The `metrics` and `weightedMetrics` of `compile`, over all outputs of a model. One of the model's metrics, as in Keras. @internal */
export class CompileMetrics {
  readonly name = 'compile_metrics';
  readonly #metrics: unknown;
  readonly #weighted: unknown;
  readonly #names: readonly string[] | null;
  readonly #loss: CompileLoss | null;
  #built: BuiltMetrics | null = null;

  /** @throws {ArgumentError} for unknown names and wrong types, at once */
  constructor(
    metrics: unknown,
    weightedMetrics: unknown,
    names: readonly string[] | null,
    loss: CompileLoss | null = null,
  ) {
    check(metrics, 'compile: metrics');
    check(weightedMetrics, 'compile: weightedMetrics');
    this.#metrics = metrics;
    this.#weighted = weightedMetrics;
    this.#names = names;
    this.#loss = loss;
  }

  /** All single metrics; none before the first batch is seen. */
  get metrics(): Metric[] {
    if (this.#built === null) return [];
    return [...this.#built.plain, ...this.#built.weighted].flatMap((metrics) => metrics ?? []);
  }

  get variables(): Variable[] {
    return this.metrics.flatMap((metric) => metric.variables);
  }

  updateState(y: Tree<Tensor> | undefined, yPred: Tree<Tensor>, sampleWeight: Tree<Tensor> | undefined): void {
    const predictions = leaves(yPred) as Tensor[];
    const names = outputNames(yPred, this.#names);
    if (y === undefined) {
      throw new ArgumentError(
        'fit: expected y: the metrics compare it with the predictions, got none.',
        'Write model.fit(x, y).',
      );
    }
    // Outputs without a loss need no labels; those without labels have no metrics.
    const wanted = this.#loss?.wanted(names);
    const labels = byOutput<Tensor>(y, names, 'labels', wanted);
    this.#built ??= suspendRecording(() => this.#build(labels, names, predictions));
    const weights = sampleWeight === undefined ? [] : weightsByOutput<Tensor>(sampleWeight, names, wanted);
    const { plain, weighted } = this.#built;
    predictions.forEach((prediction, i) => {
      const label = labels[i] ?? null;
      if (label === null) return;
      for (const metric of plain[i] ?? []) metric.updateState(label, prediction);
      for (const metric of weighted[i] ?? [])
        metric.updateState(label, prediction, { sampleWeight: weights[i] ?? null });
    });
  }

  resetState(): void {
    for (const metric of this.metrics) metric.resetState();
  }

  /** Results by their names in the logs: with the output's name before them where there are several, with a number where a name is taken. */
  results(): Record<string, Tensor> {
    const results: Record<string, Tensor> = {};
    const { plain, weighted, prefixes } = this.#built ?? { plain: [], weighted: [], prefixes: [] };
    const seen = new Map<string, number>();
    const add = (name: string, metric: Metric): void => {
      const count = seen.get(name) ?? 0;
      seen.set(name, count + 1);
      results[count === 0 ? name : `${name}_${count}`] = metric.result();
    };
    const full = (name: string, i: number): string => (prefixes[i] == null ? name : `${prefixes[i]}_${name}`);
    plain.forEach((metrics, i) => {
      for (const metric of metrics ?? []) add(full(metric.name, i), metric);
    });
    weighted.forEach((metrics, i) => {
      for (const metric of metrics ?? []) {
        const name = full(metric.name, i);
        add(seen.has(name) ? full(`weighted_${metric.name}`, i) : name, metric);
      }
    });
    return results;
  }

  #build(
    labels: readonly (Tensor | null)[],
    names: readonly (string | null)[],
    predictions: readonly Tensor[],
  ): BuiltMetrics {
    const build = (option: unknown, where: string): ByOutput => {
      if (option === null) return names.map(() => null);
      // With one output, all metrics are its own.
      const spread = names.length === 1 ? [listOf(option)] : perOutput(option, names, where);
      return spread.map((identifiers, i) => {
        if (identifiers === null || labels[i] === null) return null;
        return listOf(identifiers).map((one) =>
          metricFor(one, (labels[i] as Tensor).shape, (predictions[i] as Tensor).shape, where),
        );
      });
    };
    return {
      plain: build(this.#metrics, 'compile: metrics'),
      weighted: build(this.#weighted, 'compile: weightedMetrics'),
      prefixes: names.length > 1 ? [...names] : names.map(() => null),
    };
  }
}

function listOf(option: unknown): unknown[] {
  if (Array.isArray(option)) return option.flatMap(listOf);
  if (isPlainObject(option) && typeof option['className'] !== 'string') return Object.values(option).flatMap(listOf);
  return option === null ? [] : [option];
}

function check(option: unknown, where: string): void {
  if (option === null) return;
  if (!Array.isArray(option) && !isPlainObject(option)) {
    throw new ArgumentError(
      `${where}: expected an array (or an object by outputs), got ${show(option)}.`,
      `Write ${where.split(' ')[1]}: ['accuracy'].`,
    );
  }
  for (const one of listOf(option)) checkMetric(one, where);
}
