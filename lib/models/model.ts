import type { History } from '../callbacks/history.js';
import { call } from '../core/call.js';
import { config } from '../core/config.js';
import { isFloat } from '../core/dtype.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { Tensor } from '../core/tensor.js';
import { isPlainObject, type Tree } from '../core/tree.js';
import { addLayerClasses } from '../layers/family.js';
import type { MetricLike } from '../layers/tracking.js';
import type { Mean, Metric } from '../metrics/index.js';
import type { Optimizer } from '../optimizers/index.js';
import { type CompileOptions, compile } from '../training/compile.js';
import { CompileMetrics } from '../training/compile-metrics.js';
import { type BatchIterable, isBatchIterable } from '../training/data/iterable.js';
import type { Batch, DataTree } from '../training/data/layout.js';
import { type EvaluateOptions, evaluate } from '../training/evaluate.js';
import { type FitOptions, fit as train } from '../training/fit.js';
import {
  logsOnBatch,
  predictOnBatch,
  type TestOnBatchOptions,
  type TrainOnBatchOptions,
} from '../training/on-batch.js';
import { type PredictOptions, predict } from '../training/predict.js';
import { TrainingState } from '../training/state.js';
import { type StepKind, type StepLogs, testOn, trainOn } from '../training/steps.js';
import { hasEnds, ModelGraph, type ModelOptions } from './model-graph.js';
import { Replay } from './replay.js';
import { printSummary, type SummaryOptions } from './summary.js';

/** Any of the model's metrics: a `Metric`, or the group of those given to `compile`. */
type ModelMetric = MetricLike & Pick<Metric, 'resetState'>;

/**
 * Layers that train together: `keras.Model`, in three ways. `Sequential` is the model for a stack of layers. `new Model({ inputs, outputs })` is one for
 * any graph: apply layers (and `ops`) to what `Input` answers, name the ends. A subclass of Model makes its layers in the constructor and connects them in
 * `call`.
 *
 * Training runs recorded steps in native code on a thread of its own: JavaScript decides and shows, and the event loop stays free. While `fit` runs, the
 * model's Variables belong to that thread; `await variable.data()` reads between two steps, hooks of callbacks find them free.
 *
 * @example
 * ```ts
 * class Regression extends Model {
 *   dense = new layers.Dense({ units: 1 });
 *   override call(x: Tensor): Tensor {
 *     return this.dense.apply(x);
 *   }
 * }
 * const model = new Regression();
 * model.compile({ optimizer: 'sgd', loss: 'mse' });
 * const { history } = await model.fit(x, y, { epochs: 5 });
 * ```
 *
 * @example
 * ```ts
 * const [image, meta] = [Input({ shape: [28, 28], name: 'image' }), Input({ shape: [4], name: 'meta' })];
 * const joined = layers.concatenate([new layers.Flatten().apply(image), meta]);
 * const graph = new Model({
 *   inputs: [image, meta],
 *   outputs: {
 *     kind: new layers.Dense({ units: 10, activation: 'softmax' }).apply(joined),
 *     age: new layers.Dense({ units: 1 }).apply(joined),
 *   },
 * });
 * graph.compile({ optimizer: 'adam', loss: { kind: 'sparse_categorical_crossentropy', age: 'mse' }, lossWeights: { kind: 1, age: 0.2 } });
 * ```
 */
export class Model extends ModelGraph {
  static override readonly className: string = 'Model';
  static override readonly module: string | null = 'keras';

  /** The last `fit`'s epochs and logs; null before the first. */
  history: History | null = null;
  /** Everything that training keeps beside the layers. @internal */
  declare readonly trainingState: TrainingState;

  /** @throws {ArgumentError} if no model can be made from `inputs` and `outputs` */
  // biome-ignore lint/correctness/noUnreachableSuper: the object that is returned has gone through this constructor itself.
  constructor(options: ModelOptions = {}) {
    // biome-ignore lint/correctness/noConstructorReturn: as in Keras, `new Model({ inputs, outputs })` makes a Functional.
    if (new.target === Model && hasEnds(options)) return new Functional(options);
    super(options);
    Object.defineProperty(this, 'trainingState', { value: new TrainingState() });
    Object.defineProperty(this, 'history', { value: null, writable: true, enumerable: false });
  }

  readonly #replay = new Replay(this);

