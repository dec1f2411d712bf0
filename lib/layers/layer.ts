import { withAutocast } from '../core/autocast.js';
import { fieldsOf } from '../core/configurable.js';
import { type DType, isFloat } from '../core/dtype.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { type Field, show } from '../core/fields.js';
import { nearestName } from '../core/names.js';
import { inferSpecs, type SymbolicSpec, SymbolicTensor } from '../core/symbolic.js';
import { formatShape, Tensor, tensor } from '../core/tensor.js';
import { isPlainObject, leaves } from '../core/tree.js';
import { cast, divide } from '../ops/index.js';
import { currentCall, withCall } from './call-context.js';
import { checkInputs, type InputSpec } from './input-spec.js';
import {
  type CallOptions,
  flattenInputs,
  hasSymbolic,
  isShape,
  type LayerInputs,
  type MaskTree,
  mapInputs,
  mapShapes,
  ridingMask,
  type ShapeTree,
  type SymbolicInputs,
  shapesOf,
} from './inputs.js';
import { LayerState } from './layer-state.js';
import { currentPath, withLayerScope } from './name-scope.js';
import { mapSpecs, type SpecTree, specShapes } from './specs.js';

/** One application of a layer to symbolic tensors: an edge of a model's graph. */
export interface LayerNode {
  readonly layer: Layer;
  /** What stood before the options. */
  readonly args: readonly unknown[];
  readonly options: CallOptions;
  /** Symbolic tensors, in the shape of the layer's outputs. */
  outputs: unknown;
}

/** How a layer with several inputs is built anew from a file. */
export interface BuildConfig {
  inputShape?: ShapeTree | null;
  shapes?: readonly ShapeTree[];
}

const annotated = new WeakSet<object>();
const warned = new WeakSet<object>();

/**
 * A computation with its state: `keras.Layer`, and the base of every layer and model.
 *
 * A layer of one's own makes its weights in `build(inputShape)` and computes in `call(x, { training, mask })`. Shapes, configs, recording and gradients
 * follow from these two. Options are declared once, in `static fields`.
 *
 * @example
 * ```ts
 * class Scale extends layers.Layer {
 *   static override readonly fields = { start: optional(is.number(), 1) };
 *   declare readonly start: number;
 *   factor!: Variable;
 *   override build(inputShape: Shape): void {
 *     this.factor = this.addWeight({ name: 'factor', shape: [inputShape.at(-1) as number], initializer: 'ones' });
 *   }
 *   override call(x: Tensor): Tensor {
 *     return ops.multiply(ops.multiply(x, this.factor), this.start);
 *   }
 * }
 * const y = new Scale({ start: 2 }).apply(tensor([[1, 2]]));
 * ```
 */
export abstract class Layer extends LayerState {
  /** Options of `call` that Keras writes into the config of a model's graph even when they weren't given, with their defaults. @internal */
  static readonly callOptions: Readonly<Record<string, unknown>> = {};

  /** What the first input must be like; an array for several inputs. */
  inputSpec: InputSpec | readonly (InputSpec | null)[] | null = null;
  /** Whether masks pass through: set it to true, or override `computeMask`. */
  supportsMasking: boolean;

  #nodes: LayerNode[] = [];
  #buildShapes: readonly ShapeTree[] | null = null;

  constructor(options: object = {}) {
    super(options);
    this.supportsMasking = this.computeMask !== Layer.prototype.computeMask;
    // What a user calls is the layer's own `build` with its scope and bookkeeping around it.
    const build = this.build;
    Object.defineProperty(this, 'build', {
      value: (...shapes: ShapeTree[]) => this.#build(() => build.call(this, ...(shapes as [ShapeTree])), shapes),
      writable: true,
      configurable: true,
    });
  }

  /** Makes the weights for inputs of a shape (`null` where a size is unknown). A layer without weights needs none. */
  build(inputShape: ShapeTree, ...more: ShapeTree[]): void {
    void inputShape;
    void more;
  }

  /** The computation: inputs as tensors, then one object of options. `apply` calls it. */
  abstract call(...args: never[]): unknown;

  /** The mask of the outputs. Override it where steps are added, removed or joined. */
  computeMask(inputs: LayerInputs, mask: MaskTree): MaskTree {
    void inputs;
    return mask;
  }

