import type { DType } from '../core/dtype.js';
import { ArgumentError, ShapeError, StateError } from '../core/errors.js';
import { type Fields, is, show } from '../core/fields.js';
import { uniqueName } from '../core/names.js';
import { type Shape, SymbolicTensor } from '../core/symbolic.js';
import { formatShape, Tensor } from '../core/tensor.js';
import { isPlainObject } from '../core/tree.js';
import { InputLayer } from '../layers/core/input-layer.js';
import { dtypePolicyField } from '../layers/dtype-policy.js';
import { addLayerClasses, deserialize, type SerializedLayer, serialize } from '../layers/family.js';
import { InputSpec } from '../layers/input-spec.js';
import {
  type CallOptions,
  isShape,
  type LayerInputs,
  type MaskTree,
  ridingMask,
  type ShapeTree,
} from '../layers/inputs.js';
import { Layer } from '../layers/layer.js';
import { withLayerScope } from '../layers/name-scope.js';
import { adaptInput } from './adapt-input.js';
import { Model } from './model.js';

/** Options of {@link Sequential}. */
export interface SequentialOptions {
  /** Layers in order; the first may be an `Input`. @default [] */
  layers?: readonly (Layer | SymbolicTensor)[];
  /** Whether optimizers change the weights. @default true */
  trainable?: boolean;
  /** Name of the model. @default 'sequential' with a number */
  name?: string | null;
}

const own: Fields[string] = { check: is.anything, takes: false, writes: false };

/**
 * A model of layers one after the other: `keras.Sequential`.
 *
 * With an `Input` first (or `inputShape` in the first layer) weights are made at once; without, when data comes first, or by `build([null, 784])`.
 *
 * @throws {ArgumentError} for what is no layer, and for two layers of one name
 * @example
 * ```ts
 * const model = new Sequential([
 *   Input({ shape: [784] }),
 *   new layers.Dense({ units: 128, activation: 'relu' }),
 *   new layers.Dense({ units: 10, activation: 'softmax' }),
 * ]);
 * ```
 */
export class Sequential extends Model {
  static override readonly className: string = 'Sequential';
  static override readonly module: string | null = 'keras';
  static override readonly callOptions: Readonly<Record<string, unknown>> = { mask: null };
  static override readonly fields: Fields = {
    dtype: { ...dtypePolicyField, takes: false },
    activityRegularizer: own,
    autocast: own,
    inputShape: own,
    inputDim: own,
    inputs: own,
    outputs: own,
  };

  // With the InputLayer, if there is one. Replaced, never changed, so that trial builds can be undone.
  private stack: readonly Layer[] = [];
  #tensors: readonly SymbolicTensor[] = [];

  constructor(options: SequentialOptions | readonly (Layer | SymbolicTensor)[] = {}) {
    const { layers = [], ...rest } = (Array.isArray(options) ? { layers: options } : options) as SequentialOptions;
    super(rest);
    if (!Array.isArray(layers)) {
      throw new ArgumentError(
        `${this.title}: layers: expected an array of layers, got ${show(layers)}.`,
        'Write new Sequential([layer, …]).',
      );
    }
    for (const layer of layers) this.#push(layer);
    this.#buildIfShaped();
  }

  /** The layers in order, without the input. */
  override get layers(): Layer[] {
    return this.stack.filter((layer, i) => i > 0 || !(layer instanceof InputLayer));
  }

  /**
   * Adds a layer at the end.
   * @throws {ArgumentError} for what is no layer, a name that is taken, or a second `Input`
   */
  add(layer: Layer | SymbolicTensor): void {
    this.#push(layer);
    if (this.#tensors.length === 0) {
      this.#buildIfShaped();
      return;
    }
    takeFunctionalName();
    withLayerScope(this.name, this, () => {
      const added = this.stack[this.stack.length - 1] as Layer;
      this.#tensors = [...this.#tensors, added.apply(this.#tensors[this.#tensors.length - 1] as SymbolicTensor)];
    });
  }

