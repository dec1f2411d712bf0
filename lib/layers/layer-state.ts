import { type Constraint, constraintField } from '../constraints.js';
import { Configurable, classNameOf, fieldsOf, serialized } from '../core/configurable.js';
import { type DType, isFloat } from '../core/dtype.js';
import { ArgumentError, ShapeError, StateError } from '../core/errors.js';
import { type Field, type Fields, is, optional, show } from '../core/fields.js';
import { toSnakeCase, uniqueName } from '../core/names.js';
import { native } from '../core/native.js';
import type { SeedGenerator } from '../core/random.js';
import { isRecording, suspendRecording } from '../core/recording.js';
import type { Shape } from '../core/symbolic.js';
import { formatShape, type ShapedData, Tensor, type TensorLike, tensor } from '../core/tensor.js';
import { tidy } from '../core/tidy.js';
import { leaves } from '../core/tree.js';
import { Variable } from '../core/variable.js';
import { type Initializer, initializerField } from '../initializers/index.js';
import { broadcastTo, full } from '../ops/index.js';
import { type Regularizer, regularizerField } from '../regularizers.js';
import { currentCall } from './call-context.js';
import { DTypePolicy, type DTypePolicyName, dtypePolicyField } from './dtype-policy.js';
import type { WeightOptions } from './layer-options.js';
import { currentPath } from './name-scope.js';
import { type MetricLike, type OwnState, ownState } from './tracking.js';
import { chargeWeight } from './weight-budget.js';

const initialField = initializerField('zeros') as Field<Initializer>;
const penaltyField = regularizerField(null) as Field<Regularizer | null>;
const limitField = constraintField(null) as Field<Constraint | null>;

// Layers that hold losses of a call: while there are none, as mostly, a call needn't look for them.
let losing = 0;

// Options whose places on the object are taken by accessors.
const hidden = ['trainable', 'dtype', 'inputShape', 'inputDim'] as const;

/** The part of a layer that holds state: weights, losses, dtype, config. Everybody extends `Layer`. */
export abstract class LayerState extends Configurable {
  static override readonly fields: Fields = {
    name: optional(is.nullable(is.string), null),
    trainable: optional(is.boolean, true),
    dtype: dtypePolicyField,
    activityRegularizer: { ...penaltyField, writes: false },
    autocast: optional(is.boolean, true, { writes: false }),
    inputShape: optional(is.nullable(is.shape), null, { writes: false }),
    inputDim: optional(is.nullable(is.integer({ min: 1 })), null, { writes: false }),
  };

  /** Name of the layer, unique in its model. */
  declare readonly name: string;
  /** Penalty on the outputs. */
  declare readonly activityRegularizer: Regularizer | null;
  /** Whether float inputs are cast to the compute dtype. */
  declare readonly autocast: boolean;
  /** Place in the model: 'sequential/dense'; null before `build`. */
  path: string | null = null;
  /** Whether the weights exist. */
  built = false;

  /** Shape of a sample that the first layer of a Sequential was given. @internal */
  readonly inputShapeArgument: Shape | null;
  #policy: DTypePolicy;
  #trainable: boolean;
  #added: readonly Variable[] = [];
  #losses: Tensor[] = [];
  // Whether a weight was made trainable: freezing and unfreezing a layer leaves moving statistics alone.
  readonly #wasTrainable = new WeakMap<Variable, boolean>();