  /**
   * Applies the layer: builds it if need be and computes. Several inputs are an array, or several arguments for layers that have several roles
   * for them; options come last. Symbolic tensors give symbolic tensors.
   *
   * A layer with several outputs: name their type, `lstm.apply<Tensor[]>(x)`.
   *
   * @throws {ShapeError} for inputs that don't fit the layer
   */
  apply<Output = SymbolicTensor>(
    inputs: SymbolicInputs,
    ...rest: readonly (LayerInputs | CallOptions | undefined)[]
  ): Output;
  apply<Output = Tensor>(inputs: LayerInputs, ...rest: readonly (LayerInputs | CallOptions | undefined)[]): Output;
  apply(...args: unknown[]): unknown {
    const replayed = this.replay(args);
    if (replayed !== undefined) return replayed;
    const { inputs, options } = this.#split(args);
    if (currentCall() === undefined) this.clearLosses();
    return hasSymbolic(inputs) || hasSymbolic(Object.values(options))
      ? this.#applySymbolic(inputs, options)
      : this.#run(inputs, options);
  }

  /** What a recorded call answers, where one can stand in for the call; else undefined. @internal */
  protected replay(args: readonly unknown[]): unknown {
    void args;
    return undefined;
  }

  /** Shape of the outputs for inputs of a shape; changes nothing, also where the layer isn't built yet. */
  computeOutputShape(inputShape: ShapeTree, ...more: ShapeTree[]): ShapeTree {
    let index = 0;
    const specs = [inputShape, ...more].map((shapes) =>
      mapShapes(shapes, (shape) => ({ shape, dtype: this.dtypeOfInput(index++) })),
    );
    return mapSpecs(this.#infer(specs, {}), ({ shape }) => shape) as ShapeTree;
  }

  /** Shape and dtype of the outputs for inputs of a shape and dtype (symbolic tensors, or `{ shape, dtype }`); changes nothing. */
  computeOutputSpec(...args: unknown[]): SpecTree {
    const { inputs, options } = this.#split(args);
    return this.#infer(inputs, options);
  }

  /** The symbolic tensor that the layer was first applied to. @throws {StateError} if there is none */
  get input(): SymbolicTensor {
    return this.#firstNode('input').args[0] as SymbolicTensor;
  }

  /** The symbolic tensor that the layer answered first. @throws {StateError} if there is none */
  get output(): SymbolicTensor {
    return this.#firstNode('output').outputs as SymbolicTensor;
  }

  /** Applications to symbolic tensors, oldest first. @internal */
  get nodes(): readonly LayerNode[] {
    return this.#nodes;
  }

  /** Shapes that the layer was built for, so that a file can build it before its weights are read. */
  getBuildConfig(): BuildConfig | null {
    const shapes = this.#buildShapes;
    if (shapes === null || !this.built) return null;
    return shapes.length === 1 ? { inputShape: shapes[0] as ShapeTree } : { shapes };
  }

  /** Builds the layer from what `getBuildConfig` answered. */
  buildFromConfig(config: BuildConfig): void {
    if (config.inputShape != null) this.build(config.inputShape);
    else if (config.shapes !== undefined) this.build(...(config.shapes as [ShapeTree]));
  }

  /** A layer with the same options, and weights of its own. @internal */
  twin(): Layer {
    return this.type.fromConfig(this.getConfig()) as Layer;
  }

  override toString(): string {
    return `<${this.title}, ${this.built ? 'built' : 'not built'}>`;
  }

  /** Notes an application to symbolic tensors. @internal */
  addNode(args: readonly unknown[], options: CallOptions, outputs: unknown): LayerNode {
    const node: LayerNode = { layer: this, args, options, outputs };
    leaves(outputs).forEach((output, index) => {
      (output as SymbolicTensor).history = { layer: this, inputs: node, index };
    });
    this.#nodes = [...this.#nodes, node];
    return node;
  }

  #split(args: readonly unknown[]): { inputs: unknown[]; options: CallOptions } {
    if (args.length === 0)
      throw new ArgumentError(`${this.title}: expected an input, got none.`, 'Write layer.apply(x).');
    const last = args[args.length - 1];
    const hasOptions =
      args.length > 1 && (last === undefined || (isPlainObject(last) && !('data' in last && 'shape' in last)));
    const options = ((hasOptions && last) || {}) as CallOptions;
    const known = ['training', 'mask', 'masks'];
    for (const key of Object.keys(options)) {
      const near = known.includes(key) ? null : nearestName(key, known);
      if (near !== null) throw new ArgumentError(`${this.title}: unknown option '${key}'.`, `Did you mean '${near}'?`);
    }
    const { training } = options;
    if (training != null && typeof training !== 'boolean') {
      throw new ArgumentError(`${this.title}: training: expected true, false or null, got ${show(training)}.`);
    }
    return { inputs: hasOptions ? args.slice(0, -1) : [...args], options };
  }