  /** Removes the last layer and answers it. @throws {StateError} if there is none */
  pop(): Layer {
    const last = this.stack[this.stack.length - 1];
    if (last === undefined)
      throw new StateError(`${this.title}: pop: expected a layer to remove, there is none.`, 'Add layers first.');
    this.stack = this.stack.slice(0, -1);
    this.#tensors = this.#tensors.slice(0, this.stack.length);
    if (this.layers.length === 0) {
      this.#tensors = [];
      this.inputSpec = null;
      this.built = false;
    }
    return last;
  }

  /** Makes the weights of all layers for data of a shape with its batch: `[null, 784]`. */
  override build(inputShape: ShapeTree): void {
    const [first] = this.stack;
    if (first === undefined) {
      throw new StateError(
        `${this.title}: expected layers, there are none.`,
        'Add some: model.add(new layers.Dense({ units: 10 })).',
      );
    }
    // Layers that take several inputs are built one by one, when data comes.
    if (!isShape(inputShape)) return;
    let input = first;
    if (input instanceof InputLayer) {
      const { batchShape } = input;
      const fits =
        batchShape.length === inputShape.length &&
        batchShape.every((size, i) => size === null || inputShape[i] === null || size === inputShape[i]);
      if (!fits) {
        throw new ShapeError(
          `${this.title}: expected the shape of its Input ${formatShape(batchShape)}, got ${formatShape(inputShape)}.`,
          'Change the Input, or leave it out.',
        );
      }
    } else {
      input = new InputLayer({ batchShape: inputShape, dtype: first.computeDtype });
      this.stack = [input, ...this.stack];
    }
    takeFunctionalName();
    const tensors = [input.output];
    for (const layer of this.stack.slice(1)) tensors.push(layer.apply(tensors[tensors.length - 1] as SymbolicTensor));
    this.#tensors = tensors;
    this.inputSpec = new InputSpec({ shape: [null, ...input.output.shape.slice(1)], allowLastAxisSqueeze: true });
  }

  override call(given: Tensor | readonly [Tensor], { mask }: CallOptions = {}): unknown {
    const [input] = this.#tensors;
    // The one input may come in an array, as for models of several.
    const x = input !== undefined && Array.isArray(given) && given.length === 1 ? given[0] : given;
    let outputs: unknown = input !== undefined && x instanceof Tensor ? adaptInput(x, input, this.title) : x;
    const options = mask === undefined ? {} : { mask };
    this.layers.forEach((layer, i) => {
      outputs = layer.apply<unknown>(outputs as Tensor, i === 0 ? options : {});
    });
    return outputs;
  }

  /** Shape of the input with its batch. @throws {StateError} before `build` */
  override get inputShape(): Shape {
    return this.#end(0, 'inputShape').shape;
  }

  /** Shape of the output with its batch. @throws {StateError} before `build` */
  override get outputShape(): Shape {
    return this.#end(-1, 'outputShape').shape;
  }