  constructor(options: object = {}) {
    super(options);
    // Read as own properties: below them lie accessors that need what is set here.
    const given = (name: (typeof hidden)[number]): unknown => Object.getOwnPropertyDescriptor(this, name)?.value;
    this.#policy = (given('dtype') as DTypePolicy | undefined) ?? new DTypePolicy();
    this.#trainable = (given('trainable') as boolean | undefined) ?? true;
    // A class may have an inputDim that is no shape (Embedding): it keeps it.
    const own = fieldsOf(this.type).inputDim !== LayerState.fields.inputDim;
    const inputDim = own ? null : (given('inputDim') as number | null | undefined);
    this.inputShapeArgument =
      inputDim == null ? ((given('inputShape') as Shape | null | undefined) ?? null) : [inputDim];
    for (const name of hidden) if (name !== 'inputDim' || !own) Reflect.deleteProperty(this, name);
    hide(this, 'inputShapeArgument');
    const className = classNameOf(this.type);
    if (this.name == null) Object.assign(this, { name: uniqueName(toSnakeCase(className)) });
    if (this.name === '' || this.name.includes('/')) {
      throw new ArgumentError(`${className}: expected a name without '/', got ${show(this.name)}.`);
    }
  }

  /** 'Dense "dense"': how errors call this layer. @internal */
  get title(): string {
    return `${classNameOf(this.type)} "${this.name}"`;
  }

  /** Dtypes of computations and weights. */
  get dtypePolicy(): DTypePolicy {
    return this.#policy;
  }

  set dtypePolicy(policy: DTypePolicy | DTypePolicyName) {
    this.#policy = dtypePolicyField.check(policy, `${this.title}: dtypePolicy`);
  }

  /** Dtype of the weights. */
  get dtype(): DType {
    return this.variableDtype;
  }

  /** Dtype of the weights. */
  get variableDtype(): DType {
    return this.#policy.variableDtype;
  }

  /** Dtype of computations and outputs. */
  get computeDtype(): DType {
    return this.#policy.computeDtype;
  }

  /** Dtype that float inputs are cast to. */
  get inputDtype(): DType {
    return this.computeDtype;
  }

  /** Whether optimizers change the weights; setting it reaches all sub-layers. */
  get trainable(): boolean {
    return this.#trainable;
  }

