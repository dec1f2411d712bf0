import { call } from '../core/call.js';
import type { DType } from '../core/dtype.js';
import { ArgumentError, StateError } from '../core/errors.js';
import { type Fields, is, optional, show } from '../core/fields.js';
import { uniqueName } from '../core/names.js';
import { type Shape, SymbolicTensor } from '../core/symbolic.js';
import type { Tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { Input } from '../layers/core/input-layer.js';
import { InputSpec } from '../layers/input-spec.js';
import { type CallOptions, type LayerInputs, mapShapes, type ShapeTree } from '../layers/inputs.js';
import { type BuildConfig, Layer } from '../layers/layer.js';
import type { LayerOptions } from '../layers/layer-options.js';
import { ownState } from '../layers/tracking.js';
import { adaptInput } from './adapt-input.js';
import { functionalConfig, functionalParts, isFunctionalConfig } from './functional-config.js';
import { arrangeInputs, buildGraph, type Graph, inputNames, makerOf, runGraph, type SymbolicTree } from './graph.js';
import { Operation } from './operation.js';

/** Options of {@link Model}. */
export interface ModelOptions extends Omit<LayerOptions, 'inputShape' | 'inputDim'> {
  /** Where data enter: what `Input` answers, alone or in arrays and objects. */
  inputs?: SymbolicTree | null;
  /** What the model answers: symbolic tensors that layers made from the inputs, alone or in arrays and objects. */
  outputs?: SymbolicTree | null;
}

/** The part of a model that holds its structure: layers, and the graph between inputs and outputs. Everybody extends `Model`. */
export abstract class ModelGraph extends Layer {
  static override readonly fields: Fields = {
    inputs: optional(is.anything, null, { writes: false }),
    outputs: optional(is.anything, null, { writes: false }),
  };

  /** Layers and operations of the graph, the inputs included; only models made from `inputs` and `outputs` have them. */
  declare readonly operations: readonly Layer[] | undefined;
  readonly #graph: Graph | null = null;

  constructor(options: ModelOptions = {}) {
    // Each input is cast to its own dtype instead.
    super(hasEnds(options) ? { ...options, autocast: false } : options);
    // Read as properties of the prototype: what `Configurable` set would hide them.
    for (const name of ['inputs', 'outputs']) Reflect.deleteProperty(this, name);
    if (!hasEnds(options)) return;
    const graph = buildGraph(options.inputs, options.outputs, this.title);
    this.#graph = graph;
    Object.defineProperty(this, 'operations', { value: graph.operations, enumerable: true });
    this.inputSpec = inputSpecs(graph);
    this.built = true;
  }

  /** The layers of this model: in the order of the graph, else in the order in which they were made. */
  get layers(): Layer[] {
    if (this.#graph !== null) return this.#graph.operations.filter((layer) => !(layer instanceof Operation));
    return ownState(this, (value): value is Layer => value instanceof Layer).layers;
  }

  /**
   * One of the layers, by its name or its place in `layers`.
   * @throws {ArgumentError} if there is none, or unless exactly one of both is given
   * @example
   * ```ts
   * model.getLayer({ name: 'hidden' }).weights;
   * ```
   */
  getLayer({ name, index }: { name?: string | null; index?: number | null }): Layer {
    const { layers } = this;
    if ((name == null) === (index == null)) {
      throw new ArgumentError(
        `${this.title}: getLayer: expected a name or an index, got ${name == null ? 'neither' : 'both'}.`,
        "Write model.getLayer({ name: 'dense' }).",
      );
    }
    const found = name == null ? layers.at(index as number) : layers.find((layer) => layer.name === name);
    if (found !== undefined) return found;
    throw new ArgumentError(
      `${this.title}: getLayer: expected ${name == null ? `an index below ${layers.length}` : 'the name of a layer'}, got ${show(name ?? index)}.`,
      `Layers: ${layers.map((layer) => layer.name).join(', ')}.`,
    );
  }

  /** The graph between inputs and outputs; null for models with a `call` of their own. @internal */
  get graph(): Graph | null {
    return this.#graph;
  }

  /** The symbolic inputs, in one array. @throws {StateError} for a model without a graph */
  get inputs(): SymbolicTensor[] {
    return [...this.#needGraph('inputs').inputs];
  }

  /** The symbolic outputs, in one array. @throws {StateError} for a model without a graph */
  get outputs(): SymbolicTensor[] {
    return [...this.#needGraph('outputs').outputs];
  }

  /** The symbolic input; arrays and objects where `inputs` was given so. @throws {StateError} if there is none */
  override get input(): SymbolicTensor {
    return this.#graph === null ? super.input : (this.#graph.inputTree as SymbolicTensor);
  }

  /** The symbolic output; arrays and objects where `outputs` was given so. @throws {StateError} if there is none */
  override get output(): SymbolicTensor {
    return this.#graph === null ? super.output : (this.#graph.outputTree as SymbolicTensor);
  }

  /** Shape of the input with its batch; of several inputs an array. @throws {StateError} before the model is built */
  get inputShape(): ShapeTree {
    const shape = this.#graph === null ? this.getBuildConfig()?.inputShape : shapesOf(this.#graph.inputs);
    if (shape != null) return shape;
    throw new StateError(`${this.title}: inputShape: the model has no input shape yet.`, 'Apply it to data first.');
  }

  /** Shape of the output with its batch; of several outputs an array. @throws {StateError} before the model is built */
  get outputShape(): ShapeTree {
    return this.#graph === null ? this.computeOutputShape(this.inputShape) : shapesOf(this.#graph.outputs);
  }

  /**
   * From inputs to outputs. A model made from `inputs` and `outputs` applies its layers again; other models override it.
   * @throws {StateError} for a subclass without it
   */
  override call(...args: never[]): unknown;
  override call(...args: unknown[]): unknown {
    const [given, { mask } = {}] = args as [LayerInputs, CallOptions?];
    const graph = this.#needGraph('call');
    const inputs = arrangeInputs(graph, given, this.title);
    const masks = mask == null ? [] : (arrangeInputs(graph, mask, this.title) as (Tensor | null)[]);
    const tensors = graph.inputs.map((symbol, i) => {
      const x = inputs[i] as Tensor | null;
      return x === null ? null : withMask(adaptInput(x, symbol, this.title), masks[i]);
    });
    return runGraph(graph, tensors);
  }

  override getConfig(): Record<string, unknown> {
    return this.#graph === null ? super.getConfig() : functionalConfig(this, this.#graph);
  }

  /**
   * Makes a model from what `getConfig` answered.
   * @throws {FileFormatError} for a graph with loops, or with places that don't exist
   */
  static override fromConfig<T>(this: new (options: never) => T, config: Record<string, unknown>): T {
    // biome-ignore lint/complexity/noThisInStatic: a subclass makes itself.
    const make = this as unknown as new (options: object) => T;
    if (isFunctionalConfig(config)) return new make(functionalParts(config));
    return Layer.fromConfig.call(make as never, config) as T;
  }

  override getBuildConfig(): BuildConfig | null {
    return this.#graph === null ? super.getBuildConfig() : { inputShape: null };
  }

  /** Builds the model, and the layers inside if it has no `build` of its own, as its first call would. */
  override buildFromConfig(config: BuildConfig): void {
    super.buildFromConfig(config);
    const shapes = config.inputShape ?? config.shapes;
    if (shapes == null || this.#graph !== null || this.layersDeep().every((layer) => layer.built)) return;
    const inputs = mapShapes(shapes as ShapeTree, (shape) =>
      Input({ batchShape: shape, name: uniqueName('restored') }),
    );
    const args: unknown[] = config.inputShape != null ? [inputs] : (inputs as unknown as unknown[]);
    (this.apply as (...args: unknown[]) => unknown)(...args);
  }

  /** @internal */
  protected override get masksOutputs(): boolean {
    return this.#graph !== null;
  }

  /** @internal */
  protected override dtypeOfInput(index: number): DType {
    return this.#graph?.inputs[index]?.dtype ?? super.dtypeOfInput(index);
  }

  /** Names of the outputs, where the model has such; keys of losses and metrics by output. @internal */
  get outputNames(): readonly string[] | null {
    return this.#graph?.outputs.map((output) => makerOf(output).name) ?? null;
  }

  #needGraph(what: string): Graph {
    if (this.#graph !== null) return this.#graph;
    throw new StateError(
      what === 'call'
        ? `${this.title}: expected the class to have a method call(inputs), it has none.`
        : `${this.title}: ${what}: expected a model made from inputs and outputs.`,
      what === 'call'
        ? 'Write one, or make the model by new Model({ inputs, outputs }).'
        : 'Write new Model({ inputs, outputs }).',
    );
  }
}

/** Whether a model is to be made from inputs and outputs. @internal */
export function hasEnds(options: ModelOptions): boolean {
  return isPlainObject(options) && (options.inputs != null || options.outputs != null);
}

/** One shape, or an array of several in the order of the tensors. */
function shapesOf(tensors: readonly SymbolicTensor[]): ShapeTree {
  const shapes = tensors.map(({ shape }) => [...shape]);
  return shapes.length === 1 ? (shapes[0] as Shape) : shapes;
}

/** What inputs must be like; null where they are nested deeper than an array or an object, as then only their number counts. */
function inputSpecs(graph: Graph): InputSpec[] | null {
  const { inputs, inputTree } = graph;
  const names = inputNames(graph);
  const flat = inputTree instanceof SymbolicTensor || Object.keys(inputTree).length === inputs.length;
  if (!flat) return null;
  return inputs.map((input, i) => {
    const { optional = false } = makerOf(input) as { optional?: boolean };
    const sizes = input.shape.map((size, axis) => (axis === 0 ? null : size));
    return new InputSpec({ shape: sizes, allowLastAxisSqueeze: true, name: names[i] as string, optional });
  });
}

/** The tensor with a mask; the user's own stays as it is. */
function withMask(x: Tensor, mask: Tensor | null | undefined): Tensor {
  if (mask == null || x.mask === mask) return x;
  const masked = call('aten::alias', x);
  masked.mask = mask;
  return masked;
}