  /** `apply` outside of training is one native call where it can be. @internal */
  protected override replay(args: readonly unknown[]): unknown {
    if (this.runEagerly) return undefined;
    return this.#replay.apply(args, (x) => this.apply<unknown>(x, { training: false }));
  }

  /** What changes the weights; null before `compile`. */
  get optimizer(): Optimizer | null {
    return this.trainingState.compiled?.optimizer ?? null;
  }

  /** What `compile` was given as loss. */
  get loss(): CompileOptions['loss'] {
    return this.trainingState.compiled?.options.loss ?? null;
  }

  /** Whether `compile` was called. */
  get compiled(): boolean {
    return this.trainingState.compiled !== null;
  }

  /** Whether steps run in JavaScript, operator by operator. */
  get runEagerly(): boolean {
    return this.trainingState.compiled?.runEagerly ?? false;
  }

  /** Set it to true, at any time, to end `fit` after the step at hand. `fit` sets it to false when it starts. */
  get stopTraining(): boolean {
    return this.trainingState.stopTraining;
  }

  set stopTraining(value: boolean) {
    this.trainingState.stopTraining = value;
    if (value) this.trainingState.onStop?.();
  }

  /**
   * Says how to train: optimizer, loss, metrics. Weights stay as they are; recorded steps are forgotten, so call it again after changing `trainable`
   * of layers if the optimizer should follow.
   *
   * @throws {ArgumentError} for unknown names (with the nearest known one), unknown options and wrong types
   * @throws {StateError} while `fit` runs
   * @example
   * ```ts
   * model.compile({ optimizer: 'adam', loss: 'categorical_crossentropy', metrics: ['accuracy'] });
   * ```
   */
  compile(options: CompileOptions = {}): void {
    const { trainingState: state } = this;
    if (state.fitting) {
      throw new StateError(`Model "${this.name}": expected no compile while fit runs.`, 'Await fit first.');
    }
    const compiled = compile(options, this.outputNames, this.dtypePolicy.name);
    state.clear();
    state.compiled = compiled;
    state.stopTraining = false;
  }

  /**
   * Trains on data in memory, `fit(x, y, options)`, or on batches as they come, `fit(iterable, options)`.
   *
   * Data are tensors, nested arrays, typed arrays or `{ data, shape }`, samples along the first axis; batches are `[x, y]` or `[x, y, sampleWeight]`.
   *
   * @throws {StateError} before `compile`, and while another `fit` of this model runs
   * @throws {ShapeError} for data that don't fit each other or the model, before the first step
   * @throws {ArgumentError} for wrong options, and labels that are no class of the model's
   * @example
   * ```ts
   * const { history } = await model.fit(x, y, { epochs: 10, batchSize: 128, validationSplit: 0.2 });
   * history.val_loss;
   * ```
   */
  fit(x: DataTree, y?: DataTree | null, options?: FitOptions): Promise<History>;
  fit(batches: BatchIterable, options?: FitOptions): Promise<History>;
  async fit(x: DataTree | BatchIterable, y?: DataTree | FitOptions | null, options?: FitOptions): Promise<History> {
    const [labels, rest] = split(x, y, options);
    return train(this, x, labels as DataTree | null, rest);
  }

  /**
   * Loss and metrics on data, with weights as they are: `{ loss: 0.1, accuracy: 0.97 }`. Waits for a running `fit` of this model to reach the end of an
   * epoch.
   *
   * @throws {StateError} before `compile`
   * @throws {ShapeError} {@link ArgumentError} as `fit`
   * @example
   * ```ts
   * const { loss, accuracy } = await model.evaluate(xTest, yTest);
   * ```
   */
  evaluate(x: DataTree, y?: DataTree | null, options?: EvaluateOptions): Promise<Record<string, number>>;
  evaluate(batches: BatchIterable, options?: EvaluateOptions): Promise<Record<string, number>>;
  async evaluate(
    x: DataTree | BatchIterable,
    y?: DataTree | EvaluateOptions | null,
    options?: EvaluateOptions,
  ): Promise<Record<string, number>> {
    const [labels, rest] = split(x, y, options);
    return evaluate(this, x, labels as DataTree | null, rest);
  }