  set trainable(value: boolean) {
    if (typeof value !== 'boolean')
      throw new ArgumentError(`${this.title}: trainable: expected true or false, got ${show(value)}.`);
    this.#trainable = value;
    const { variables, layers } = this.#state();
    for (const variable of variables) if (this.#isTrainable(variable)) variable.trainable = value;
    for (const layer of layers) layer.trainable = value;
  }

  /**
   * Makes a weight and adds it to the layer: a Variable, made once even when the layer is built while recording.
   *
   * @throws {ShapeError} for a shape with unknown sizes
   * @example
   * ```ts
   * this.scale = this.addWeight({ name: 'scale', shape: [inputShape.at(-1)!], initializer: 'ones' });
   * ```
   */
  addWeight(options: WeightOptions = {}): Variable {
    const {
      shape = [],
      dtype = this.variableDtype,
      trainable = true,
      name = uniqueName('variable'),
      autocast = true,
      aggregation,
    } = options;
    const where = `${this.title}: weight "${name}"`;
    if (!shape.every((size) => Number.isSafeInteger(size) && size >= 0)) {
      throw new ShapeError(
        `${where}: expected a shape of whole numbers, got ${formatShape(shape)}.`,
        'Weights need known sizes: give them in Input({ shape }), or build on data.',
      );
    }
    const initializer = initialField.check(
      options.initializer ?? (isFloat(dtype) ? 'glorot_uniform' : 'zeros'),
      `${where}: initializer`,
    );
    const regularizer = penaltyField.check(options.regularizer ?? null, `${where}: regularizer`);
    const constraint = limitField.check(options.constraint ?? null, `${where}: constraint`);
    const follows = chargeWeight(where, shape, dtype);
    const variable = suspendRecording(() =>
      tidy(
        () =>
          new Variable(follows ? broadcastTo(full([], 0, { dtype }), shape) : initializer.apply(shape, { dtype }), {
            dtype,
            name,
            trainable: trainable && this.#trainable,
            autocast,
            ...(aggregation !== undefined && { aggregation }),
          }),
      ),
    );
    const place = currentPath();
    variable.path = place === '' ? `${this.name}/${name}` : `${place}/${name}`;
    if (regularizer !== null) variable.regularizer = (weight) => regularizer.apply(weight);
    if (constraint !== null) variable.constraint = (weight) => constraint.apply(weight);
    this.#wasTrainable.set(variable, trainable);
    this.#added = [...this.#added, variable];
    return variable;
  }

  /** All weights: the trainable ones, the others, then those of sub-layers. */
  get weights(): Variable[] {
    return this.#collect(false);
  }

  /** Weights that optimizers change. */
  get trainableWeights(): Variable[] {
    return this.trainable ? this.weights.filter((weight) => weight.trainable) : [];
  }

  /** Weights that optimizers leave alone. */
  get nonTrainableWeights(): Variable[] {
    return this.trainable ? this.weights.filter((weight) => !weight.trainable) : this.weights;
  }

  /** All state: weights and the states of seed generators. */
  get variables(): Variable[] {
    return this.#collect(true);
  }

  /** State that optimizers change. */
  get trainableVariables(): Variable[] {
    return this.trainable ? this.variables.filter((variable) => variable.trainable) : [];
  }

  /** State that optimizers leave alone. */
  get nonTrainableVariables(): Variable[] {
    return this.trainable ? this.variables.filter((variable) => !variable.trainable) : this.variables;
  }

  /** Metrics among the layer's properties and its sub-layers'. */
  get metrics(): MetricLike[] {
    const { metrics, layers } = this.#state();
    return [...metrics, ...layers.flatMap((layer) => layer.metrics)];
  }

  /** State of the metrics. */
  get metricsVariables(): Variable[] {
    return this.metrics.flatMap((metric) => [...metric.variables]);
  }

  /** Values of `weights`, in their order: `{ data, shape }` each. Large arrays share memory with the weights: copy before writing to them. */
  getWeights(): ShapedData[] {
    return this.weights.map((weight) => ({ data: weight.dataSync(), shape: weight.shape }));
  }

  /**
   * Sets `weights`, in their order, from tensors, nested arrays or `{ data, shape }`. Changes nothing unless all fit.
   * @throws {ArgumentError} for another number of values
   * @throws {ShapeError} for a value of another shape
   */
  setWeights(values: readonly TensorLike[]): void {
    const weights = this.weights;
    if (!Array.isArray(values) || values.length !== weights.length) {
      throw new ArgumentError(
        `${this.title}: setWeights: expected ${weights.length} arrays, got ${Array.isArray(values) ? values.length : show(values)}.`,
        this.built
          ? `In this order: ${weights.map((weight) => weight.path).join(', ')}.`
          : 'Build the layer first: layer.build(inputShape).',
      );
    }
    tidy(() => {
      const tensors = values.map((value, i) => {
        const { dtype, shape, path } = weights[i] as Variable;
        const given = value instanceof Tensor ? value : tensor(value, { dtype });
        if (formatShape(given.shape) !== formatShape(shape)) {
          throw new ShapeError(
            `${this.title}: setWeights: expected shape ${formatShape(shape)} for ${path}, got ${formatShape(given.shape)}.`,
          );
        }
        return given;
      });
      for (const [i, value] of tensors.entries()) weights[i]?.assign(value);
    });
  }

  /** Number of weights' elements. @throws {StateError} before `build` */
  countParams(): number {
    if (!this.built) {
      throw new StateError(
        `${this.title}: countParams: expected a built layer.`,
        'Apply it to data, or call layer.build(inputShape).',
      );
    }
    return this.weights.reduce((count, weight) => count + weight.size, 0);
  }

  /**
   * Adds a number to the losses of the call at hand; a model adds them to its loss. For use inside `call`.
   * @throws {ArgumentError} for what is no tensor
   */
  addLoss(loss: Tensor | readonly Tensor[]): void {
    for (const one of leaves(loss)) {
      if (!(one instanceof Tensor)) {
        throw new ArgumentError(
          `${this.title}: addLoss: expected a tensor, got ${show(one)}.`,
          'Compute it with ops, inside call.',
        );
      }
      if (currentCall()?.symbolic === true) continue;
      if (this.#losses.length === 0) losing++;
      this.#losses.push(one);
    }
  }

  /** Losses of the last call (addLoss, activity regularizers) of this layer and all inside it, then the penalties of its weights. */
  get losses(): Tensor[] {
    const own = this.layersDeep().flatMap((layer) => layer.#losses.filter(isLive));
    const penalties = this.trainableWeights.flatMap((weight) => weight.regularizer?.(weight) ?? []);
    return [...own, ...penalties];
  }

  /** Forgets the losses of the last call; the outermost `apply` does it. @internal */
  clearLosses(): void {
    if (losing === 0) return;
    for (const layer of this.layersDeep()) {
      if (layer.#losses.length === 0) continue;
      layer.#losses = [];
      losing--;
    }
  }

  /** This layer and all inside it, each once. @internal */
  layersDeep(): LayerState[] {
    const found = new Set<LayerState>();
    const visit = (layer: LayerState): void => {
      if (found.has(layer)) return;
      found.add(layer);
      for (const child of layer.#state().layers) visit(child);
    };
    visit(this);
    return [...found];
  }

  override getConfig(): Record<string, unknown> {
    const config: Record<string, unknown> = {};
    for (const [key, value] of Object.entries(super.getConfig())) {
      config[key] = key === 'dtype' ? serialized(this.#policy) : key === 'trainable' ? this.#trainable : value;
      // Where Keras writes it: after the base options, and only when there is one.
      if (key === 'dtype' && this.activityRegularizer)
        config.activityRegularizer = serialized(this.activityRegularizer);
    }
    return config;
  }

  /** Runs `fn` and puts this layer and all inside it back as they were: weights made by `fn` are freed. @internal */
  protected restoringState<T>(fn: () => T): T {
    const saved = this.layersDeep().map((layer) => ({
      layer,
      properties: Object.getOwnPropertyDescriptors(layer),
      added: layer.#added,
      losses: layer.#losses,
    }));
    const before = new Set(this.variables);
    try {
      return fn();
    } finally {
      const made = this.variables.filter((variable) => !before.has(variable));
      for (const { layer, properties, added, losses } of saved) {
        for (const key of Reflect.ownKeys(layer)) if (!(key in properties)) Reflect.deleteProperty(layer, key);
        Object.defineProperties(layer, properties);
        layer.#added = added;
        layer.#losses = losses;
      }
      for (const variable of made) variable.dispose();
    }
  }

  #isTrainable(variable: Variable): boolean {
    let was = this.#wasTrainable.get(variable);
    if (was === undefined) {
      was = variable.trainable;
      this.#wasTrainable.set(variable, was);
    }
    return was;
  }

  #state(): OwnState<LayerState> {
    const found = ownState(this, (value): value is LayerState => value instanceof LayerState);
    found.variables = [...new Set([...this.#added, ...found.variables])];
    return found;
  }

  #collect(withGenerators: boolean): Variable[] {
    const { variables, layers, generators } = this.#state();
    const trainable = variables.filter((variable) => this.#isTrainable(variable));
    const others = variables.filter((variable) => !this.#isTrainable(variable));
    const states = withGenerators ? generators.map((generator: SeedGenerator) => generator.state) : [];
    return [
      ...new Set([...trainable, ...others, ...states, ...layers.flatMap((layer) => layer.#collect(withGenerators))]),
    ];
  }
}

/** False for losses of a recording that has ended: they stood for numbers that only its program computes. */
function isLive(loss: Tensor): boolean {
  return !loss.isDisposed && (isRecording() || !native.isMeta(loss.handle));
}

/** Takes a property out of the sight of {@link ownState} and of printing. */
function hide(object: object, name: string): void {
  Object.defineProperty(object, name, { enumerable: false });
}
