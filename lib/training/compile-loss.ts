import { call } from '../core/call.js';
import { ArgumentError } from '../core/errors.js';
import { show } from '../core/fields.js';
import { suspendRecording } from '../core/recording.js';
import type { Tensor } from '../core/tensor.js';
import { isPlainObject, leaves, type Tree } from '../core/tree.js';
import { get, type Loss, lossFor, sparseCategoricalCrossentropy } from '../losses/index.js';
import { Mean } from '../metrics/index.js';
import { byOutput, outputNames, perOutput, weightsByOutput } from './outputs.js';

/** What a loss says of the labels that it takes. */
interface LabelTraits {
  castsLabels: boolean;
  fn?: unknown;
  ignoreClass?: number | null;
}

interface OutputLoss {
  loss: Loss;
  weight: number | null;
  /** Mean of this output's loss, kept where there are several. */
  tracker: Mean | null;
  /** Size of the last axis of the predictions. */
  units: number;
}

/** The `loss` and `lossWeights` of `compile`, over all outputs of a model. @internal */
export class CompileLoss {
  readonly #loss: unknown;
  readonly #weights: unknown;
  readonly #names: readonly string[] | null;
  #outputs: (OutputLoss | null)[] | null = null;
  #outputNames: readonly (string | null)[] = [];

  /** @throws {ArgumentError} for unknown names and wrong types, at once */
  constructor(loss: unknown, lossWeights: unknown, names: readonly string[] | null) {
    for (const one of leavesOf(loss)) {
      if (one === null || (typeof one === 'string' && /^(crossentropy|ce)$/i.test(one))) continue;
      get(one, 'compile: loss');
    }
    for (const weight of lossWeights === null ? [] : leavesOf(lossWeights)) {
      if (weight === null || (typeof weight === 'number' && !Number.isNaN(weight))) continue;
      throw new ArgumentError(`compile: lossWeights: expected numbers, got ${show(weight)}.`);
    }
    this.#loss = loss;
    this.#weights = lossWeights;
    this.#names = names;
  }

  /** Means of the losses of single outputs, where there are several. */
  get metrics(): Mean[] {
    return (this.#outputs ?? []).flatMap((output) => output?.tracker ?? []);
  }

  /** What the first batch showed of the outputs: their names, in order. */
  get outputNames(): readonly (string | null)[] {
    return this.#outputNames;
  }

  /** For each output with class numbers as labels: how many classes there are, and the number to leave out; null for other outputs. */
  get classes(): readonly ({ count: number; ignored: number | null } | null)[] {
    return (this.#outputs ?? []).map((output) => {
      if (output === null) return null;
      const { castsLabels, fn, ignoreClass = null } = output.loss as unknown as LabelTraits;
      // A loss given by name wraps the plain function.
      return castsLabels && fn !== sparseCategoricalCrossentropy ? null : { count: output.units, ignored: ignoreClass };
    });
  }

  /** For each output whether it has a loss, and so needs labels. */
  wanted(names: readonly (string | null)[]): boolean[] {
    return perOutput(this.#loss, names, 'compile: loss').map((loss) => loss !== null);
  }

  /** Labels in the order of the outputs; null for outputs that have neither labels nor a loss. */
  labelsOf<T>(y: unknown, names: readonly (string | null)[] = this.#outputNames): (T | null)[] {
    return byOutput<T>(y, names, 'labels', this.wanted(names));
  }

  /** The weighted sum of all outputs' losses, or null if no output has one. @throws {ShapeError} if labels and outputs don't fit */
  apply(y: Tree<Tensor> | undefined, yPred: Tree<Tensor>, sampleWeight: Tree<Tensor> | undefined): Tensor | null {
    const predictions = leaves(yPred) as Tensor[];
    const names = outputNames(yPred, this.#names);
    if (y === undefined) {
      throw new ArgumentError(
        'fit: expected y: the loss compares it with the predictions, got none.',
        'Write model.fit(x, y).',
      );
    }
    this.#outputNames = names;
    const labels = this.labelsOf<Tensor>(y, names);
    const weights =
      sampleWeight === undefined ? null : weightsByOutput<Tensor>(sampleWeight, names, this.wanted(names));
    this.#outputs ??= suspendRecording(() => this.#build(labels, predictions, names));
    let total: Tensor | null = null;
    this.#outputs.forEach((output, i) => {
      if (output === null) return;
      const sample = weights === null ? null : (weights[i] ?? null);
      let value = output.loss.apply(labels[i] as Tensor, predictions[i] as Tensor, { sampleWeight: sample });
      output.tracker?.updateState(value, { sampleWeight: (predictions[i] as Tensor).shape[0] ?? 1 });
      if (output.weight !== null) value = call('aten::mul.Scalar', value, output.weight);
      total = total === null ? value : call('aten::add.Tensor', total, value, 1);
    });
    return total;
  }

  #build(
    labels: readonly (Tensor | null)[],
    predictions: readonly Tensor[],
    names: readonly (string | null)[],
  ): (OutputLoss | null)[] {
    const losses = perOutput(this.#loss, names, 'compile: loss');
    const weights = perOutput(this.#weights, names, 'compile: lossWeights');
    const several = losses.filter((loss) => loss !== null).length > 1;
    return losses.map((identifier, i) => {
      if (identifier === null) return null;
      const { shape } = predictions[i] as Tensor;
      const loss = lossFor(identifier, (labels[i] as Tensor).shape, shape);
      const tracker = several ? new Mean({ name: `${names[i] ?? loss.name}_loss` }) : null;
      return { loss, weight: weights[i] as number | null, tracker, units: shape[shape.length - 1] ?? 1 };
    });
  }
}

function leavesOf(option: unknown): unknown[] {
  // A config stands for one loss; other objects hold one by output.
  if (isPlainObject(option) && typeof option['className'] === 'string') return [option];
  if (Array.isArray(option)) return option.flatMap(leavesOf);
  if (isPlainObject(option)) return Object.values(option).flatMap(leavesOf);
  return [option];
}