  /**
   * Predictions for data, as one tensor (or in the structure of the model's outputs), on the default device. Needs no `compile`.
   *
   * @throws {ShapeError} for data that don't fit the model
   * @example
   * ```ts
   * const probabilities = await model.predict(x);
   * ```
   */
  async predict<Output = Tensor>(x: DataTree | BatchIterable, options: PredictOptions = {}): Promise<Output> {
    return (await predict(this, x, options)) as Output;
  }

  /**
   * Predictions of a classifier as probabilities: `predict` under the name that says what they are.
   * @throws as `predict`
   */
  async predictProba(x: DataTree | BatchIterable, options: PredictOptions = {}): Promise<Tensor> {
    return probabilities(this.name, await this.predict(x, options));
  }

  /**
   * The class that a classifier gives each sample, as int32: the place of the largest output, `[samples]`; for a model with a single output 1 where
   * it is above 0.5 and else 0, `[samples, 1]`.
   *
   * @throws as `predict`
   * @throws {ArgumentError} for a model with several outputs
   * @example
   * ```ts
   * const classes = await model.predictClasses(xTest);
   * ```
   */
  async predictClasses(x: DataTree | BatchIterable, options: PredictOptions = {}): Promise<Tensor> {
    const scores = probabilities(this.name, await this.predict(x, options));
    const last = scores.shape.at(-1) ?? 1;
    const classes = last > 1 ? call('aten::argmax', scores, -1, false) : call('aten::gt.Scalar', scores, 0.5);
    return call('aten::to.dtype', classes, 'int32');
  }

  /** One training step on one batch; answers its loss and metrics. @throws as `fit` */
  async trainOnBatch(
    x: DataTree,
    y?: DataTree | null,
    options: TrainOnBatchOptions = {},
  ): Promise<Record<string, number>> {
    return logsOnBatch(this, 'train', x, y, options);
  }

  /** Loss and metrics of one batch. @throws as `evaluate` */
  async testOnBatch(
    x: DataTree,
    y?: DataTree | null,
    options: TestOnBatchOptions = {},
  ): Promise<Record<string, number>> {
    return logsOnBatch(this, 'test', x, y, options);
  }

  /** Predictions for one batch. @throws as `predict` */
  async predictOnBatch<Output = Tensor>(x: DataTree): Promise<Output> {
    return (await predictOnBatch(this, x)) as Output;
  }

  /**
   * One training step. Override it for another way to train: compute with ops, `valueAndGrad` and `this.optimizer`, and answer what to show. The step is
   * recorded once and then runs natively.
   *
   * @example
   * ```ts
   * override trainStep({ x, y }: Batch): StepLogs {
   *   const weights = this.trainableWeights;
   *   const { value, grads } = valueAndGrad(() => ops.mean(ops.square(ops.subtract(this.apply(x, { training: true }), y))))(weights);
   *   this.optimizer.apply(grads, weights);
   *   return { loss: value };
   * }
   * ```
   */
  trainStep(batch: Batch): StepLogs {
    const yPred = trainOn(this, batch);
    return this.computeMetrics(batch.x, batch.y, yPred, batch.sampleWeight);
  }

  /** One step of `evaluate`; answers what to show. */
  testStep(batch: Batch): StepLogs {
    const yPred = testOn(this, batch);
    return this.computeMetrics(batch.x, batch.y, yPred, batch.sampleWeight);
  }

  /** One step of `predict`; answers the predictions. */
  predictStep(batch: Batch): Tree<Tensor> {
    return this.apply<Tree<Tensor>>(batch.x as Tensor, { training: false });
  }

  /**
   * The number that training makes small: the compiled loss, plus what layers added (regularizers, `addLoss`).
   * @throws {StateError} if there is neither
   */
  computeLoss(
    _x: Tree<Tensor>,
    y: Tree<Tensor> | undefined,
    yPred: Tree<Tensor>,
    sampleWeight?: Tree<Tensor>,
    _options: { training?: boolean } = {},
  ): Tensor {
    const own = this.trainingState.compiled?.loss?.apply(y, yPred, sampleWeight) ?? null;
    const all = [...(own === null ? [] : [own]), ...this.losses.map(asNumber)];
    const [first, ...others] = all;
    if (first === undefined) {
      throw new StateError(
        `Model "${this.name}": expected a loss, got none.`,
        "Give compile one, compile({ loss: 'mse' }), or add losses in layers.",
      );
    }
    return others.reduce((sum, loss) => call('aten::add.Tensor', sum, loss, 1), first);
  }