  /** The symbolic input, in an array. @throws {StateError} before `build` */
  override get inputs(): SymbolicTensor[] {
    return [this.#end(0, 'inputs')];
  }

  /** The symbolic output, in an array. @throws {StateError} before `build` */
  override get outputs(): SymbolicTensor[] {
    return [this.#end(-1, 'outputs')];
  }

  /** The symbolic input. @throws {StateError} before `build` */
  override get input(): SymbolicTensor {
    return this.#end(0, 'input');
  }

  /** The symbolic output. @throws {StateError} before `build` */
  override get output(): SymbolicTensor {
    return this.#end(-1, 'output');
  }

  override get inputDtype(): DType {
    const [first] = this.stack;
    return first instanceof InputLayer ? first.dtype : super.inputDtype;
  }

  override getConfig(): Record<string, unknown> {
    const { name, trainable, dtype } = super.getConfig();
    const config: Record<string, unknown> = { name, trainable, dtype, layers: this.stack.map(serialize) };
    const [input] = this.#tensors;
    if (input !== undefined) config.buildInputShape = [...input.shape];
    return config;
  }

  /** Makes a model from what `getConfig` answered. @throws {ArgumentError} without `name` and `layers` */
  static override fromConfig<T>(this: new (options: never) => T, config: Record<string, unknown>): T {
    const { name, trainable, layers, buildInputShape, dtype } = config;
    if (typeof name !== 'string' || !Array.isArray(layers)) {
      throw new ArgumentError(
        `Sequential.fromConfig: expected { name, layers }, got ${isPlainObject(config) ? `keys ${Object.keys(config).join(', ')}` : show(config)}.`,
      );
    }
    // biome-ignore lint/complexity/noThisInStatic: a subclass makes itself.
    const make = this as unknown as new (options: SequentialOptions) => Sequential;
    const model = new make({ name, ...(typeof trainable === 'boolean' && { trainable }) });
    // Keras forgets it here; whether `compile` scales the loss depends on it.
    if (dtype != null) model.dtypePolicy = dtype as never;
    for (const layer of layers as SerializedLayer[]) model.add(deserialize(layer, 'Sequential.fromConfig: layers'));
    if (!model.built && isShape(buildInputShape)) model.build(buildInputShape);
    return model as unknown as T;
  }

  /** The mask that the layers leave on the output. */
  override computeMask(inputs: LayerInputs, mask: MaskTree): MaskTree {
    return ridingMask(this.apply(inputs, { mask }));
  }

  /** @internal */
  protected override get masksOutputs(): boolean {
    return true;
  }

  /** @internal */
  protected override get rebuilds(): boolean {
    return true;
  }

  protected override restoringState<R>(fn: () => R): R {
    const tensors = this.#tensors;
    try {
      return super.restoringState(fn);
    } finally {
      this.#tensors = tensors;
    }
  }

  #push(given: Layer | SymbolicTensor): void {
    const origin = given instanceof SymbolicTensor ? given.history?.layer : given;
    const layer = given instanceof SymbolicTensor && !(origin instanceof InputLayer) ? undefined : origin;
    if (!(layer instanceof Layer)) {
      throw new ArgumentError(
        `${this.title}: expected a layer, got ${show(given)}.`,
        given instanceof SymbolicTensor
          ? 'Of symbolic tensors, only what Input answers can be added.'
          : 'Write model.add(new layers.Dense({ units: 10 })).',
      );
    }
    if (this.stack.some((other) => other.name === layer.name)) {
      throw new ArgumentError(
        `${this.title}: expected layers of different names, got "${layer.name}" twice.`,
        "Give one of them another: { name: '…' }.",
      );
    }
    if (layer instanceof InputLayer && this.stack.length > 0) {
      const [first] = this.stack;
      throw new ArgumentError(
        first instanceof InputLayer
          ? `${this.title}: expected one Input, got a second beside ${formatShape(first.batchShape)}.`
          : `${this.title}: expected the Input first, got it after ${this.stack.length} layers.`,
        'Write new Sequential([Input({ shape }), …]).',
      );
    }
    if (this.stack.length === 0 && layer.inputShapeArgument != null) {
      this.stack = [new InputLayer({ shape: layer.inputShapeArgument, dtype: layer.computeDtype })];
    }
    this.stack = [...this.stack, layer];
    if (this.#tensors.length === 0) this.built = false;
  }

  #buildIfShaped(): void {
    const [first] = this.stack;
    if (first === undefined || this.stack.length < 2) return;
    if (first instanceof InputLayer) this.build(first.batchShape);
    else if (first instanceof Model && first.built) {
      const inputShape = first.graph === null ? first.getBuildConfig()?.inputShape : first.inputShape;
      if (isShape(inputShape)) this.build(inputShape);
    }
  }

  #end(at: 0 | -1, what: string): SymbolicTensor {
    const tensor = this.#tensors.at(at);
    if (tensor === undefined) {
      throw new StateError(
        `${this.title}: ${what}: the model has no input shape yet.`,
        'Start it with Input({ shape }), or call model.build([null, …]).',
      );
    }
    return tensor;
  }
}

/** Keras makes a functional model inside at each build, so that the next one of the user's is called 'functional_1'. */
function takeFunctionalName(): void {
  uniqueName('functional');
}

addLayerClasses({ Sequential });