  #build(build: () => void, shapes: readonly ShapeTree[]): void {
    // A second build would make the weights twice; models may grow and build anew.
    if (this.built && this.weights.length > 0 && !this.rebuilds) return;
    for (const [name, field] of Object.entries(fieldsOf(this.type)) as [string, Field][]) {
      if (
        field.takes !== false &&
        Object.hasOwn(this, name) &&
        (this as unknown as Record<string, unknown>)[name] === undefined
      ) {
        throw new StateError(
          `${this.title}: option '${name}' was overwritten by the class.`,
          `Write \`declare readonly ${name}: …\` in the class instead of \`${name}: …\`.`,
        );
      }
    }
    withLayerScope(this.name, this, () => {
      this.path = currentPath();
      build();
    });
    this.#buildShapes = shapes.length === 0 ? null : shapes;
    this.built = true;
  }

  /** Whether `call` itself leaves masks on its outputs, as models do: then `computeMask` is not asked. @internal */
  protected get masksOutputs(): boolean {
    return false;
  }

  /** Dtype of one of several inputs, as `computeOutputShape` assumes it. @internal */
  protected dtypeOfInput(_index: number): DType {
    return this.inputDtype;
  }

  /** Whether `build` may run again. @internal */
  protected get rebuilds(): boolean {
    return false;
  }

  #prepare(inputs: readonly unknown[]): void {
    const first = inputs[0];
    if (this.inputSpec !== null) checkInputs(this.inputSpec, first, this.title);
    if (this.built) return;
    const unknownBatch = currentCall()?.symbolic === true;
    this.build(...(inputs.map((input) => shapesOf(input, unknownBatch)) as [ShapeTree]));
    if (this.inputSpec !== null) checkInputs(this.inputSpec, first, this.title);
  }

  #convert(input: unknown): unknown {
    if (input === null || input === undefined) return null;
    if (input instanceof Layer || typeof input === 'string' || typeof input === 'function') {
      throw new ArgumentError(
        `${this.title}: expected a tensor or numbers, got ${show(input)}.`,
        'Give tensors first, options in one object last.',
      );
    }
    const x = input instanceof Tensor ? input : tensor(input as number[]);
    if (!this.autocast || !isFloat(x.dtype) || x.dtype === this.inputDtype) return x;
    const converted = cast(x, this.inputDtype);
    converted.mask = x.mask;
    return converted;
  }

  #run(given: readonly unknown[], options: CallOptions): unknown {
    const outer = currentCall();
    return withLayerScope(this.name, this, () => {
      const inputs = given.map((input) => mapInputs(input, (leaf) => this.#convert(leaf)));
      this.#prepare(inputs);
      const training = options.training ?? outer?.training ?? false;
      const masks = inputs.map(ridingMask);
      const mask = options.mask === undefined ? masks[0] : options.mask;
      const full: CallOptions = { ...options, training, mask, ...(inputs.length > 1 && { masks }) };
      return withCall({ entry: outer?.entry ?? this, training, symbolic: outer?.symbolic ?? false }, () => {
        const outputs = this.#compute(inputs, full);
        this.#checkOutputs(outputs);
        if (this.activityRegularizer) for (const output of flattenInputs(outputs)) this.#penalize(output);
        this.#passMask(inputs, outputs, mask);
        return outputs;
      });
    });
  }

  #compute(inputs: readonly unknown[], options: CallOptions): unknown {
    try {
      const { autocast, computeDtype, variableDtype } = this;
      return withAutocast(autocast && computeDtype !== variableDtype ? computeDtype : null, () =>
        (this.call as (...args: unknown[]) => unknown).call(this, ...inputs, options),
      );
    } catch (error) {
      // The innermost layer says where; the error itself stays what it was.
      if (error instanceof Error && !annotated.has(error)) {
        annotated.add(error);
        const { message } = error;
        error.message = `${message}\n  In ${this.title}, applied to ${inputs.map(describe).join(', ')}.`;
        if (error.stack !== undefined) error.stack = error.stack.replace(message, () => error.message);
      }
      throw error;
    }
  }

  #checkOutputs(outputs: unknown): void {
    for (const output of flattenInputs(outputs)) {
      if (output instanceof Tensor || output === null) continue;
      throw new ArgumentError(
        `${this.title}: expected call to answer a tensor, or arrays and objects of tensors, got ${show(output)}.`,
        output instanceof Promise ? 'A call is synchronous: await data before it.' : 'Return what ops answer.',
      );
    }
  }

  #penalize(output: unknown): void {
    if (!(output instanceof Tensor) || !this.activityRegularizer) return;
    const penalty = this.activityRegularizer.apply(output);
    // By sample, so that its weight doesn't hang on the batch size; an empty batch has no penalty.
    this.addLoss(output.ndim > 0 ? divide(penalty, output.shape[0] || 1) : penalty);
  }

  #passMask(inputs: readonly unknown[], outputs: unknown, mask: MaskTree): void {
    if (this.masksOutputs) return;
    if (mask == null) {
      if (this.computeMask === Layer.prototype.computeMask) return;
    } else if (!this.supportsMasking) {
      if (warned.has(this)) return;
      warned.add(this);
      process.emitWarning(
        `${this.title} was given a masked input, but does not pass masks on: layers after it see every step. Set supportsMasking, or override computeMask.`,
      );
      return;
    }
    const tensors = flattenInputs(outputs).filter((output): output is Tensor => output instanceof Tensor);
    if (tensors.length === 0 || tensors.every((output) => output.mask !== undefined)) return;
    const computed = this.computeMask((inputs.length > 1 ? inputs : inputs[0]) as LayerInputs, mask);
    if (computed == null) return;
    const flat = flattenInputs(computed);
    tensors.forEach((output, i) => {
      if (output.mask === undefined && flat[i] instanceof Tensor) output.mask = flat[i];
    });
  }

  #applySymbolic(inputs: readonly unknown[], options: CallOptions): unknown {
    return withLayerScope(this.name, this, () => {
      this.#prepare(inputs);
      let index = 0;
      const outputs = mapSpecs(this.#infer(inputs, options, true), ({ shape, dtype }) => {
        const suffix = index++ === 0 ? '' : `_${index - 1}`;
        return new SymbolicTensor({ shape, dtype, name: `${this.name}_output${suffix}` });
      });
      this.built = true;
      return this.addNode(inputs, options, outputs).outputs;
    });
  }

  #infer(inputs: readonly unknown[], options: CallOptions, keep = false): SpecTree {
    if (this.computeOutputShape !== Layer.prototype.computeOutputShape) {
      const shapes = inputs.map((input) => mapInputs(input, (leaf) => (leaf as SymbolicSpec | null)?.shape ?? null));
      const shape = this.computeOutputShape(...(shapes as [ShapeTree]));
      return mapShapes(shape, (one) => ({ shape: one, dtype: this.computeDtype })) as SpecTree;
    }
    const outer = currentCall();
    const context = { entry: outer?.entry ?? this, training: outer?.training ?? false, symbolic: true };
    const infer = (): SpecTree =>
      inferSpecs({ inputs, options }, (tree) => {
        const given = tree as { inputs: unknown[]; options: CallOptions };
        return withCall(context, () => this.#run(given.inputs, given.options));
      }) as SpecTree;
    if (keep) return infer();
    const nodes = this.#nodes;
    const shapes = this.#buildShapes;
    try {
      return this.restoringState(() => {
        if (!this.built) this.#prepareSpecs(inputs);
        return infer();
      });
    } finally {
      this.#nodes = nodes;
      this.#buildShapes = shapes;
    }
  }

  #prepareSpecs(inputs: readonly unknown[]): void {
    // `build` sees unknown sizes as null, never a probe's number.
    this.build(...(inputs.map((input) => specShapes(input)) as [ShapeTree]));
  }

  #firstNode(what: string): LayerNode {
    const [node] = this.#nodes;
    if (node === undefined) {
      throw new StateError(
        `${this.title}: ${what}: expected a layer that was applied to a symbolic tensor.`,
        'Apply it to an Input({ shape }), or put it into a Sequential that starts with one.',
      );
    }
    return node;
  }
}

function describe(input: unknown): string {
  if (input instanceof Tensor) return `${input.dtype}${formatShape(input.shape)}`;
  if (Array.isArray(input)) return `[${input.map(describe).join(', ')}]`;
  return isShape(input) ? formatShape(input) : show(input);
}