  /** Takes one batch into the compiled metrics and answers all results. Override it for metrics of another kind. */
  computeMetrics(
    _x: Tree<Tensor>,
    y: Tree<Tensor> | undefined,
    yPred: Tree<Tensor>,
    sampleWeight?: Tree<Tensor>,
  ): StepLogs {
    this.trainingState.compiled?.metrics?.updateState(y, yPred, sampleWeight);
    return this.getMetricsResult();
  }

  /** Results of all metrics by their names in the logs. */
  getMetricsResult(): StepLogs {
    const results: StepLogs = {};
    for (const metric of this.metrics) {
      if ((metric as unknown) instanceof CompileMetrics)
        Object.assign(results, (metric as unknown as CompileMetrics).results());
      else results[metric.name] = (metric as unknown as Metric).result();
    }
    return results;
  }

  /** The loss's mean, the compiled metrics (as one), the means of single outputs' losses, then metrics of this model and its layers. */
  override get metrics(): ModelMetric[] {
    const inner = new Set(
      this.layersDeep().flatMap((layer) => (layer instanceof Model && layer !== this ? layer.#trackers() : [])),
    );
    const others = (super.metrics as ModelMetric[]).filter((metric) => !inner.has(metric));
    return [...this.#trackers(), ...others];
  }

  /** Names of `metrics`. */
  get metricsNames(): string[] {
    return this.metrics.map((metric) => metric.name);
  }

  /** Starts all metrics anew. */
  resetMetrics(): void {
    for (const metric of this.metrics) metric.resetState();
  }

  /** Prints the table of layers, output shapes and numbers of weights. */
  summary(options: SummaryOptions = {}): void {
    printSummary(this, options);
  }

  /** Runs a step; null where its numbers are those of the metrics, which needn't be computed at every step. @internal */
  runStep(kind: Exclude<StepKind, 'predict'>, batch: Batch): StepLogs | null {
    const { trainStep, testStep, computeMetrics } = Model.prototype;
    const own = kind === 'train' ? this.trainStep !== trainStep : this.testStep !== testStep;
    if (own || this.computeMetrics !== computeMetrics)
      return kind === 'train' ? this.trainStep(batch) : this.testStep(batch);
    const yPred = kind === 'train' ? trainOn(this, batch) : testOn(this, batch);
    this.trainingState.compiled?.metrics?.updateState(batch.y, yPred, batch.sampleWeight);
    return null;
  }

  /** Whether a metric should fall or rise, if it says so. @internal */
  directionOf(name: string): 'min' | 'max' | null {
    const all = [...(this.trainingState.compiled?.metrics?.metrics ?? []), ...this.metrics];
    const metric = all.find((one) => one.name === name) as { direction?: 'up' | 'down' } | undefined;
    if (metric?.direction === undefined) return null;
    return metric.direction === 'up' ? 'max' : 'min';
  }

  #trackers(): ModelMetric[] {
    const { compiled } = this.trainingState;
    if (compiled === null) return [];
    const losses: readonly Mean[] = compiled.loss?.metrics ?? [];
    return [
      compiled.lossTracker,
      ...(compiled.metrics === null ? [] : [compiled.metrics]),
      ...losses,
    ] as unknown as ModelMetric[];
  }
}

/**
 * What `new Model({ inputs, outputs })` makes: a model from a graph of layers. Only configs and summaries know its name.
 * @internal
 */
export class Functional extends Model {
  static override readonly className: string = 'Functional';
  static override readonly module: string | null = 'keras.src.models.functional';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { mask: null };
}

addLayerClasses({ Functional });

/** Tells `fit(x, y, options)` from `fit(batches, options)`. */
function split<O extends object>(x: unknown, y: unknown, options: O | undefined): [unknown, O] {
  const batches = options === undefined && isBatchIterable(x) && isPlainObject(y);
  return batches ? [null, y as O] : [y, options ?? ({} as O)];
}

function asNumber(loss: Tensor): Tensor {
  const float = isFloat(loss.dtype) ? loss : call('aten::to.dtype', loss, config.floatx());
  return float.ndim === 0 ? float : call('aten::sum', float);
}

function probabilities(name: string, predictions: unknown): Tensor {
  if (predictions instanceof Tensor) return predictions;
  throw new ArgumentError(
    `Model "${name}": expected a model with one output, got several.`,
    'Use predict, and take the output that you mean.',
  );
}
